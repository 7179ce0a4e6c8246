"""fal's adapter: one request that pays, and what becomes of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fal_vendor import CLIP, FRAME, KEY, Met, opened
from reelwright.domain.generation import FailureKind, JobState
from reelwright.domain.ids import JobId
from reelwright.errors import CreditsUsedUp, InDoubt, InputRefused, JobUnknown, KeyRefused, NotSubmitted, ProviderError, Throttled
from reelwright.media.workers import Workers
from reelwright.net import Answer
from reelwright.ports import Findable, Workshop
from reelwright.providers.fal import Fal, provider
from reelwright.providers.fal.answers import Ended, Result, Status, explain, explain_result
from reelwright.testing.simulators.behaviour import TROUBLES, Phase, Trouble

ONCE = {
    Trouble.THROTTLE: (Throttled, 0),
    Trouble.UNAVAILABLE: (InDoubt, 0),
    Trouble.BAD_GATEWAY: (InDoubt, 0),
    Trouble.BAD_GATEWAY_AFTER: (InDoubt, 1),
    Trouble.CUT_BEFORE: (InDoubt, 0),
    Trouble.CUT_AFTER: (InDoubt, 1),
    Trouble.GARBLED: (InDoubt, 1),
}


@pytest.mark.parametrize("trouble", TROUBLES[Phase.SUBMIT])
async def test_a_submit_is_sent_once_whatever_comes_back(met: Met, trouble: Trouble) -> None:
    error, accepted = ONCE[trouble]
    met.meet(Phase.SUBMIT, trouble)
    with pytest.raises(error) as caught:
        await met.submit(FRAME)

    assert isinstance(caught.value, InDoubt) is (error is InDoubt)
    assert len(met.posts) == 1
    assert met.submits == accepted
    assert not isinstance(met.studio, Findable)  # a person decides: fal's list names no request before it has ended


async def test_an_answer_that_takes_too_long_leaves_the_submit_in_doubt(tmp_path: Path) -> None:
    async with opened(tmp_path, make=partial(Fal, patience=1.5), answer_delay=60) as met:
        with pytest.raises(InDoubt):
            await met.submit(FRAME)
        assert met.submits == 1


@pytest.mark.parametrize(
    ("fate", "kind", "is_retryable", "charged"),
    [
        (Trouble.MODERATION, FailureKind.MODERATION, False, 3000),
        (Trouble.INTERNAL, FailureKind.INTERNAL, True, 0),
        (Trouble.ABORTED, FailureKind.INTERNAL, True, 0),
        (Trouble.CANCELLED, FailureKind.CANCELLED, True, 0),
    ],
)
async def test_each_end_says_why_and_what_it_cost(
    met: Met, fate: Trouble, kind: FailureKind, is_retryable: bool, charged: int
) -> None:
    met.meet(Phase.FATE, fate)
    job = await met.ended(await met.submit(FRAME))

    assert job.failure is not None
    assert (job.failure.kind, job.failure.is_retryable) == (kind, is_retryable)
    assert job.failure.is_charged is (charged > 0)
    assert met.vendor.ledger()["charged_micro_usd"] == charged


async def test_an_input_that_the_model_refuses_is_told_by_its_field_and_is_free(met: Met) -> None:
    job = await met.ended(await met.submit(replace(FRAME, shape="enormous")))

    assert job.failure is not None
    assert job.failure.kind is FailureKind.INPUT
    assert job.failure.reason.startswith("The model failed: image_size: image_size must be one of")
    assert (job.failure.is_charged, met.vendor.ledger()["charged_micro_usd"]) == (False, 0)


async def test_a_job_goes_on_until_it_ends_whatever_the_state_is_called(tmp_path: Path) -> None:
    async with opened(tmp_path, clip_seconds=(0.4, 0.4), concurrency=1) as met:
        first, second = await met.submit(CLIP), await met.submit(CLIP)
        met.meet(Phase.POLL, Trouble.UNKNOWN_STATE)
        assert (await met.studio.poll(first.id)).state is JobState.RUNNING
        assert (await met.studio.poll(second.id)).state is JobState.RUNNING
        done = await met.ended(first)
        assert done.outputs[0].url.startswith(tuple(met.studio.trusted_origins))
        assert done.outputs[0].media_type == "video/mp4"
        assert (await met.studio.poll(second.id)).state is JobState.RUNNING


async def test_a_request_is_asked_for_below_its_app_without_the_path_behind_it(met: Met) -> None:
    job = await met.submit(CLIP)
    assert job.id.startswith("fal-ai/kling-video/")
    await met.ended(job)

    assert {each.path.partition("/requests/")[0] for each in met.vendor.exchanges if each.method == "GET"} == {
        "/fal-ai/kling-video"
    }


async def test_the_key_goes_to_the_queue_alone_whatever_address_a_receipt_names(met: Met) -> None:
    met.vendor.origin = "http://127.0.0.1:1"  # every address in its answers leads elsewhere from now on
    job = await met.submit(FRAME)

    assert job.id.startswith("fal-ai/flux/")
    assert (await met.studio.poll(job.id)).state is not JobState.FAILED


async def test_a_person_who_knows_only_the_requests_id_is_understood(met: Met) -> None:
    job = await met.submit(CLIP)
    bare = job.id.rpartition("/")[2]
    other = provider(met.workshop)
    assert (await other.poll(JobId(bare))).id == job.id
    assert (await other.poll(JobId(f"fal-ai/kling-video/v2.5-turbo/{bare}"))).id == job.id
    for nobody in ("0badc0de", "fal-ai/flux/0badc0de", "?", "../../secret"):
        with pytest.raises(JobUnknown):
            await other.poll(JobId(nobody))
        await other.cancel(JobId(nobody))
    await other.aclose()


async def test_a_cancelled_request_is_free(tmp_path: Path) -> None:
    async with opened(tmp_path, clip_seconds=(5.0, 5.0), concurrency=1) as met:
        jobs = [await met.submit(CLIP), await met.submit(CLIP)]
        await asyncio.sleep(0.05)
        for job in jobs:
            await met.studio.cancel(job.id)
            await met.studio.cancel(job.id)
        ends = [await met.studio.poll(job.id) for job in jobs]

        assert [end.failure.kind for end in ends if end.failure] == [FailureKind.CANCELLED] * 2
        assert met.vendor.ledger()["charged_micro_usd"] == 0


async def test_refusals_are_told_in_plain_words(tmp_path: Path) -> None:
    async with opened(tmp_path, credits_micro_usd=4000) as met:
        await met.submit(FRAME)
        with pytest.raises(CreditsUsedUp, match="Exhausted balance"):
            await met.submit(FRAME)
        met.environment["FAL_KEY"] = "a-revoked:key-0123456789"
        with pytest.raises(KeyRefused, match="FAL_KEY"):
            await met.submit(FRAME)
        met.environment["FAL_KEY"] = ""
        with pytest.raises(KeyRefused, match="has no key"):
            await met.submit(FRAME)
        assert len(met.studio.cards()) == 7


def test_a_key_in_two_halves_is_one_and_only_a_named_queue_is_trusted(tmp_path: Path) -> None:
    def studio(**environment: str) -> Any:
        return provider(Workshop(tmp_path, environment, Workers(1).run))

    key, secret = KEY.split(":")
    whole, halves = studio(FAL_KEY=KEY), studio(FAL_KEY_ID=key, FAL_KEY_SECRET=secret)
    assert whole.account == halves.account != ""
    assert studio(FAL_KEY="other:one", FAL_KEY_ID=key, FAL_KEY_SECRET=secret).account not in {"", whole.account}
    assert studio(FAL_KEY_ID=key).account == studio().account == ""
    assert studio().trusted_origins == frozenset()
    assert studio(FAL_BASE_URL="http://127.0.0.1:4711/fal").trusted_origins == {"http://127.0.0.1:4711"}


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (422, {"detail": [{"loc": ["body"], "msg": "no", "type": "content_policy_violation"}]}, {}, FailureKind.MODERATION),
        (422, {"detail": [{"loc": ["body", "image_url"], "msg": "no", "type": "image_too_small"}]}, {}, FailureKind.INPUT),
        (422, {"detail": "Bad picture"}, {}, FailureKind.INPUT),
        (504, {"detail": [{"msg": "late", "type": "generation_timeout"}]}, {}, FailureKind.INTERNAL),
        (500, {"detail": "Internal", "error_type": "runner_server_error"}, {}, FailureKind.INTERNAL),
        (500, {"detail": "Internal"}, {"x-fal-error-type": "internal_error"}, FailureKind.INTERNAL),
        (499, {"detail": "gone"}, {"x-fal-error-type": "client_cancelled"}, FailureKind.CANCELLED),
        (404, {"detail": [{"msg": "no such voice", "type": "value_error"}]}, {}, FailureKind.INPUT),
    ],
)
def test_a_models_error_ends_the_request(status: int, body: Any, headers: dict[str, str], kind: FailureKind) -> None:
    error = explain_result(Answer(status, body, headers, "fal", is_free=True), Status(status="COMPLETED"))

    assert isinstance(error, Ended)
    assert error.failure.kind is kind


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"detail": "Request is still in progress"}, NotSubmitted),
        (401, {"detail": "No user found"}, KeyRefused),
        (404, {"detail": "Request not found"}, JobUnknown),
        (429, {"detail": "Too many requests"}, Throttled),
        (500, {"detail": "Internal Server Error"}, type(None)),
        (502, "<html>", type(None)),
    ],
)
def test_what_is_not_the_models_word_ends_nothing(status: int, body: Any, error: type) -> None:
    assert isinstance(explain_result(Answer(status, body, {}, "fal", is_free=True), Status(status="COMPLETED")), error)


def test_a_state_that_tells_of_an_error_is_believed_when_the_result_says_nothing() -> None:
    told = Status(status="COMPLETED", error="Runner crashed at https://x/y?z=1", error_type="runner_disconnected")
    error = explain_result(Answer(503, "<html>", {}, "fal", is_free=True), told)

    assert isinstance(error, Ended)
    assert (error.failure.kind, error.failure.is_charged) == (FailureKind.INTERNAL, False)
    assert "://" not in error.failure.reason


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (403, {"detail": "User is locked. Reason: Exhausted balance."}, CreditsUsedUp),
        (403, {"detail": "Forbidden"}, KeyRefused),
        (402, {"detail": "Payment required"}, CreditsUsedUp),
        (422, {"detail": [{"loc": ["body"], "msg": "no", "type": "content_policy_violation"}]}, ProviderError),
        (400, {"detail": "Bad request"}, InputRefused),
        (503, {"detail": "Service Unavailable"}, type(None)),
        (500, "<html>", type(None)),
    ],
)
def test_a_refusal_of_the_queue_is_told_apart(status: int, body: Any, error: type) -> None:
    assert isinstance(explain(Answer(status, body, {}, "fal")), error)


@pytest.mark.parametrize(
    ("body", "urls"),
    [
        ({"images": [{"url": "https://a/1.png", "content_type": "image/png"}, {"url": "https://a/2.png"}]}, ["1.png", "2.png"]),
        ({"image": {"url": "https://a/1.png"}, "video": {"url": "https://a/1.mp4"}}, ["1.mp4", "1.png"]),
        ({"audio": {"url": "https://a/1.mp3"}, "video": None}, ["1.mp3"]),
        ({"audio_url": "https://a/1.mp3"}, ["1.mp3"]),
        ({"image": {"url": "data:image/png;base64,AA=="}}, []),
        ({"text": "words"}, []),
    ],
)
def test_files_are_found_in_any_form_of_result(body: Any, urls: list[str]) -> None:
    assert [output.url.rpartition("/")[2] for output in Result.model_validate(body).outputs] == urls
