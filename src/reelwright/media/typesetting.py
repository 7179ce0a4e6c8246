"""Sets a text into a box: direction, line breaks, size, shaping, and the mask to paint it through.

Widths scale with the size, so a text is measured once, in ems, and the largest size that fits is found by arithmetic.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from dataclasses import dataclass, replace
from typing import Literal

from PIL import Image

from reelwright.media.fonts import Run, cast, clean, face, hb, runs, script
from reelwright.media.phrasing import phrases
from reelwright.media.shaping import Line, Type, is_leftward, shape, upper, width_of

_LONGEST = 400
"""Characters."""
Align = Literal["start", "centre", "end"]
"""Start is the left for Latin and the right for Arabic and Hebrew."""


@dataclass(frozen=True)
class Block:
    """A text that has been set. `size` is the em in pixels; `ascent` is from the top of the block to the first baseline."""

    lines: tuple[Line, ...]
    size: float
    leading: float
    ascent: float
    descent: float
    is_rtl: bool
    is_cut: bool = False
    """It was too long and ends in an ellipsis."""

    @property
    def width(self) -> float:
        """Width of the longest line in pixels."""
        return max((line.width for line in self.lines), default=0.0) * self.size

    @property
    def height(self) -> float:
        """From the top of the first line's capitals to the last line's descent, in pixels."""
        if not self.lines:
            return 0.0
        return (self.ascent + self.descent + self.leading * (len(self.lines) - 1)) * self.size

    def baselines(self) -> tuple[float, ...]:
        """Pixels from the top of the block to each baseline."""
        return tuple((self.ascent + self.leading * index) * self.size for index in range(len(self.lines)))

    def mask(self, size: tuple[int, int], x: float, y: float, width: float, align: Align = "start") -> Image.Image:
        """An L image of `size` with the text white on black, its block's top at `y` in a column of `width` from `x`."""
        raster = hb.RasterDraw()
        for line, baseline in zip(self.lines, self.baselines(), strict=True):
            left = x + self._indent(line, width, align)
            for glyph in line.glyphs:
                one = face(glyph.family, glyph.weight)
                scale = self.size / one.upem
                up = size[1] - (y + baseline) + glyph.y * self.size
                raster.transform = (scale, 0, 0, scale, left + glyph.x * self.size, up)
                raster.draw_glyph(one.font, glyph.index)
        raster.extents = hb.RasterExtents(0, 0, size[0], size[1], 0)
        image = raster.render()
        extents = image.extents
        if not self.lines or not extents.width:
            return Image.new("L", size)
        drawn = Image.frombuffer("L", (extents.width, extents.height), bytes(image.buffer), "raw", "L", extents.stride, -1)
        return drawn.copy()

    def _indent(self, line: Line, width: float, align: Align) -> float:
        room = width - line.width * self.size
        if align == "centre":
            return room / 2
        return room if (align == "start") == self.is_rtl else 0.0


def set_text(
    text: str,
    style: Type,
    *,
    width: float,
    height: float,
    largest: float,
    lines: int,
    language: str = "en",
    smallest: float = 0.0,
) -> Block:
    """The text at the largest size up to `largest` (pixels an em) at which it fills at most `lines` lines inside the box.

    Below `smallest` (default: 45 % of `largest`) it is not shrunk: words are broken, then left out behind an ellipsis.
    """
    words = _shortened(clean(text))
    words = upper(words, language) if style.is_upper else words
    style = replace(style, given=cast(words, style.family, style.weight))
    style = replace(style, leading=max(style.leading, _needed_leading(words)))
    is_rtl = is_leftward(words, language)
    smallest = smallest or largest * 0.45
    if not words:
        return Block((), largest, style.leading, 0.0, 0.0, is_rtl)
    atoms = _atoms(words, language)
    up, down = _vertical(words, style)

    def room(size: float) -> int:
        return max(1, min(lines, int((height / size - up - down) / style.leading + 1e-6) + 1))

    size = largest
    broken = _break(atoms, style, language, width / size)
    while len(broken) > room(size) or _widest(broken, style, language) > width / size:
        if size <= smallest:
            return _forced(atoms, style, language, width, smallest, room(smallest), (up, down), is_rtl=is_rtl)
        size = max(smallest, size * 0.96)
        broken = _break(atoms, style, language, width / size)
    size, broken = _calmer(atoms, style, language, width, size, broken)
    shaped = tuple(shape(line, style, language, is_rtl=is_rtl) for line in broken)
    return Block(shaped, size, style.leading, up, down, is_rtl)


def _calmer(
    atoms: list[_Atom], style: Type, language: str, width: float, size: float, broken: list[str]
) -> tuple[float, list[str]]:
    """Fewer lines instead of three and more, where that costs less than a fifth of the size."""
    for factor in (0.95, 0.9, 0.85, 0.81) if len(broken) > 2 else ():
        fewer = _break(atoms, style, language, width / (size * factor))
        if len(fewer) < len(broken) and _widest(fewer, style, language) <= width / (size * factor):
            return size * factor, fewer
    return size, broken


def _shortened(text: str) -> str:
    """No box shows more than that; what would be cut anyway is not measured."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rpartition(' ')[0] or text[:_LONGEST]}…"


def scaled(block: Block, factor: float) -> Block:
    """The same setting, larger or smaller."""
    return replace(block, size=block.size * factor)


def _vertical(text: str, style: Type) -> tuple[float, float]:
    """Ems above the first baseline (capitals, or what taller scripts need) and below the last one."""
    parts = runs(text, style.family, style.weight, style.given)
    up = max((_tall(part) for part in parts if part.text.strip()), default=0.72)
    down = max((min(part.face.descender, 0.45) if not style.is_upper else 0.12 for part in parts), default=0.2)
    return up, min(down, 0.38)


def _needed_leading(text: str) -> float:
    """Ems from line to line that a script's marks above and below need."""
    needs = {
        "ARABIC": 1.4,
        "DEVANAGARI": 1.32,
        "THAI": 1.36,
        "BENGALI": 1.3,
        "TAMIL": 1.3,
        "TELUGU": 1.36,
        "HEBREW": 1.16,
        "HANGUL": 1.18,
    }
    return max((needs.get(script(each), 1.2 if ord(each) > 0x2E7F else 0.0) for each in text), default=0.0)


def _tall(part: Run) -> float:
    own = part.face
    if all(ord(each) < 0x0590 or unicodedata.category(each)[0] in "ZPSN" for each in part.text):
        marks = any(unicodedata.decomposition(each) for each in part.text if each.isupper())
        return own.cap_height() + (0.16 if marks else 0.0)
    return min(own.ascender, 1.0)


# -- lines ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Atom:
    """What is never broken unless it must be; `glue` stands between it and the one before on the same line."""

    text: str
    glue: str


_NO_START = set("、。，．・：；？！…‥）」』】〕〉》”’ーゝゞ々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ,.!?:;)]}%»")
_NO_END = set("（「『【〔〈《“‘([{«¿¡")


def _atoms(text: str, language: str) -> list[_Atom]:
    found: list[_Atom] = []
    for word in text.split(" "):
        for index, part in enumerate(_phrases(word, language)):
            found.append(_Atom(part, "" if index or not found else " "))
    return found


def _phrases(word: str, language: str) -> list[str]:
    found = phrases(word, language)
    parts = [piece for part in found for piece in re.findall(r"[^、。，！？]+[、。，！？]*|[、。，！？]+", part)]
    joined: list[str] = []
    for part in parts:
        if joined and (part[0] in _NO_START or joined[-1][-1] in _NO_END):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _join(atoms: list[_Atom]) -> str:
    return "".join(atom.text if not index else atom.glue + atom.text for index, atom in enumerate(atoms))


def _break(atoms: list[_Atom], style: Type, language: str, width: float) -> list[str]:
    """The fewest lines of at most `width` ems, and among those the most even ones."""
    count = len(_greedy(atoms, style, language, width))
    if count == 1:
        return [_join(atoms)]
    low, high = width * 0.4, width
    for _ in range(7):
        middle = (low + high) / 2
        low, high = (low, middle) if len(_greedy(atoms, style, language, middle)) <= count else (middle, high)
    best = _greedy(atoms, style, language, high)
    return (
        best
        if _widest(best, style, language) <= max(width, _widest([a.text for a in atoms], style, language))
        else [_join(atoms)]
    )


def _greedy(atoms: list[_Atom], style: Type, language: str, width: float) -> list[str]:
    lines: list[str] = []
    used = 0.0
    for atom in atoms:
        need = width_of(atom.glue + atom.text, style, language)
        if lines and used + need <= width:
            lines[-1] += atom.glue + atom.text
            used += need
        else:
            lines.append(atom.text)
            used = width_of(atom.text, style, language)
    return lines


def _widest(lines: list[str], style: Type, language: str) -> float:
    return max(width_of(line, style, language) for line in lines)


def _forced(
    atoms: list[_Atom],
    style: Type,
    language: str,
    width: float,
    size: float,
    most: int,
    vertical: tuple[float, float],
    *,
    is_rtl: bool,
) -> Block:
    """At the smallest size: breaks words that are too long, and ends in an ellipsis when the lines run out."""
    ems = width / size
    pieces: list[_Atom] = []
    for atom in atoms:
        parts = _hyphenated(atom.text, style, language, ems)
        pieces += [_Atom(part, "" if index else atom.glue) for index, part in enumerate(parts)]
    lines = _greedy(pieces, style, language, ems)
    is_cut = len(lines) > most
    if is_cut:
        lines = lines[:most]
        while width_of(lines[-1] + "…", style, language) > ems and len(lines[-1]) > 1:
            shorter, gap, _ = lines[-1].rpartition(" ")
            lines[-1] = shorter if gap else lines[-1][:-1]
        lines[-1] = lines[-1].rstrip(" ,.;:-–—、。") + "…"
    shaped = tuple(shape(line, style, language, is_rtl=is_rtl) for line in lines)
    return Block(shaped, size, style.leading, *vertical, is_rtl, is_cut)


def _hyphenated(word: str, style: Type, language: str, width: float) -> list[str]:
    if width_of(word, style, language) <= width:
        return [word]
    hyphen = "-" if word[0].isalpha() and ord(word[0]) < 0x0530 else ""
    parts: list[str] = []
    rest = word
    while rest and width_of(rest, style, language) > width:
        cut = bisect(range(1, len(rest)), width, key=lambda end: width_of(rest[:end] + hyphen, style, language))
        while cut > 1 and unicodedata.category(rest[cut : cut + 1] or "a")[0] == "M":
            cut -= 1
        cut = _syllable(rest, max(1, cut))
        parts.append(rest[:cut] + hyphen)
        rest = rest[cut:]
    return [*parts, rest] if rest else parts


def _syllable(word: str, cut: int) -> int:
    """The nearest place up to `cut` where a consonant begins a syllable, or which no rule forbids; `cut` where there is none."""
    while cut > 1 and word[cut : cut + 1] in _NO_START:
        cut -= 1
    vowels = "aeiouyäöüáéíóúàèìòùâêîôûåæøœıAEIOUYÄÖÜ"
    for place in range(cut, max(2, cut - 5), -1):
        pair = word[place : place + 2]
        is_one_sound = pair[:1] in "hH" and word[place - 1] in "cpstCPST"
        if len(pair) == 2 and pair[0].isalpha() and pair[0] not in vowels and pair[1] in vowels and not is_one_sound:
            return place
    return cut
