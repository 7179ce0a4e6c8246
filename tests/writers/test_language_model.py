"""A language model through the vendors' own library, against a real server on this machine."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import structlog

from reelwright.domain.brief import Brief
from reelwright.domain.card import PromptUnit
from reelwright.domain.ids import AssetId
from reelwright.errors import ConfigurationError, NotSubmitted, ProviderError, Throttled
from reelwright.ports import Refining, Workshop, Writer
from reelwright.testing.language_model import HANG, KEY, LanguageModelServer, good_answer
from reelwright.writers.conversation import REASKED, LanguageModelWriter
from reelwright.writers.endpoint import Endpoint
from reelwright.writers.fallback import PaidInVain, with_fallback
from reelwright.writers.language_model import anthropic, google, openai
from reelwright.writers.template import PLAIN, TemplateWriter

BRIEF = Brief(
    name="Alderkiln",
    product="A pour-over coffee set in speckled stoneware.",
    message="Good coffee takes ten minutes.",
    call_to_action="Reserve yours",
    audience="people with ten minutes",
    tone="dry and warm",
    do_words=("unhurried",),
    dont_words=("luxury",),
    colours=("#2f3e46",),
    seconds=Fraction(30),
    shots=6,
)


@pytest.fixture
async def server() -> AsyncIterator[LanguageModelServer]:
    async with LanguageModelServer() as made:
        yield made


def asking(url: str, key: str = KEY, seconds: float = 20) -> LanguageModelWriter:
    return LanguageModelWriter(Endpoint("openai", "gpt-5.4-mini", key, "OPENAI_API_KEY", url), answer_seconds=seconds)


def workshop(folder: Path, **environment: str) -> Workshop:
    async def never(*_: object) -> object:
        raise AssertionError

    return Workshop(folder=folder, environment=environment, media=never)


async def test_a_good_answer_becomes_concepts_and_a_storyboard_of_exact_length(server: LanguageModelServer) -> None:
    brief = replace(BRIEF, pictures=(AssetId("asset_1"),))
    written = await asking(server.url).concepts(brief, 3)
    assert [concept.title for concept in written.value] == ["Written idea 1", "Written idea 2", "Written idea 3"]
    assert (written.writer, written.notice) == ("openai:gpt-5.4-mini", "")
    board = (await asking(server.url).storyboard(brief, written.value[0])).value
    assert len(board.shots) == 6
    assert board.seconds == 30
    assert [shot.picture for shot in board.shots].count(AssetId("asset_1")) == 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("vendor", ["anthropic", "google"])
async def test_the_other_vendors_answer_in_their_own_language(server: LanguageModelServer, vendor: str) -> None:
    endpoint = Endpoint(vendor, "a-model", KEY, "KEY", server.origin)
    writer = LanguageModelWriter(endpoint, answer_seconds=20)
    concepts = (await writer.concepts(BRIEF, 3)).value
    assert [concept.title for concept in concepts] == ["Written idea 1", "Written idea 2", "Written idea 3"]
    assert (await writer.storyboard(BRIEF, concepts[0])).value.seconds == 30
    assert BRIEF.product in server.prompts()
    server.replies.append(429)
    with pytest.raises(Throttled):
        await writer.concepts(BRIEF, 3)
    assert len(server.requests) == 3
    with pytest.raises(ConfigurationError, match="KEY was refused"):
        await LanguageModelWriter(replace(endpoint, key="wrong"), answer_seconds=20).concepts(BRIEF, 3)


async def test_the_model_is_told_everything_that_the_brief_says(server: LanguageModelServer) -> None:
    writer = asking(server.url)
    await writer.storyboard(BRIEF, (await writer.concepts(BRIEF, 3)).value[1])
    told = server.prompts()
    for fact in (
        BRIEF.product,
        BRIEF.message,
        BRIEF.call_to_action,
        BRIEF.audience,
        BRIEF.tone,
        "unhurried",
        "luxury",
        "#2f3e46",
    ):
        assert fact in told
    assert "Written idea 2" in told
    assert "json_schema" in told


@pytest.mark.parametrize(
    "bad",
    [
        "I would be glad to help!",
        json.dumps({"concepts": []}),
        json.dumps({"concepts": json.loads(good_answer({"messages": [{"content": "exactly 1"}]}))["concepts"] * 3}),
        good_answer({"messages": [{"content": "exactly 3"}]}).replace("Soft light", "A luxury light"),
        good_answer({"messages": [{"content": "exactly 3"}]}).replace("#22343a", "dark-ish"),
    ],
    ids=["no json", "too few", "the same titles", "an unwanted word", "no colours"],
)
async def test_an_answer_that_cannot_be_used_is_asked_for_again_with_the_reason(server: LanguageModelServer, bad: str) -> None:
    server.replies.append(bad)
    written = await asking(server.url).concepts(BRIEF, 3)
    assert len(written.value) == 3
    assert len(server.requests) == 2
    assert len(server.requests[1]["messages"]) > len(server.requests[0]["messages"])


async def test_a_narration_that_does_not_fit_the_film_is_sent_back(server: LanguageModelServer) -> None:
    concept = (await asking(server.url).concepts(BRIEF, 1)).value[0]
    server.replies.append(lambda body: good_answer(body).replace("One.", "Far too many words for a shot of this length. " * 4))
    board = (await asking(server.url).storyboard(BRIEF, concept)).value
    assert board.shots[0].narration == "One."
    assert "seconds to say" in json.dumps(server.requests[-1])


async def test_a_model_that_never_answers_well_gives_up_and_the_template_stands_in(server: LanguageModelServer) -> None:
    server.replies.extend(["no"] * 10)
    with pytest.raises(PaidInVain, match=f"asking {REASKED} times again"):
        await asking(server.url).concepts(BRIEF, 3)
    assert len(server.requests) == REASKED + 1
    written = await with_fallback(asking(server.url), TemplateWriter()).concepts(BRIEF, 3)
    assert written.writer == PLAIN
    assert "openai:gpt-5.4-mini did not deliver" in written.notice
    assert "template:plain stood in" in written.notice


@pytest.mark.parametrize(("status", "error"), [(429, Throttled), (500, PaidInVain), (404, ProviderError)])
async def test_a_refusal_is_told_in_words_and_nothing_is_sent_twice(
    server: LanguageModelServer, status: int, error: type[ProviderError]
) -> None:
    server.replies.append(status)
    with pytest.raises(error):
        await asking(server.url).concepts(BRIEF, 3)
    assert len(server.requests) == 1


async def test_a_model_that_hangs_is_not_waited_for_for_ever(server: LanguageModelServer) -> None:
    server.replies.append(HANG)
    with pytest.raises(ProviderError, match=r"did not answer within 0\.5 seconds"):
        await asking(server.url, seconds=0.5).concepts(BRIEF, 3)


async def test_a_server_that_is_not_there_was_not_asked() -> None:
    with pytest.raises(NotSubmitted, match="could not be reached"):
        await asking("http://127.0.0.1:9/v1").concepts(BRIEF, 3)


async def test_a_wrong_key_is_a_matter_of_the_settings_and_nobody_stands_in(server: LanguageModelServer) -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY was refused"):
        await with_fallback(asking(server.url, key="sk-wrong"), TemplateWriter()).concepts(BRIEF, 3)


async def test_no_key_is_ever_logged_or_told(server: LanguageModelServer) -> None:
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with structlog.testing.capture_logs() as events:
            await asking(server.url).concepts(BRIEF, 3)
            server.replies.extend([500])
            with pytest.raises(ProviderError) as failed:
                await asking(server.url).concepts(BRIEF, 3)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    # Where a studio was open before, events are on their way to the log already and cannot be taken off it.
    assert events or "text.written" in heard.getvalue()
    assert heard.getvalue()
    endpoint = Endpoint("openai", "m", KEY, "OPENAI_API_KEY")
    assert KEY not in f"{heard.getvalue()}{events}{failed.value}{endpoint}{server.prompts()}"


@pytest.mark.parametrize(
    ("make", "model", "setting"),
    [
        (openai, "gpt-5.4-mini", "OPENAI_API_KEY"),
        (anthropic, "claude-sonnet-5-5", "ANTHROPIC_API_KEY"),
        (google, "gemini-3.8-flash", "GOOGLE_API_KEY"),
    ],
)
def test_a_missing_key_is_named_and_a_key_is_enough(
    tmp_path: Path, make: Callable[[Workshop, str], Writer], model: str, setting: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"{setting} is not set"):
        make(workshop(tmp_path), model)
    writer = make(workshop(tmp_path, **{setting: KEY}), model)
    assert writer.model.endswith(model)
    with pytest.raises(ConfigurationError, match="name a model"):
        make(workshop(tmp_path, **{setting: KEY}), "")


async def test_a_server_of_ones_own_needs_no_key_and_costs_nothing(tmp_path: Path, server: LanguageModelServer) -> None:
    writer = openai(workshop(tmp_path, OPENAI_BASE_URL=server.url), "llama")
    assert writer.quote_micro_usd == 0
    writer = openai(workshop(tmp_path, OPENAI_BASE_URL=server.url, OPENAI_API_KEY=KEY), "llama")
    written = await writer.concepts(BRIEF, 3)
    assert (written.writer, written.charged_micro_usd) == ("openai:llama", 0)


def test_a_quote_is_known_before_anything_is_asked() -> None:
    known: Writer = asking("")
    unknown: Writer = LanguageModelWriter(Endpoint("openai", "nobody-knows", KEY, "OPENAI_API_KEY"), answer_seconds=1)
    assert 0 < known.quote_micro_usd < 500_000 < unknown.quote_micro_usd


LONG = "A brass lamp glows on a wooden table. The camera pushes in slowly. " * 20


def fewer(words: str) -> str:
    return json.dumps({"prompt": words})


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "google"])
async def test_a_prompt_is_rewritten_to_the_limit_with_all_that_it_is_about(server: LanguageModelServer, vendor: str) -> None:
    base = server.url if vendor == "openai" else server.origin
    writer = LanguageModelWriter(Endpoint(vendor, "a-model", KEY, "KEY", base), answer_seconds=20)
    server.replies.append(fewer("  A lamp\n glows. "))
    written = await writer.refine(LONG, 1000, PromptUnit.UTF16)
    assert (written.value, written.writer, written.notice) == ("A lamp glows.", f"{vendor}:a-model", "")
    told = server.prompts()
    assert "A brass lamp glows on a wooden table." in told
    assert "at most 900 characters (an emoji counts as two)" in told
    assert "the subject, what happens, the camera" in told


@pytest.mark.parametrize("bad", [fewer("x" * 1001), fewer("💡" * 501), fewer(" "), "no json"])
async def test_a_prompt_that_is_still_too_long_is_asked_for_again(server: LanguageModelServer, bad: str) -> None:
    server.replies.extend([bad, fewer("A lamp glows.")])
    assert (await asking(server.url).refine(LONG, 1000, PromptUnit.UTF16)).value == "A lamp glows."
    assert len(server.requests) == 2


async def test_a_prompt_that_nobody_delivers_comes_back_as_it_was_with_the_reason(server: LanguageModelServer) -> None:
    server.replies.extend([fewer("x" * 1001)] * 10)
    writer = with_fallback(
        LanguageModelWriter(Endpoint("openai", "nobody-knows", KEY, "K", server.url), answer_seconds=20), TemplateWriter()
    )
    assert isinstance(writer, Refining)
    written = await writer.refine(LONG, 1000, PromptUnit.UTF16)
    assert written.value == LONG
    assert written.notice.startswith("openai:nobody-knows did not deliver: Its answers could not be used")
    assert len(server.requests) == REASKED + 1


async def test_a_wrong_key_is_told_before_a_prompt_is_shortened(server: LanguageModelServer) -> None:
    writer = with_fallback(asking(server.url, key="sk-wrong"), TemplateWriter())
    assert isinstance(writer, Refining)
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY was refused"):
        await writer.refine(LONG, 1000, PromptUnit.UTF16)


async def test_a_template_rewrites_nothing() -> None:
    assert not isinstance(TemplateWriter(), Refining)
    writer = with_fallback(TemplateWriter(), TemplateWriter())
    assert isinstance(writer, Refining)
    assert writer.refine_quote(LONG) == 0
    assert (await writer.refine(LONG, 1000, PromptUnit.UTF16)).value == LONG


def test_a_rewrite_is_quoted_by_the_length_of_what_is_rewritten(tmp_path: Path) -> None:
    writer = asking("")
    assert 0 < writer.refine_quote("A lamp.") < writer.refine_quote(LONG * 10) < writer.quote_micro_usd
    local = openai(workshop(tmp_path, OPENAI_BASE_URL="http://127.0.0.1:9/v1"), "llama")
    assert isinstance(local, Refining)
    assert local.refine_quote(LONG) == 0
