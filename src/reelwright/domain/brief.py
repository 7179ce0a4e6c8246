"""A brief: what a person asks for. Only the product is needed; all else has a sensible default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from reelwright.domain.ids import AssetId
from reelwright.domain.timing import AspectRatio


class CaptionMode(StrEnum):
    """How a film carries its captions."""

    NONE = "none"
    SOFT = "soft"
    """A track that the player can switch on, plus .srt and .vtt files; the picture stays untouched."""
    BURNED = "burned"
    """Drawn into the picture, plus the files."""


@dataclass(frozen=True)
class Brief:
    """What to make a film about, for whom, how long and in which shape.

    Texts are as the person wrote them, in `language`; an empty string is "not said".
    """

    product: str
    """What it is, in a sentence or two: the one field without which there is no film."""
    name: str
    """What it is called; where the person gave none, the first words of `product`."""
    goal: str = ""
    message: str = ""
    """The one thing to remember."""
    call_to_action: str = ""
    audience: str = ""
    market: str = ""
    language: str = "en"
    """BCP 47, such as `en`, `de`, `pt-BR`, `ja`, `ar`."""
    platform: str = ""
    tone: str = ""
    do_words: tuple[str, ...] = ()
    dont_words: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    """Brand colours as `#rrggbb`, the most important first."""
    ratio: AspectRatio = AspectRatio.LANDSCAPE
    seconds: Fraction = Fraction(30)
    shots: int = 6
    style: str = ""
    """How it looks, in the person's words; the animatic picks one of its looks by it."""
    mood: str = ""
    pictures: tuple[AssetId, ...] = ()
    """The person's own pictures, verified and stored; used for shots in this order."""
    logo: AssetId | None = None
    captions: CaptionMode = CaptionMode.BURNED
    is_voiced: bool = True
    has_music: bool = True
    note: str = ""
    """What was said beside, when a text was asked for: it guides that text, and no brief keeps it."""


SHOTS_ALLOWED = range(1, 61)
SECONDS_ALLOWED = (Fraction(2), Fraction(600))
"""Shortest and longest film, inclusive."""
SHORTEST_SHOT = Fraction(1)
