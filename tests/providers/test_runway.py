"""The Runway adapter on the simulated Runway: what it sends, what it makes of refusals and states, and that it pays once."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from reelwright.domain.generation import FailureKind, Job, JobState, Kind
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import CreditsUsedUp, InDoubt, InputRefused, JobUnknown, KeyRefused, NotSubmitted, ProviderError, Throttled
from reelwright.providers.runway import provider
from reelwright.testing.simulators.behaviour import Phase, Trouble
from visits import AWAY, BROKEN, GIF, HUGE, LOST, SMALL, Visit, visiting

TURBO, BEST, VEO = "runway:gen4_turbo", "runway:gen4.5", "runway:veo3.1"
IMAGE, IMAGE_TURBO = "runway:gen4_image", "runway:gen4_image_turbo"


@pytest.fixture
async def runway(tmp_path: Path) -> AsyncIterator[Visit]:
    async with visiting("runway", provider, tmp_path) as visit:
        yield visit


def picture_in(uri: str) -> Image.Image:
    head, _, text = uri.partition(",")
    picture = Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
    assert head == f"data:image/{(picture.format or '').lower()};base64"
    return picture


# -- what is sent --------------------------------------------------------------------------------------------------------


async def test_a_picture_is_filmed(runway: Visit) -> None:
    job = await runway.submit(TURBO, picture=SMALL, shape="1104:832", seconds=Fraction(7))
    assert job == Job(job.id, JobState.RUNNING, estimated_micro_usd=350_000)
    assert runway.sent()[-1].path == "/v1/image_to_video"
    image = runway.body.pop("promptImage")
    assert runway.body | {"promptImage": ""} == {
        "model": "gen4_turbo",
        "promptText": "A train on a bridge.",
        "promptImage": "",
        "ratio": "1104:832",
        "duration": 7,
    }
    assert picture_in(image).size == (320, 180)


async def test_a_clip_without_a_picture_is_asked_for_where_there_is_none(runway: Visit) -> None:
    await runway.submit(BEST)
    assert runway.sent()[-1].path == "/v1/text_to_video"
    assert "promptImage" not in runway.body


async def test_a_shape_that_is_made_of_pictures_only_is_refused_here(runway: Visit) -> None:
    with pytest.raises(InputRefused, match="only out of a picture"):
        await runway.submit(BEST, shape="960:960")
    with pytest.raises(InputRefused, match="give it a first frame"):
        await runway.submit(TURBO)
    assert runway.sent() == []


async def test_a_first_and_a_last_frame_are_told_apart(runway: Visit) -> None:
    await runway.submit(VEO, picture=SMALL, last_picture=GIF)
    first, last = runway.body["promptImage"]
    assert (first["position"], last["position"]) == ("first", "last")
    assert (picture_in(first["uri"]).format, picture_in(last["uri"]).format) == ("PNG", "JPEG")
    assert runway.body["audio"] is False
    with pytest.raises(InputRefused, match="together with a first one"):
        await runway.submit(VEO, last_picture=SMALL)


async def test_a_frame_is_made_after_a_picture_where_there_is_one(runway: Visit) -> None:
    await runway.submit(IMAGE)
    assert "referenceImages" not in runway.body
    await runway.submit(IMAGE_TURBO, picture=SMALL)
    assert [list(item) for item in runway.body["referenceImages"]] == [["uri"]]
    assert "duration" not in runway.body
    with pytest.raises(InputRefused, match="referenceImages"):
        await runway.submit(IMAGE_TURBO)


async def test_a_picture_that_is_too_large_becomes_a_jpeg_that_is_not(runway: Visit) -> None:
    await runway.submit(TURBO, picture=HUGE)
    image = runway.body["promptImage"]
    assert len(image) < 5_000_000
    assert picture_in(image).format == "JPEG"


@pytest.mark.parametrize(("asset", "error"), [(LOST, InputRefused), (BROKEN, InputRefused), (AWAY, NotSubmitted)])
async def test_a_picture_that_cannot_be_had_is_no_submit(runway: Visit, asset: Any, error: type[ProviderError]) -> None:
    with pytest.raises(error) as caught:
        await runway.submit(TURBO, picture=asset)
    assert type(caught.value) is error
    assert runway.sent() == []


async def test_what_nobody_makes_is_refused_here(runway: Visit) -> None:
    wish = runway.request(TURBO, picture=SMALL)
    for wrong in (
        replace(wish, kind=Kind.FRAME),
        replace(wish, model=runway.card("runway:gen3a_turbo").model),
        replace(wish, seconds=Fraction(5, 2)),
    ):
        with pytest.raises(InputRefused):
            await runway.provider.submit(wrong, intent=IntentKey("x"), attachments=runway.album)
    assert runway.sent() == []


# -- what is refused -------------------------------------------------------------------------------------------------------


async def test_a_prompt_is_counted_in_utf16(runway: Visit) -> None:
    await runway.submit(TURBO, picture=SMALL, prompt="🚂" * 500)
    with pytest.raises(InputRefused, match=r"promptText: Too big: expected string to have <=1000 characters"):
        await runway.submit(TURBO, picture=SMALL, prompt="🚂" * 501)
    assert runway.submits == 1


async def test_an_illegal_shape_is_named(runway: Visit) -> None:
    with pytest.raises(InputRefused, match=r"ratio: Invalid option: expected one of '1280:720'"):
        await runway.submit(TURBO, picture=SMALL, shape="1280:768")


async def test_without_a_good_key_nothing_is_sent_or_taken(runway: Visit) -> None:
    right, account = dict(runway.environment), runway.provider.account
    runway.vendor.desk.behaviour.key = runway.environment["RUNWAYML_API_SECRET"]
    runway.environment["RUNWAYML_API_SECRET"] = ""
    assert runway.provider.account == ""
    assert runway.provider.cards()
    with pytest.raises(KeyRefused, match="RUNWAYML_API_SECRET"):
        await runway.submit(TURBO, picture=SMALL)
    assert runway.sent() == []
    runway.environment["RUNWAYML_API_SECRET"] = "key_" + "1" * 128
    with pytest.raises(KeyRefused):
        await runway.submit(TURBO, picture=SMALL)
    runway.environment.update(right)
    await runway.submit(TURBO, picture=SMALL)
    assert (runway.submits, runway.provider.account) == (1, account)


async def test_an_empty_account_is_named(tmp_path: Path) -> None:
    async with visiting("runway", provider, tmp_path, credits_micro_usd=150_000) as runway:
        await runway.submit(TURBO, picture=SMALL)
        with pytest.raises(CreditsUsedUp, match="not enough credits"):
            await runway.submit(TURBO, picture=SMALL)
        assert runway.submits == 1


async def test_the_quota_of_a_day_asks_to_wait(tmp_path: Path) -> None:
    async with visiting("runway", provider, tmp_path, per_minute=1) as runway:
        await runway.submit(TURBO, picture=SMALL)
        with pytest.raises(Throttled, match="quota of a day") as caught:
            await runway.submit(TURBO, picture=SMALL)
        assert caught.value.retry_after == 1
        assert runway.submits == 1


async def test_the_vendor_is_trusted_with_its_own_address_only_where_an_operator_named_it(runway: Visit) -> None:
    assert runway.provider.trusted_origins == {runway.vendor.origin}
    del runway.environment["RUNWAYML_BASE_URL"]
    assert runway.provider.trusted_origins == frozenset()


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
    runway: Visit, trouble: Trouble, error: type[ProviderError], jobs: int
) -> None:
    runway.meet(Phase.SUBMIT, trouble)
    with pytest.raises(error) as caught:
        await runway.submit(TURBO, picture=SMALL)
    assert type(caught.value) is error
    assert (len(runway.sent()), runway.submits) == (1, jobs)


async def test_a_submit_that_nobody_waits_for_any_more_is_one_post(tmp_path: Path) -> None:
    async with visiting("runway", provider, tmp_path, answer_delay=60) as runway:
        submitting = asyncio.create_task(runway.submit(TURBO, picture=SMALL))
        while not runway.submits:
            await asyncio.sleep(0.01)
        submitting.cancel()
        await asyncio.gather(submitting, return_exceptions=True)
        await asyncio.sleep(0.5)
        assert runway.submits == 1


# -- what becomes of it --------------------------------------------------------------------------------------------------


async def test_a_task_goes_through_all_its_states(tmp_path: Path) -> None:
    async with visiting("runway", provider, tmp_path, concurrency=1, clip_seconds=(2.0, 2.0)) as runway:
        first = await runway.submit(TURBO, picture=SMALL)
        assert (await runway.provider.poll(first.id)).progress is None
        second = await runway.submit(TURBO, picture=SMALL)
        seen: list[Fraction] = []
        while (job := await runway.provider.poll(first.id)).state is JobState.RUNNING:
            seen += [job.progress] if job.progress is not None else []
            assert job.estimated_micro_usd in {None, 100_000}
            waiting = await runway.provider.poll(second.id)
            if (await runway.provider.poll(first.id)).state is JobState.RUNNING:  # else the place may have become free in between
                assert (waiting.state, waiting.progress) == (JobState.RUNNING, None)
            await asyncio.sleep(0.05)
        assert seen == sorted(seen)
        assert 0 <= seen[0] < seen[-1] <= 1
        states = {exchange.answered["status"] for exchange in runway.sent("GET")}
        assert states == {"PENDING", "RUNNING", "THROTTLED", "SUCCEEDED"}
        runway.meet(Phase.POLL, Trouble.UNKNOWN_STATE)
        assert (await runway.provider.poll(first.id)).state is JobState.RUNNING
        assert runway.sent("GET")[-1].answered["status"] == "REVIEWING"
        assert (await runway.ended(second)).charged_micro_usd == 100_000
        assert runway.charged == 200_000


async def test_an_output_that_has_expired_is_given_anew(tmp_path: Path) -> None:
    async with visiting("runway", provider, tmp_path) as runway, aiohttp.ClientSession() as session:
        job = await runway.ended(await runway.submit(TURBO, picture=SMALL))
        old = job.outputs[0].url
        assert "_jwt=" in old
        async with session.get(old) as answer:
            assert answer.status == 200
        runway.vendor.desk.behaviour.url_seconds = -1
        async with session.get((await runway.provider.poll(job.id)).outputs[0].url) as answer:
            assert answer.status == 401
        runway.vendor.desk.behaviour.url_seconds = 60
        fresh = (await runway.provider.poll(job.id)).outputs[0].url
        async with session.get(fresh) as answer:
            assert (answer.status, (await answer.read())[4:8]) == (200, b"ftyp")


@pytest.mark.parametrize(
    ("code", "kind", "is_retryable", "is_charged"),
    [
        ("SAFETY.INPUT.TEXT", FailureKind.MODERATION, False, True),
        ("SAFETY.INPUT.IMAGE", FailureKind.MODERATION, False, True),
        ("SAFETY.OUTPUT.VIDEO", FailureKind.MODERATION, False, True),
        ("SAFETY.SOMETHING.NEW", FailureKind.MODERATION, False, True),
        ("INPUT_PREPROCESSING.SAFETY.TEXT", FailureKind.MODERATION, False, False),
        ("INPUT_PREPROCESSING.INTERNAL", FailureKind.INTERNAL, True, False),
        ("ASSET.INVALID", FailureKind.INPUT, False, False),
        ("INTERNAL.BAD_OUTPUT.CODE01", FailureKind.INTERNAL, False, False),
        ("THIRD_PARTY.UNAVAILABLE", FailureKind.INTERNAL, True, False),
        ("INTERNAL", FailureKind.INTERNAL, True, False),
        ("NULL", FailureKind.INTERNAL, True, False),
    ],
)
async def test_every_failure_says_what_it_means_and_what_it_cost(
    runway: Visit, code: str, kind: FailureKind, is_retryable: bool, is_charged: bool
) -> None:
    job = await runway.ended(await runway.submit(BEST, prompt=f"A train. [{code}]"))
    assert job.failure is not None
    assert (job.failure.kind, job.failure.is_retryable, job.failure.is_charged) == (kind, is_retryable, is_charged)
    assert job.failure.advice.endswith(".")
    assert (code if code != "NULL" else "no code") in job.failure.reason
    assert job.charged_micro_usd == runway.charged == (240_000 if is_charged else 0)


async def test_a_task_that_somebody_else_cancelled_has_failed_for_nothing(runway: Visit) -> None:
    runway.meet(Phase.FATE, Trouble.CANCELLED)
    job = await runway.ended(await runway.submit(BEST))
    assert job.failure is not None
    assert (job.failure.kind, job.failure.is_retryable, job.charged_micro_usd) == (FailureKind.CANCELLED, True, 0)


async def test_a_task_that_waits_is_cancelled_for_nothing_and_one_that_runs_is_let_go_on(tmp_path: Path) -> None:
    async with visiting("runway", provider, tmp_path, concurrency=1, clip_seconds=(2.0, 2.0)) as runway:
        running, waiting = await runway.submit(BEST), await runway.submit(BEST)
        while (await runway.provider.poll(running.id)).progress is None:
            await asyncio.sleep(0.01)
        for job in (running, waiting):
            await runway.provider.cancel(job.id)
        ended = await runway.ended(waiting)
        assert ended.failure is not None
        assert (ended.failure.kind, ended.charged_micro_usd) == (FailureKind.CANCELLED, 0)
        assert (await runway.ended(running)).state is JobState.SUCCEEDED
        assert runway.vendor.desk.counts().get("cancelled") == 1
        assert runway.charged == 240_000


async def test_a_cancel_never_erases_what_was_made(runway: Visit) -> None:
    job = await runway.ended(await runway.submit(BEST))
    await runway.provider.cancel(job.id)
    assert (await runway.provider.poll(job.id)).outputs
    assert runway.sent("DELETE") == []
    await runway.provider.cancel(JobId("00000000-0000-0000-0000-000000000000"))


async def test_a_job_that_there_is_not_is_unknown(runway: Visit) -> None:
    job = await runway.ended(await runway.submit(BEST))
    runway.vendor.desk.delete(job.id)
    for unknown in (job.id, JobId("nobody")):
        with pytest.raises(JobUnknown):
            await runway.provider.poll(unknown)
    asked = len(runway.sent("GET"))
    for odd in ("", "../organization", "a/b", "x?y"):
        with pytest.raises(JobUnknown):
            await runway.provider.poll(JobId(odd))
    assert len(runway.sent("GET")) == asked


async def test_a_task_has_the_name_that_runway_gives_it_however_a_person_writes_it(runway: Visit) -> None:
    job = await runway.ended(await runway.submit(BEST))
    for typed in (job.id.upper(), f"  {job.id}\n", f"https://app.runwayml.com/tasks/{job.id.upper()}/?tab=1#top"):
        assert (await runway.provider.poll(JobId(typed))).id == job.id


def test_it_serves_several_event_loops_one_after_the_other(tmp_path: Path) -> None:
    made: list[Any] = []

    async def once(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        async with visiting("runway", lambda workshop: made[0] if made else provider(workshop), folder) as runway:
            if made:
                made[1].update(runway.environment)
            else:
                made.extend([runway.provider, runway.environment])
            assert (await runway.ended(await runway.submit(BEST))).state is JobState.SUCCEEDED

    for number in range(2):
        asyncio.run(once(number))
