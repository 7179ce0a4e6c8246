"""Colours that go together and can be read: mixing in OKLab, contrast as WCAG 2 counts it."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

READABLE = 4.5
"""The contrast that WCAG 2 asks for text, at level AA."""


class Colour(NamedTuple):
    """An sRGB colour, 0 to 255 each."""

    red: int
    green: int
    blue: int

    @classmethod
    def parse(cls, text: str) -> Colour | None:
        """`#rrggbb` or `#rgb`, or None for anything else."""
        match = re.fullmatch(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})", text.strip())
        if match is None:
            return None
        digits = match[1] if len(match[1]) == 6 else "".join(each * 2 for each in match[1])
        return cls(*(int(digits[at : at + 2], 16) for at in (0, 2, 4)))

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def luminance(self) -> float:
        """Relative luminance, 0 to 1. Source: WCAG 2.2."""
        red, green, blue = (_linear(each / 255) for each in self)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    @property
    def lightness(self) -> float:
        """How light it looks, 0 to 1 (OKLab)."""
        return _oklab(self)[0]

    @property
    def chroma(self) -> float:
        """How colourful it looks, 0 to about 0.32 (OKLCH)."""
        _, a, b = _oklab(self)
        return math.hypot(a, b)

    def toned(self, lightness: float, chroma: float | None = None) -> Colour:
        """The same hue at another lightness (0 to 1) and, where given, at most that chroma."""
        _, a, b = _oklab(self)
        own = math.hypot(a, b)
        scale = min(1.0, chroma / own) if chroma is not None and own > 1e-6 else 1.0
        return _srgb(lightness, a * scale, b * scale)

    def mixed(self, other: Colour, part: float) -> Colour:
        """`part` of the other one (0 to 1) in this one."""
        mine, theirs = _oklab(self), _oklab(other)
        return _srgb(*(one + (two - one) * part for one, two in zip(mine, theirs, strict=True)))

    def turned(self, degrees: float) -> Colour:
        """The hue turned, lightness and chroma kept."""
        lightness, a, b = _oklab(self)
        angle = math.radians(degrees)
        return _srgb(lightness, a * math.cos(angle) - b * math.sin(angle), a * math.sin(angle) + b * math.cos(angle))

    def contrast(self, other: Colour) -> float:
        """1 to 21. Source: WCAG 2.2."""
        low, high = sorted((self.luminance, other.luminance))
        return (high + 0.05) / (low + 0.05)

    def readable_on(self, ground: Colour, wanted: float = READABLE) -> Colour:
        """This colour, moved towards black or white as far as needed to be read on `ground`."""
        if self.contrast(ground) >= wanted:
            return self
        ways = sorted((Colour(8, 8, 10), Colour(255, 255, 255)), key=lambda end: -end.contrast(ground))
        for part in (0.15, 0.3, 0.45, 0.6, 0.75, 0.88, 1.0):
            moved = self.mixed(ways[0], part)
            if moved.contrast(ground) >= wanted:
                return moved
        return ways[0]


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _oklab(colour: Colour) -> tuple[float, float, float]:
    # Source: Ottosson, "A perceptual color space for image processing", 2020.
    red, green, blue = (_linear(each / 255) for each in colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _srgb(lightness: float, a: float, b: float) -> Colour:
    """Into the gamut by taking chroma away, so that the hue stays."""
    lightness = min(max(lightness, 0.0), 1.0)
    for part in (1.0, 0.92, 0.84, 0.76, 0.68, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0):
        channels = _channels(lightness, a * part, b * part)
        if all(-0.004 <= each <= 1.004 for each in channels):
            break
    red, green, blue = (round(255 * _gamma(min(max(each, 0.0), 1.0))) for each in channels)
    return Colour(red, green, blue)


def _channels(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
