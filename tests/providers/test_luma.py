"""The Luma Dream Machine adapter on the simulated one; what goes over the wire is held against the SDK's own types."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import lumaai
import pytest
from lumaai.types import Generation, GenerationListResponse
from lumaai.types.generations.image_create_params import ImageCreateParams
from lumaai.types.generations.video_create_params import VideoCreateParams
from pydantic import TypeAdapter

from reelwright.domain.generation import FailureKind, Job, JobState, Kind
from reelwright.domain.ids import IntentKey, JobId
from reelwright.domain.timing import AspectRatio
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
from reelwright.providers.luma import Luma, provider
from reelwright.testing.simulators.behaviour import Phase, Trouble
from reelwright.testing.simulators.desk import Order
from visits import SMALL, Visit, told, visiting

RAY, FLASH, PHOTON = "luma:ray-2", "luma:ray-flash-2", "luma:photon-1"
LEEWAY = timedelta(seconds=2)


@pytest.fixture
async def luma(tmp_path: Path) -> AsyncIterator[Visit]:
    async with visiting("luma", provider, tmp_path, concurrency=50) as visit:
        yield visit


def adapter(visit: Visit) -> Luma:
    assert isinstance(visit.provider, Luma)
    return visit.provider


# -- what is sent, and what is refused -----------------------------------------------------------------------------------


async def test_a_clip_and_a_frame_are_made_of_words(luma: Visit) -> None:
    await luma.submit(RAY, shape="21:9", seconds=Fraction(9))
    assert luma.sent()[-1].path == "/dream-machine/v1/generations/video"
    assert luma.body == {
        "model": "ray-2",
        "prompt": "A train on a bridge.",
        "aspect_ratio": "21:9",
        "duration": "9s",
        "resolution": "720p",
    }
    await luma.submit(PHOTON)
    assert luma.sent()[-1].path == "/dream-machine/v1/generations/image"
    assert luma.body == {"model": "photon-1", "prompt": "A train on a bridge.", "aspect_ratio": "16:9"}


@pytest.mark.parametrize("place", ["picture", "last_picture"])
async def test_a_picture_of_this_machine_is_refused_with_a_way_out(luma: Visit, place: str) -> None:
    with pytest.raises(InputRefused, match=r"luma-agents:ray-3\.2"):
        await luma.submit(RAY, **{place: SMALL})
    assert luma.sent() == []


@pytest.mark.parametrize("model", [RAY, FLASH])
async def test_a_clip_costs_what_its_card_says(luma: Visit, model: str) -> None:
    for seconds in (Fraction(5), Fraction(9)):
        before = luma.charged
        assert (await luma.ended(await luma.submit(model, seconds=seconds))).charged_micro_usd is None
        assert luma.charged - before == luma.card(model).quote(seconds)


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
    request, since = luma.request(RAY), datetime.now(UTC) - LEEWAY
    luma.meet(Phase.SUBMIT, trouble)
    with pytest.raises(error) as caught:
        await luma.provider.submit(request, intent=IntentKey("x"), attachments=luma.album)
    assert type(caught.value) is error
    assert (len(luma.sent()), luma.submits) == (1, jobs)
    found = await adapter(luma).find(request, intent=IntentKey("x"), since=since)
    assert [found.id if found else None] == ([job.id for job in luma.vendor.desk.all()] or [None])


async def test_what_luma_does_not_take_is_told_in_its_words(luma: Visit) -> None:
    for wrong, error, words in (
        ({"prompt": "ab"}, InputRefused, "3 to 5000 characters"),
        ({"prompt": "x" * 5001}, InputRefused, "3 to 5000 characters"),
        ({"shape": "5:3"}, InputRefused, "aspect_ratio"),
        ({"seconds": Fraction(7)}, InputRefused, "duration must be one of 5s, 9s"),
        ({"prompt": "Something [refused]"}, Moderated, "rules forbid"),
    ):
        with pytest.raises(error, match=words):
            await luma.submit(RAY, **wrong)
    assert luma.submits == 0


async def test_an_empty_account_and_a_bad_key_are_named(tmp_path: Path) -> None:
    async with visiting("luma", provider, tmp_path, credits_micro_usd=20_000) as luma:
        with pytest.raises(CreditsUsedUp, match="add credits"):
            await luma.submit(RAY)
        luma.vendor.desk.behaviour.key = luma.environment["LUMAAI_API_KEY"]
        luma.environment["LUMAAI_API_KEY"] = "luma-another-key"
        with pytest.raises(KeyRefused, match="Invalid API key"):
            await luma.submit(PHOTON)
        del luma.environment["LUMAAI_API_KEY"]
        with pytest.raises(KeyRefused, match="LUMAAI_API_KEY"):
            await luma.submit(PHOTON)
        assert (luma.submits, luma.provider.account) == (0, "")
        assert luma.provider.cards()
        assert luma.provider.trusted_origins == {luma.vendor.origin}
        del luma.environment["LUMAAI_BASE_URL"]
        assert luma.provider.trusted_origins == frozenset()


# -- what becomes of it --------------------------------------------------------------------------------------------------


async def test_a_generation_goes_through_all_its_states(tmp_path: Path) -> None:
    async with visiting("luma", provider, tmp_path, concurrency=1, clip_seconds=(0.3, 0.3)) as luma:
        first, second = await luma.submit(RAY), await luma.submit(RAY)
        assert (await luma.provider.poll(second.id)).state is JobState.RUNNING
        done = await luma.ended(first)
        assert (done.state, len(done.outputs)) == (JobState.SUCCEEDED, 1)
        luma.meet(Phase.POLL, Trouble.UNKNOWN_STATE)
        assert (await luma.provider.poll(first.id)).state is JobState.RUNNING
        states = {exchange.answered["state"] for exchange in luma.sent("GET")}
        assert states == {"queued", "dreaming", "completed", "pondering"}


@pytest.mark.parametrize(
    ("fate", "kind", "is_retryable"),
    [(Trouble.MODERATION, FailureKind.MODERATION, False), (Trouble.INTERNAL, FailureKind.INTERNAL, True)],
)
async def test_what_failed_is_paid_back(luma: Visit, fate: Trouble, kind: FailureKind, is_retryable: bool) -> None:
    luma.meet(Phase.FATE, fate)
    job = await luma.ended(await luma.submit(RAY))
    assert job.failure is not None
    assert (job.failure.kind, job.failure.is_retryable, job.failure.is_charged) == (kind, is_retryable, False)
    assert job.charged_micro_usd == luma.charged == 0


async def test_a_cancel_never_removes_what_was_paid_for(luma: Visit) -> None:
    job = await luma.submit(RAY)
    await luma.provider.cancel(job.id)
    done = await luma.ended(job)
    await luma.provider.cancel(job.id)
    assert luma.sent("DELETE") == []
    async with aiohttp.ClientSession() as session, session.get(done.outputs[0].url) as answer:
        assert answer.status == 200


async def test_a_job_that_there_is_not_is_unknown(luma: Visit) -> None:
    for unknown in ("nobody", "../credits", ""):
        with pytest.raises(JobUnknown):
            await luma.provider.poll(JobId(unknown))
    assert len(luma.sent("GET")) == 1


# -- the list ------------------------------------------------------------------------------------------------------------


def order(kind: Kind, model: str, **body: str) -> Order:
    """What somebody else has asked the account for."""
    return Order(kind, model, body.get("prompt", ""), 1, body={"model": model, **body})


async def test_it_is_found_among_many_however_long_the_list_is(luma: Visit) -> None:
    since = datetime.now(UTC) - LEEWAY
    wanted = luma.request(PHOTON, prompt="The one and only train.")
    made = await luma.provider.submit(wanted, intent=IntentKey("x"), attachments=luma.album)
    for number in range(120):
        luma.vendor.desk.accept(str(uuid4()), order(Kind.FRAME, "photon-1", prompt=f"Train {number}"))
    found = await adapter(luma).find(wanted, intent=IntentKey("x"), since=since)
    assert found is not None
    assert found.id == made.id
    assert [exchange.query for exchange in luma.sent("GET")] == [{"limit": "50", "offset": str(at)} for at in (0, 50, 100)]


async def test_two_that_are_alike_leave_a_doubt(luma: Visit) -> None:
    since = datetime.now(UTC) - LEEWAY
    await luma.submit(RAY)
    await luma.submit(RAY)
    with pytest.raises(ProviderError, match="does not tell for sure"):
        await adapter(luma).find(luma.request(RAY), intent=IntentKey("x"), since=since)
    assert await adapter(luma).find(luma.request(FLASH), intent=IntentKey("x"), since=since) is None


async def test_a_generation_that_hides_its_words_leaves_a_doubt(luma: Visit) -> None:
    since = datetime.now(UTC) - LEEWAY
    await luma.submit(RAY)
    [job] = luma.vendor.desk.all()
    luma.vendor.desk.accept("hidden", order(Kind.CLIP, "ray-2"))
    other = luma.request(RAY, prompt="Quite another train.")
    with pytest.raises(ProviderError, match="does not tell for sure"):
        await adapter(luma).find(other, intent=IntentKey("x"), since=since)
    found = await adapter(luma).find(luma.request(RAY), intent=IntentKey("x"), since=since)
    assert found is not None
    assert found.id == job.id


async def test_the_list_that_cannot_be_had_says_nothing(luma: Visit) -> None:
    await luma.submit(RAY)
    for trouble in (Trouble.UNAVAILABLE, Trouble.GARBLED, Trouble.CUT_BEFORE):
        luma.meet(Phase.POLL, trouble)
        with pytest.raises((NotSubmitted, Throttled)):
            await adapter(luma).find(luma.request(RAY), intent=IntentKey("x"), since=datetime.now(UTC) - LEEWAY)


@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_vendor_whose_clock_is_wrong_is_understood(luma: Visit, hours: int) -> None:
    luma.vendor.desk.now = lambda: datetime.now(UTC).timestamp() + hours * 3600
    since = datetime.now(UTC) - LEEWAY
    job = await luma.submit(RAY)
    found = await adapter(luma).find(luma.request(RAY), intent=IntentKey("x"), since=since)
    assert found is not None
    assert found.id == job.id


async def test_its_jobs_are_told_newest_first_with_what_they_made(luma: Visit) -> None:
    since = datetime.now(UTC) - LEEWAY
    first = await luma.submit(RAY)
    await asyncio.sleep(0.01)
    second = await luma.submit(PHOTON, prompt="Another train.")
    for job in (first, second):
        await luma.ended(job)
    listed = [found async for found in adapter(luma).jobs(since)]
    assert [(found.job.id, found.model, found.kind, found.prompt) for found in listed] == [
        (second.id, "photon-1", Kind.FRAME, "Another train."),
        (first.id, "ray-2", Kind.CLIP, "A train on a bridge."),
    ]
    assert all(found.job.outputs for found in listed)


# -- cards and conformance -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", AspectRatio)
async def test_every_shape_of_a_film_has_a_legal_shape(luma: Visit, ratio: AspectRatio) -> None:
    for card in luma.provider.cards():
        assert card.shape_for(ratio.size) in card.shapes


async def test_everything_sent_and_answered_is_as_the_sdk_has_it(luma: Visit) -> None:
    jobs: list[Job] = []
    for card in luma.provider.cards():
        jobs += [await luma.submit(card.model, shape=shape.value, size=shape.size) for shape in card.shapes]
        jobs += [await luma.submit(card.model, seconds=seconds) for seconds in card.lengths]
    luma.meet(Phase.FATE, Trouble.MODERATION, Trouble.INTERNAL)
    jobs += [await luma.submit(RAY) for _ in range(2)]
    for job in jobs:
        await luma.ended(job)
    assert len([found async for found in adapter(luma).jobs(datetime.now(UTC) - timedelta(hours=1))]) == len(jobs)
    for exchange in luma.sent():
        params: Any = VideoCreateParams if exchange.path.endswith("video") else ImageCreateParams
        TypeAdapter(params).validate_python(exchange.body, strict=True)
        Generation.model_validate_json(exchange.answer)
    assert told(luma.sent()) == {201: len(jobs)}
    for exchange in luma.sent("GET"):
        answered: Any = GenerationListResponse if exchange.path.endswith("generations") else Generation
        answered.model_validate_json(exchange.answer)


async def test_the_simulator_answers_the_sdk_itself(luma: Visit) -> None:
    key, base = luma.environment["LUMAAI_API_KEY"], luma.environment["LUMAAI_BASE_URL"]
    async with lumaai.AsyncLumaAI(auth_token=key, base_url=base, max_retries=0) as sdk:
        generations: Any = sdk.generations
        good = {"model": "ray-2", "prompt": "A train."}
        made = await generations.create(**good)
        assert (made.state, made.request.prompt) == ("dreaming", "A train.")
        for change in (
            {"model": "ray-1-6"},
            {"loop": "yes"},
            {"extra_body": {"seed": 5}},
            {"keyframes": {"frame0": {"type": "image", "url": "http://10.0.0.1/a.png"}}},
            {"keyframes": {"frame0": {"type": "film"}}},
        ):
            with pytest.raises(lumaai.BadRequestError) as refused:
                await generations.create(**{**good, **change})
            body: Any = refused.value.body
            assert list(body) == ["detail"], change
        assert (await sdk.credits.get()).credit_balance >= 0
        await generations.delete(made.id)
        with pytest.raises(lumaai.NotFoundError):
            await generations.get(made.id)
    assert luma.submits == 1
