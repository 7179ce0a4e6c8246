"""Where Japanese, Chinese and Thai, which write no spaces, may be parted: at phrases, found by BudouX."""

from __future__ import annotations

from functools import cache

import budoux

from reelwright.domain.languages import language_of

_SCRIPTS = (("\u3040", "\u30ff", "ja"), ("\u3400", "\u9fff", "zh"), ("\u0e00", "\u0e7f", "th"))
"""Code points from and to, and the language that they stand for; kana go first, because Japanese has Chinese characters, too."""


def phrases(word: str, language: str = "") -> list[str]:
    """A run of such a script cut into phrases, any other word as it is.

    Args:
        word: without spaces.
        language: BCP 47, of the text; tells Japanese and traditional Chinese where the characters do not.
    """
    script = next((name for low, high, name in _SCRIPTS if any(low <= each <= high for each in word)), "")
    if script == "zh" and language_of(language) == "ja":
        script = "ja"
    if script == "zh" and language.lower().startswith(("zh-tw", "zh-hk", "zh-hant")):
        script = "zh-hant"
    return _parser(script).parse(word) if script else [word]


@cache
def _parser(script: str) -> budoux.Parser:
    match script:
        case "ja":
            return budoux.load_default_japanese_parser()
        case "zh":
            return budoux.load_default_simplified_chinese_parser()
        case "zh-hant":
            return budoux.load_default_traditional_chinese_parser()
        case _:
            return budoux.load_default_thai_parser()
