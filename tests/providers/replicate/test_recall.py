"""A prediction whose answer was lost is found again, or nobody says that it is not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reelwright.domain.generation import JobState, Kind, ModelRef
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import JobUnknown, ProviderError
from reelwright.providers.replicate.answers import Prediction
from reelwright.providers.replicate.recall import Trace, recalled
from replicate_vendor import CLIP, FRAME, SEEDLESS, Met, moments_ago


async def test_each_intent_finds_its_own_job_among_equal_ones(met: Met) -> None:
    since = moments_ago()
    made = [await met.submit(FRAME, str(number)) for number in range(5)]
    met.vendor.page_size = 2
    found = [await met.studio.find(FRAME, intent=IntentKey(str(number)), since=since) for number in range(5)]

    assert [job.id for job in found if job] == [job.id for job in made]
    assert await met.studio.find(FRAME, intent=IntentKey("never"), since=since) is None


async def test_without_a_seed_two_equal_jobs_are_told_apart_by_nobody(met: Met) -> None:
    since = moments_ago()
    only = await met.submit(SEEDLESS)
    found = await met.studio.find(SEEDLESS, intent=IntentKey("one"), since=since)
    assert found is not None
    assert found.id == only.id
    assert await met.studio.find(replace(SEEDLESS, prompt="Else."), intent=IntentKey("one"), since=since) is None
    await met.submit(SEEDLESS, "two")
    with pytest.raises(ProviderError, match="may be the one"):
        await met.studio.find(SEEDLESS, intent=IntentKey("one"), since=since)


async def test_a_job_whose_question_was_deleted_may_be_the_one(met: Met) -> None:
    since = moments_ago()
    job = await met.ended(await met.submit(FRAME))
    met.vendor.keeps_files_seconds = -1.0

    with pytest.raises(ProviderError, match=job.id):
        await met.studio.find(FRAME, intent=IntentKey("one"), since=since)
    other = replace(FRAME, model=ModelRef("replicate:black-forest-labs/flux-dev"))
    assert await met.studio.find(other, intent=IntentKey("one"), since=since) is None


def test_a_seed_is_believed_across_a_clock_that_is_slow_and_a_prompt_is_not() -> None:
    now = datetime.now(UTC)
    early = Prediction(
        id="p", status="starting", model="a/b", input={"prompt": "A", "seed": 7}, created_at=now - timedelta(seconds=20)
    )
    blank = early.model_copy(update={"input": {"prompt": "A"}})

    assert recalled(Trace("a/b", "A", 7, now), [early]) is early
    assert recalled(Trace("a/b", "A", 8, now), [early]) is None
    assert recalled(Trace("a/b", "A", None, now), [blank]) is None
    assert recalled(Trace("a/b", "A", None, now - timedelta(minutes=1)), [blank]) is blank
    assert recalled(Trace("a/b", "A", None, now - timedelta(hours=1)), [blank]) is None
    assert recalled(Trace("x/y", "A", 7, now), [early]) is None


@pytest.mark.parametrize("row", [None, "gone", {"id": 7}, {"status": "succeeded", "input": []}])
async def test_a_row_that_cannot_be_read_hides_no_other_and_is_not_believed_to_be_absent(met: Met, row: object) -> None:
    since = moments_ago()
    first, odd, last = [await met.submit(FRAME, str(number)) for number in range(3)]
    met.vendor.odd[odd.id] = row

    for number, job in ((0, first), (2, last)):
        found = await met.studio.find(FRAME, intent=IntentKey(str(number)), since=since)
        assert found is not None
        assert found.id == job.id
    for intent in ("1", "never"):
        with pytest.raises(ProviderError, match="id cannot be read"):
            await met.studio.find(FRAME, intent=IntentKey(intent), since=since)
    jobs = met.studio.jobs(since)
    listed = [(await anext(jobs)).job.id for _ in range(2)]
    with pytest.raises(ProviderError, match="id cannot be read"):
        await anext(jobs)
    assert listed == [last.id, first.id]


async def test_a_row_with_an_odd_part_is_one_with_all_the_others(met: Met) -> None:
    since = moments_ago()
    job = await met.submit(FRAME)
    odd: dict[str, object] = {"status": 7, "model": None, "logs": {}, "input": "deleted", "created_at": "yesterday"}
    met.vendor.odd[job.id] = {"id": job.id, **odd}

    [found] = [found async for found in met.studio.jobs(since)]
    assert (found.job.id, found.job.state, found.prompt) == (job.id, JobState.RUNNING, "")
    with pytest.raises(ProviderError, match=job.id):
        await met.studio.find(FRAME, intent=IntentKey("never"), since=since)


async def test_an_odd_row_that_is_surely_another_job_stands_in_nobodys_way(met: Met) -> None:
    since = moments_ago()
    now = datetime.now(UTC).isoformat()
    for row in (
        {"id": None, "model": "alibaba/wan-3", "created_at": now},
        {"id": None, "created_at": now, "input": {"prompt": FRAME.prompt, "seed": 1}},
        {"id": None, "created_at": "2020-01-01T00:00:00Z"},
    ):
        met.vendor.odd[(await met.submit(CLIP)).id] = row
        assert await met.studio.find(FRAME, intent=IntentKey("never"), since=since) is None


def test_a_seed_without_an_id_is_no_proof_that_there_is_none() -> None:
    now = datetime.now(UTC)
    nameless = Prediction(id="", status="", model="a/b", input={"seed": 7}, created_at=now - timedelta(seconds=20))

    with pytest.raises(ProviderError, match="id cannot be read"):
        recalled(Trace("a/b", "A", 7, now), [nameless])
    assert recalled(Trace("a/b", "A", 8, now), [nameless]) is None


async def test_an_id_is_understood_with_the_page_and_the_spaces_around_it(met: Met) -> None:
    job = await met.submit(FRAME)
    for typed in (f" {job.id}\n", f"https://replicate.com/p/{job.id}?input=json"):
        assert (await met.studio.poll(JobId(typed))).id == job.id
    for odd in ("", "../models", "a/b"):
        with pytest.raises(JobUnknown):
            await met.studio.poll(JobId(odd))
        await met.studio.cancel(JobId(odd))


async def test_the_address_of_the_next_page_is_not_believed(met: Met) -> None:
    made = [await met.submit(FRAME, str(number)) for number in range(3)]
    met.vendor.page_size = 1
    met.vendor.origin = "http://127.0.0.1:1"  # every address in its answers leads elsewhere from now on

    assert [found.job.id async for found in met.studio.jobs(moments_ago())] == [job.id for job in reversed(made)]


async def test_the_list_tells_what_each_job_was(met: Met) -> None:
    for request in (FRAME, CLIP):
        await met.ended(await met.submit(request))
    clip, frame = [found async for found in met.studio.jobs(moments_ago())]

    assert (clip.kind, clip.prompt, clip.model) == (Kind.CLIP, CLIP.prompt, "alibaba/wan-3")
    assert (frame.kind, frame.prompt, frame.model) == (Kind.FRAME, FRAME.prompt, "black-forest-labs/flux-schnell")
    assert clip.job.state is JobState.SUCCEEDED
