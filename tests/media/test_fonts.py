"""Fonts and typesetting: every script is drawn, in the right order, and nothing leaves its box."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.media import fonts
from reelwright.media.shaping import Type, shape
from reelwright.media.typesetting import Block, set_text

SCRIPTS = {
    "en": "Fresh coffee, slowly brewed",
    "de": "Frühstück für Größe & Straße",
    "pl": "Zażółć gęślą jaźń",
    "vi": "Ly cà phê mới cho buổi sáng yên tĩnh",
    "ru": "Новая чашка для тихого утра",
    "el": "Ένα νέο φλιτζάνι για ήσυχα πρωινά",
    "ja": "静かな朝のための、新しい一杯のコーヒー。",
    "zh": "为安静的早晨准备的一杯新咖啡",
    "zh-TW": "為安靜的早晨準備的一杯新咖啡",
    "ko": "조용한 아침을 위한 새로운 커피 한 잔",
    "ar": "قهوة طازجة كل صباح",
    "fa": "قهوه تازه هر صبح، گرم و خوش‌عطر",
    "he": "קפה טרי כל בוקר",
    "hi": "हर सुबह ताज़ा कॉफ़ी",
    "th": "กาแฟแก้วใหม่สำหรับเช้าอันเงียบสงบ",
    "bn": "প্রতিদিন সকালে তাজা কফি",
    "ta": "தினமும் காலை புதிய காபி",
    "ka": "ყავა ყოველ დილით",
}
LATIN = ["Inter", "Anton", "Playfair Display", "Caveat", "Righteous", "JetBrains Mono"]


def width_of(text: str, style: Type, language: str) -> float:
    return shape(text, style, language, is_rtl=False).width


@pytest.mark.parametrize("family", sorted(fonts.FAMILIES))
def test_every_family_is_installed_and_draws(family: str) -> None:
    face = fonts.face(family, 700)

    assert face.upem > 0
    assert 0.3 < face.ascender < 2


@pytest.mark.parametrize("family", LATIN)
@pytest.mark.parametrize("language", sorted(SCRIPTS))
def test_every_script_is_drawn_in_every_kind_of_type(family: str, language: str) -> None:
    text = SCRIPTS[language]
    block = set_text(text, Type(family, 700), width=600, height=300, largest=60, lines=3, language=language)

    assert fonts.missing_glyphs(text) == ""
    assert all(glyph.index != 0 for line in block.lines for glyph in line.glyphs), "a box stands for a missing letter"
    assert np.asarray(block.mask((600, 300), 0, 0, 600)).max() > 200


def test_a_word_never_changes_its_font_for_one_letter() -> None:
    whole = fonts.cast("buổi sáng", "Caveat", 700)

    pieces = fonts.runs("buổi sáng", "Caveat", 700, whole)

    assert len({piece.family for piece in pieces}) == 1


def test_fonts_are_found_without_running_their_packages() -> None:
    fonts.face("Inter", 400)

    assert not [name for name in sys.modules if name.startswith(("fontpkg_", "noto_cjk"))]


def test_what_no_font_has_is_named_and_left_out() -> None:
    assert fonts.missing_glyphs("ok ᚠ 🦄 ok") == "ᚠ🦄"
    assert fonts.clean("ok ᚠ 🦄 ok") == "ok ok"


def test_emoji_become_signs_of_one_colour() -> None:
    assert fonts.clean("Launch 🚀✨") == "Launch ✈✦"
    assert fonts.missing_glyphs("🎉 ❤️ ☕ 👍🏽") == ""


def test_arabic_letters_join() -> None:
    style = Type("Inter", 700)
    joined = [glyph.index for glyph in shape("قهوة", style, "ar", is_rtl=True).glyphs]
    alone = [glyph.index for letter in "قهوة" for glyph in shape(letter, style, "ar", is_rtl=True).glyphs]

    assert sorted(joined) != sorted(alone)


def test_a_line_with_both_directions_is_ordered_as_it_is_read() -> None:
    line = shape("صباح Orbit 24", Type("Inter", 700), "ar", is_rtl=True)
    latin = [glyph.x for glyph in line.glyphs if glyph.family == "Inter"]
    arabic = [glyph.x for glyph in line.glyphs if glyph.family == "Cairo"]

    assert max(latin) < min(arabic), "the first word stands at the right"


def test_arabic_starts_at_the_right_and_english_at_the_left() -> None:
    for language, is_right in (("ar", True), ("en", False)):
        block = set_text(SCRIPTS[language], Type("Inter", 700), width=900, height=100, largest=40, lines=1, language=language)
        columns = np.flatnonzero(np.asarray(block.mask((900, 100), 0, 10, 900)).any(axis=0))

        assert bool(columns.min() > 100) is is_right


def test_japanese_lines_break_between_phrases_and_never_before_a_comma() -> None:
    text = "静かな朝のための、新しい一杯のコーヒー。ゆっくりと、ていねいに。"
    style = Type("Inter", 700)
    for width in range(120, 700, 40):
        block = set_text(text, style, width=width, height=2000, largest=40, lines=12, language="ja")
        firsts = {line.glyphs[0].index for line in block.lines}
        forbidden = {glyph.index for sign in "、。ー" for glyph in shape(sign, style, "ja", is_rtl=False).glyphs}

        assert not firsts & forbidden


def test_capitals_are_the_languages_own() -> None:
    upper = Type("Inter", 700, is_upper=True)

    assert width_of_text("istanbul", upper, "tr") == pytest.approx(width_of("İSTANBUL", Type("Inter", 700), "tr"))
    assert width_of_text("καφές", upper, "el") == pytest.approx(width_of("ΚΑΦΕΣ", Type("Inter", 700), "el"))


def width_of_text(text: str, style: Type, language: str) -> float:
    return set_text(text, style, width=9999, height=99, largest=10, lines=1, language=language).lines[0].width


def test_an_absurdly_long_text_ends_in_an_ellipsis_at_a_word() -> None:
    block = set_text("word " * 400, Type("Inter"), width=400, height=120, largest=40, lines=3)

    assert block.is_cut
    assert len(block.lines) <= 3
    assert block.width <= 400


def test_a_word_longer_than_the_line_is_hyphenated() -> None:
    block = set_text("Donaudampfschifffahrtsgesellschaft", Type("Inter", 800), width=300, height=300, largest=60, lines=3)

    assert not block.is_cut
    assert len(block.lines) > 1
    assert block.width <= 300


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=120),
    st.integers(60, 900),
    st.integers(30, 400),
    st.integers(1, 4),
    st.sampled_from(["en", "ar", "ja", "th"]),
)
def test_no_text_ever_leaves_its_box(text: str, width: int, height: int, lines: int, language: str) -> None:
    block: Block = set_text(text, Type("Inter", 700), width=width, height=height, largest=36, lines=lines, language=language)

    assert len(block.lines) <= max(1, lines)
    one_letter = max((glyph_width(block), 0.0))
    assert block.width <= max(width, one_letter) + 1


def glyph_width(block: Block) -> float:
    """A single letter may be wider than a very narrow box: the line that holds only that and an ellipsis."""
    return max((line.width * block.size for line in block.lines if len(line.glyphs) <= 3), default=0.0)
