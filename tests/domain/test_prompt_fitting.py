"""Shortening a prompt: at the end of a sentence in any language, never inside of one, and never through a character."""

from __future__ import annotations

import pytest
import regex
from hypothesis import assume, given
from hypothesis import strategies as st

from reelwright.domain.card import ModelCard, PromptUnit
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.prompt_fitting import Fit, FittedPrompt, fit_key, shorten, told_fits
from reelwright.errors import InvalidInput

CHARACTERS, UTF16, BYTES = PromptUnit.CHARACTERS, PromptUnit.UTF16, PromptUnit.BYTES
WORDS = [
    "lamp",
    "Märchen",
    "é" + "e\u0301",
    "👩‍👩‍👧‍👦",
    "🇩🇪🇯🇵",
    "👍🏽",
    "नमस्ते",
    "f/1.4",
    "3.5",
    "灯火",
    "ราตรี",
    "❤️",
    "1️⃣",
    "한국어",
]
STOPS = [".", "!", "?", "…", "?!", "。", "！", "？", "।", "؟", "۔"]
CLOSED = [".)", "!”", "。」"]

sentences = st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.sampled_from(STOPS)).map(
    lambda parts: f"A{' '.join(parts[0])} ends{parts[1]}"
)
units = st.sampled_from(list(PromptUnit))


def graphemes(text: str) -> list[str]:
    """What people see as single characters, by somebody else's implementation of UAX 29."""
    return regex.findall(r"\X", text)


@given(st.lists(sentences, min_size=1, max_size=8), st.integers(1, 300), units)
def test_whole_sentences_are_kept_as_many_as_fit(texts: list[str], limit: int, unit: PromptUnit) -> None:
    prompt = " ".join(texts)
    starts = [" ".join(texts[:count]) for count in range(1, len(texts) + 1)]
    fitting = [start for start in starts if unit.measure(start) <= limit]
    try:
        fitted = shorten(prompt, limit, unit)
    except InvalidInput:
        assert not fitting
        return
    assert unit.measure(fitted.prompt) <= limit
    if fitting:
        assert fitted.prompt == fitting[-1]
        assert fitted.fit is Fit.SHORTENED
    else:
        assert fitted.fit is Fit.CLIPPED


@given(st.text(), st.integers(0, 40), units)
def test_whatever_it_is_given_it_never_exceeds_the_limit_and_tears_no_character(text: str, limit: int, unit: PromptUnit) -> None:
    text = text.replace("\r", " ")
    try:
        fitted = shorten(text, limit, unit)
    except InvalidInput:
        assert unit.measure(text.strip()) > limit
        return
    assert unit.measure(fitted.prompt) <= limit
    whole = text.strip()
    assert whole.startswith(fitted.prompt)
    assert graphemes(fitted.prompt) == graphemes(whole)[: len(graphemes(fitted.prompt))]
    assert shorten(fitted.prompt, limit, unit) == FittedPrompt(fitted.prompt, Fit.SHORTENED)


@given(
    st.lists(st.sampled_from([*WORDS, *STOPS, *CLOSED, ", ", "، ", "\u0301", "\u200d", "\ufe0f", "🏽", "ำ", " "])),
    st.integers(1, 60),
    units,
)
def test_no_character_is_torn_where_sentences_end_strangely(parts: list[str], limit: int, unit: PromptUnit) -> None:
    text = "".join(parts)
    try:
        fitted = shorten(text, limit, unit)
    except InvalidInput:
        return
    assert graphemes(fitted.prompt) == graphemes(text.strip())[: len(graphemes(fitted.prompt))]


@given(st.lists(sentences, min_size=1, max_size=6), st.integers(1, 200), units)
def test_shortening_twice_is_shortening_once(texts: list[str], limit: int, unit: PromptUnit) -> None:
    try:
        once = shorten(" ".join(texts), limit, unit)
    except InvalidInput:
        assume(False)
        return
    assert shorten(once.prompt, limit, unit).prompt == once.prompt


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Dr. Who stands there. She waits for nobody at all.", "Dr. Who stands there."),
        ("Shot at f/1.4 on film, e.g. Portra. Then it rains for a while.", "Shot at f/1.4 on film, e.g. Portra."),
        ("Zwei Lampen, z.B. rote. Dann kommt jemand herein und geht.", "Zwei Lampen, z.B. rote."),
        ("It is no. 5 of the row. The others are dark tonight.", "It is no. 5 of the row."),
        ("1. A lamp glows. 2. A table stands in the dark corner.", "1. A lamp glows."),
        ("a lamp glows. camera pushes in slowly towards the light.", "a lamp glows."),
        ('"Wow! So good!" he said. Then he left the room quickly.', '"Wow! So good!" he said.'),
        ("“Look. It glows.” She nods. Then she leaves the room again.", "“Look. It glows.” She nods."),
        ("He waits (see below. It is long). Then he goes out again.", "He waits (see below. It is long)."),
        ("灯が光る。カメラが寄る。" + "長い文が続いてまだ終わらない" * 3, "灯が光る。カメラが寄る。"),
        ("「光。」と言う。そして部屋を出て行くところまで見える長い文", "「光。」と言う。"),
        ("दीपक जलता है। कैमरा धीरे धीरे पास आता है और फिर रुकता है", "दीपक जलता है।"),
        ("المصباح يضيء؟ نعم. الكاميرا تقترب ببطء من الضوء في الغرفة", "المصباح يضيء؟ نعم."),
        ("Լամպը վառվում է։ Տեսախցիկը դանդաղ մոտենում է լույսին այստեղ", "Լամպը վառվում է։"),
        ("A lamp\n\nA table that stands in the dark corner of a room", "A lamp"),
        ("Costs 3.5 dollars.And more. But nobody pays for it at all.", "Costs 3.5 dollars.And more."),
    ],
)
def test_a_sentence_ends_where_a_reader_would_say_so(text: str, kept: str) -> None:
    most = len(text) - 3
    fitted = shorten(text, most, CHARACTERS)
    assert (fitted.prompt, fitted.fit) == (kept, Fit.SHORTENED)


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("A lamp, brass and old, glows in the dark", 25, "A lamp, brass and old"),
        ("A lamp – old – glows in the dark", 16, "A lamp – old"),
        ("灯が光る、カメラが寄る、音が止まる", 14, "灯が光る、カメラが寄る"),
        ("مصباح يضيء، والكاميرا تقترب ببطء", 15, "مصباح يضيء"),
        ("โคมไฟส่องสว่าง กล้องเคลื่อนเข้า", 20, "โคมไฟส่องสว่าง"),
        ("At 12:30, or 1,5 hours later, it glows", 30, "At 12:30, or 1,5 hours later"),
    ],
)
def test_one_long_sentence_ends_with_a_clause_and_that_is_said(text: str, limit: int, kept: str) -> None:
    fitted = shorten(text, limit, CHARACTERS)
    assert (fitted.prompt, fitted.fit) == (kept, Fit.CLIPPED)


def test_what_cannot_be_shortened_is_refused_with_the_reason() -> None:
    with pytest.raises(InvalidInput, match=r"has 1,200 UTF-16 units and at most 1,000 are allowed; it is one sentence"):
        shorten("💡" * 600, 1000, UTF16)


@given(st.integers(900, 1100))
def test_a_real_prompt_of_any_length_ends_with_a_sentence(length: int) -> None:
    text = ("A brass lamp glows on the table. The camera pushes in. " * 40)[:length]
    fitted = shorten(text, 1000, UTF16)
    assert fitted.prompt.endswith(("table.", "in.")) or len(text) <= 1000


def test_a_long_prompt_is_shortened_at_once() -> None:
    assert len(shorten("A lamp. " * 50_000, 100_000, BYTES).prompt) == 99_999


def test_a_fitted_prompt_is_found_by_what_it_was_made_of() -> None:
    keys = {fit_key(prompt, limit, unit) for prompt in ("a", "b") for limit in (1, 2) for unit in PromptUnit}
    assert len(keys) == 12
    assert fit_key("\ud83d", 1, UTF16) == fit_key("\ud83d", 1, UTF16)


def test_prompts_that_were_fitted_are_told_together() -> None:
    card = ModelCard(ModelRef("runway:gen4_turbo"), Kind.CLIP, "", prompt_limit=1000, prompt_unit=UTF16)
    rewritten = FittedPrompt("a", Fit.REWRITTEN, "openai:gpt-5.4-mini")
    cut = FittedPrompt("c", Fit.CLIPPED, notice="openai:gpt-5.4-mini did not deliver: It was busy.")
    fits = {"shot-01": rewritten, "shot-02": FittedPrompt("b", Fit.SHORTENED), "shot-03": rewritten, "shot-04": cut}
    first, second, third = told_fits(card, fits, 6)
    limit = "too long for runway:gen4_turbo (at most 1,000 UTF-16 units)"
    assert first == f"The clip prompts of shot-01 and shot-03 are {limit}: openai:gpt-5.4-mini said the same in fewer words."
    assert second == f"The clip prompts of shot-02 are {limit}: what does not fit is left out, from the end of a sentence on."
    assert third.endswith("from the end of a clause on. openai:gpt-5.4-mini did not deliver: It was busy.")
