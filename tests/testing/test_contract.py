"""The contract suite itself: every way to write a bad provider that is known here fails the test that is there for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.test_providers import TestAPlugInWithASearch as Suite
from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Failure, Job, JobState, Kind, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import InDoubt, JobUnknown, KeyRefused, NotSubmitted, ProviderError, ReelwrightError, Throttled
from reelwright.ports import Attachments, Findable, Workshop
from reelwright.testing.counterpart import Meeting, installed
from reelwright.testing.simulators.behaviour import Trouble

TRUE = "test_what_it_says_about_a_submit_is_true"
LOST = {"kind": Kind.FRAME, "submits_as": Trouble.CUT_AFTER}


class Good:
    """The plug-in whose jobs can be searched, behind a door at which each bad provider goes wrong in its own way."""

    def __init__(self, workshop: Workshop) -> None:
        self.environment = workshop.environment
        self.inner = installed("simlist")(workshop)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def account(self) -> str:
        return self.inner.account

    @property
    def trusted_origins(self) -> frozenset[str]:
        return self.inner.trusted_origins

    def cards(self) -> Sequence[ModelCard]:
        return self.inner.cards()

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        return await self.inner.submit(request, intent=intent, attachments=attachments)

    async def poll(self, job: JobId) -> Job:
        return await self.inner.poll(job)

    async def cancel(self, job: JobId) -> None:
        await self.inner.cancel(job)

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        assert isinstance(self.inner, Findable)
        return await self.inner.find(request, intent=intent, since=since)

    async def aclose(self) -> None:
        await self.inner.aclose()


class SendsAgain(Good):
    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        try:
            return await super().submit(request, intent=intent, attachments=attachments)
        except InDoubt:
            return await super().submit(request, intent=intent, attachments=attachments)


class Hopes(Good):
    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        try:
            return await super().submit(request, intent=intent, attachments=attachments)
        except InDoubt as error:
            raise NotSubmitted(error.message) from error


class FindsNothing(Good):
    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        return None


class FindsAnything(Good):
    first: Job | None = None

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        self.first = self.first or await super().find(request, intent=intent, since=since)
        return self.first


class ReadsTooLate(Good):
    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        job = await super().submit(replace(request, picture=None), intent=intent, attachments=attachments)
        if request.picture is not None:
            await attachments.read(request.picture)
        return job


class MakesSomethingElse(Good):
    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        return await super().submit(replace(request, kind=Kind.FRAME), intent=intent, attachments=attachments)


class PollsAndGivesUp(Good):
    async def poll(self, job: JobId) -> Job:
        try:
            return await super().poll(job)
        except (NotSubmitted, Throttled) as error:
            return Job(job, JobState.FAILED, failure=Failure(error.message))


class BlamesTheJob(Good):
    async def poll(self, job: JobId) -> Job:
        try:
            return await super().poll(job)
        except KeyRefused as error:
            raise JobUnknown(error.message) from error


class KnowsNoUnknown(Good):
    async def poll(self, job: JobId) -> Job:
        try:
            return await super().poll(job)
        except JobUnknown as error:
            raise ProviderError(error.message) from error


class TellsAnotherPrice(Good):
    async def poll(self, job: JobId) -> Job:
        return replace(await super().poll(job), charged_micro_usd=1)


class CancelErases(Good):
    erased = JobId("")

    async def cancel(self, job: JobId) -> None:
        await super().cancel(job)
        self.erased = job

    async def poll(self, job: JobId) -> Job:
        if job == self.erased:
            msg = "It is gone."
            raise JobUnknown(msg)
        return await super().poll(job)


class ShowsItsKey(Good):
    @property
    def account(self) -> str:
        return self.environment["SIMULATED_KEY"][:12]


@pytest.mark.parametrize(
    ("bad", "test", "arguments"),
    [
        (SendsAgain, TRUE, LOST),
        (Hopes, TRUE, LOST),
        (FindsNothing, TRUE, LOST),
        (FindsAnything, "test_it_finds_exactly_the_job", {"kind": Kind.FRAME}),
        (ReadsTooLate, "test_a_picture_that_cannot_be_read_is_not_paid_for", {"kind": Kind.CLIP}),
        (MakesSomethingElse, "test_its_outputs_come_home_and_are_what_was_asked_for", {"kind": Kind.CLIP}),
        (PollsAndGivesUp, "test_a_poll_that_goes_wrong_loses_nothing", {"polls_as": Trouble.UNAVAILABLE}),
        (BlamesTheJob, "test_without_the_right_key_it_says_so_and_nothing_is_lost", {"kind": Kind.FRAME, "key": "wrong"}),
        (KnowsNoUnknown, "test_a_job_that_nobody_made_is_unknown", {}),
        (TellsAnotherPrice, "test_what_a_job_costs_is_what_the_vendor_takes", {"kind": Kind.FRAME}),
        (CancelErases, "test_a_cancel_does_no_harm_at_any_time", {"kind": Kind.FRAME}),
        (ShowsItsKey, "test_the_account_is_that_of_the_key_and_gives_nothing_of_it_away", {}),
    ],
)
async def test_a_bad_provider_is_noticed(bad: type[Good], test: str, arguments: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    suite = Suite()
    async with (
        suite.serving(tmp_path / "vendor") as vendor,
        Meeting.opened(bad, vendor, tmp_path) as meeting,
    ):
        with pytest.raises((AssertionError, ReelwrightError, pytest.fail.Exception)):
            await getattr(suite, test)(meeting, **arguments)


async def test_the_good_one_behind_the_same_door_is_not(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    suite = Suite()
    async with suite.serving(tmp_path / "vendor") as vendor, Meeting.opened(Good, vendor, tmp_path) as meeting:
        await suite.test_what_it_says_about_a_submit_is_true(meeting, Kind.FRAME, Trouble.CUT_AFTER)
