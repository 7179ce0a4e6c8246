"""Submits: the one line that costs money, sent exactly once.

Before it the intent is committed; whoever finds an intent without a receipt asks the provider, and never sends again blindly.
`submit` may be called again after a crash at any line, and does only what is still to be done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import structlog

from reelwright.db import events, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.card import ModelCard
from reelwright.domain.event import EventName
from reelwright.domain.generation import Failure, Job, provider_of
from reelwright.domain.ids import TakeId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.errors import InDoubt, NotSubmitted, ProviderError, Throttled
from reelwright.ports import Findable, Provider
from reelwright.services.assets import Assets
from reelwright.services.catalogue import Catalogue
from reelwright.services.lanes import Lanes
from reelwright.services.patience import Patience, free_answer, reason_of
from reelwright.services.productions import until_running
from reelwright.services.takes import end, facts

_log = structlog.get_logger()

_SETTLE = timedelta(seconds=2)
"""How long a request may be on its way until it shows up in the provider's list."""
_RECEIPT_SECONDS = 0.5
"""Between two tries to write down a job's id."""
_SUBMIT_SECONDS = 600.0
"""The longest that a submit may take; some vendors make a picture before they answer."""
_REFUSED_SEARCHES = 3
"""So often a provider may refuse to be searched until a person has to decide."""


class Submits:
    """Sends planned takes to their providers."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        assets: Assets,
        lanes: Lanes,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._assets = assets
        self._lanes = lanes
        self._now = now
        self._at_work: WeakValueDictionary[TakeId, asyncio.Lock] = WeakValueDictionary()
        self.paying: set[asyncio.Task[None]] = set()
        """Requests on their way. Whoever stops the engine waits for them: an answer that nobody hears is a job in doubt."""

    async def submit(self, take_id: TakeId) -> None:
        """Sends the request exactly once, as soon as the provider has a place; after that the take is submitted or has ended.

        Two productions may wait for the same take: the second waits for the first, and finds it submitted.
        """
        async with self._at_work.setdefault(take_id, asyncio.Lock()):
            await self._submit(take_id)

    async def _submit(self, take_id: TakeId) -> None:
        take = await self._get(take_id)
        patience = Patience(self._database, take, now=self._now)
        while take.state in {TakeState.PLANNED, TakeState.SUBMITTING}:
            provider, card = await patience.until_installed(self._catalogue)
            if take.state is TakeState.SUBMITTING:
                # Found so, it is of an earlier life or has just lost its answer; nobody is sending it now.
                await self._reconcile(take, provider, card, patience)
            else:
                await until_running(self._database, take.production_id)
                await self._lanes.enter(self._catalogue.sharers(card.model), lambda card=card: self._claim(take_id, card))
                take = await self._get(take_id)
                if take.state is TakeState.SUBMITTING:
                    await self._send(take, provider, patience, is_again=False)
            take = await self._get(take_id)

    async def _get(self, take: TakeId) -> Take:
        return await self._database.read(lambda session: takes.get(session, take))

    async def _claim(self, take_id: TakeId, card: ModelCard) -> bool:
        """Takes a place and marks the take as submitting, in one transaction. True when it need not wait here any more."""

        def claim(session: Session) -> bool:
            take = takes.get(session, take_id)
            state = productions.get(session, take.production_id).state
            if take.state is not TakeState.PLANNED or state is ProductionState.PAUSED:
                return True
            if state.is_ended:
                end(session, take, TakeState.PLANNED, TakeState.CANCELLED, None, 0, self._now())
                return True
            sharers = self._catalogue.sharers(card.model)
            if takes.at_provider(session, provider_of(card.model), sharers) >= card.concurrency:
                return False
            return takes.move(session, take.id, TakeState.PLANNED, TakeState.SUBMITTING, submitting_at=self._now())

        return await self._database.write(claim)

    async def _send(self, take: Take, provider: Provider, patience: Patience, *, is_again: bool) -> None:
        """The one line that pays. A take that is still submitting afterwards is in doubt.

        With `is_again`, an earlier request of the same intent may have arrived: that this one did not proves nothing.
        """
        paying = asyncio.ensure_future(self._pay(take, provider))
        self.paying.add(paying)
        paying.add_done_callback(self.paying.discard)
        try:
            await asyncio.shield(paying)
        except (NotSubmitted, Throttled) as error:
            if not is_again:
                await self._plan_again(take)
            await patience.wait(error)
        except InDoubt as error:
            _log.warning("take.in_doubt", take=take.id, reason=error.message)
            await patience.wait(error)
        except ProviderError as error:
            failure = Failure(error.message)
            await self._database.write(
                lambda session: end(session, take, TakeState.SUBMITTING, TakeState.FAILED, failure, 0, self._now())
            )
            self._lanes.leave(self._catalogue.sharers(take.request.model))
        except Exception as error:  # noqa: BLE001
            # A vendor's file is somebody else's code: whatever it raises, it may have paid first.
            _log.exception("take.submit_broke", take=take.id)
            await patience.wait(error)

    async def _pay(self, take: Take, provider: Provider) -> None:
        """Sends, and writes the receipt down as soon as it is here, however often that takes: it is paid for."""
        async with asyncio.timeout(_SUBMIT_SECONDS):
            job = await provider.submit(take.request, intent=take.intent, attachments=self._assets)
        while True:
            try:
                await self._record(take, job)
            except Exception as error:  # noqa: BLE001 - a full disk or an absent server must not cost a job
                _log.error("take.receipt_not_written", take=take.id, job=job.id, reason=reason_of(error))
                await asyncio.sleep(_RECEIPT_SECONDS)
            else:
                return

    async def _record(self, take: Take, job: Job) -> None:
        """Writes the receipt down, at once."""

        def record(session: Session) -> None:
            if takes.move(session, take.id, TakeState.SUBMITTING, TakeState.SUBMITTED, job_id=job.id):
                told = {**facts(take), "job": job.id}
                events.append(session, take.campaign_id, EventName.TAKE_SUBMITTED, self._now(), **told)

        await self._database.write(record)

    async def _plan_again(self, take: Take) -> None:
        await self._database.write(
            lambda session: takes.move(session, take.id, TakeState.SUBMITTING, TakeState.PLANNED, submitting_at=None)
        )
        self._lanes.leave(self._catalogue.sharers(take.request.model))

    async def _reconcile(self, take: Take, provider: Provider, card: ModelCard, patience: Patience) -> None:
        """Finds out what became of a submit whose answer is lost: it is recorded, planned again or in doubt."""
        if card.is_idempotent:
            # The same key makes the same job. It is not planned anew, because then it could be cancelled as if nothing was sent.
            await self._send(take, provider, patience, is_again=True)
            return
        if not isinstance(provider, Findable):
            await self._doubt(take)
            return
        # Counted from now: a request that its sender gave up, or died over, may still be on its way.
        await asyncio.sleep(_SETTLE.total_seconds())
        since = (take.submitting_at or take.created_at) - _SETTLE
        for _ in range(_REFUSED_SEARCHES):
            try:
                job = await self._find(provider, take, since, patience)
            except ProviderError as error:
                await patience.wait(error)
                continue
            await (self._plan_again(take) if job is None else self._record(take, job))
            return
        await self._doubt(take)

    async def _find(self, provider: Findable, take: Take, since: datetime, patience: Patience) -> Job | None:
        while True:
            try:
                return await free_answer(provider.find(take.request, intent=take.intent, since=since))
            except (NotSubmitted, Throttled) as error:
                await patience.wait(error)

    async def _doubt(self, take: Take) -> None:
        """Parks the take for a person. Its money stays held, because it may have been spent."""
        name = provider_of(take.request.model)
        reason = f"Nobody can tell whether {name} got the request. Look into your account there before you ask again."

        def doubt(session: Session) -> None:
            failure = {"reason": reason, "is_retryable": False, "is_charged": True}
            if takes.move(session, take.id, TakeState.SUBMITTING, TakeState.IN_DOUBT, failure=failure):
                told = {**facts(take), "reason": reason}
                events.append(session, take.campaign_id, EventName.TAKE_DOUBTED, self._now(), **told)

        await self._database.write(doubt)
        self._lanes.leave(self._catalogue.sharers(take.request.model))
