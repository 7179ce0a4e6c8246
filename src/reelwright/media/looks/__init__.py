"""The looks of the animatic, and which one a style asks for."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from random import Random
from tomllib import loads

from reelwright.domain.generation import Direction
from reelwright.media.looks import (
    blueprint,
    brutal,
    chalk,
    editorial,
    glass,
    leader,
    neon,
    noir,
    paper,
    poster,
    riso,
    swiss,
    watercolour,
)
from reelwright.media.looks.look import Look

_ROOM = (swiss, editorial, poster, paper, glass, riso, watercolour, noir, neon, blueprint, brutal, chalk, leader)

LOOKS: dict[str, Look] = {each.LOOK.name: each.LOOK for each in _ROOM}
"""Every look by its name."""
_SAFE = ("swiss", "editorial", "poster", "paper", "glass", "riso")
"""What a campaign gets that says nothing about style or mood: looks that suit any product."""


def choose(direction: Direction) -> Look:
    """The look for a campaign: by its style, else by its mood, else one that its seed picks. The same for all its shots."""
    for text in (direction.style, direction.mood):
        if name := _named_by(text.casefold()):
            return LOOKS[name]
    seed = direction.seed or direction.brand or "reelwright"
    return LOOKS[Random(seed).choice(_SAFE)]  # noqa: S311 - decoration, not secrets


def _named_by(text: str) -> str:
    """The look that the text has the most words for, the earliest ones where that is a tie; "" when it has none for any."""
    found: list[tuple[int, int, str]] = []
    for name, words in _words().items():
        if matches := list(words.finditer(text)):
            found.append((-len(matches), matches[0].start(), name))
    return min(found)[2] if found else ""


@cache
def _words() -> dict[str, re.Pattern[str]]:
    table = loads(files(__name__).joinpath("words.toml").read_text("utf-8"))
    return {name: re.compile(words) for name, words in table["looks"].items() if name in LOOKS}
