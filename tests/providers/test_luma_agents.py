"""The Luma Agents adapter on the simulated Luma Agents; what goes over the wire is held against the SDK's own types."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import aiohttp
import luma_agents
import pytest
from luma_agents.types import Generation, GenerationFailureCode
from luma_agents.types.generation_create_params import GenerationCreateParams
from pydantic import TypeAdapter

from reelwright.domain.generation import FailureKind, Job, JobState, Kind
from reelwright.domain.ids import IntentKey, JobId
from reelwright.domain.timing import AspectRatio
from reelwright.errors import CreditsUsedUp, InDoubt, InputRefused, JobUnknown, KeyRefused, NotSubmitted, ProviderError, Throttled
from reelwright.ports import Findable, Listed
from reelwright.providers.luma_agents import provider
from reelwright.testing.simulators.behaviour import Phase, Trouble
from visits import AWAY, GIF, HUGE, LOST, SMALL, Visit, drawn, told, visiting

RAY, UNI, MAX = "luma-agents:ray-3.2", "luma-agents:uni-1", "luma-agents:uni-1-max"


@pytest.fixture
async def luma(tmp_path: Path) -> AsyncIterator[Visit]:
    async with visiting("luma-agents", provider, tmp_path, concurrency=50) as visit:
        yield visit


# -- what is sent --------------------------------------------------------------------------------------------------------


async def test_a_clip_goes_from_a_first_to_a_last_frame(luma: Visit) -> None:
    await luma.submit(RAY, picture=SMALL, last_picture=GIF, shape="21:9")
    video = luma.body["video"]
    assert luma.body | {"video": {}} == {
        "model": "ray-3.2",
        "prompt": "A train on a bridge.",
        "type": "video",
        "aspect_ratio": "21:9",
        "video": {},
    }
    first, last = video.pop("start_frame"), video.pop("end_frame")
    assert base64.b64decode(first["data"]) == drawn((320, 180), "PNG")
    assert (first["media_type"], last["media_type"]) == ("image/png", "image/jpeg")
    assert (luma.body["video"]["duration"], luma.body["video"]["resolution"]) == ("5s", "720p")


async def test_a_long_clip_has_its_frames_on_the_grid(luma: Visit) -> None:
    await luma.submit(RAY, seconds=Fraction(10), picture=SMALL, last_picture=SMALL)
    video = luma.body["video"]
    assert (video["duration"], video["keyframe_indexes"], len(video["keyframes"])) == ("10s", [0, 240], 2)
    assert not {"start_frame", "end_frame"} & video.keys()
    await luma.submit(RAY, seconds=Fraction(10))
    assert "keyframes" not in luma.body["video"]


async def test_a_frame_after_a_picture_is_an_edit_and_costs_what_an_edit_costs(luma: Visit) -> None:
    words, picture = await luma.submit(UNI), await luma.submit(UNI, picture=SMALL)
    assert [(exchange.body["type"], "source" in exchange.body) for exchange in luma.sent()] == [
        ("image", False),
        ("image_edit", True),
    ]
    assert [(await luma.ended(job)).charged_micro_usd for job in (words, picture)] == [40_400, 43_400]
    assert luma.charged == 83_800


async def test_a_clip_costs_what_its_card_says(luma: Visit) -> None:
    for seconds in (Fraction(5), Fraction(10)):
        before = luma.charged
        assert (await luma.ended(await luma.submit(RAY, seconds=seconds, picture=SMALL))).charged_micro_usd is None
        assert luma.charged - before == luma.card(RAY).quote(seconds)


async def test_a_large_picture_travels_whole(luma: Visit) -> None:
    await luma.submit(RAY, picture=HUGE)
    assert luma.body["video"]["start_frame"]["media_type"] == "image/png"


@pytest.mark.parametrize(("asset", "error"), [(LOST, InputRefused), (AWAY, NotSubmitted)])
async def test_a_picture_that_cannot_be_had_is_no_submit(luma: Visit, asset: Any, error: type[ProviderError]) -> None:
    with pytest.raises(error) as caught:
        await luma.submit(RAY, picture=asset)
    assert type(caught.value) is error
    assert luma.sent() == []


# -- what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "error", "jobs"),
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
async def test_a_submit_is_one_post_whatever_happens(
    luma: Visit, trouble: Trouble, error: type[ProviderError], jobs: int
) -> None:
    luma.meet(Phase.SUBMIT, trouble)
    with pytest.raises(error) as caught:
        await luma.submit(RAY, picture=SMALL)
    assert type(caught.value) is error
    assert (len(luma.sent()), luma.submits) == (1, jobs)


async def test_too_many_at_once_or_within_a_minute_ask_to_wait(tmp_path: Path) -> None:
    async with visiting("luma-agents", provider, tmp_path, concurrency=1, per_minute=2, clip_seconds=(0.3, 0.3)) as luma:
        first = await luma.submit(RAY)
        with pytest.raises(Throttled, match="Too many concurrent jobs") as caught:
            await luma.submit(RAY)
        assert caught.value.retry_after == 1
        await luma.ended(first)
        await luma.ended(await luma.submit(RAY))
        with pytest.raises(Throttled, match="Rate limit exceeded"):
            await luma.submit(RAY)
        assert luma.submits == 2


async def test_an_empty_account_is_named(tmp_path: Path) -> None:
    async with visiting("luma-agents", provider, tmp_path, credits_micro_usd=100_000) as luma:
        with pytest.raises(CreditsUsedUp, match="add money"):
            await luma.submit(RAY)
        await luma.submit(UNI)
        assert luma.submits == 1


async def test_what_luma_does_not_take_is_told_in_its_words(luma: Visit) -> None:
    for wrong, words in (
        ({"prompt": "x" * 6001}, "1 to 6000 characters"),
        ({"prompt": ""}, "1 to 6000 characters"),
        ({"shape": "2:1"}, "aspect_ratio 2:1 is not available"),
        ({"shape": "5:3"}, "aspect_ratio"),
        ({"seconds": Fraction(7)}, "duration"),
    ):
        with pytest.raises(InputRefused, match=words):
            await luma.submit(RAY, **wrong)
    wish = replace(luma.request(RAY), kind=Kind.FRAME)
    with pytest.raises(InputRefused, match="makes no frame"):
        await luma.provider.submit(wish, intent=IntentKey("x"), attachments=luma.album)
    assert luma.submits == 0


async def test_without_a_good_key_nothing_is_sent_or_taken(luma: Visit) -> None:
    luma.vendor.desk.behaviour.key = luma.environment["LUMA_AGENTS_API_KEY"]
    luma.environment["LUMA_AGENTS_API_KEY"] = " "
    assert luma.provider.cards()
    with pytest.raises(KeyRefused, match="LUMA_AGENTS_API_KEY"):
        await luma.submit(RAY)
    assert luma.sent() == []
    luma.environment["LUMA_AGENTS_API_KEY"] = "luma-api-another-one"
    with pytest.raises(KeyRefused):
        await luma.submit(RAY)
    assert luma.submits == 0


async def test_it_can_neither_be_searched_nor_stopped(luma: Visit) -> None:
    assert not isinstance(luma.provider, Findable | Listed)
    job = await luma.submit(RAY)
    await luma.provider.cancel(job.id)
    assert (await luma.ended(job)).state is JobState.SUCCEEDED
    assert luma.provider.trusted_origins == {luma.vendor.origin}
    del luma.environment["LUMA_BASE_URL"]
    assert luma.provider.trusted_origins == frozenset()


# -- what becomes of it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", get_args(GenerationFailureCode))
async def test_every_failure_says_what_it_means(luma: Visit, code: str) -> None:
    job = await luma.ended(await luma.submit(UNI, prompt=f"A train. [{code}]"))
    assert job.failure is not None
    expected = {
        "content_moderated": (FailureKind.MODERATION, False),
        "generation_failed": (FailureKind.INTERNAL, True),
        "output_not_found": (FailureKind.INTERNAL, True),
        "rate_limited": (FailureKind.INTERNAL, True),
        "budget_exhausted": (FailureKind.CREDITS, False),
    }.get(code, (FailureKind.INPUT, False))
    assert (job.failure.kind, job.failure.is_retryable) == expected
    assert code in job.failure.reason
    assert job.failure.advice.endswith(".")
    assert job.charged_micro_usd == luma.charged == 0


async def test_an_output_that_has_expired_is_given_anew(tmp_path: Path) -> None:
    async with visiting("luma-agents", provider, tmp_path, url_seconds=-1) as luma, aiohttp.ClientSession() as session:
        job = await luma.ended(await luma.submit(UNI))
        async with session.get(job.outputs[0].url) as answer:
            assert answer.status == 403
        luma.vendor.desk.behaviour.url_seconds = 60
        async with session.get((await luma.provider.poll(job.id)).outputs[0].url) as answer:
            assert (answer.status, (await answer.read())[1:4]) == (200, b"PNG")


async def test_a_state_that_nobody_knows_is_a_running_one(luma: Visit) -> None:
    job = await luma.ended(await luma.submit(UNI))
    luma.meet(Phase.POLL, Trouble.UNKNOWN_STATE)
    assert await luma.provider.poll(job.id) == Job(job.id, JobState.RUNNING)


async def test_a_job_that_there_is_not_is_unknown(luma: Visit) -> None:
    for unknown in ("nobody", "../files", ""):
        with pytest.raises(JobUnknown):
            await luma.provider.poll(JobId(unknown))
    assert len(luma.sent("GET")) == 1


async def test_a_generation_has_the_name_that_luma_gives_it_however_a_person_writes_it(luma: Visit) -> None:
    job = await luma.ended(await luma.submit(next(card.model for card in luma.provider.cards() if card.kind is Kind.FRAME)))
    for typed in (job.id.upper(), f" {job.id} ", f"https://platform.lumalabs.ai/generations/{job.id}"):
        assert (await luma.provider.poll(JobId(typed))).id == job.id


# -- cards and conformance -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", AspectRatio)
async def test_every_shape_of_a_film_has_a_legal_shape(luma: Visit, ratio: AspectRatio) -> None:
    for card in luma.provider.cards():
        assert card.shape_for(ratio.size) in card.shapes


async def test_everything_sent_and_answered_is_as_the_sdk_has_it(luma: Visit) -> None:
    jobs: list[Job] = []
    for model in (UNI, MAX, RAY):
        shapes = luma.card(model).shapes
        jobs += [await luma.submit(model, shape=shape.value, size=shape.size) for shape in shapes]
        jobs.append(await luma.submit(model, picture=SMALL))
    for seconds in (Fraction(5), Fraction(10)):
        jobs.append(await luma.submit(RAY, seconds=seconds, picture=SMALL, last_picture=SMALL))
    luma.meet(Phase.FATE, Trouble.MODERATION, Trouble.INTERNAL, Trouble.CANCELLED, Trouble.ABORTED)
    jobs += [await luma.submit(RAY) for _ in range(4)]
    for job in jobs:
        await luma.ended(job)
    params = TypeAdapter(GenerationCreateParams)
    for exchange in luma.sent():
        checked: Any = params.validate_python(exchange.body, strict=True)
        list(checked.get("video", {}).get("keyframes", []))  # the items are checked as they are asked for
    assert told(luma.sent()) == {201: len(jobs)}
    states = {Generation.model_validate_json(exchange.answer).state for exchange in (*luma.sent(), *luma.sent("GET"))}
    assert states >= {"processing", "completed", "failed"}


async def test_the_simulator_answers_the_sdk_itself(luma: Visit) -> None:
    key, base = luma.environment["LUMA_AGENTS_API_KEY"], luma.environment["LUMA_BASE_URL"]
    async with luma_agents.AsyncLuma(auth_token=key, base_url=base, max_retries=0) as sdk:
        generations: Any = sdk.generations
        made = await generations.create(prompt="A train.", aspect_ratio="16:9")
        assert (made.state, made.type, made.model) == ("processing", "image", "uni-1")
        picture = {"data": base64.b64encode(drawn((64, 64), "PNG")).decode(), "media_type": "image/png"}
        for status, change in (
            (400, {"aspect_ratio": "5:3"}),
            (400, {"type": "film"}),
            (400, {"extra_body": {"seed": 5}}),
            (422, {"type": "video"}),
            (422, {"type": "image_edit"}),
            (422, {"image_ref": [{"data": "AAAA", "media_type": "image/png"}]}),
            (422, {"image_ref": [{**picture, "url": "https://a.example/b.png"}]}),
            (422, {"model": "ray-3.2", "type": "video", "video": {"duration": "10s", "start_frame": picture}}),
            (422, {"model": "ray-3.2", "type": "video", "video": {"keyframes": [picture], "keyframe_indexes": [500]}}),
        ):
            with pytest.raises(luma_agents.APIStatusError) as refused:
                await generations.create(**{"prompt": "A train.", **change})
            body: Any = refused.value.body
            assert (refused.value.status_code, list(body)) == (status, ["detail"]), change
            assert refused.value.response.headers["x-api-version"] == "2026-04-01"
    assert luma.submits == 1
