"""The template writer: exact lengths, whole phrases, the person's words and no others."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.domain.brief import Brief
from reelwright.domain.colours import is_readable
from reelwright.domain.concept import Concept
from reelwright.domain.ids import AssetId
from reelwright.domain.languages import is_dense, spoken_seconds
from reelwright.domain.storyboard import Storyboard
from reelwright.domain.timing import FRAME_RATE
from reelwright.errors import ConfigurationError
from reelwright.ports import Workshop
from reelwright.writers.patterns import words_in
from reelwright.writers.template import PLAIN, TemplateWriter, writer

COFFEE = Brief(
    name="Alderkiln",
    product="Alderkiln is a pour-over coffee set in speckled stoneware, thrown by hand in a two-person workshop in Ghent. "
    "It keeps a cup hot for forty minutes and fits every paper filter.",
    message="Good coffee takes ten minutes. Keep them.",
    call_to_action="Reserve yours from the autumn batch",
    audience="people who would rather make one good cup than three quick ones",
    do_words=("unhurried", "made to last"),
    dont_words=("luxury", "revolutionary"),
    colours=("#2f3e46", "#f4efe6", "#c8643c"),
    style="editorial still life",
    mood="calm and warm",
)
TEA_BOWL = Brief(
    name="朝の椀",
    product="京都の小さな工房で、一つずつ手で作る抹茶椀です。朝の五分が、静かな時間になります。",
    message="朝に、一服。",
    call_to_action="工房で手に取ってください",
    language="ja",
)
SPOKEN = ("en", "de", "fr", "es", "it", "pt", "nl")


async def board_of(brief: Brief, index: int = 0) -> tuple[Concept, Storyboard]:
    maker = TemplateWriter()
    concept = (await maker.concepts(brief, 3)).value[index]
    return concept, (await maker.storyboard(brief, concept)).value


def everything(concept: Concept, board: Storyboard) -> str:
    shown = " ".join(
        f"{shot.title} {shot.text} {shot.image_prompt} {shot.motion_prompt} {shot.narration}" for shot in board.shots
    )
    return f"{concept.title} {concept.logline} {concept.treatment} {concept.look} {shown}"


async def test_a_good_brief_becomes_a_script_that_says_all_of_it_in_its_own_words() -> None:
    _, board = await board_of(COFFEE)
    lines = [shot.narration for shot in board.shots]
    assert lines[2:] == [
        "Alderkiln is a pour-over coffee set in speckled stoneware.",
        "Thrown by hand in a two-person workshop in Ghent.",
        "It keeps a cup hot for forty minutes and fits every paper filter. Unhurried. Made to last.",
        "Good coffee takes ten minutes. Keep them. Reserve yours from the autumn batch.",
    ]
    assert all(lines[:2])
    assert board.shots[2].title == "Meet Alderkiln"


@settings(max_examples=60, deadline=None)
@given(shots=st.integers(1, 60), spare=st.fractions(0, 400, max_denominator=24), language=st.sampled_from([*SPOKEN, "ja", "sw"]))
async def test_any_number_of_shots_adds_up_to_the_frame_and_every_line_can_be_said(
    shots: int, spare: Fraction, language: str
) -> None:
    seconds = Fraction(int((max(2, shots) + spare) * FRAME_RATE)) / FRAME_RATE
    brief = replace(TEA_BOWL if language == "ja" else COFFEE, shots=shots, seconds=seconds, language=language)
    _, board = await board_of(brief)
    assert len(board.shots) == shots
    assert board.seconds == seconds
    assert len({shot.id for shot in board.shots}) == shots
    for shot in board.shots:
        assert (shot.seconds * FRAME_RATE).denominator == 1
        assert shot.seconds >= 1
        assert spoken_seconds(shot.narration) <= shot.seconds
        assert shot.title
        assert shot.text
        assert shot.image_prompt
        assert shot.motion_prompt


@pytest.mark.parametrize("language", SPOKEN)
async def test_concepts_differ_and_titles_are_short_in_every_language(language: str) -> None:
    brief = replace(COFFEE, language=language, shots=20, seconds=Fraction(100))
    concepts = (await TemplateWriter().concepts(brief, 6)).value
    assert len({concept.title for concept in concepts}) == 6
    assert len({concept.treatment for concept in concepts}) == 6
    for index in range(6):
        board = (await TemplateWriter().storyboard(brief, concepts[index])).value
        assert all(2 <= len(shot.title.split()) <= 7 for shot in board.shots)
        assert len({shot.title for shot in board.shots}) == 20
        assert len({shot.motion_prompt for shot in board.shots}) >= 12


async def test_every_language_file_says_the_same_things() -> None:
    for language in SPOKEN:
        words = words_in(language)
        english = words_in("en")
        assert words is not None
        assert english is not None
        assert words.concepts.keys() == english.concepts.keys()
        assert words.views.keys() == english.views.keys()


async def test_a_film_in_a_language_without_patterns_has_no_english_in_it() -> None:
    concept, board = await board_of(replace(TEA_BOWL, shots=8, seconds=Fraction(40)), 1)
    seen = " ".join(f"{shot.title} {shot.text} {shot.narration}" for shot in board.shots)
    assert not re.search("[A-Za-z]", f"{concept.title} {concept.logline} {concept.treatment} {seen}")
    assert "一つずつ手で作る抹茶椀です。" in seen
    assert board.shots[-1].narration == "朝に、一服。工房で手に取ってください。"
    assert is_dense(board.shots[0].narration)


async def test_unwanted_words_never_appear_not_even_out_of_the_brief() -> None:
    brief = replace(
        COFFEE,
        product="Alderkiln is a coffee set, a revolutionary luxury for the kitchen, thrown by hand in Ghent.",
        dont_words=("luxury", "revolutionary", "hand", "slow", "light", "small detail"),
        style="luxury editorial, window light",
    )
    text = ""
    for index in range(3):
        text = everything(*await board_of(brief, index)).casefold()
        for word in brief.dont_words:
            assert not re.search(rf"(?<!\w){word}(?!\w)", text), word
    assert "alderkiln" in text


async def test_a_described_product_without_a_name_gets_an_article_or_quotes() -> None:
    museum = Brief(product="A tiny museum of typewriters in Delft.", name="Tiny Museum of Typewriters")
    concept, board = await board_of(museum)
    assert "the Tiny Museum of Typewriters" in f"{concept.logline} {board.shots[2].title}"
    soap = Brief(product="Handgemachte Seife aus Köln, die nach Regen riecht.", name="Handgemachte Seife", language="de")
    concept, board = await board_of(soap)
    assert board.shots[2].title == "Das ist „Handgemachte Seife“"
    assert board.shots[2].narration == "Handgemachte Seife aus Köln, die nach Regen riecht."


async def test_the_persons_pictures_go_to_the_product_first_and_keep_their_order() -> None:
    one, two, three = (AssetId(f"asset_{number}") for number in range(3))
    _, board = await board_of(replace(COFFEE, pictures=(one,)))
    assert [shot.picture for shot in board.shots] == [None, None, one, None, None, None]
    _, board = await board_of(replace(COFFEE, pictures=(one, two, three)))
    assert [shot.picture for shot in board.shots if shot.picture] == [one, two, three]
    _, board = await board_of(replace(COFFEE, shots=2, seconds=Fraction(10), pictures=(one, two, three)))
    assert [shot.picture for shot in board.shots] == [one, two]


async def test_the_same_brief_gives_the_same_text_and_it_is_free_and_says_who_wrote_it() -> None:
    first, second = await board_of(COFFEE), await board_of(COFFEE)
    assert first == second
    written = await TemplateWriter().concepts(COFFEE, 3)
    assert (written.writer, written.charged_micro_usd, TemplateWriter().quote_micro_usd) == (PLAIN, 0, 0)
    assert "template" in written.notice
    assert "OPENAI_API_KEY" in written.notice


async def test_every_palette_can_be_read() -> None:
    for colours in (COFFEE.colours, ("#ff7f5f",), ("#808080", "#7f7f7f"), ()):
        palettes = [concept.palette for concept in (await TemplateWriter().concepts(replace(COFFEE, colours=colours), 6)).value]
        assert len(set(palettes[:3])) == 3
        for palette in palettes:
            assert 3 <= len(palette) <= 5
            assert is_readable(palette[1], palette[0])


async def test_a_concept_that_somebody_else_wrote_opens_the_film_with_its_own_words() -> None:
    theirs = Concept(
        "Steam and silence", "A kettle that says nothing for thirty seconds.", "", "", ("#ffffff", "#000000", "#ff0000")
    )
    board = (await TemplateWriter().storyboard(COFFEE, theirs)).value
    assert board.shots[0].title == "Steam and silence"
    assert board.shots[0].text == "A kettle that says nothing for thirty seconds."


def test_a_template_that_does_not_exist_is_named(tmp_path: Path) -> None:
    async def never(*_: object) -> object:
        raise AssertionError

    workshop = Workshop(folder=tmp_path, environment={}, media=never)
    assert writer(workshop, "plain").model == PLAIN
    with pytest.raises(ConfigurationError, match="template:plain"):
        writer(workshop, "fancy")
