"""The ElevenLabs adapter on the simulated ElevenLabs: what it sends, how a lost voice is found again, and that it pays once."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import av
import pytest
from elevenlabs import GetSpeechHistoryResponse

from reelwright.domain.generation import Job, JobState, Kind, ModelRef
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import (
    CreditsUsedUp,
    InDoubt,
    InputRefused,
    JobUnknown,
    KeyRefused,
    Moderated,
    NotSubmitted,
    ProviderError,
    Throttled,
)
from reelwright.ports import Listed
from reelwright.providers import elevenlabs as adapter
from reelwright.providers.elevenlabs import ElevenLabs, provider
from reelwright.testing.simulators.behaviour import Phase, Trouble
from visits import Visit, told, visiting

CLASSIC, LIVELY, FLASH = "elevenlabs:eleven_multilingual_v2", "elevenlabs:eleven_v3", "elevenlabs:eleven_flash_v2_5"
WORDS = "Good coffee takes ten minutes."
GEORGE = "JBFqnCBsd6RMkjVDRZzb"


@pytest.fixture
async def voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Visit]:
    monkeypatch.setattr(adapter, "_START", timedelta(seconds=0.5))
    monkeypatch.setattr(adapter, "_SPOKEN_A_SECOND", 1000)
    async with visiting("elevenlabs", provider, tmp_path) as visit:
        yield visit


def studio_of(visit: Visit) -> ElevenLabs:
    assert isinstance(visit.provider, ElevenLabs)
    return visit.provider


async def fetched(job: Job) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(job.outputs[0].url) as answer:
        assert answer.status == 200
        return await answer.read()


def seconds_of(content: bytes) -> float:
    with av.open(io.BytesIO(content), "r") as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


# -- what is sent, and what comes back -----------------------------------------------------------------------------------


async def test_words_are_spoken_and_paid_by_the_character(voices: Visit) -> None:
    job = await voices.submit(CLASSIC, prompt=WORDS)
    [sent] = voices.sent()
    assert (sent.path, sent.query) == (f"/v1/text-to-speech/{GEORGE}", {"output_format": "mp3_44100_128"})
    assert sent.body == {"text": WORDS, "model_id": "eleven_multilingual_v2"}
    assert sent.headers["xi-api-key"] == voices.environment["ELEVENLABS_API_KEY"]
    assert job.outputs[0].media_type == "audio/mpeg"
    assert seconds_of(await fetched(job)) == pytest.approx(len(WORDS) / 15, abs=0.1)
    assert voices.card(CLASSIC).quote(voices.request(CLASSIC).seconds, WORDS) == voices.charged == 100 * len(WORDS)


async def test_a_model_that_takes_it_is_told_the_language(voices: Visit) -> None:
    await voices.submit(FLASH, prompt="Guter Kaffee braucht Zeit.", language="de-AT")
    assert voices.body == {"text": "Guter Kaffee braucht Zeit.", "model_id": "eleven_flash_v2_5", "language_code": "de"}
    assert voices.charged == 50 * 26


async def test_your_own_card_names_your_voice(voices: Visit, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[[card]]\nmodel = "elevenlabs:eleven_v3"\nkind = "voice"\nlabel = "mine"\nmicro_usd_per_thousand = 30000\n'
        'settings = { voice = "21m00Tcm4TlvDq8ikWAM" }\n'
    )
    studio = provider(replace(voices.workshop, cards=own))
    await studio.submit(voices.request(LIVELY, prompt=WORDS), intent=IntentKey("one"), attachments=voices.album)
    assert voices.sent()[-1].path == "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM"
    await studio.aclose()


# -- paid once -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "error", "accepted"),
    [
        (Trouble.THROTTLE, Throttled, 0),
        (Trouble.UNAVAILABLE, InDoubt, 0),
        (Trouble.BAD_GATEWAY, InDoubt, 0),
        (Trouble.BAD_GATEWAY_AFTER, InDoubt, 1),
        (Trouble.CUT_BEFORE, InDoubt, 0),
        (Trouble.CUT_AFTER, InDoubt, 1),
        (Trouble.GARBLED, InDoubt, 1),
    ],
)
async def test_whatever_happens_it_is_one_post_and_a_lost_voice_is_found(
    voices: Visit, trouble: Trouble, error: type[ProviderError], accepted: int
) -> None:
    request, intent, since = voices.request(CLASSIC, prompt=WORDS), IntentKey("one"), datetime.now(UTC)
    voices.meet(Phase.SUBMIT, trouble)
    with pytest.raises(error):
        await voices.provider.submit(request, intent=intent, attachments=voices.album)
    assert (len(voices.sent()), voices.submits) == (1, accepted)
    found = await studio_of(voices).find(request, intent=intent, since=since)
    assert (found is not None) == bool(accepted)
    if found is not None:
        [made] = voices.vendor.desk.all()
        assert await fetched(found) == await voices.vendor.made(made)
        again = await voices.provider.submit(request, intent=intent, attachments=voices.album)
        assert again.id == found.id
    assert len(voices.sent()) == 1


async def test_an_answer_that_takes_too_long_is_in_doubt_and_found_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "_SECONDS", 0.3)
    async with visiting("elevenlabs", provider, tmp_path, voice_seconds=(2, 2)) as visit:
        request, since = visit.request(CLASSIC, prompt=WORDS), datetime.now(UTC)
        with pytest.raises(InDoubt):
            await visit.provider.submit(request, intent=IntentKey("one"), attachments=visit.album)
        found = await studio_of(visit).find(request, intent=IntentKey("one"), since=since)
        assert found is not None  # it waited until the voice must have been made
        assert visit.submits == len(visit.sent()) == 1


async def test_a_voice_of_the_same_words_that_is_somebody_elses_is_not_taken(voices: Visit) -> None:
    since, studio = datetime.now(UTC), studio_of(voices)
    request = voices.request(CLASSIC, prompt=WORDS)
    first = await studio.submit(request, intent=IntentKey("one"), attachments=voices.album)
    assert await studio.find(request, intent=IntentKey("two"), since=since) is None
    voices.meet(Phase.SUBMIT, Trouble.CUT_AFTER)
    with pytest.raises(InDoubt):
        await studio.submit(request, intent=IntentKey("two"), attachments=voices.album)
    second = await studio.find(request, intent=IntentKey("two"), since=since)
    assert second is not None
    assert second.id != first.id
    assert await studio.find(request, intent=IntentKey("three"), since=since) is None
    assert voices.submits == 2


async def test_only_what_fits_is_found(voices: Visit) -> None:
    since, studio = datetime.now(UTC), studio_of(voices)
    voices.meet(Phase.SUBMIT, Trouble.CUT_AFTER)
    with pytest.raises(InDoubt):
        await voices.submit(CLASSIC, prompt=WORDS)
    for other in (voices.request(LIVELY, prompt=WORDS), voices.request(CLASSIC, prompt="Other words.")):
        assert await studio.find(other, intent=IntentKey("other"), since=since) is None
    later = datetime.now(UTC) + timedelta(minutes=5)
    assert await studio.find(voices.request(CLASSIC, prompt=WORDS), intent=IntentKey("late"), since=later) is None


async def test_a_search_that_goes_wrong_says_nothing(voices: Visit) -> None:
    request, since = voices.request(CLASSIC, prompt=WORDS), datetime.now(UTC)
    for trouble, error in ((Trouble.THROTTLE, Throttled), (Trouble.CUT_BEFORE, NotSubmitted), (Trouble.GARBLED, NotSubmitted)):
        voices.meet(Phase.POLL, trouble)
        with pytest.raises(error):
            await studio_of(voices).find(request, intent=IntentKey("one"), since=since)


# -- the history -------------------------------------------------------------------------------------------------------------


async def test_the_history_is_listed_page_by_page_with_what_we_know_under_its_own_name(
    voices: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_PAGE", 2)
    since = datetime.now(UTC) - timedelta(seconds=1)
    known = [await voices.submit(CLASSIC, prompt=f"{WORDS} {number}") for number in range(3)]
    voices.meet(Phase.SUBMIT, Trouble.CUT_AFTER, Trouble.CUT_AFTER)
    for words in ("Lost.", "Lost, too."):
        with pytest.raises(InDoubt):
            await voices.submit(FLASH, prompt=words)
    assert isinstance(voices.provider, Listed)
    found = [each async for each in voices.provider.jobs(since)]
    pages = [sent for sent in voices.sent("GET") if sent.path == "/v1/history"]
    assert [len(page.answered["history"]) for page in pages] == [2, 2, 1]
    for page in pages:
        GetSpeechHistoryResponse.model_validate(page.answered)
    assert [each.prompt for each in found[:2]] == ["Lost, too.", "Lost."]
    assert [each.job.id for each in found[2:]] == [job.id for job in reversed(known)]
    lost = await voices.provider.poll(found[0].job.id)
    assert (lost.id, lost.state) == (found[0].job.id, JobState.SUCCEEDED)
    assert seconds_of(await fetched(lost)) == pytest.approx(0.7, abs=0.1)
    assert (await voices.provider.poll(lost.id)).outputs[0].sha256 == lost.outputs[0].sha256


async def test_a_voice_has_one_name_whichever_way_it_is_come_by(voices: Visit) -> None:
    since, studio = datetime.now(UTC) - timedelta(seconds=1), studio_of(voices)
    ours = await voices.submit(CLASSIC, prompt=WORDS)
    voices.meet(Phase.SUBMIT, Trouble.CUT_AFTER)
    with pytest.raises(InDoubt):
        await voices.submit(CLASSIC, prompt="Lost.")
    listed = [found.job.id async for found in studio.jobs(since)]
    lost, known = (item["history_item_id"] for item in voices.sent("GET")[-1].answered["history"])
    assert listed == [f"history-{lost}", ours.id]
    for typed in (f"history-{known}", known, f" {known} ", f"https://elevenlabs.io/app/speech/{known}"):
        assert (await studio.poll(JobId(typed))).id == ours.id
    for typed in (f"history-{lost}", lost):
        assert (await studio.poll(JobId(typed))).id == f"history-{lost}"
    assert [found.job.id async for found in studio.jobs(since)] == listed  # also now that it lies here
    request = voices.request(CLASSIC, prompt="Lost.")
    assert await studio.find(request, intent=IntentKey("another"), since=since) is None


@pytest.mark.parametrize("job", ["history-unknown", "unknown", "history-../secret"])
async def test_a_job_that_nobody_made_is_unknown(voices: Visit, job: str) -> None:
    with pytest.raises(JobUnknown):
        await voices.provider.poll(JobId(job))


# -- what refusals mean --------------------------------------------------------------------------------------------------------


async def test_a_bad_key_and_an_empty_account_are_told_apart_although_both_are_401(tmp_path: Path) -> None:
    async with visiting("elevenlabs", provider, tmp_path, key="xi-good-0123456789", credits_micro_usd=1000) as visit:
        with pytest.raises(CreditsUsedUp, match="quota"):
            await visit.submit(CLASSIC, prompt=WORDS)
        visit.environment["ELEVENLABS_API_KEY"] = "xi-bad-0123456789"
        with pytest.raises(KeyRefused, match="Invalid API key"):
            await visit.submit(CLASSIC, prompt=WORDS)
        assert told(visit.sent()) == {401: 2}
        visit.environment["ELEVENLABS_API_KEY"] = ""
        with pytest.raises(KeyRefused, match="ELEVENLABS_API_KEY"):
            await visit.submit(CLASSIC, prompt=WORDS)


async def test_too_many_at_once_are_waited_for(tmp_path: Path) -> None:
    async with visiting("elevenlabs", provider, tmp_path, voice_seconds=(1, 1), concurrency=1) as visit:
        first = asyncio.create_task(visit.submit(CLASSIC, prompt=WORDS))
        while not visit.submits:
            await asyncio.sleep(0.01)
        with pytest.raises(Throttled, match="concurrent"):
            await visit.submit(CLASSIC, prompt=WORDS)
        assert (await first).state is JobState.SUCCEEDED


async def test_what_the_rules_forbid_is_moderated_and_free(voices: Visit) -> None:
    with pytest.raises(Moderated, match="terms of service"):
        await voices.submit(CLASSIC, prompt="[moderated]")
    assert voices.charged == 0


async def test_what_it_does_not_take_is_refused_with_its_words(voices: Visit, tmp_path: Path) -> None:
    for words in ("x" * 5001, "   "):
        with pytest.raises(InputRefused, match="1 to 5000 characters"):
            await voices.submit(LIVELY, prompt=words)
    own = tmp_path / "own.toml"
    own.write_text('[[card]]\nmodel = "elevenlabs:eleven_v3"\nkind = "voice"\nlabel = "mine"\nsettings = { voice = "nobody" }\n')
    studio = provider(replace(voices.workshop, cards=own))
    with pytest.raises(InputRefused, match="nobody was not found"):
        await studio.submit(voices.request(LIVELY), intent=IntentKey("one"), attachments=voices.album)
    await studio.aclose()
    request = voices.request(CLASSIC)
    for wrong in (replace(request, model=ModelRef("elevenlabs:eleven_v9")), replace(request, kind=Kind.FRAME)):
        with pytest.raises(InputRefused, match="ElevenLabs makes no"):
            await voices.provider.submit(wrong, intent=IntentKey("one"), attachments=voices.album)
    assert voices.submits == 0
