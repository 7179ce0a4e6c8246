"""Submits: the way to the one line that costs money, which stands in `payments`; it is gone exactly once.

Before it the intent is committed; whoever finds an intent without a receipt asks the provider, and never sends again blindly.
`submit` may be called again after a crash at any line, and does only what is still to be done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import structlog

from reelwright.db import productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Job, ModelRef, provider_of
from reelwright.domain.ids import TakeId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.errors import InDoubt, NotSubmitted, ProviderError, Throttled
from reelwright.ports import Findable, Provider, Recalling
from reelwright.services.assets import Assets
from reelwright.services.catalogue import Catalogue
from reelwright.services.lanes import Lanes
from reelwright.services.patience import Patience, free_answer
from reelwright.services.payments import SUBMIT_SECONDS, Payments
from reelwright.services.productions import Active, until_running
from reelwright.services.takes import doubt, end

T = TypeVar("T")
_log = structlog.get_logger()

_SETTLE = timedelta(seconds=2)
"""How long a request may be on its way until it shows up in the provider's list."""
_LOOK_SECONDS = 0.5
"""Between two looks whether another process has its answer, or the production was ended."""
_REFUSED_SEARCHES = 3
"""So often a provider may refuse to be searched until a person has to decide."""
_MINUTE = timedelta(minutes=1)
_ON_ITS_WAY = timedelta(minutes=1)
"""How long before a vendor forgets a key we stop relying on it: the request must still get there."""


@dataclass
class _Claim:
    """A try to be the one process that sends a take."""

    take: Take
    provider: Provider
    at: datetime | None = None
    """When it was tried last."""
    sending: asyncio.Task[Exception | None] | None = None
    """The request, once it was this try that marked the take."""


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
        self._lanes = lanes
        self._payments = Payments(database, catalogue, assets, lanes, now=now)
        self._now = now
        self._active = Active(database)
        self._at_work: WeakValueDictionary[TakeId, asyncio.Lock] = WeakValueDictionary()
        self.paying: dict[asyncio.Task[Any], TakeId] = {}
        """Requests on their way, with their takes. Whoever stops the engine waits for them: an answer that nobody hears is a job
        in doubt."""

    async def submit(self, take_id: TakeId) -> None:
        """Sends the request exactly once, as soon as the provider has a place; after that the take is submitted or has ended.

        Whoever ends the production ends this wait within a second or two, whatever it waits for: what was not sent is cancelled
        then, and what may have been sent is left to upkeep. Two productions may wait for the same take: the second waits for
        the first, and finds it submitted.
        """
        take = await self._get(take_id)
        settling = asyncio.create_task(self.settle(take_id))
        try:
            while not settling.done():
                await asyncio.wait({settling}, timeout=_LOOK_SECONDS)
                if not settling.done() and await self._active.ended(take):
                    break
        finally:
            settling.cancel()
            await asyncio.wait({settling})
        if settling.cancelled():
            await self._call_off(take)
        else:
            settling.result()

    async def settle(self, take_id: TakeId) -> None:
        """As `submit`, for upkeep, which waits for as long as it takes: what may have been sent is found out."""
        async with self._at_work.setdefault(take_id, asyncio.Lock()):
            # One that was interrupted may still be sending: two at once would not know of each other.
            while own := [task for task, take in self.paying.items() if take == take_id]:
                await asyncio.wait(own)
            await self._settle(take_id)

    async def _settle(self, take_id: TakeId) -> None:
        take = await self._get(take_id)
        patience = Patience(self._database, take, now=self._now)
        while take.state in {TakeState.PLANNED, TakeState.SUBMITTING}:
            if take.state is TakeState.PLANNED and (await until_running(self._database, take.production_id)).state.is_ended:
                await self._call_off(take)
            else:
                provider, card = await patience.until_installed(self._catalogue)
                if take.state is TakeState.SUBMITTING:
                    # Found so, it is of an earlier life or has just lost its answer; nobody is sending it now.
                    await self._reconcile(take, provider, card, patience)
                else:
                    await self._send_in_turn(_Claim(take, provider), card, patience)
            take = await self._get(take_id)

    async def _get(self, take: TakeId) -> Take:
        return await self._database.read(lambda session: takes.get(session, take))

    async def _call_off(self, take: Take) -> None:
        """Cancels what was not sent of a production that has ended."""

        def call_off(session: Session) -> None:
            if productions.get(session, takes.get(session, take.id).production_id).state.is_ended:
                end(session, take, TakeState.PLANNED, TakeState.CANCELLED, None, 0, self._now())

        await self._database.write(call_off)

    async def _send_in_turn(self, claim: _Claim, card: ModelCard, patience: Patience) -> None:
        """Waits for a place at the provider, and sends. A take that is still submitting afterwards may have been paid."""
        take = claim.take
        sharers = self._catalogue.sharers(take.request.model)
        await self._lanes.enter(sharers, lambda: asyncio.shield(self._in_one_piece(take.id, self._try(claim, card, sharers))))
        if claim.sending is None:
            await self._until_answered(take)
            return
        problem = await asyncio.shield(claim.sending)
        if isinstance(problem, Throttled):
            # The next in line would hear the same; this one goes to the end of it.
            await patience.after(problem)
        elif problem is not None:
            await patience.wait(problem)

    async def _until_answered(self, take: Take) -> None:
        """Another process, which lives, may have won the take and be sending it: two would pay twice."""
        while (take := await self._get(take.id)).state is TakeState.SUBMITTING:
            if self._now() - (take.submitting_at or take.created_at) > timedelta(seconds=SUBMIT_SECONDS):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _in_one_piece(self, take: TakeId, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work that goes on when whoever waits for it is interrupted."""
        task = asyncio.create_task(work)
        self.paying[task] = take
        task.add_done_callback(self.paying.pop)
        return task

    async def _try(self, wish: _Claim, card: ModelCard, sharers: tuple[ModelRef, ...]) -> bool:
        """Takes a place, marks the take as submitting, in one transaction, and sends. True when it need not wait here any more.

        In one piece: interrupted in between, a take would have to be looked for that was never sent.
        """
        name, account = wish.provider.name, wish.provider.account
        wish.at = self._now()
        # Who takes longer is left: where it still has its place the vendor says "wait", which costs nothing.
        longest = max((card.deadline for card in self._catalogue.known if card.model in sharers), default=card.deadline)
        since = wish.at - timedelta(seconds=float(longest))

        def claim(session: Session) -> tuple[bool, Take | None]:
            take = takes.get(session, wish.take.id)
            if take.state is TakeState.SUBMITTING and take.submitting_at == wish.at:
                return True, take  # this very transaction was made before, and its end was not heard
            state = productions.get(session, take.production_id).state
            if take.state is not TakeState.PLANNED or state is not ProductionState.RUNNING:
                return True, None
            if not has_place(session):
                return False, None
            mark = {"submitting_at": wish.at, "account": account}
            is_mine = takes.move(session, take.id, TakeState.PLANNED, TakeState.SUBMITTING, **mark)
            return True, takes.get(session, take.id) if is_mine else None

        def has_place(session: Session) -> bool:
            takes.lock_account(session, name, account)
            if not self._lanes.is_open(sharers) or takes.at_provider(session, name, account, sharers, since) >= card.concurrency:
                return False
            return not card.per_minute or takes.submitted_since(session, name, account, self._now() - _MINUTE) < card.per_minute

        is_over, won = await self._database.write(claim)
        if won is not None:
            wish.sending = self._in_one_piece(won.id, self._payments.send(won, wish.provider))
        return is_over

    async def _send_again(self, take: Take, provider: Provider, patience: Patience) -> bool:
        """Sends the same key again. False when the answer does not tell what became of the first request.

        That this one did not arrive, or was refused, proves nothing about the one before.
        """
        try:
            await asyncio.shield(self._in_one_piece(take.id, self._payments.pay_again(take, provider)))
        except (NotSubmitted, Throttled, InDoubt) as error:
            await patience.wait(error)
        except ProviderError as error:
            _log.warning("take.refused_again", take=take.id, reason=error.message)
            return False
        except Exception as error:  # noqa: BLE001 - somebody else's code, as above
            _log.exception("take.submit_broke", take=take.id)
            await patience.wait(error)
        return True

    async def _reconcile(self, take: Take, provider: Provider, card: ModelCard, patience: Patience) -> None:
        """Finds out what became of a submit whose answer is lost: it is recorded, planned again or in doubt."""
        # The same key makes the same job. It is not planned anew, because then it could be cancelled as if nothing was sent.
        if self._is_remembered(take, provider, card) and await self._send_again(take, provider, patience):
            return
        if isinstance(provider, Recalling) and (job := await self._recall(provider, take)) is not None:
            await self._payments.record(take, job, take.account)
        elif isinstance(provider, Findable):
            await self._search(take, provider, card, patience)
        else:
            await self._doubt(take)

    async def _recall(self, provider: Recalling, take: Take) -> Job | None:
        try:
            return await free_answer(provider.recall(take.request, intent=take.intent))
        except ProviderError as error:
            _log.warning("take.not_recalled", take=take.id, reason=error.message)
            return None

    def _is_remembered(self, take: Take, provider: Provider, card: ModelCard) -> bool:
        """Whether the vendor surely takes the intent key for the one that it may have had. Another account never does."""
        if not card.is_idempotent or provider.account != take.account:
            return False
        age = self._now() - (take.submitting_at or take.created_at)
        memory = timedelta(seconds=float(card.key_seconds))
        return not memory or age < memory - min(_ON_ITS_WAY, memory / 10)

    async def _search(self, take: Take, provider: Findable, card: ModelCard, patience: Patience) -> None:
        account = self._catalogue.provider(take.request.model).account
        # Counted from now: a request that its sender gave up, or died over, may still be on its way.
        await asyncio.sleep(_SETTLE.total_seconds())
        sent = take.submitting_at or take.created_at
        until = sent + timedelta(seconds=float(card.deadline))
        refused = 0
        while refused < _REFUSED_SEARCHES:
            try:
                job = await self._find(provider, take, sent - _SETTLE, until, patience)
            except ProviderError as error:
                refused += 1
                await patience.wait(error)
                continue
            if job is None and self._now() - sent < timedelta(seconds=float(card.list_lag)):
                await asyncio.sleep(_SETTLE.total_seconds())
                continue
            if job is not None and not await self._is_anothers(take, job):
                await self._payments.record(take, job, account)
            elif job is None and account == take.account:
                await self._payments.plan_again(take, submitting_at=None)
            else:
                break  # another account has other jobs, and a job that looks like ours need not be ours
            return
        await self._doubt(take)

    async def _find(self, provider: Findable, take: Take, since: datetime, until: datetime, patience: Patience) -> Job | None:
        """Asks until there is an answer, or it is too late for one.

        Raises:
            ProviderError: the provider refuses, or has not answered until then.
        """
        while True:
            try:
                return await free_answer(provider.find(take.request, intent=take.intent, since=since))
            except (NotSubmitted, Throttled) as error:
                if self._now() >= until:
                    raise ProviderError(error.message) from error
                await patience.wait(error)

    async def _is_anothers(self, take: Take, job: Job) -> bool:
        name = provider_of(take.request.model)
        known = await self._database.read(lambda session: takes.of_job(session, name, job.id))
        return known is not None and known.id != take.id

    async def _doubt(self, take: Take) -> None:
        await self._database.write(lambda session: doubt(session, take, self._now()))
        self._lanes.leave(self._catalogue.sharers(take.request.model))
