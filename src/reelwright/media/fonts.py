"""Which font draws which character.

The fonts are open ones (SIL OFL, Apache-2.0) that come as Python packages, so that a card looks the same on every machine and no
system font is ever needed. They are shaped and rasterised by HarfBuzz alone: Pillow's Raqm needs a FriBidi library that most
macOS and Windows machines and slim containers do not have, and silently sets Arabic and Hindi wrong without it.
Files are found by package name and never imported: some font packages run code on import.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import uharfbuzz

from reelwright.errors import ConfigurationError

hb: Any = uharfbuzz


class Family(NamedTuple):
    """A type family: the package it comes in and its file for each weight; a variable file serves every weight."""

    package: str
    files: dict[int, str]
    is_variable: bool = False
    fallback: str = "sans"


def _google(name: str, file: str, *, is_variable: bool = True, fallback: str = "sans") -> Family:
    return Family(f"fontpkg_{name}", {400: f"files/{file}"}, is_variable, fallback)


FAMILIES: dict[str, Family] = {
    "Inter": _google("inter", "Inter[opsz,wght].ttf"),
    "Outfit": _google("outfit", "Outfit[wght].ttf"),
    "Space Grotesk": _google("space_grotesk", "SpaceGrotesk[wght].ttf"),
    "Unbounded": _google("unbounded", "Unbounded[wght].ttf"),
    "Fredoka": _google("fredoka", "Fredoka[wdth,wght].ttf", fallback="round"),
    "Righteous": _google("righteous", "Righteous-Regular.ttf", is_variable=False, fallback="round"),
    "Anton": _google("anton", "Anton-Regular.ttf", is_variable=False, fallback="narrow"),
    "Bebas Neue": _google("bebas_neue", "BebasNeue-Regular.ttf", is_variable=False, fallback="narrow"),
    "Oswald": _google("oswald", "Oswald[wght].ttf", fallback="narrow"),
    "Archivo Narrow": _google("archivo_narrow", "ArchivoNarrow[wght].ttf", fallback="narrow"),
    "Alfa Slab One": _google("alfa_slab_one", "AlfaSlabOne-Regular.ttf", is_variable=False),
    "Playfair Display": _google("playfair_display", "PlayfairDisplay[wght].ttf", fallback="serif"),
    "Cormorant Garamond": _google("cormorant_garamond", "CormorantGaramond[wght].ttf", fallback="serif"),
    "Cormorant Italic": _google("cormorant_garamond", "CormorantGaramond-Italic[wght].ttf", fallback="serif"),
    "Caveat": _google("caveat", "Caveat[wght].ttf", fallback="hand"),
    "JetBrains Mono": _google("jetbrains_mono", "JetBrainsMono[wght].ttf", fallback="mono"),
    "Cairo": _google("cairo", "Cairo[slnt,wght].ttf"),
    "Amiri": Family("fontpkg_amiri", {400: "files/Amiri-Regular.ttf", 600: "files/Amiri-Bold.ttf"}, fallback="serif"),
    "Heebo": _google("heebo", "Heebo[wght].ttf"),
    "Frank Ruhl Libre": _google("frank_ruhl_libre", "FrankRuhlLibre[wght].ttf", fallback="serif"),
    "Noto Sans Devanagari": _google("noto_sans_devanagari", "NotoSansDevanagari[wdth,wght].ttf"),
    "Noto Sans Thai": _google("noto_sans_thai", "NotoSansThai[wdth,wght].ttf"),
    "Noto Sans Tamil": _google("noto_sans_tamil", "NotoSansTamil[wdth,wght].ttf"),
    "Noto Sans Telugu": _google("noto_sans_telugu", "NotoSansTelugu[wdth,wght].ttf"),
    "Hind Siliguri": Family("fontpkg_hind_siliguri", {400: "files/HindSiliguri-Regular.ttf", 600: "files/HindSiliguri-Bold.ttf"}),
    "Noto Sans CJK": Family(
        "", {400: "noto_cjk_sans_jp_regular/NotoSansCJKjp-Regular.otf", 600: "noto_cjk_sans_jp_bold/NotoSansCJKjp-Bold.otf"}
    ),
    "FiraGO": Family("pymupdf_fonts", {400: "FiraGO_Regular", 600: "FiraGO_Bold"}),
    "Noto Sans Symbols 2": Family("pymupdf_fonts", {400: "NotoSansSymbols2_Regular"}),
}

_NEXT: dict[str, tuple[str, ...]] = {
    "sans": ("Inter", "Cairo", "Heebo"),
    "round": ("Fredoka", "Inter", "Cairo", "Heebo"),
    "narrow": ("Oswald", "Inter", "Cairo", "Heebo"),
    "serif": ("Playfair Display", "Amiri", "Frank Ruhl Libre", "Inter"),
    "hand": ("Caveat", "Inter", "Cairo", "Heebo"),
    "mono": ("JetBrains Mono", "Inter", "Cairo", "Heebo"),
}
_LAST = (
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Sans CJK",
    "Hind Siliguri",
    "Noto Sans Tamil",
    "Noto Sans Telugu",
    "FiraGO",
    "Noto Sans Symbols 2",
)

_RELATIVES = str.maketrans(
    {
        "✨": "✦", "🌟": "★", "💫": "✦", "⭐": "★", "🎉": "✺", "🎊": "✺", "🥳": "✺", "💥": "✹", "🔥": "✹",
        "💖": "❤", "💕": "❤", "💗": "❤", "💓": "❤", "💘": "❤", "💝": "❤", "🥰": "❤", "😍": "❤", "💚": "❤",
        "💙": "❤", "💛": "❤", "💜": "❤", "🧡": "❤", "🤍": "❤", "🖤": "❤", "🌞": "☀", "🌅": "☀", "🌄": "☀",
        "🌸": "✿", "🌺": "✿", "🌻": "✿", "🌼": "✿", "💐": "✿", "🌿": "❧", "🍃": "❧", "🌱": "❧", "🍵": "☕",
        "😀": "☺", "😃": "☺", "😄": "☺", "😁": "☺", "😊": "☺", "🙂": "☺", "😎": "☺", "😂": "☺", "🤣": "☺",
        "⏰": "⏲", "🎵": "♫", "🎶": "♫", "🎤": "♪", "🙌": "✌", "👏": "✌", "💪": "✊", "🔑": "⚿", "🌎": "🌍",
        "🌏": "🌍", "🏡": "🏠", "🎁": "❖", "💎": "◆", "💡": "☀", "🚀": "✈", "⚡": "↯", "🌊": "≋", "🌙": "☾",
    }
)  # fmt: skip
"""The nearest sign that an open one-colour font has, for emoji which none has."""

_SILENT = {0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400)}
"""Joiners, variation selectors and skin tones: nothing is lost when a font does not know them."""


class Face:
    """One weight of a family, ready to shape and to draw."""

    def __init__(self, family: str, weight: int) -> None:
        self.family = family
        entry = FAMILIES[family]
        file = entry.files[max((each for each in entry.files if each <= max(weight, 400)), default=400)]
        self.face: Any = hb.Face(_blob(entry.package, file))
        self.font: Any = hb.Font(self.face)
        self.upem: int = self.face.upem
        if entry.is_variable:
            self.font.set_variations({"wght": float(weight), "opsz": 32.0})
        extents = self.font.get_font_extents("ltr")
        self.ascender: float = extents.ascender / self.upem
        self.descender: float = -extents.descender / self.upem

    def has(self, character: str) -> bool:
        """Whether the font draws this character."""
        return self.font.get_nominal_glyph(ord(character)) is not None

    def cap_height(self) -> float:
        """Height of a flat capital, in ems."""
        glyph = self.font.get_nominal_glyph(ord("H"))
        extents = self.font.get_glyph_extents(glyph) if glyph is not None else None
        return extents.y_bearing / self.upem if extents else 0.72


def _blob(package: str, file: str) -> Any:
    if package == "pymupdf_fonts":
        module = importlib.import_module(f"pymupdf_fonts.{file}")
        return hb.Blob(module.fontbuffer)
    root, _, rest = (f"{package}/{file}" if package else file).partition("/")
    spec = importlib.util.find_spec(root)
    folders: Sequence[str] = (spec.submodule_search_locations or ()) if spec else ()
    for folder in folders:
        path = Path(folder) / rest
        if path.is_file():
            return hb.Blob.from_file_path(str(path))
    msg = f"The font file {rest} of the package {root} is missing: reinstall Reelwright with its dependencies."
    raise ConfigurationError(msg)


@lru_cache(maxsize=256)
def face(family: str, weight: int = 400) -> Face:
    """The face of `family` (a key of `FAMILIES`) at `weight` (100 to 900; static families have the nearest lighter one).

    Raises:
        ConfigurationError: its package is not installed.
    """
    return Face(family, weight)


@cache
def chain(family: str) -> tuple[str, ...]:
    """The families that are asked for a character, in order: the wanted one, its kin, then the other scripts' own."""
    names = (family, *_NEXT[FAMILIES[family].fallback], *_LAST)
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class Run:
    """A piece of text that one face draws."""

    text: str
    family: str
    weight: int

    @property
    def face(self) -> Face:
        """The face that draws it."""
        return face(self.family, self.weight)


Cast = tuple[tuple[str, str], ...]
"""Which family draws which script (`LATIN`, `GREEK`, ...) of one text: a word must not change its font for one letter."""


@lru_cache(maxsize=65536)
def script(character: str) -> str:
    """The script of a letter, as the first word of its Unicode name; "" for spaces, digits and signs."""
    if not character or unicodedata.category(character)[0] != "L":
        return ""
    return unicodedata.name(character, "").partition(" ")[0]


@lru_cache(maxsize=1024)
def cast(text: str, family: str, weight: int) -> Cast:
    """For each script of the text the first family that draws all its letters; a script that needs several is left out."""
    letters: dict[str, set[str]] = {}
    for cluster in _clusters(text):
        if name := script(cluster[0]):
            letters.setdefault(name, set()).update(each for each in cluster if ord(each) not in _SILENT)
    found: list[tuple[str, str]] = []
    for name, needed in sorted(letters.items()):
        whole = next((each for each in chain(family) if all(face(each, weight).has(one) for one in needed)), "")
        if whole:
            found.append((name, whole))
    return tuple(found)


@lru_cache(maxsize=65536)
def _family_of(cluster: str, family: str, weight: int, previous: str, given: Cast) -> str:
    """Who draws a character with its marks; "" when nobody does. The neighbour's font goes first for spaces and signs."""
    wanted = [each for each in cluster if ord(each) not in _SILENT]
    order = chain(family)
    if previous and previous != family and _is_open(cluster[0]):
        order = (previous, *order)
    if chosen := dict(given).get(script(cluster[0])):
        order = (chosen, *order)
    for name in order:
        found = face(name, weight)
        if all(found.has(each) for each in wanted):
            return name
    return ""


def _is_open(character: str) -> bool:
    """Whether a sign belongs to no script, so that it is best drawn by the font of the text before it."""
    return unicodedata.category(character)[0] in "ZM" or character in "«»()[]…–—-,.:;!?%&+/'\"“”‘’·"


def _clusters(text: str) -> list[str]:
    """Characters with the marks, selectors and joiners that belong to them."""
    parts: list[str] = []
    for each in text:
        joins = parts and (unicodedata.combining(each) or ord(each) in _SILENT or unicodedata.category(each) in ("Mn", "Mc"))
        if joins or (parts and parts[-1].endswith("\u200d")):
            parts[-1] += each
        else:
            parts.append(each)
    return parts


def clean(text: str) -> str:
    """The text as it will be drawn: composed, emoji turned to their one-colour relatives, undrawable characters left out."""
    composed = unicodedata.normalize("NFC", text).translate(_RELATIVES)
    kept = [each for each in _clusters(composed) if _drawable(each)]
    return " ".join("".join(kept).split())


def _drawable(cluster: str) -> bool:
    return cluster.isspace() or bool(_family_of(cluster, "Inter", 400, "", ()))


def missing_glyphs(text: str) -> str:
    """The characters that no font can draw, each once, in their order; empty when all is well."""
    composed = unicodedata.normalize("NFC", text).translate(_RELATIVES)
    return "".join(dict.fromkeys(each for each in _clusters(composed) if not _drawable(each)))


def runs(text: str, family: str, weight: int, given: Cast = ()) -> list[Run]:
    """Cuts cleaned text where its font changes; `given` is what `cast` said about the whole text that this is a part of."""
    found: list[Run] = []
    for cluster in _clusters(text):
        name = _family_of(cluster, family, weight, found[-1].family if found else "", given) or family
        if found and found[-1].family == name:
            found[-1] = Run(found[-1].text + cluster, name, weight)
        else:
            found.append(Run(cluster, name, weight))
    return found
