"""Shapes lines of text: which glyph stands where, with several scripts and both directions in one line.

Bidirectional lines are ordered by the two levels that headlines need (the paragraph's direction and the runs against it), as rule
L2 of the Unicode algorithm does; shaping itself is HarfBuzz's.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from reelwright.domain.languages import is_written_leftward, language_of
from reelwright.media.fonts import Cast, Face, Run, hb, runs


@dataclass(frozen=True)
class Type:
    """How a text is set. Lengths are in ems."""

    family: str
    weight: int = 400
    tracking: float = 0.0
    leading: float = 1.2
    is_upper: bool = False
    given: Cast = ()
    """Filled while setting: which family draws which script of the whole text."""


@dataclass(frozen=True)
class Glyph:
    """One glyph on its line: place in ems from the line's left end and its baseline, upwards."""

    family: str
    weight: int
    index: int
    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """A shaped line; width in ems."""

    glyphs: tuple[Glyph, ...]
    width: float


def is_leftward(text: str, language: str) -> bool:
    """Whether a paragraph runs from right to left: by its first strong letter, else by its language."""
    for each in text:
        match unicodedata.bidirectional(each):
            case "R" | "AL":
                return True
            case "L":
                return False
            case _:
                pass
    return is_written_leftward(language)


def _levels(text: str, *, is_rtl: bool) -> list[bool]:
    """For each character whether it runs right to left, neutrals resolved by their neighbours (rules N1 and N2)."""
    strong: list[bool | None] = []
    for each in text:
        kind = unicodedata.bidirectional(each)
        strong.append(True if kind in ("R", "AL") else False if kind in ("L", "EN", "AN") else None)
    levels: list[bool] = []
    for index, own in enumerate(strong):
        if own is not None:
            levels.append(own)
            continue
        before = next((side for side in reversed(strong[:index]) if side is not None), is_rtl)
        after = next((side for side in strong[index:] if side is not None), is_rtl)
        levels.append(before if before == after else is_rtl)
    return levels


def _visual(text: str, style: Type, *, is_rtl: bool) -> list[tuple[Run, bool]]:
    """Runs from left to right as they are seen, each with its own direction."""
    levels = _levels(text, is_rtl=is_rtl)
    stretches: list[list[tuple[Run, bool]]] = []
    start = 0
    for side, group in groupby(levels):
        length = len(list(group))
        pieces = [(run, side) for run in runs(text[start : start + length], style.family, style.weight, style.given)]
        stretches.append(pieces[::-1] if side else pieces)
        start += length
    ordered = stretches[::-1] if is_rtl else stretches
    return [piece for stretch in ordered for piece in stretch]


@lru_cache(maxsize=4096)
def shape(text: str, style: Type, language: str, *, is_rtl: bool) -> Line:
    """A line in visual order; one direction, one family and one script at a time."""
    glyphs: list[Glyph] = []
    x = 0.0
    for run, side in _visual(text, style, is_rtl=is_rtl):
        own = run.face
        tracking = style.tracking if _may_track(run.text) else 0.0
        for index, place in _shape_run(run.text, own, language, side=side):
            glyphs.append(Glyph(run.family, run.weight, index, x + place[0] / own.upem, place[1] / own.upem))
            x += place[2] / own.upem + tracking
    return Line(tuple(glyphs), max(0.0, x - (style.tracking if glyphs else 0.0)))


def _shape_run(text: str, own: Face, language: str, *, side: bool) -> list[tuple[int, tuple[int, int, int]]]:
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if side else "ltr"
    buffer.language = language
    hb.shape(own.font, buffer, {"kern": True, "liga": True, "palt": False})
    pairs = zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
    return [(info.codepoint, (at.x_offset, at.y_offset, at.x_advance)) for info, at in pairs]


def _may_track(text: str) -> bool:
    """Joined scripts fall apart when their letters are set apart."""
    return all(ord(each) < 0x0590 or ord(each) > 0x1DFF for each in text)


@lru_cache(maxsize=16384)
def width_of(text: str, style: Type, language: str) -> float:
    """The width of a text on one line, in ems."""
    return shape(text, style, language, is_rtl=is_leftward(text, language)).width


def upper(text: str, language: str) -> str:
    """Capitals as the language writes them: the dotted I of Turkish, Greek without its accents."""
    if language_of(language) in ("tr", "az"):
        text = text.replace("i", "İ")
    if language_of(language) == "el":
        text = "".join(each for each in unicodedata.normalize("NFD", text) if each != "\u0301")
    return unicodedata.normalize("NFC", text.upper())
