"""Harvests: what was paid for is brought home, as long as the provider has it.

`harvest` may be called again after a crash at any line, and does only what is still to be done.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from weakref import WeakValueDictionary

import structlog

from reelwright.db import assets as asset_rows
from reelwright.db import budgets, campaigns, events, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.card import ModelCard
from reelwright.domain.event import EventName
from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Kind, Output, provider_of
from reelwright.domain.ids import TakeId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.errors import (
    ConfigurationError,
    ContentMismatch,
    DownloadError,
    InvalidMedia,
    KeyRefused,
    NotSubmitted,
    ProviderError,
    StorageError,
    Throttled,
)
from reelwright.ports import Guarded
from reelwright.services.assets import Assets, Purpose
from reelwright.services.bells import Bells
from reelwright.services.catalogue import Catalogue
from reelwright.services.failures import reason_of
from reelwright.services.lanes import Lanes
from reelwright.services.patience import Patience, free_answer
from reelwright.services.polls import Left, Poller, Watch
from reelwright.services.productions import Active
from reelwright.services.takes import end, facts, raise_hold

_log = structlog.get_logger()

_PROGRESS_STEP = 0.1
_BAD_OUTPUTS = 7
"""So often an output is fetched that is not what it should be, for about a quarter of a minute, until it is given up. It is paid
for, and servers have bad moments: where one download in eight brought junk, three tries lost 2 of 482 (benchmarks/chaos.py)."""

_ASSET_KINDS = {Kind.FRAME: AssetKind.FRAME, Kind.CLIP: AssetKind.CLIP, Kind.VOICE: AssetKind.VOICE}
_MEDIA = {Kind.FRAME: "image", Kind.CLIP: "video", Kind.VOICE: "audio"}


class Harvests:
    """Polls submitted takes and keeps what they become."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        assets: Assets,
        lanes: Lanes,
        bells: Bells,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._assets = assets
        self._lanes = lanes
        self._bells = bells
        self._active = Active(database)
        self._at_work: WeakValueDictionary[TakeId, asyncio.Lock] = WeakValueDictionary()
        self._in_a_hurry: Counter[TakeId] = Counter()
        self._now = now

    async def harvest(self, take_id: TakeId) -> str:
        """Polls until the job has ended and keeps what it made; after that the take has ended.

        When the production need not wait any longer, because the model's deadline is over or the provider does not say where the
        job stands, it answers why, and upkeep brings the take home. Two productions may wait for the same take: the second waits
        for the first.
        """
        self._in_a_hurry[take_id] += 1
        take = await self._get(take_id)
        if take.job_id is not None:
            self._bells.ring(provider_of(take.request.model), take.job_id)  # upkeep, if it waits, gives way
        try:
            async with self._at_work.setdefault(take_id, asyncio.Lock()):
                return await self._harvest(take_id, is_upkeep=False)
        finally:
            self._in_a_hurry -= Counter([take_id])

    async def bring_home(self, take_id: TakeId) -> None:
        """As `harvest`, for a take that no production waits for: until the provider forgets the job, and less and less often.

        Ends early when a production waits for it again.
        """
        async with self._at_work.setdefault(take_id, asyncio.Lock()):
            await self._harvest(take_id, is_upkeep=True)

    def is_at_work(self, take: TakeId) -> bool:
        """Whether somebody in this process polls it, or brings it home."""
        lock = self._at_work.get(take)
        return lock is not None and lock.locked()

    async def _get(self, take: TakeId) -> Take:
        return await self._database.read(lambda session: takes.get(session, take))

    async def _harvest(self, take_id: TakeId, *, is_upkeep: bool) -> str:
        take = await self._get(take_id)
        if take.state not in {TakeState.SUBMITTED, TakeState.STORING} or take.job_id is None:
            return ""
        name = provider_of(take.request.model)
        with self._bells.hung(name, take.job_id) as bell:
            patience = Patience(self._database, take, now=self._now, sleep=bell.sleep)
            provider = await patience.until_there(self._catalogue)
            watch = await self._watch(take, is_upkeep=is_upkeep)
            poller = Poller(take, provider, watch, patience, bell, now=self._now)
            ended = await self._until_ended(take, poller)
            if isinstance(ended, Job) and ended.state is JobState.SUCCEEDED:
                take = await self._give_place_back(take)
                ended = await self._keep(take, poller, ended)
        if isinstance(ended, Left):
            if ended.reason:
                await self._database.write(lambda session: takes.leave(session, take_id))
            return ended.reason
        if ended.state is JobState.FAILED:
            await self._fail(take, ended)
            self._lanes.leave(self._catalogue.sharers(take.request.model))
        return ""

    async def _watch(self, take: Take, *, is_upkeep: bool) -> Watch:
        try:
            card = self._catalogue.card(take.request.model, take.kind)
        except ConfigurationError:
            card = ModelCard(take.request.model, take.kind, "")  # on offer no more; its job is not less worth for that
        since = take.submitting_at or take.created_at
        production = await self._database.read(lambda session: productions.get(session, take.production_id))
        # A run that takes over what an earlier one asked for has all its patience still.
        until = max(since, production.created_at) + timedelta(seconds=float(card.deadline))
        return Watch(
            every=float(card.poll_every),
            since=since,
            until=None if is_upkeep else until,
            is_relieved=lambda: is_upkeep and self._in_a_hurry[take.id] > 0,
        )

    async def _until_ended(self, take: Take, poller: Poller) -> Job | Left:
        told, is_cancelled = 0.0, take.is_left
        while True:
            answer = await poller.ask()
            if isinstance(answer, Left) or answer.state is not JobState.RUNNING:
                return answer
            take = await self._hold_enough(take, answer)
            told = await self._tell_progress(take, answer.progress, told)
            is_cancelled = is_cancelled or await self._pass_on_cancel(take, poller)
            if left := await poller.rest():
                return left

    async def _give_place_back(self, take: Take) -> Take:
        """Writes down that the job has ended at the provider: the next one may start there while this one's output comes home."""

        def arrive(session: Session) -> None:
            if takes.move(session, take.id, TakeState.SUBMITTED, TakeState.STORING):
                events.append(session, take.campaign_id, EventName.TAKE_STORING, self._now(), **facts(take))

        await self._database.write(arrive)
        self._lanes.leave(self._catalogue.sharers(take.request.model))
        return replace(take, state=TakeState.STORING)

    async def _hold_enough(self, take: Take, job: Job) -> Take:
        estimate = job.estimated_micro_usd or 0
        if estimate <= take.quote_micro_usd:
            return take
        await self._database.write(lambda session: raise_hold(session, takes.get(session, take.id), job, self._now()))
        return replace(take, quote_micro_usd=estimate)

    async def _tell_progress(self, take: Take, progress: Fraction | None, told: float) -> float:
        fraction = float(progress or 0)
        if fraction - told < _PROGRESS_STEP:
            return told
        await self._append(take, EventName.TAKE_PROGRESSED, fraction=round(fraction, 2))
        return fraction

    async def _append(self, take: Take, name: EventName, **more: float) -> None:
        told = {**facts(take), **more}
        await self._database.write(lambda session: events.append(session, take.campaign_id, name, self._now(), **told))

    async def _pass_on_cancel(self, take: Take, poller: Poller) -> bool:
        """Tells the provider when the production was cancelled; True once it knows."""
        production = await self._active.ended(take)
        if production is None or production.state is not ProductionState.CANCELLED:
            return False
        try:
            await free_answer(poller.provider.cancel(poller.job_id))
        except (NotSubmitted, Throttled, KeyRefused):
            return False  # asked again with the next poll
        except ProviderError as error:
            _log.info("take.not_cancelled", take=take.id, reason=error.message)
        return True

    async def _keep(self, take: Take, poller: Poller, job: Job) -> Job | Left:
        """Brings the output home: it is kept when the row of the asset says so, and not a moment before.

        It is paid for, so whatever stands in the way is tried again for as long as the provider has the output. Returns the job
        as it stood last: failed, when the output is gone or cannot be used.
        """
        patience = Patience(self._database, take, now=self._now)
        bad_outputs = 0
        while True:
            try:
                asset = await self._ingest(take, poller, job)
                await self._database.write(lambda session, asset=asset, job=job: self._commit(session, take, asset, job))
            except (InvalidMedia, ContentMismatch) as error:
                bad_outputs += 1
                if bad_outputs >= _BAD_OUTPUTS:
                    reason = f"The provider's output cannot be used: {error.message}"
                    return _lost(job, Failure(reason, is_charged=True, kind=FailureKind.UNUSABLE))
                problem: Exception = error
            except Exception as error:  # noqa: BLE001 - paid work waits for any repair, be it of the network, a disk or our code
                problem = error
            else:
                return job
            _log.warning("take.not_kept_yet", take=take.id, reason=reason_of(problem))
            await patience.wait(problem)
            if left := poller.left(f"made, and not brought home yet ({reason_of(problem).rstrip('.')})"):
                return left
            again = await poller.ask()
            if isinstance(again, Left):
                return again
            if again.state is JobState.FAILED:
                reason = f"The output was lost at the provider: {reason_of(problem)}"
                return _lost(job, Failure(reason, is_charged=True, kind=FailureKind.LOST))
            job = again if again.outputs else job

    def _commit(self, session: Session, take: Take, asset: Asset, job: Job) -> None:
        charged = _price(session, take, job)
        is_mine = takes.move(session, take.id, TakeState.STORING, TakeState.KEPT, asset_id=asset.id, charged_micro_usd=charged)
        if not is_mine:
            return
        if not asset_rows.make_ready(session, asset):
            msg = "Somebody cleaned up what was being stored."
            raise StorageError(msg)
        note = "the price on its card" if job.charged_micro_usd is None else "the vendor's own figure"
        budgets.settle(session, take.campaign_id, take.id, charged, self._now(), note, model=take.request.model)
        kept = takes.get(session, take.id)
        # What comes home after its production has ended is filed; it does not change what a person has in their film.
        run = productions.get(session, kept.production_id)
        is_filed = kept.is_left or run.state.is_ended or not run.aim.selects
        takes.select(session, kept, only_if_none=is_filed, is_chosen=run.aim.is_fresh and not is_filed)
        told = {**facts(kept), "asset": asset.id, "charged_micro_usd": charged}
        events.append(session, take.campaign_id, EventName.TAKE_KEPT, self._now(), **told)

    async def _ingest(self, take: Take, poller: Poller, job: Job) -> Asset:
        output = _output_of(job)

        async def fresh_url() -> str:
            try:
                return _output_of(await free_answer(poller.provider.poll(job.id))).url
            except (ProviderError, InvalidMedia) as error:
                msg = f"There is no fresh URL to be had: {error.message}"
                raise DownloadError(msg) from error

        campaign = await self._database.read(lambda session: campaigns.get(session, take.campaign_id))
        purpose = Purpose(
            user=campaign.user_id,
            campaign=take.campaign_id,
            kind=_ASSET_KINDS[take.kind],
            name=f"{take.shot_id}-take-{take.number:02d}",
            maker=take.id,
            provenance={
                "take": take.id,
                "model": take.request.model,
                "job": job.id,
                "request": take.request.digest,
                "made_from": take.request.picture or "",
            },
            media=_MEDIA[take.kind],
        )
        provider = poller.provider
        return await self._assets.ingest(
            output,
            purpose,
            refresh=fresh_url,
            trusted_origins=lambda: provider.trusted_origins,
            headers=provider.permission if isinstance(provider, Guarded) else None,
        )

    async def _fail(self, take: Take, job: Job) -> None:
        failure = job.failure or Failure("The provider gives no reason.", is_retryable=True)
        is_free = job.charged_micro_usd is None and not failure.is_charged

        def fail(session: Session) -> None:
            charged = 0 if is_free else _price(session, take, job)
            end(session, take, take.state, TakeState.FAILED, failure, charged, self._now())

        await self._database.write(fail)


def _price(session: Session, take: Take, job: Job) -> int:
    """What the job has cost: by the provider's own word, else what is held for it."""
    return budgets.held(session, take.id) if job.charged_micro_usd is None else job.charged_micro_usd


def _lost(job: Job, failure: Failure) -> Job:
    return replace(job, state=JobState.FAILED, failure=failure)


def _output_of(job: Job) -> Output:
    if not job.outputs:
        msg = "The provider says that it is ready and names no output."
        raise InvalidMedia(msg)
    return job.outputs[0]
