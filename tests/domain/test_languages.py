"""Languages: tags, detection, and how long a text takes to say."""

from __future__ import annotations

import pytest

from reelwright.domain.languages import detect_language, is_dense, is_written_leftward, parse_language, spoken_seconds


@pytest.mark.parametrize(
    ("given", "tag"), [("EN", "en"), ("pt_br", "pt-BR"), ("zh-hans-cn", "zh-Hans-CN"), ("Deutsch", "de"), ("es-419", "es-419")]
)
def test_a_tag_gets_its_usual_spelling(given: str, tag: str) -> None:
    assert parse_language(given) == tag


@pytest.mark.parametrize("given", ["", "e", "xx", "english!", "german-", "12"])
def test_what_is_no_language_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="not a language tag"):
        parse_language(given)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A plant shop in Bristol that delivers by bike", "en"),
        ("Handgemachte Seife aus Köln, die nach Regen riecht", "de"),
        ("Une boulangerie de quartier qui ouvre à cinq heures", "fr"),
        ("Una tienda de plantas con reparto en bicicleta", "es"),
        ("Una gelateria di quartiere con i gusti della nonna", "it"),
        ("Uma loja de plantas em Lisboa que não fecha", "pt"),
        ("Een bakkerij in Gent die om vijf uur opent", "nl"),
        ("一つずつ手で作る抹茶椀", "ja"),
        ("一家小茶馆", "zh"),
        ("수제 도자기", "ko"),
        ("مقهى صغير", "ar"),
        ("قهوه‌خانه‌ای کوچک پر از گل", "fa"),
        ("Українська пекарня", "uk"),
        ("Маленькая пекарня", "ru"),
        ("ร้านกาแฟเล็ก ๆ", "th"),
        ("μικρό καφέ", "el"),
        ("Kettle", "en"),
        ("Alderkiln 手", "en"),
    ],
)
def test_a_language_is_known_by_its_script_and_its_small_words(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("tag", "is_leftward"), [("ar", True), ("he-IL", True), ("ckb", True), ("en", False), ("zh-Hant", False)]
)
def test_some_languages_are_written_from_right_to_left(tag: str, is_leftward: bool) -> None:
    assert is_written_leftward(tag) == is_leftward


def test_a_text_takes_as_long_as_its_words_or_its_characters() -> None:
    assert spoken_seconds("Good coffee takes ten minutes.") * 23 == 50
    assert spoken_seconds("一つずつ手で作る") * 9 == 16
    assert spoken_seconds("") == 0
    assert spoken_seconds("In 1995") > spoken_seconds("In May")
    assert is_dense("朝に、一服。")
    assert not is_dense("Good morning")
