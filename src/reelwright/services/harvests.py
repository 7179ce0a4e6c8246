"""Harvests: what was paid for is brought home, as long as the provider has it.

`harvest` may be called again after a crash at any line, and does only what is still to be done.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from weakref import WeakValueDictionary

import structlog

from reelwright.db import assets as asset_rows
from reelwright.db import budgets, campaigns, events, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.event import EventName
from reelwright.domain.generation import Failure, Job, JobState, Kind, Output
from reelwright.domain.ids import JobId, TakeId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.errors import (
    ContentMismatch,
    DownloadError,
    InvalidMedia,
    NotSubmitted,
    ProviderError,
    RenderError,
    StorageError,
    Throttled,
)
from reelwright.ports import Provider
from reelwright.services.assets import Assets, Purpose
from reelwright.services.catalogue import Catalogue
from reelwright.services.lanes import Lanes
from reelwright.services.patience import Patience, free_answer, reason_of
from reelwright.services.productions import Active
from reelwright.services.takes import end, facts

_log = structlog.get_logger()

_PROGRESS_STEP = 0.1
_BAD_OUTPUTS = 3
"""So often an output is fetched anew that was not what it should be: bytes get lost on the way as well."""

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
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._assets = assets
        self._lanes = lanes
        self._active = Active(database)
        self._at_work: WeakValueDictionary[TakeId, asyncio.Lock] = WeakValueDictionary()
        self._now = now

    async def harvest(self, take_id: TakeId) -> None:
        """Polls until the job has ended and keeps what it made; after that the take has ended.

        Two productions may wait for the same take: the second waits for the first, and finds it ended.
        """
        async with self._at_work.setdefault(take_id, asyncio.Lock()):
            await self._harvest(take_id)

    async def _harvest(self, take_id: TakeId) -> None:
        take = await self._database.read(lambda session: takes.get(session, take_id))
        if take.state not in {TakeState.SUBMITTED, TakeState.STORING} or take.job_id is None:
            return
        patience = Patience(self._database, take, now=self._now)
        provider, card = await patience.until_installed(self._catalogue)
        every, told, is_cancelled = float(card.poll_every), 0.0, False
        while (job := await self._poll(provider, take.job_id, patience)).state is JobState.RUNNING:
            told = await self._tell_progress(take, job.progress, told)
            is_cancelled = is_cancelled or await self._pass_on_cancel(take, provider, take.job_id)
            await asyncio.sleep(every * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, not a secret
        if job.state is JobState.SUCCEEDED:
            take = await self._give_place_back(take)
            job = await self._keep(take, provider, job)
        if job.state is JobState.FAILED:
            await self._fail(take, job)
            self._lanes.leave(self._catalogue.sharers(take.request.model))

    async def _give_place_back(self, take: Take) -> Take:
        """Writes down that the job has ended at the provider: the next one may start there while this one's output comes home."""

        def arrive(session: Session) -> None:
            if takes.move(session, take.id, TakeState.SUBMITTED, TakeState.STORING):
                events.append(session, take.campaign_id, EventName.TAKE_STORING, self._now(), **facts(take))

        await self._database.write(arrive)
        self._lanes.leave(self._catalogue.sharers(take.request.model))
        return replace(take, state=TakeState.STORING)

    async def _poll(self, provider: Provider, job: JobId, patience: Patience) -> Job:
        """Asks until there is an answer. A job that the provider does not know any more has failed."""
        while True:
            try:
                answer = await free_answer(provider.poll(job))
            except (NotSubmitted, Throttled) as error:
                await patience.wait(error)
            except ProviderError as error:
                return Job(job, JobState.FAILED, failure=Failure(error.message, is_charged=True))
            else:
                patience.renew()
                return answer

    async def _tell_progress(self, take: Take, progress: Fraction | None, told: float) -> float:
        fraction = float(progress or 0)
        if fraction - told < _PROGRESS_STEP:
            return told
        await self._append(take, EventName.TAKE_PROGRESSED, fraction=round(fraction, 2))
        return fraction

    async def _append(self, take: Take, name: EventName, **more: float) -> None:
        told = {**facts(take), **more}
        await self._database.write(lambda session: events.append(session, take.campaign_id, name, self._now(), **told))

    async def _pass_on_cancel(self, take: Take, provider: Provider, job: JobId) -> bool:
        """Tells the provider when the production was cancelled; True once it knows."""
        if await self._active.has(take.production_id):
            return False
        # Read anew: a production that was started since may have taken the take over.
        production = await self._database.read(
            lambda session: productions.get(session, takes.get(session, take.id).production_id)
        )
        if production.state is not ProductionState.CANCELLED:
            return False
        try:
            await free_answer(provider.cancel(job))
        except (NotSubmitted, Throttled):
            return False  # asked again with the next poll
        except ProviderError as error:
            _log.info("take.not_cancelled", take=take.id, reason=error.message)
        return True

    async def _keep(self, take: Take, provider: Provider, job: Job) -> Job:
        """Brings the output home: it is kept when the row of the asset says so, and not a moment before.

        It is paid for, so whatever stands in the way is tried again for as long as the provider has the output. Returns the job
        as it stood last: failed, when the output is gone or cannot be used.
        """
        patience = Patience(self._database, take, now=self._now)
        bad_outputs = 0
        while True:
            try:
                asset = await self._ingest(take, provider, job)
                await self._database.write(lambda session, asset=asset, job=job: self._commit(session, take, asset, job))
            except (InvalidMedia, ContentMismatch, RenderError) as error:
                bad_outputs += 1
                if bad_outputs >= _BAD_OUTPUTS:
                    reason = f"The provider's output cannot be used: {error.message}"
                    return replace(job, state=JobState.FAILED, failure=Failure(reason, is_retryable=True, is_charged=True))
                problem: Exception = error
            except Exception as error:  # noqa: BLE001 - paid work waits for any repair, be it of the network, a disk or our code
                problem = error
            else:
                return job
            _log.warning("take.not_kept_yet", take=take.id, reason=reason_of(problem))
            await patience.wait(problem)
            again = await self._poll(provider, job.id, patience=Patience(self._database, take, now=self._now))
            if again.state is JobState.FAILED:
                reason = f"The output was lost at the provider: {reason_of(problem)}"
                return replace(job, state=JobState.FAILED, failure=Failure(reason, is_charged=True))
            job = again if again.outputs else job

    def _commit(self, session: Session, take: Take, asset: Asset, job: Job) -> None:
        charged = job.charged_micro_usd if job.charged_micro_usd is not None else take.quote_micro_usd
        is_mine = takes.move(session, take.id, TakeState.STORING, TakeState.KEPT, asset_id=asset.id, charged_micro_usd=charged)
        if not is_mine:
            return
        if not asset_rows.make_ready(session, asset):
            msg = "Somebody cleaned up what was being stored."
            raise StorageError(msg)
        budgets.settle(session, take.campaign_id, take.id, take.quote_micro_usd, charged, self._now())
        takes.select(session, replace(take, state=TakeState.KEPT, asset_id=asset.id))
        told = {**facts(take), "asset": asset.id, "charged_micro_usd": charged}
        events.append(session, take.campaign_id, EventName.TAKE_KEPT, self._now(), **told)

    async def _ingest(self, take: Take, provider: Provider, job: Job) -> Asset:
        output = _output_of(job)

        async def fresh_url() -> str:
            try:
                return _output_of(await free_answer(provider.poll(job.id))).url
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
        return await self._assets.ingest(output, purpose, refresh=fresh_url, trusted_origins=lambda: provider.trusted_origins)

    async def _fail(self, take: Take, job: Job) -> None:
        failure = job.failure or Failure("The provider gives no reason.", is_retryable=True)
        charged = job.charged_micro_usd
        if charged is None:
            charged = take.quote_micro_usd if failure.is_charged else 0
        await self._database.write(
            lambda session: end(session, take, take.state, TakeState.FAILED, failure, charged, self._now())
        )


def _output_of(job: Job) -> Output:
    if not job.outputs:
        msg = "The provider says that it is ready and names no output."
        raise InvalidMedia(msg)
    return job.outputs[0]
