"""Colours as `#rrggbb`: reading them, telling light from dark, and naming them for a model that reads words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

NAMES = {
    "black": "#111111",
    "charcoal": "#33383d",
    "grey": "#8a8f94",
    "silver": "#c4c8cc",
    "white": "#ffffff",
    "cream": "#f5efe0",
    "ivory": "#f3e8cd",
    "beige": "#dccdb2",
    "sand": "#cfb184",
    "brown": "#6b4423",
    "dark brown": "#35281e",
    "terracotta": "#c8643c",
    "rust": "#9c3f1d",
    "red": "#d62828",
    "burgundy": "#6d1a2d",
    "coral": "#ff7f5f",
    "orange": "#f28c28",
    "amber": "#ffbf1f",
    "gold": "#c9a227",
    "yellow": "#ffe14a",
    "olive": "#6b7032",
    "lime": "#a4d62c",
    "green": "#2e8b43",
    "sage": "#9caf88",
    "mint": "#a8e6cf",
    "forest green": "#1f4d36",
    "teal": "#15787c",
    "turquoise": "#35cbc4",
    "sky blue": "#8ecdf0",
    "blue": "#2563d6",
    "navy": "#14264a",
    "slate": "#46586b",
    "indigo": "#3f3aa8",
    "purple": "#7a3fb0",
    "lavender": "#c3b3ea",
    "plum": "#5f2a5c",
    "magenta": "#d81e84",
    "pink": "#f7a1c4",
    "blush": "#f3d3cd",
}
"""Colours with everyday names: a person may write the name, and an image model is told it."""

_HEX = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
_READABLE = Fraction(9, 2)
"""The contrast that small text needs. Source: WCAG 2.2, success criterion 1.4.3, 2023-10-05."""


def parse_colour(text: str) -> str:
    """The colour as `#rrggbb` in lower case, from `#rgb`, `#rrggbb` or a name in `NAMES`.

    Raises:
        ValueError: it is neither.
    """
    plain = text.strip().lower().replace("gray", "grey")
    if plain in NAMES:
        return NAMES[plain]
    if not (match := _HEX.fullmatch(plain)):
        msg = f"{text!r} is not a colour"
        raise ValueError(msg)
    digits = match[1]
    return f"#{digits if len(digits) == 6 else ''.join(digit * 2 for digit in digits)}"  # noqa: PLR2004 - #rrggbb


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of `#rrggbb`, each 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> Fraction:
    """Relative luminance, 0 (black) to 1 (white); a gamma of 2 orders colours as well as sRGB's own curve, exactly."""
    red, green, blue = (Fraction(value, 255) ** 2 for value in channels(colour))
    return (2126 * red + 7152 * green + 722 * blue) / 10_000


def contrast(one: str, other: str) -> Fraction:
    """How well one colour reads on the other: 1 (not at all) to 21 (black on white)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + Fraction(1, 20)) / (low + Fraction(1, 20))


def is_readable(text: str, background: str) -> bool:
    """Whether small text of one colour can be read on the other."""
    return contrast(text, background) >= _READABLE


def blend(one: str, other: str, share: Fraction) -> str:
    """The colour on the way from one to the other; `share` 0 is the first, 1 the second."""
    mixed = (round(a + (b - a) * share) for a, b in zip(channels(one), channels(other), strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def name_of(colour: str) -> str:
    """The nearest everyday name, such as `terracotta`."""

    def distance(name: str) -> int:
        red, green, blue = (a - b for a, b in zip(channels(colour), channels(NAMES[name]), strict=True))
        return 3 * red * red + 6 * green * green + 2 * blue * blue

    return min(NAMES, key=distance)


def ink_for(background: str, wishes: Sequence[str] = ()) -> str:
    """A text colour that reads on `background`: the first wish that does, else its near-black or near-white tint."""
    for wish in wishes:
        if is_readable(wish, background):
            return wish
    dark = blend("#101010", background, Fraction(1, 10))
    light = blend("#ffffff", background, Fraction(1, 20))
    return max((dark, light), key=lambda ink: contrast(ink, background))
