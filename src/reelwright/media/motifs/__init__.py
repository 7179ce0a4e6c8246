"""What a shot's words show: things, places and skies, recorded as shapes that every look inks in its own way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random
from tomllib import loads

from reelwright.media.motifs.living import LIVING
from reelwright.media.motifs.pen import Pen, Shape, Tone
from reelwright.media.motifs.places import PLACES, SKIES
from reelwright.media.motifs.things import MADE

__all__ = ["PLACES", "SKIES", "THINGS", "Essence", "Pen", "Shape", "Tone", "essence", "place", "sky", "thing"]


THINGS = {**MADE, **LIVING}
"""Every thing by its name."""


@dataclass(frozen=True)
class Essence:
    """The motifs that a text calls up, most telling first; "" and () where it calls up none."""

    things: tuple[str, ...] = ()
    place: str = ""
    sky: str = ""


def essence(*texts: str) -> Essence:
    """What texts show: an earlier text counts more than a later one, an earlier word more than a later one."""
    found: dict[str, list[str]] = {group: [] for group in ("things", "places", "skies")}
    for text in texts:
        folded = text.casefold()
        for group, motifs in _words().items():
            hits = sorted((match.start(), name) for name, words in motifs.items() if (match := words.search(folded)))
            found[group] += [name for _, name in hits if name not in found[group]]
    place, sky = (next(iter(found[group]), "") for group in ("places", "skies"))
    return Essence(tuple(found["things"]), place, sky)


@cache
def _words() -> dict[str, dict[str, re.Pattern[str]]]:
    table = loads(files(__name__).joinpath("words.toml").read_text("utf-8"))
    return {group: {name: re.compile(words) for name, words in motifs.items()} for group, motifs in table.items()}


def thing(name: str) -> tuple[Shape, ...]:
    """A thing's shapes in the unit square, back to front."""
    pen = Pen()
    THINGS[name](pen)
    return tuple(pen.shapes)


def place(name: str, aspect: float, seed: str) -> tuple[Shape, ...]:
    """A place's shapes for a frame `aspect` times as wide as high. Unit: the frame's height."""
    pen = Pen()
    PLACES[name](pen, aspect, Random(f"{name}:{seed}"))  # noqa: S311 - decoration, not secrets
    return tuple(pen.shapes)


def sky(name: str, aspect: float, seed: str) -> tuple[Shape, ...]:
    """A sky's shapes, as for `place`."""
    pen = Pen()
    SKIES[name](pen, aspect, Random(f"{name}:{seed}"))  # noqa: S311 - decoration, not secrets
    return tuple(pen.shapes)
