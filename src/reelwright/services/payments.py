"""Payments: one request that pays, and what it answers, written down at once.

A receipt is written however often that takes, because it is paid for. That nothing was made is written only by the one whose
request it was: by then somebody else may have sent the take again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from reelwright.db import events, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.event import EventName
from reelwright.domain.generation import Job, provider_of
from reelwright.domain.ids import AssetId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.errors import InDoubt, NotSubmitted, ProviderError, Throttled
from reelwright.ports import Attachments, Provider
from reelwright.services.assets import Assets
from reelwright.services.catalogue import Catalogue
from reelwright.services.failures import reason_of, refused
from reelwright.services.lanes import Lanes
from reelwright.services.takes import end, receive

_log = structlog.get_logger()

SUBMIT_SECONDS = 600.0
"""The longest that a submit may take; some vendors make a picture before they answer."""
_RECEIPT_SECONDS = 0.5
"""Between two tries to write down a job's id."""
_FRESH = timedelta(seconds=1)
"""How old the mark of a take may be when its request leaves: whoever searches a list counts from there."""


@dataclass
class _Errand:
    """What a provider is given for one submit: the pictures, and whom to ask whether it is still to be sent."""

    take: Take
    assets: Assets
    make_sure: Callable[[Take], Awaitable[Take]]

    async def read(self, asset: AssetId) -> bytes:
        """See `Attachments.read`."""
        return await self.assets.read(asset)

    async def confirm(self) -> None:
        """See `Confirming.confirm`."""
        self.take = await self.make_sure(self.take)


class Payments:
    """Sends what a place was taken for."""

    def __init__(
        self, database: Database, catalogue: Catalogue, assets: Assets, lanes: Lanes, *, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._assets = assets
        self._lanes = lanes
        self._now = now

    async def send(self, take: Take, provider: Provider) -> Exception | None:
        """Sends for the first time, and writes down what became of it; what passes by itself is returned, to be waited for."""
        errand = _Errand(take, self._assets, self._make_sure)
        try:
            await errand.confirm()
            await self._pay(take, provider, errand)
        except NotSubmitted as error:
            # It never arrived, so it does not count against what the vendor takes in a minute.
            await self.plan_again(errand.take, submitting_at=None)
            return error
        except Throttled as error:
            # It arrived and may count, so its time stays.
            self._lanes.close(self._catalogue.sharers(take.request.model), error.retry_after or 0.0)
            await self.plan_again(errand.take)
            return error
        except InDoubt as error:
            _log.warning("take.in_doubt", take=take.id, reason=error.message)
            return error
        except ProviderError as error:
            failure = refused(error)
            await self._move_own(
                errand.take,
                lambda session: end(session, take, TakeState.SUBMITTING, TakeState.FAILED, failure, 0, self._now()),
            )
        except Exception as error:  # noqa: BLE001 - a vendor's file is somebody else's code: whatever it raises, it may have paid
            _log.exception("take.submit_broke", take=take.id)
            return error
        return None

    async def _make_sure(self, take: Take) -> Take:
        """The take as it is about to be sent: marked anew with this moment, because what comes before may have taken long.

        Raises:
            NotSubmitted: it is not ours to send any more, or nobody can tell.
        """
        at = self._now()

        def mark(session: Session) -> Take | None:
            takes.lock_account(session, provider_of(take.request.model), take.account)
            found = takes.get(session, take.id)
            is_ours = found.state is TakeState.SUBMITTING and found.submitting_at in {take.submitting_at, at}
            if not is_ours or productions.get(session, found.production_id).state is not ProductionState.RUNNING:
                return None
            if at - (found.submitting_at or at) > _FRESH:
                takes.move(session, take.id, TakeState.SUBMITTING, TakeState.SUBMITTING, submitting_at=at)
            return takes.get(session, take.id)

        try:
            marked = await self._database.write(mark)
        except Exception as error:  # not swallowed: whatever hides the answer, nothing is sent
            msg = "Whether it is still to be sent cannot be told, so it is not."
            raise NotSubmitted(msg) from error
        if marked is None:
            msg = "It was called off, or taken over by another process, before it was sent."
            raise NotSubmitted(msg)
        return marked

    async def pay_again(self, take: Take, provider: Provider) -> None:
        """Sends the same key once more, and writes the receipt down; what it raises proves nothing about the first request."""
        await self._pay(take, provider, self._assets)

    async def _pay(self, take: Take, provider: Provider, attachments: Attachments) -> None:
        async with asyncio.timeout(SUBMIT_SECONDS):
            job = await provider.submit(take.request, intent=take.intent, attachments=attachments)
        while True:
            try:
                await self.record(take, job, take.account)
            except Exception as error:  # noqa: BLE001 - a full disk or an absent server must not cost a job
                _log.error("take.receipt_not_written", take=take.id, job=job.id, reason=reason_of(error))
                await asyncio.sleep(_RECEIPT_SECONDS)
            else:
                return

    async def record(self, take: Take, job: Job, account: str) -> None:
        """Writes the receipt down, at once; what the vendor may take by its own word is held from now on.

        A receipt is proof: it ends a doubt that another process came to have of a request that took long.
        """
        told = {"job_id": job.id, "account": account}

        def record(session: Session) -> None:
            # Whoever compares a list with what we know must see the take without its receipt, or with it.
            takes.lock_account(session, provider_of(take.request.model), account)
            is_late = takes.move(session, take.id, TakeState.IN_DOUBT, TakeState.SUBMITTED, failure=None, is_left=True, **told)
            if is_late or takes.move(session, take.id, TakeState.SUBMITTING, TakeState.SUBMITTED, **told):
                receive(session, take, job, self._now())
            elif takes.get(session, take.id).job_id != job.id:
                self._tell_second(session, take, job)

        await self._database.write(record)
        self._lanes.reopen(self._catalogue.sharers(take.request.model))

    def _tell_second(self, session: Session, take: Take, job: Job) -> None:
        """A receipt that came so late that its take is somebody else's: the job is paid for, so it is never passed over."""
        name = provider_of(take.request.model)
        _log.error("take.second_receipt", take=take.id, job=job.id)
        text = (
            f"{name} has one more job of ours, {job.id}, whose receipt came too late for its take. "
            "`reelwright harvest --since 1d` brings it home where the provider has a list; else look into your account there."
        )
        events.append(session, take.campaign_id, EventName.NOTICE_GIVEN, self._now(), text=text, take=take.id)

    async def plan_again(self, take: Take, **columns: datetime | None) -> None:
        """The request surely made nothing: the take waits for a place again."""
        await self._move_own(
            take, lambda session: takes.move(session, take.id, TakeState.SUBMITTING, TakeState.PLANNED, **columns)
        )

    async def _move_own(self, take: Take, move: Callable[[Session], object]) -> None:
        """Writes down that a request has made nothing, unless somebody has sent the take again since: that one may have."""

        def move_own(session: Session) -> None:
            takes.lock_account(session, provider_of(take.request.model), take.account)
            if takes.get(session, take.id).submitting_at == take.submitting_at:
                move(session)

        await self._database.write(move_own)
        self._lanes.leave(self._catalogue.sharers(take.request.model))
