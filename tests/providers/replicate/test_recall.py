"""A prediction whose answer was lost is found again, or nobody says that it is not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reelwright.domain.generation import JobState, Kind, ModelRef
from reelwright.domain.ids import IntentKey
from reelwright.errors import ProviderError
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
