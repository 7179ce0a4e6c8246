"""Replicate's adapter: one request that pays, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reelwright.domain.card import Takes
from reelwright.domain.generation import FailureKind, JobState, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import CreditsUsedUp, InDoubt, JobUnknown, KeyRefused, NotSubmitted, ProviderError, Throttled
from reelwright.media.workers import Workers
from reelwright.ports import Workshop
from reelwright.providers.replicate import Replicate, provider
from reelwright.providers.replicate.answers import Prediction
from reelwright.testing.simulators.behaviour import TROUBLES, Phase, Trouble
from replicate_vendor import CLIP, FRAME, LARGE, SEEDLESS, SMALL, Met, moments_ago, opened


@pytest.mark.parametrize(
    ("fate", "kind", "is_retryable", "charged"),
    [
        (Trouble.MODERATION, FailureKind.MODERATION, False, 0),
        (Trouble.INTERNAL, FailureKind.INTERNAL, True, 0),
        (Trouble.CANCELLED, FailureKind.CANCELLED, False, 3000),
        (Trouble.ABORTED, FailureKind.CANCELLED, True, 0),
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


async def test_every_card_costs_what_it_says(met: Met) -> None:
    for card in met.studio.cards():
        before = met.vendor.ledger()["charged_micro_usd"]
        seconds = card.legal_lengths[-1] if card.legal_lengths else Fraction(5)
        picture = SMALL if card.first_frame is not Takes.NO else None
        request = Request(card.kind, card.model, "A", seconds=seconds, picture=picture, shape=card.shapes[0].value)
        job = await met.ended(await met.submit(request))
        assert job.state is JobState.SUCCEEDED
        assert met.input
        assert met.vendor.ledger()["charged_micro_usd"] - before == card.quote(seconds)


async def test_a_job_goes_on_until_it_ends_whatever_the_state_is_called(tmp_path: Path) -> None:
    async with opened(tmp_path, clip_seconds=(2.0, 2.0), concurrency=1) as met:
        first, second = await met.submit(CLIP), await met.submit(CLIP, "two")
        assert second.state is JobState.RUNNING
        met.meet(Phase.POLL, Trouble.UNKNOWN_STATE)
        assert (await met.studio.poll(first.id)).state is JobState.RUNNING
        await asyncio.sleep(0.2)
        progress = (await met.studio.poll(first.id)).progress
        assert progress is not None
        assert 0 < progress < 1
        done = await met.ended(first)
        assert done.outputs[0].url.startswith(tuple(met.studio.trusted_origins))
        assert (await met.studio.poll(second.id)).state is JobState.RUNNING


@pytest.mark.parametrize(
    ("output", "urls"),
    [
        ("https://a/1.mp4", ["https://a/1.mp4"]),
        (["https://a/1.png", "https://a/2.png"], ["https://a/1.png", "https://a/2.png"]),
        ({"thumbnail": "https://a/t.jpg", "video": "https://a/1.mp4"}, ["https://a/1.mp4", "https://a/t.jpg"]),
        ({"images": [{"url": "https://a/1.png"}], "seed": 7}, ["https://a/1.png"]),
        ("just words", []),
        (None, []),
    ],
)
def test_files_are_found_in_any_form_of_output(output: Any, urls: Sequence[str]) -> None:
    job = Prediction(id="p", status="succeeded", output=output).job

    assert [each.url for each in job.outputs] == urls
    assert (job.failure is None) is bool(urls)


async def test_files_that_were_deleted_are_lost_and_say_so(met: Met) -> None:
    job = await met.ended(await met.submit(FRAME))
    met.vendor.keeps_files_seconds = -1.0
    gone = await met.studio.poll(job.id)

    assert gone.failure is not None
    assert (gone.failure.kind, gone.failure.is_charged) == (FailureKind.LOST, True)
    met.vendor.desk.behaviour.keeps_seconds = -1.0
    with pytest.raises(JobUnknown):
        await met.studio.poll(job.id)


async def test_a_cancelled_job_is_charged_only_if_it_ran(tmp_path: Path) -> None:
    async with opened(tmp_path, clip_seconds=(5.0, 5.0), concurrency=1) as met:
        running, waiting = await met.submit(CLIP), await met.submit(CLIP, "two")
        await asyncio.sleep(0.05)
        for job in (waiting, running):
            await met.studio.cancel(job.id)
            await met.studio.cancel(job.id)
        ends = [await met.studio.poll(job.id) for job in (running, waiting)]
        await met.studio.cancel(JobId("nobody"))

        assert [end.failure.is_charged for end in ends if end.failure] == [True, False]
        assert met.vendor.ledger()["charged_micro_usd"] == 500_000


@pytest.mark.parametrize(
    ("trouble", "error", "accepted"),
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
@pytest.mark.parametrize("request_", [FRAME, SEEDLESS], ids=["with-seed", "without"])
async def test_a_submit_is_sent_once_and_found_again(
    met: Met, request_: Request, trouble: Trouble, error: type[ProviderError], accepted: int
) -> None:
    since = moments_ago()
    met.meet(Phase.SUBMIT, trouble)
    with pytest.raises(error) as caught:
        await met.submit(request_)
    found = await met.studio.find(request_, intent=IntentKey("one"), since=since)

    assert isinstance(caught.value, InDoubt) is (error is InDoubt)
    assert len(met.posts) == 1
    assert met.submits == accepted
    assert (found is not None) is bool(accepted)


async def test_every_trouble_of_a_submit_is_covered() -> None:
    parameters = test_a_submit_is_sent_once_and_found_again.pytestmark[1].args[1]  # pyright: ignore[reportFunctionMemberAccess] - set by pytest
    assert {trouble for trouble, _, _ in parameters} == set(TROUBLES[Phase.SUBMIT])


async def test_an_answer_that_takes_too_long_leaves_the_submit_in_doubt(tmp_path: Path) -> None:
    async with opened(tmp_path, make=partial(Replicate, patience=1.5), answer_delay=60) as met:
        with pytest.raises(InDoubt):
            await met.submit(FRAME)
        assert met.submits == 1


@pytest.mark.parametrize("trouble", TROUBLES[Phase.POLL])
async def test_an_upload_that_goes_wrong_was_free(met: Met, trouble: Trouble) -> None:
    await met.studio.discover(CLIP.model)
    met.meet(Phase.POLL, trouble)
    if trouble is Trouble.UNKNOWN_STATE:
        await met.submit(replace(CLIP, picture=LARGE))
        return
    with pytest.raises((NotSubmitted, Throttled)):
        await met.submit(replace(CLIP, picture=LARGE))

    assert met.posts == []


async def test_refusals_are_told_in_plain_words(tmp_path: Path) -> None:
    async with opened(tmp_path, credits_micro_usd=4000) as met:
        await met.submit(FRAME)
        with pytest.raises(CreditsUsedUp, match="no credit left"):
            await met.submit(FRAME)
        met.meet(Phase.SUBMIT, Trouble.THROTTLE)
        with pytest.raises(Throttled) as throttled:
            await met.submit(FRAME)
        assert throttled.value.retry_after == 1
        met.environment["REPLICATE_API_TOKEN"] = "r8_revoked-0123456789abcdef"
        with pytest.raises(KeyRefused, match="REPLICATE_API_TOKEN") as refused:
            await met.submit(FRAME)
        assert "revoked" not in refused.value.message
        met.environment["REPLICATE_API_TOKEN"] = ""
        with pytest.raises(KeyRefused, match="has no key"):
            await met.submit(FRAME)
        assert len(met.studio.cards()) == 5


def test_only_an_api_that_the_operator_named_is_trusted(tmp_path: Path) -> None:
    def origins(**environment: str) -> frozenset[str]:
        return provider(Workshop(tmp_path, environment, Workers(1).run)).trusted_origins

    assert origins() == frozenset()
    assert origins(REPLICATE_BASE_URL="http://127.0.0.1:4711/replicate/") == {"http://127.0.0.1:4711"}
