"""The colours of a concept: the brand's own where there are any, else a palette that goes with the style and mood."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from reelwright.domain.brief import Brief
from reelwright.domain.colours import blend, ink_for, luminance, name_of
from reelwright.writers.patterns import Palette, palettes

_LIGHT = Fraction(6, 10)
_DARK = Fraction(12, 100)


def palette_for(brief: Brief, index: int) -> tuple[str, ...]:
    """Background, text, accent and up to two more accents; another arrangement for each concept."""
    if brief.colours:
        return _branded(brief.colours, index)
    ranked = _ranked(f"{brief.style} {brief.mood} {brief.tone} {brief.product}".casefold())
    colours = ranked[index // 2 % len(ranked)].colours
    return _inverted(colours) if index % 2 else colours


def colour_words(palette: Sequence[str]) -> str:
    """The palette for a model that reads words: `cream, charcoal and terracotta`."""
    names = list(dict.fromkeys(name_of(colour) for colour in palette))
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _ranked(text: str) -> list[Palette]:
    """Best first; where nothing is said the order of the file holds."""
    return sorted(palettes(), key=lambda palette: -sum(beginning in text for beginning in palette.fit))


def _inverted(colours: Sequence[str]) -> tuple[str, ...]:
    background = colours[1]
    return (background, ink_for(background, [colours[0]]), *colours[2:])


def _branded(colours: Sequence[str], index: int) -> tuple[str, ...]:
    by_light = sorted(dict.fromkeys(colours), key=luminance)
    match index % 3:
        case 0:
            lightest = by_light[-1]
            background = lightest if luminance(lightest) >= _LIGHT else blend(lightest, "#ffffff", Fraction(9, 10))
        case 1:
            darkest = by_light[0]
            background = darkest if luminance(darkest) <= _DARK else blend(darkest, "#000000", Fraction(7, 10))
        case _:
            middle = [colour for colour in colours if colour not in {by_light[0], by_light[-1]}] or [by_light[0]]
            background = blend(middle[0], "#ffffff", Fraction(7, 10))
    text = ink_for(background, by_light if luminance(background) > Fraction(1, 4) else by_light[::-1])
    accents = [colour for colour in dict.fromkeys(colours) if colour not in {background, text}]
    accents = accents or [blend(background, text, Fraction(1, 2))]
    return (background, text, *accents[:3])
