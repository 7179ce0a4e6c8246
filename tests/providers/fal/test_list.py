"""fal's list of ended requests, and what it says about each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from fal_vendor import CLIP, FRAME, KEY, Met, opened
from reelwright.domain.generation import FailureKind, JobState, Kind
from reelwright.domain.ids import JobId
from reelwright.errors import KeyRefused, ProviderError, Throttled
from reelwright.providers.fal import Fal
from reelwright.providers.fal.answers import Past
from reelwright.testing.simulators.behaviour import Phase, Trouble


def moments_ago() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=2)


async def test_what_has_ended_is_listed_with_what_was_asked_and_what_it_made(met: Met) -> None:
    since = moments_ago()
    frame = await met.ended(await met.submit(FRAME))
    clip = await met.ended(await met.submit(CLIP))
    met.meet(Phase.FATE, Trouble.MODERATION)
    refused = await met.ended(await met.submit(replace(FRAME, prompt="Something else.")))
    found = {each.job.id: each async for each in met.studio.jobs(since)}

    assert set(found) == {frame.id, clip.id, refused.id}
    assert (found[frame.id].kind, found[frame.id].prompt, found[frame.id].model) == (
        *(Kind.FRAME, FRAME.prompt),
        FRAME.model.partition(":")[2],
    )
    assert (found[clip.id].kind, found[clip.id].job.state) == (Kind.CLIP, JobState.SUCCEEDED)
    assert found[clip.id].job.outputs
    failure = found[refused.id].job.failure
    assert failure is not None
    assert failure.kind is FailureKind.MODERATION


async def test_the_list_is_read_page_by_page_with_the_key_and_asks_for_our_models_only(tmp_path: Path) -> None:
    async with opened(tmp_path, make=partial(Fal, page=2)) as met:
        since = moments_ago()
        made = {(await met.ended(await met.submit(replace(FRAME, prompt=str(number))))).id for number in range(5)}
        found = [each async for each in met.studio.jobs(since)]

        assert {each.job.id for each in found} == made
        assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
        asked = [each for each in met.vendor.exchanges if each.path == "/v1/models/requests/by-endpoint"]
        assert len(asked) == 3
        for each in asked:
            assert (each.headers["authorization"], each.query["expand"]) == (f"Key {KEY}", "payloads")


async def test_many_models_are_asked_for_in_several_questions(tmp_path: Path) -> None:
    async with opened(tmp_path, make=partial(Fal, apps=1)) as met:
        made = {(await met.ended(await met.submit(each))).id for each in (FRAME, CLIP)}
        assert {each.job.id async for each in met.studio.jobs(moments_ago())} == made


async def test_a_row_that_cannot_be_read_hides_no_other(met: Met) -> None:
    since = moments_ago()
    jobs = [await met.ended(await met.submit(replace(FRAME, prompt=str(number)))) for number in range(3)]
    met.vendor.odd = {jobs[1].id.rpartition("/")[2]: {"request_id": 7, "sent_at": "?"}}
    found = met.studio.jobs(since)
    listed = [(await anext(found)).job.id for _ in range(2)]
    with pytest.raises(ProviderError, match="cannot be read"):
        await anext(found)
    assert set(listed) == {jobs[0].id, jobs[2].id}


async def test_a_list_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    async with opened(tmp_path) as met:
        met.meet(Phase.POLL, Trouble.THROTTLE)
        with pytest.raises(Throttled):
            _ = [each async for each in met.studio.jobs(moments_ago())]
        met.environment["FAL_KEY"] = "wrong:key"
        with pytest.raises(KeyRefused):
            _ = [each async for each in met.studio.jobs(moments_ago())]


JOB = JobId("fal-ai/flux/one")


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({}, JobState.RUNNING),
        ({"status_code": 200}, JobState.RUNNING),
        ({"status_code": 200, "json_output": "deleted"}, JobState.RUNNING),
        ({"status_code": 200, "json_output": {"video": {"url": "https://v3.fal.media/a.mp4"}}}, JobState.SUCCEEDED),
        ({"status_code": 422, "json_output": {"detail": [{"loc": ["body"], "msg": "no", "type": "missing"}]}}, JobState.FAILED),
        ({"status_code": 429, "json_output": None}, JobState.RUNNING),
    ],
)
def test_what_the_list_does_not_tell_is_left_to_a_poll(row: dict[str, object], state: JobState) -> None:
    assert Past.model_validate(row).job(JOB).state is state
