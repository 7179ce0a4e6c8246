"""The built-in provider behaves like a vendor: durable, idempotent, temporary, honest."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import aiohttp
import av
import pytest
from PIL import Image

from reelwright.domain.generation import Direction, Job, JobState, Kind, ModelRef, Request
from reelwright.domain.ids import AssetId, IntentKey, JobId
from reelwright.domain.timing import Size
from reelwright.errors import NotFound, NotSubmitted, ProviderError, StorageError
from reelwright.media.workers import Workers
from reelwright.ports import Findable, Workshop
from reelwright.providers.animatic import Animatic, provider
from reelwright.providers.local import outputs

CARD = Request(
    Kind.FRAME,
    ModelRef("animatic:cards"),
    "A cup",
    Size(320, 180),
    direction=Direction(brand="Orbit", title="A quiet morning", style="swiss", number=1, count=3),
)
CLIP = replace(CARD, kind=Kind.CLIP, model=ModelRef("animatic:camera"), seconds=Fraction(1))


class Pictures:
    """Attachments out of a dictionary."""

    def __init__(self, **pictures: bytes) -> None:
        self.pictures = pictures

    async def read(self, asset: AssetId) -> bytes:
        if asset == "lost":
            raise StorageError("The store does not answer.")
        if asset not in self.pictures:
            raise NotFound("No such asset.")
        return self.pictures[asset]


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(1)
    yield pool
    await pool.aclose()


@pytest.fixture
async def studio(tmp_path: Path, workers: Workers) -> AsyncIterator[Animatic]:
    made = provider(Workshop(tmp_path, {}, workers.run))
    yield made
    await made.aclose()


async def ended(studio: Animatic, job: Job) -> Job:
    async with asyncio.timeout(60):
        while job.state is JobState.RUNNING:
            await asyncio.sleep(0.05)
            job = await studio.poll(job.id)
    return job


async def made(studio: Animatic, request: Request, intent: str, pictures: Pictures | None = None) -> Job:
    return await ended(studio, await studio.submit(request, intent=IntentKey(intent), attachments=pictures or Pictures()))


async def fetched(url: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.read(), dict(answer.headers)


async def test_a_frame_becomes_a_clip(studio: Animatic) -> None:
    frame = await made(studio, CARD, "frame")
    (output,) = frame.outputs
    status, card, _ = await fetched(output.url)
    with Image.open(io.BytesIO(card)) as picture:
        picture.load()
    clip = await made(studio, replace(CLIP, picture=AssetId("frame")), "clip", Pictures(frame=card))
    _, movie, _ = await fetched(clip.outputs[0].url)
    with av.open(io.BytesIO(movie), "r") as container:
        frames = sum(1 for _ in container.decode(video=0))

    assert status == 200
    assert (output.size, output.sha256) == (len(card), hashlib.sha256(card).hexdigest())
    assert frame.charged_micro_usd == 0
    assert frames == 24
    assert {output.url.split("/outputs/")[0]} == studio.trusted_origins


async def test_the_same_intent_is_the_same_job_and_the_same_work(studio: Animatic) -> None:
    jobs = [await studio.submit(CARD, intent=IntentKey("one"), attachments=Pictures()) for _ in range(3)]
    done = await ended(studio, jobs[0])
    again = await studio.submit(CARD, intent=IntentKey("one"), attachments=Pictures())

    assert len({job.id for job in jobs}) == 1
    assert again.state is JobState.SUCCEEDED
    assert again.outputs[0].sha256 == done.outputs[0].sha256


async def test_an_intent_cannot_be_used_for_two_requests(studio: Animatic) -> None:
    await made(studio, CARD, "one")

    with pytest.raises(ProviderError, match="another request"):
        await studio.submit(replace(CARD, prompt="else"), intent=IntentKey("one"), attachments=Pictures())


async def test_a_job_that_a_stopped_process_left_goes_on_when_it_is_asked_for(tmp_path: Path, workers: Workers) -> None:
    folder = Workshop(tmp_path, {}, workers.run)
    wanted = replace(CLIP, seconds=Fraction(8))
    first = provider(folder)
    job = await first.submit(wanted, intent=IntentKey("long"), attachments=Pictures())
    assert job.state is JobState.RUNNING
    await first.aclose()

    second = provider(folder)
    done = await ended(second, await second.poll(job.id))
    undisturbed = await made(second, wanted, "other")

    assert done.state is JobState.SUCCEEDED
    assert done.outputs[0].sha256 == undisturbed.outputs[0].sha256
    await second.aclose()


async def test_a_job_is_found_by_its_intent(studio: Animatic) -> None:
    assert isinstance(studio, Findable)
    before = datetime.now(UTC) - timedelta(seconds=5)
    job = await made(studio, CARD, "one")

    async def find(request: Request, intent: str, since: datetime) -> Job | None:
        return await studio.find(request, intent=IntentKey(intent), since=since)

    found = await find(CARD, "one", before)
    assert found is not None
    assert found.id == job.id
    assert await find(CARD, "two", before) is None
    assert await find(replace(CARD, prompt="else"), "one", before) is None
    assert await find(CARD, "one", datetime.now(UTC) + timedelta(minutes=1)) is None


async def test_only_signed_and_fresh_links_are_served(
    studio: Animatic, tmp_path: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await made(studio, CARD, "one")
    url = job.outputs[0].url
    other = provider(Workshop(tmp_path, {}, workers.run))
    foreign = (await other.poll(job.id)).outputs[0].url.split("?")[1]
    monkeypatch.setattr(outputs, "_URL_SECONDS", -1)
    expired = (await studio.poll(job.id)).outputs[0].url

    assert (await fetched(url))[0] == 200
    assert (await fetched(expired))[0] == 403
    assert (await fetched(f"{url.split('?')[0]}?{foreign}"))[0] == 403
    assert (await fetched(url.split("?")[0]))[0] == 403
    assert (await fetched(url.replace("expires=", "expires=9")))[0] == 403
    assert (await fetched(f"{url.split('/outputs/')[0]}/outputs/..%2Fjobs%2F{job.id}.json"))[0] in (403, 404)
    await other.aclose()


async def test_a_broken_download_can_be_resumed(studio: Animatic) -> None:
    url = (await made(studio, CARD, "one")).outputs[0].url
    _, whole, headers = await fetched(url)
    status, rest, part = await fetched(url, **{"Range": "bytes=100-", "If-Range": headers["Etag"]})

    assert headers["Content-Length"] == str(len(whole))
    assert headers["Content-Type"] == "image/png"
    assert status == 206
    assert part["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    assert rest == whole[100:]


async def test_a_picture_that_cannot_be_read_fails_the_job_with_its_reason(studio: Animatic) -> None:
    job = await made(studio, replace(CARD, picture=AssetId("a")), "one", Pictures(a=b"not a picture"))

    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert "picture" in job.failure.reason
    assert not job.failure.is_retryable


async def test_nothing_is_submitted_when_a_picture_cannot_be_fetched(studio: Animatic) -> None:
    with pytest.raises(NotSubmitted):
        await studio.submit(replace(CARD, picture=AssetId("lost")), intent=IntentKey("one"), attachments=Pictures())
    with pytest.raises(ProviderError):
        await studio.submit(replace(CARD, picture=AssetId("none")), intent=IntentKey("one"), attachments=Pictures())

    assert await studio.find(CARD, intent=IntentKey("one"), since=datetime.min.replace(tzinfo=UTC)) is None


async def test_a_cancelled_job_stops_and_leaves_no_half_file(studio: Animatic, tmp_path: Path) -> None:
    job = await studio.submit(
        replace(CLIP, size=Size(1280, 720), seconds=Fraction(60)), intent=IntentKey("one"), attachments=Pictures()
    )
    async with asyncio.timeout(60):
        while not list((tmp_path / "outputs").iterdir()):
            await asyncio.sleep(0.02)

    await studio.cancel(job.id)
    after = await studio.poll(job.id)
    await studio.cancel(job.id)
    await studio.cancel(JobId("unknown"))

    assert after.state is JobState.FAILED
    assert after.failure is not None
    assert list((tmp_path / "outputs").iterdir()) == []


async def test_a_worker_that_dies_is_a_failure_that_may_be_tried_again(tmp_path: Path) -> None:
    def crash(*_: object, **__: object) -> Awaitable[object]:
        raise OSError(28, "No space left on device")

    studio = provider(Workshop(tmp_path, {}, crash))
    job = await made(studio, CARD, "one")

    assert job.failure is not None
    assert job.failure.is_retryable
    await studio.aclose()


async def test_outputs_are_forgotten_after_two_days(tmp_path: Path, workers: Workers) -> None:
    folder = Workshop(tmp_path, {}, workers.run)
    first = provider(folder)
    old, new = await made(first, CARD, "old"), await made(first, replace(CARD, prompt="new"), "new")
    await first.aclose()
    record = tmp_path / "jobs" / f"{old.id}.json"
    facts = json.loads(record.read_text())
    record.write_text(json.dumps({**facts, "submitted": (datetime.now(UTC) - timedelta(hours=50)).isoformat()}))
    (tmp_path / "outputs" / "torn.mp4.part").write_bytes(b"half")

    second = provider(folder)

    assert (await second.poll(new.id)).state is JobState.SUCCEEDED
    with pytest.raises(ProviderError, match="forgets"):
        await second.poll(old.id)
    assert sorted(path.name for path in (tmp_path / "outputs").iterdir()) == [f"{new.id}.png"]
    await second.aclose()


async def test_what_it_cannot_make_is_refused_with_what_it_can(studio: Animatic) -> None:
    for wrong in (replace(CARD, model=ModelRef("animatic:oil")), replace(CARD, kind=Kind.VOICE)):
        with pytest.raises(ProviderError, match="animatic:cards"):
            await studio.submit(wrong, intent=IntentKey("one"), attachments=Pictures())
    with pytest.raises(ProviderError, match="no job"):
        await studio.poll(JobId("unknown"))


async def test_its_models_are_free_and_honestly_labelled(studio: Animatic) -> None:
    frame, clip = studio.cards()

    assert (frame.kind, clip.kind) == (Kind.FRAME, Kind.CLIP)
    assert not frame.is_paid
    assert not clip.is_paid
    assert "not" in frame.label
    assert frame.poll_every == Fraction(1, 4)


async def test_a_closed_provider_takes_nothing_more(tmp_path: Path, workers: Workers) -> None:
    studio = provider(Workshop(tmp_path, {}, workers.run))
    await studio.aclose()
    await studio.aclose()

    with pytest.raises(NotSubmitted):
        await studio.submit(CARD, intent=IntentKey("one"), attachments=Pictures())
