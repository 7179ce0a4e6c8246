"""Submits: the one line that costs money, sent exactly once.

Before it the intent is committed; whoever finds an intent without a receipt asks the provider, and never sends again blindly.
`submit` may be called again after a crash at any line, and does only what is still to be done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import structlog

from reelwright.db import events, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.card import ModelCard
from reelwright.domain.event import EventName
from reelwright.domain.generation import Job, provider_of
from reelwright.domain.ids import TakeId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.errors import InDoubt, NotSubmitted, ProviderError, Throttled
from reelwright.ports import Findable, Provider, Recalling
from reelwright.services.assets import Assets
from reelwright.services.catalogue import Catalogue
from reelwright.services.failures import reason_of, refused
from reelwright.services.lanes import Lanes
from reelwright.services.patience import Patience, free_answer
from reelwright.services.productions import until_running
from reelwright.services.takes import doubt, end, receive

_log = structlog.get_logger()

_SETTLE = timedelta(seconds=2)
"""How long a request may be on its way until it shows up in the provider's list."""
_RECEIPT_SECONDS = 0.5
"""Between two tries to write down a job's id."""
_SUBMIT_SECONDS = 600.0
"""The longest that a submit may take; some vendors make a picture before they answer."""
_LOOK_SECONDS = 0.5
"""Between two looks whether another process has its answer."""
_REFUSED_SEARCHES = 3
"""So often a provider may refuse to be searched until a person has to decide."""
_MINUTE = timedelta(minutes=1)
_ON_ITS_WAY = timedelta(minutes=1)
"""How long before a vendor forgets a key we stop relying on it: the request must still get there."""


@dataclass
class _Claim:
    """A try to be the one process that sends a take."""

    take: Take
    at: datetime | None = None
    """When it was tried last."""

    def has_won(self, take: Take) -> bool:
        """Whether it was this try that marked the take. A transaction that was made twice has marked it with the same moment."""
        return take.state is TakeState.SUBMITTING and take.submitting_at == self.at


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
                claim = _Claim(take)
                await self._lanes.enter(
                    self._catalogue.sharers(take.request.model),
                    lambda claim=claim, card=card, provider=provider: self._try(claim, card, provider.account),
                )
                take = await self._get(take_id)
                if claim.has_won(take):
                    await self._send(take, provider, patience)
                elif take.state is TakeState.SUBMITTING:
                    await self._until_answered(take)
            take = await self._get(take_id)

    async def _get(self, take: TakeId) -> Take:
        return await self._database.read(lambda session: takes.get(session, take))

    async def _until_answered(self, take: Take) -> None:
        """Another process, which lives, has won the take and is sending it: two would pay twice."""
        ends = (take.submitting_at or self._now()) + timedelta(seconds=_SUBMIT_SECONDS)
        while take.state is TakeState.SUBMITTING and self._now() < ends:
            await asyncio.sleep(_LOOK_SECONDS)
            take = await self._get(take.id)

    async def _try(self, wish: _Claim, card: ModelCard, account: str) -> bool:
        """Takes a place and marks the take as submitting, in one transaction. True when it need not wait here any more."""
        name, sharers = provider_of(wish.take.request.model), self._catalogue.sharers(wish.take.request.model)
        wish.at = self._now()

        def claim(session: Session) -> bool:
            take = takes.get(session, wish.take.id)
            state = productions.get(session, take.production_id).state
            if take.state is not TakeState.PLANNED or state is ProductionState.PAUSED:
                return True
            if state.is_ended:
                end(session, take, TakeState.PLANNED, TakeState.CANCELLED, None, 0, self._now())
                return True
            if not has_place(session):
                return False
            return takes.move(session, take.id, TakeState.PLANNED, TakeState.SUBMITTING, submitting_at=wish.at, account=account)

        def has_place(session: Session) -> bool:
            takes.lock_account(session, name, account)
            if not self._lanes.is_open(sharers) or takes.at_provider(session, name, account, sharers) >= card.concurrency:
                return False
            return not card.per_minute or takes.submitted_since(session, name, account, self._now() - _MINUTE) < card.per_minute

        return await self._database.write(claim)

    async def _send(self, take: Take, provider: Provider, patience: Patience) -> None:
        """Sends for the first time. A take that is still submitting afterwards may have been paid."""
        try:
            await self._in_one_piece(take, provider)
        except NotSubmitted as error:
            # It never arrived, so it does not count against what the vendor takes in a minute.
            await self._plan_again(take, submitting_at=None)
            await patience.wait(error)
        except Throttled as error:
            # It arrived and may count, so its time stays. The next in line would hear the same; this one goes to the end of it.
            self._lanes.close(self._catalogue.sharers(take.request.model), error.retry_after or 0.0)
            await self._plan_again(take)
            await patience.after(error)
        except InDoubt as error:
            _log.warning("take.in_doubt", take=take.id, reason=error.message)
            await patience.wait(error)
        except ProviderError as error:
            failure = refused(error)
            await self._database.write(
                lambda session: end(session, take, TakeState.SUBMITTING, TakeState.FAILED, failure, 0, self._now())
            )
            self._lanes.leave(self._catalogue.sharers(take.request.model))
        except Exception as error:  # noqa: BLE001
            # A vendor's file is somebody else's code: whatever it raises, it may have paid first.
            _log.exception("take.submit_broke", take=take.id)
            await patience.wait(error)

    async def _send_again(self, take: Take, provider: Provider, patience: Patience) -> bool:
        """Sends the same key again. False when the answer does not tell what became of the first request.

        That this one did not arrive, or was refused, proves nothing about the one before.
        """
        try:
            await self._in_one_piece(take, provider)
        except (NotSubmitted, Throttled, InDoubt) as error:
            await patience.wait(error)
        except ProviderError as error:
            _log.warning("take.refused_again", take=take.id, reason=error.message)
            return False
        except Exception as error:  # noqa: BLE001 - somebody else's code, as above
            _log.exception("take.submit_broke", take=take.id)
            await patience.wait(error)
        return True

    async def _in_one_piece(self, take: Take, provider: Provider) -> None:
        """Pays, and goes on paying when whoever waits for it is interrupted."""
        paying = asyncio.ensure_future(self._pay(take, provider))
        self.paying.add(paying)
        paying.add_done_callback(self.paying.discard)
        await asyncio.shield(paying)

    async def _pay(self, take: Take, provider: Provider) -> None:
        """Sends, and writes the receipt down as soon as it is here, however often that takes: it is paid for."""
        claimed = await self._get(take.id)
        if claimed.state is not TakeState.SUBMITTING or claimed.submitting_at != take.submitting_at:
            return  # another process has taken over since the claim, and looks after it
        async with asyncio.timeout(_SUBMIT_SECONDS):
            job = await provider.submit(take.request, intent=take.intent, attachments=self._assets)
        while True:
            try:
                await self._record(take, job, take.account)
            except Exception as error:  # noqa: BLE001 - a full disk or an absent server must not cost a job
                _log.error("take.receipt_not_written", take=take.id, job=job.id, reason=reason_of(error))
                await asyncio.sleep(_RECEIPT_SECONDS)
            else:
                return

    async def _record(self, take: Take, job: Job, account: str) -> None:
        """Writes the receipt down, at once; what the vendor may take by its own word is held from now on.

        A receipt is proof: it ends a doubt that another process came to have of a request that took long.
        """
        told = {"job_id": job.id, "account": account}

        def record(session: Session) -> None:
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

    async def _plan_again(self, take: Take, **columns: datetime | None) -> None:
        await self._database.write(
            lambda session: takes.move(session, take.id, TakeState.SUBMITTING, TakeState.PLANNED, **columns)
        )
        self._lanes.leave(self._catalogue.sharers(take.request.model))

    async def _reconcile(self, take: Take, provider: Provider, card: ModelCard, patience: Patience) -> None:
        """Finds out what became of a submit whose answer is lost: it is recorded, planned again or in doubt."""
        # The same key makes the same job. It is not planned anew, because then it could be cancelled as if nothing was sent.
        if self._is_remembered(take, provider, card) and await self._send_again(take, provider, patience):
            return
        if isinstance(provider, Recalling) and (job := await self._recall(provider, take)) is not None:
            await self._record(take, job, take.account)
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
                await self._record(take, job, account)
            elif job is None and account == take.account:
                await self._plan_again(take, submitting_at=None)
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
