"""Exact time and shape: fractions of a second, whole frames, pixel sizes. Never a float."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

FRAME_RATE = Fraction(24)
"""Frames a second of a film unless the campaign says otherwise."""
SAMPLE_RATE = 48_000
"""Sound samples a second of every film."""


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class AspectRatio(StrEnum):
    """The shapes that a film can have."""

    LANDSCAPE = "16:9"
    PORTRAIT = "9:16"
    CLASSIC = "4:3"
    CLASSIC_PORTRAIT = "3:4"
    SQUARE = "1:1"
    CINEMA = "21:9"
    WIDE = "5:3"
    TALL = "3:5"

    @property
    def size(self) -> Size:
        """The film's pixels at standard quality, as in the published contract."""
        return _SIZES[self]


_SIZES = {
    AspectRatio.LANDSCAPE: Size(1280, 720),
    AspectRatio.PORTRAIT: Size(720, 1280),
    AspectRatio.CLASSIC: Size(1104, 832),
    AspectRatio.CLASSIC_PORTRAIT: Size(832, 1104),
    AspectRatio.SQUARE: Size(960, 960),
    AspectRatio.CINEMA: Size(1584, 672),
    AspectRatio.WIDE: Size(1280, 768),
    AspectRatio.TALL: Size(768, 1280),
}


def frame_count(seconds: Fraction, rate: Fraction = FRAME_RATE) -> int:
    """How many whole frames fill `seconds`; a half counts up."""
    return int(seconds * rate + Fraction(1, 2))


def samples_at(frame: int, rate: Fraction = FRAME_RATE) -> int:
    """The sound sample at which a frame starts, to the sample."""
    return round(Fraction(frame) / rate * SAMPLE_RATE)
