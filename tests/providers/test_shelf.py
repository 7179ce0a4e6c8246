"""The shelf: what was paid for is safe before anybody hears of it, is there once, and is never thrown away unseen."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL

import aiohttp
import pytest

from disks import small_disk
from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Kind, ModelRef, Request
from reelwright.domain.ids import JobId
from reelwright.errors import InDoubt, JobUnknown, NotSubmitted, ProviderError, Throttled
from reelwright.providers.local import Answered, MadeNothing, Shelf, shelf
from visits import drawn

WISH = Request(Kind.FRAME, ModelRef("openai:gpt-image-2"), "A train on a bridge.")
PICTURE = drawn((64, 36), "PNG")
ANSWER = Answered(PICTURE, "image/png", "req_1", 57_000)


class Vendor:
    """Answers with a picture, and counts."""

    def __init__(self, *answers: Answered | ProviderError) -> None:
        self.answers = list(answers) or [ANSWER]
        self.asked = 0

    async def __call__(self) -> Answered:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, ProviderError):
            raise answer
        return answer


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Shelf]:
    made = Shelf("openai", tmp_path)
    yield made
    await made.aclose()


async def fetched(job: Job, **headers: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(job.outputs[0].url, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_an_answer_becomes_a_job_with_a_url_of_its_own(kept: Shelf) -> None:
    job = await kept.submitted("one", WISH, Vendor())
    [output] = job.outputs
    assert (job.state, job.charged_micro_usd) == (JobState.SUCCEEDED, 57_000)
    assert (output.size, output.media_type, output.sha256) == (len(PICTURE), "image/png", hashlib.sha256(PICTURE).hexdigest())
    assert output.url.startswith(tuple(kept.trusted_origins))
    assert await fetched(job) == (200, PICTURE)
    assert (await kept.poll(job.id)).outputs[0].sha256 == output.sha256


async def test_one_key_is_one_job_and_asks_once_also_after_a_restart(kept: Shelf, tmp_path: Path) -> None:
    vendor = Vendor(ANSWER, ANSWER)
    first = await kept.submitted("one", WISH, vendor)
    assert (await kept.submitted("one", WISH, vendor)).id == first.id
    again = Shelf("openai", tmp_path)
    found = await again.find("one", WISH)
    assert found is not None
    assert found.id == first.id
    assert (await again.submitted("one", WISH, vendor)).id == first.id
    assert vendor.asked == 1
    assert await again.find("two") is None
    await again.aclose()


async def test_what_lies_under_a_key_is_never_replaced(kept: Shelf) -> None:
    first = await kept.put("one", WISH, ANSWER)
    second = await kept.put("one", WISH, Answered(drawn((8, 8), "PNG"), "image/png"))
    assert second.id == first.id
    assert await fetched(second) == (200, PICTURE)


async def test_an_intent_cannot_be_used_for_two_requests(kept: Shelf) -> None:
    await kept.submitted("one", WISH, Vendor())
    with pytest.raises(ProviderError, match="another request"):
        await kept.submitted("one", replace(WISH, prompt="Else."), Vendor())


async def test_it_lists_what_it_has_newest_first(kept: Shelf) -> None:
    since = datetime.now(UTC)
    jobs = [await kept.put(key, replace(WISH, prompt=key), replace(ANSWER, vendor_id=key)) for key in ("one", "two", "three")]
    found = await kept.jobs(since)
    assert [each.prompt for each in found] == ["three", "two", "one"]
    assert {each.job.id for each in found} == {job.id for job in jobs}
    assert {(each.model, each.kind) for each in found} == {("gpt-image-2", Kind.FRAME)}
    assert await kept.jobs(datetime.now(UTC)) == []
    assert await kept.by_vendor_id() == dict(zip(("one", "two", "three"), (job.id for job in jobs), strict=True))


async def test_a_vendor_that_says_that_it_failed_has_a_job_that_failed(kept: Shelf) -> None:
    job = await kept.submitted("one", WISH, Vendor(MadeNothing("The server had an error.")))
    assert job.state is JobState.FAILED
    assert job.failure == Failure(
        "The server had an error.",
        is_retryable=True,
        kind=FailureKind.INTERNAL,
        advice="Try again: this attempt is not charged.",
    )
    assert (await kept.poll(job.id)).charged_micro_usd == 0
    again = Vendor()
    assert (await kept.submitted("one", WISH, again)).id == job.id
    assert again.asked == 0


async def test_a_vendor_that_is_busy_has_taken_nothing(kept: Shelf) -> None:
    with pytest.raises(Throttled) as caught:
        await kept.submitted("one", WISH, Vendor(MadeNothing("Overloaded.", is_busy=True, retry_after=7)))
    assert caught.value.retry_after == 7
    assert await kept.find("one") is None


async def test_a_doubt_leaves_nothing_behind(kept: Shelf) -> None:
    with pytest.raises(InDoubt):
        await kept.submitted("one", WISH, Vendor(InDoubt("The connection broke.")))
    assert await kept.find("one") is None


async def test_an_error_page_that_calls_itself_a_picture_is_none() -> None:
    assert Answered.of(Kind.FRAME, PICTURE).media_type == "image/png"
    for kind, content in ((Kind.FRAME, b"<html>We are having a bad day</html>"), (Kind.FRAME, b""), (Kind.VOICE, PICTURE)):
        with pytest.raises(ValueError, match="the answer is not a"):
            Answered.of(kind, content)


async def test_whoever_gives_up_waiting_does_not_lose_what_was_paid(kept: Shelf) -> None:
    answered = asyncio.Event()

    async def ask() -> Answered:
        answered.set()
        return ANSWER

    asking = asyncio.create_task(kept.submitted("one", WISH, ask))
    await answered.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(60):
        while await kept.find("one") is None:
            await asyncio.sleep(0.01)


async def test_an_answer_that_comes_when_the_studio_closes_is_kept_all_the_same(kept: Shelf, tmp_path: Path) -> None:
    async def ask() -> Answered:
        await kept.aclose()
        return ANSWER

    job = await kept.submitted("one", WISH, ask)
    again = Shelf("openai", tmp_path)
    assert await fetched(await again.poll(job.id)) == (200, PICTURE)
    with pytest.raises(NotSubmitted, match="closed"):
        await kept.submitted("two", WISH, Vendor())
    await again.aclose()


# -- kills ---------------------------------------------------------------------------------------------------------------

_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from reelwright.domain.generation import Kind, ModelRef, Request
from reelwright.providers.local import Answered, Shelf

folder, calls = Path(sys.argv[1]), int(sys.argv[2])
left = {name: os.__dict__[name] for name in ("fsync",)}
count = 0

def dies(*arguments):
    global count
    count += 1
    if count > calls:
        os.kill(os.getpid(), signal.SIGKILL)
    return left["fsync"](*arguments)

async def main():
    shelf = Shelf("openai", folder)
    await shelf.find("nothing")
    os.fsync = dies

    async def ask():
        (folder / "paid").write_text("once")
        return Answered((folder / "picture").read_bytes(), "image/png", "req_1", 57_000)

    job = await shelf.submitted("one", Request(Kind.FRAME, ModelRef("openai:gpt-image-2"), "A train on a bridge."), ask)
    print(job.id, flush=True)
    os._exit(0)

asyncio.run(main())
"""


@pytest.mark.parametrize("calls", range(5))
async def test_killed_between_the_answer_and_the_receipt_it_is_there_whole_or_not_at_all(tmp_path: Path, calls: int) -> None:
    (tmp_path / "picture").write_bytes(PICTURE)
    command = [sys.executable, "-c", _KILLED, str(tmp_path), str(calls)]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == (0 if calls == 4 else -SIGKILL), ran.stderr
    assert (tmp_path / "paid").exists()
    again = Shelf("openai", tmp_path)
    found = await again.find("one", WISH)
    if calls < 3:
        assert found is None  # the picture had no name yet: the submit is in doubt
    else:
        assert found is not None
        assert (found.charged_micro_usd, await fetched(found)) == (57_000, (200, PICTURE))
    assert ran.stdout.strip() == (found.id if found and calls == 4 else "")
    await again.aclose()


# -- disks ---------------------------------------------------------------------------------------------------------------


async def test_nothing_is_bought_that_could_not_be_kept(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8) as disk:
        kept, vendor = Shelf("openai", disk.folder), Vendor()
        with pytest.raises(NotSubmitted, match="nearly full"):
            await kept.submitted("one", WISH, vendor)
        assert vendor.asked == 0
        await kept.aclose()


async def test_what_was_paid_waits_for_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_FREE_BYTES", 1 << 20)
    monkeypatch.setattr(shelf, "_WRITE_PAUSE", 0.05)
    with small_disk(tmp_path / "disk", 8) as disk:
        kept = Shelf("openai", disk.folder)

        async def ask() -> Answered:
            disk.fill()
            asyncio.get_running_loop().call_later(0.3, disk.free)
            return ANSWER

        job = await kept.submitted("one", WISH, ask)
        assert await fetched(job) == (200, PICTURE)
        await kept.aclose()


async def test_what_cannot_be_written_at_all_is_in_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_FREE_BYTES", 1 << 20)
    monkeypatch.setattr(shelf, "_WRITE_PAUSE", 0.001)
    with small_disk(tmp_path / "disk", 8) as disk:
        kept = Shelf("openai", disk.folder)

        async def ask() -> Answered:
            disk.fill()
            return ANSWER

        with pytest.raises(InDoubt, match="No space left"):
            await kept.submitted("one", WISH, ask)
        await kept.aclose()


# -- what is thrown away, and what is not ----------------------------------------------------------------------------------


def aged(folder: Path, job: Job, **ages: timedelta) -> None:
    """Makes a note older than it is."""
    note = folder / "shelf" / f"{job.id}.json"
    facts = json.loads(note.read_text())
    note.write_text(json.dumps({**facts, **{name: (datetime.now(UTC) - age).isoformat() for name, age in ages.items()}}))


async def test_what_nobody_fetched_is_kept_for_ever(kept: Shelf, tmp_path: Path) -> None:
    job = await kept.put("one", WISH, ANSWER)
    await kept.aclose()
    aged(tmp_path, job, at=timedelta(days=4000))
    again = Shelf("openai", tmp_path)
    assert await fetched(await again.poll(job.id)) == (200, PICTURE)
    await again.aclose()


async def test_what_came_home_a_week_ago_is_thrown_away_and_never_bought_again(kept: Shelf, tmp_path: Path) -> None:
    old, new = await kept.put("old", WISH, ANSWER), await kept.put("new", WISH, replace(ANSWER, vendor_id="req_2"))
    for job in (old, new):
        assert await fetched(job) == (200, PICTURE)
    await kept.aclose()
    aged(tmp_path, old, sent_at=timedelta(days=8))
    aged(tmp_path, new, sent_at=timedelta(days=6))
    again, vendor = Shelf("openai", tmp_path), Vendor()
    assert await fetched(await again.poll(new.id)) == (200, PICTURE)
    with pytest.raises(JobUnknown):
        await again.poll(old.id)
    with pytest.raises(JobUnknown):
        await again.submitted("old", WISH, vendor)
    assert vendor.asked == 0
    assert (await again.by_vendor_id())["req_1"] == old.id
    assert not list((tmp_path / "shelf").glob(f"{old.id}.png"))
    await again.aclose()


async def test_only_a_download_to_the_last_byte_counts_as_fetched(kept: Shelf, tmp_path: Path) -> None:
    job = await kept.put("one", WISH, ANSWER)

    def sent_at() -> object:
        return json.loads((tmp_path / "shelf" / f"{job.id}.json").read_text())["sent_at"]

    assert await fetched(job, Range="bytes=0-9") == (206, PICTURE[:10])
    assert sent_at() is None
    assert await fetched(job, Range="bytes=10-") == (206, PICTURE[10:])
    async with asyncio.timeout(60):
        while sent_at() is None:  # the last byte is here before it is written down there
            await asyncio.sleep(0.01)


# -- other folders ---------------------------------------------------------------------------------------------------------


async def test_what_lies_in_another_folder_is_not_unknown_and_may_be_brought_here(tmp_path: Path) -> None:
    there, here = Shelf("openai", tmp_path / "there"), Shelf("openai", tmp_path / "here")
    job = await there.put("one", WISH, ANSWER)
    with pytest.raises(NotSubmitted, match="another data folder"):
        await here.poll(job.id)
    for file in (tmp_path / "there" / "shelf").glob(f"{job.id}.*"):
        shutil.copy(file, tmp_path / "here" / "shelf")
    assert await fetched(await here.poll(job.id)) == (200, PICTURE)
    found = await here.find("one", WISH)
    assert found is not None
    assert found.id == job.id
    await there.aclose()
    await here.aclose()


@pytest.mark.parametrize("name", ["unknown", "openai-shelf-", "openai-shelf-00000000-../../../secret", "google-shelf-1-2"])
async def test_an_id_that_is_none_leads_nowhere(kept: Shelf, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.json").write_text('{"at": "2026-01-01T00:00:00Z"}')
    with pytest.raises((JobUnknown, NotSubmitted)):
        await kept.poll(JobId(name))
