"""The scratch voice as a provider: over its real loopback server, with real worker processes."""

from __future__ import annotations

import io
import wave
from asyncio import sleep, timeout
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import aiohttp
import pytest

from reelwright.domain.generation import Job, JobState, Kind, ModelRef, Request
from reelwright.domain.ids import AssetId, IntentKey
from reelwright.errors import NotFound, ProviderError
from reelwright.media.workers import Workers
from reelwright.ports import Provider, Workshop
from reelwright.providers.espeak import Espeak, provider

LINE = Request(Kind.VOICE, ModelRef("espeak:scratch"), "Good coffee takes ten minutes.", seconds=Fraction(5))
INTENT = IntentKey("take-one")


class NoPictures:
    async def read(self, asset: AssetId) -> bytes:
        raise NotFound(asset)


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    made = Workers(1)
    yield made
    await made.aclose()


@pytest.fixture
async def voice(tmp_path: Path, workers: Workers) -> AsyncIterator[Espeak]:
    made = provider(Workshop(folder=tmp_path, environment={}, media=workers.run))
    yield made
    await made.aclose()


async def ended(voice: Provider, job: Job) -> Job:
    async with timeout(30):
        while job.state is JobState.RUNNING:
            await sleep(0.05)
            job = await voice.poll(job.id)
    return job


async def fetched(url: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.read()


async def test_it_offers_one_free_voice_that_says_what_it_is(voice: Espeak) -> None:
    (card,) = voice.cards()
    assert (card.model, card.kind, card.is_paid, card.is_idempotent) == ("espeak:scratch", Kind.VOICE, False, True)
    assert "machine" in card.label
    assert voice.why_absent == ""


async def test_a_line_becomes_a_wav_at_a_url_of_its_own_that_holds_what_was_announced(voice: Espeak) -> None:
    job = await ended(voice, await voice.submit(LINE, intent=INTENT, attachments=NoPictures()))
    (output,) = job.outputs
    assert output.url.startswith(tuple(voice.trusted_origins))
    status, content = await fetched(output.url)
    assert (status, len(content), output.media_type) == (200, output.size, "audio/wav")
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getframerate(), file.getnchannels()) == (48_000, 1)
        assert 1 < file.getnframes() / 48_000 < 5
    assert job.charged_micro_usd == 0


async def test_a_url_that_was_tampered_with_is_refused(voice: Espeak) -> None:
    job = await ended(voice, await voice.submit(LINE, intent=INTENT, attachments=NoPictures()))
    assert (await fetched(job.outputs[0].url.replace("expires=1", "expires=2")))[0] == 403


async def test_the_same_intent_is_the_same_job_and_is_found_again(voice: Espeak) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    first = await voice.submit(LINE, intent=INTENT, attachments=NoPictures())
    second = await voice.submit(LINE, intent=INTENT, attachments=NoPictures())
    assert first.id == second.id
    found = await voice.find(LINE, intent=INTENT, since=before)
    assert found is not None
    assert found.id == first.id
    assert await voice.find(LINE, intent=IntentKey("another"), since=before) is None
    with pytest.raises(ProviderError, match="another request"):
        await voice.submit(replace(LINE, prompt="Other words."), intent=INTENT, attachments=NoPictures())


async def test_a_job_survives_the_process_that_took_it(tmp_path: Path, workers: Workers) -> None:
    workshop = Workshop(folder=tmp_path, environment={}, media=workers.run)
    one = provider(workshop)
    job = await one.submit(LINE, intent=INTENT, attachments=NoPictures())
    await one.aclose()
    two = provider(workshop)
    again = await ended(two, await two.poll(job.id))
    assert (again.id, again.state) == (job.id, JobState.SUCCEEDED)
    assert (await fetched(again.outputs[0].url))[0] == 200
    await two.aclose()


async def test_a_language_without_a_voice_fails_in_words_and_costs_nothing(voice: Espeak) -> None:
    request = replace(LINE, prompt="nuqneH", language="tlh")
    job = await ended(voice, await voice.submit(request, intent=INTENT, attachments=NoPictures()))
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert "does not speak 'tlh'" in job.failure.reason
    assert not job.failure.is_retryable
    assert not job.failure.is_charged


async def test_too_many_words_for_the_shot_fail_in_words(voice: Espeak) -> None:
    request = replace(LINE, prompt="word " * 40, seconds=Fraction(2))
    job = await ended(voice, await voice.submit(request, intent=INTENT, attachments=NoPictures()))
    assert job.failure is not None
    assert "Say less" in job.failure.reason


async def test_it_makes_nothing_but_voices(voice: Espeak) -> None:
    with pytest.raises(ProviderError, match="makes espeak:scratch"):
        await voice.submit(replace(LINE, kind=Kind.FRAME), intent=INTENT, attachments=NoPictures())
    with pytest.raises(ProviderError, match="espeak has no job"):
        await voice.poll((await ended(voice, await voice.submit(LINE, intent=INTENT, attachments=NoPictures()))).id[:-1])  # pyright: ignore[reportArgumentType]
