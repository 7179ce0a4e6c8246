"""Productions: started once, paused, resumed, cancelled, ended."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from reelwright.db import campaigns, events, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.aim import WHOLE, Aim, check
from reelwright.domain.brief import Brief
from reelwright.domain.campaign import CampaignStatus, Document
from reelwright.domain.event import EventName, under_way
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import CampaignId, ProductionId, ShotId
from reelwright.domain.production import Models, Production, ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.errors import Cancelled, Conflict
from reelwright.ports import Refining
from reelwright.services.catalogue import Catalogue
from reelwright.services.prompts import LONGEST_PROMPTS, shot_of
from reelwright.services.takes import end as end_take

_PAUSE_LOOK = 0.5
"""Seconds between two looks whether a pause has ended."""
_ACTIVE_LOOK = 1.0
"""Seconds for which a look at what runs holds good."""


@dataclass(frozen=True)
class QuoteLine:
    """What one kind of work will cost at most."""

    what: str
    model: ModelRef
    count: int
    micro_usd: int
    """For all of them together."""


@dataclass(frozen=True)
class Task:
    """What a run has to do, as it stands when it begins."""

    shots: tuple[ShotId, ...] | None
    """None where text has to be written before anybody knows."""
    aim: Aim


class Productions:
    """Runs over campaigns. `enqueue` hands a run to the engine in the transaction that writes its row."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        *,
        enqueue: Callable[[Session, ProductionId], None],
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._enqueue = enqueue
        self._now = now
        self._new_id = new_id

    def quote(self, brief: Brief, models: Models) -> tuple[QuoteLine, ...]:
        """What a film of this brief costs at most, before anything is written or asked, however its seconds are shared.

        Retries are not in it; the cap covers them. A voice is taken to say `SPOKEN_A_SECOND` characters a second, and every
        prompt to be as long as writers write them.

        Raises:
            ConfigurationError: a model is unknown, or has no key.
        """
        writer = self._catalogue.writer(models.text)
        lines = [QuoteLine("concepts and storyboard", models.text, 2, 2 * writer.quote_micro_usd)]
        for kind in Kind:
            model = models.of(kind)
            if model is None:
                continue
            card = self._catalogue.card(model, kind)
            seconds = Fraction(0) if kind is Kind.FRAME else brief.seconds
            lines.append(QuoteLine(f"{kind.value}s", card.model, brief.shots, card.quote_together(brief.shots, seconds)))
            longest = LONGEST_PROMPTS.get(kind, 0)
            if isinstance(writer, Refining) and 0 < card.prompt_limit < longest:
                price = brief.shots * writer.refine_quote("x" * longest)
                lines.append(QuoteLine(f"{kind.value} prompts in fewer words", models.text, brief.shots, price))
        return tuple(lines)

    async def start(self, campaign: CampaignId, models: Models, notices: Sequence[str] = (), aim: Aim = WHOLE) -> ProductionId:
        """Starts a run, whatever it costs within the cap. See `begin`.

        Raises:
            ConfigurationError: a model is unknown; nothing is written.
            Conflict: the campaign's run makes something else.
            InvalidInput: the aim makes no sense.
            NotFound: there is no such campaign, or no such shot.
        """
        self.check(models, aim)
        return await self._database.write(lambda session: self.begin(session, campaign, models, notices, aim))

    def check(self, models: Models, aim: Aim) -> None:
        """Refuses what cannot be made, before anything is written.

        Raises:
            ConfigurationError: a model that is needed is unknown.
            InvalidInput: the aim makes no sense.
        """
        check(aim)
        for kind in aim.kinds:
            model = models.of(kind)
            if model is not None:
                self._catalogue.card(model, kind)

    def begin(
        self, session: Session, campaign: CampaignId, models: Models, notices: Sequence[str] = (), aim: Aim = WHOLE
    ) -> ProductionId:
        """Starts a run in the caller's transaction; to a film, the one that is running is answered.

        What was kept in earlier runs is used again, not paid again, unless the aim wants it afresh. What makes no film runs
        beside the campaign's run, as often as it is asked for, and leaves the campaign's status as it is.

        Raises:
            Conflict: the campaign's run makes something else.
            NotFound: there is no such campaign, or no such shot.
        """
        document = campaigns.get(session, campaign, for_change=True).document
        for shot in aim.shots or ():
            shot_of(document, shot)
        newest = None if aim.is_beside else productions.newest(session, campaign)
        if newest is not None and not newest.state.is_ended:
            if newest.aim != aim:
                msg = f"Production {newest.id} of the campaign is {newest.state.value}: wait until it has ended, or cancel it."
                raise Conflict(msg)
            return newest.id
        shots = _known_shots(document, aim)
        if shots is None and document.storyboard is None:
            self._check_alone(session, campaign)
        identity = ProductionId(self._new_id("production"))
        run = Production(identity, campaign, ProductionState.RUNNING, models, self._now(), aim=aim)
        productions.insert(session, run)
        if not run.is_beside:
            campaigns.set_status(session, campaign, CampaignStatus.GENERATING)
        facts: dict[str, str | bool] = {"kinds": " ".join(kind.value for kind in aim.kinds if models.of(kind))}
        if shots is not None:
            facts["shots"] = " ".join(shots)
        if run.is_beside:
            facts["is_beside"] = True
        events.append(session, campaign, EventName.PRODUCTION_STARTED, self._now(), production=run.id, **facts)
        for notice in notices:
            events.append(session, campaign, EventName.NOTICE_GIVEN, self._now(), text=notice, production=run.id)
        self._enqueue(session, run.id)
        return run.id

    def _check_alone(self, session: Session, campaign: CampaignId) -> None:
        """Refuses to write text that somebody is writing already: it would be paid twice."""
        if productions.has_active(session, campaign) or under_way(events.of_texts(session, campaign)):
            msg = "The campaign's concepts or shots are being written just now: ask again when they are there."
            raise Conflict(msg)

    async def task(self, production: ProductionId) -> Task:
        """What the run has to do."""

        def look(session: Session) -> Task:
            run = productions.get(session, production)
            return Task(_known_shots(campaigns.get(session, run.campaign_id).document, run.aim), run.aim)

        return await self._database.read(look)

    async def go_on(self, campaign: CampaignId, models: Models, notices: Sequence[str] = ()) -> None:
        """Whatever it takes to get to a film: lifts a pause, starts where nothing runs; does nothing where a film is done.

        A run after a failed one has that one's models, because what was kept was made by them.
        """
        newest = await self.newest(campaign)
        if newest is None:
            await self.start(campaign, models, notices)
        elif newest.state in {ProductionState.FAILED, ProductionState.CANCELLED}:
            await self.start(campaign, newest.models)
        elif newest.state is ProductionState.PAUSED:
            await self.resume(campaign)

    async def newest(self, campaign: CampaignId) -> Production | None:
        """The campaign's newest run."""
        return await self._database.read(lambda session: productions.newest(session, campaign))

    async def get(self, production: ProductionId) -> Production:
        """The run as it stands now.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda session: productions.get(session, production))

    async def page(self, campaign: CampaignId, *, before: str = "", limit: int = 50) -> list[Production]:
        """The campaign's runs, those beside it among them, newest first.

        Raises:
            NotFound: there is no such campaign, or no run `before`.
        """

        def look(session: Session) -> list[Production]:
            campaigns.get(session, campaign)
            return productions.page(session, campaign, before=before, limit=limit)

        return await self._database.read(look)

    async def active(self) -> list[Production]:
        """Every run that has not ended."""
        return await self._database.read(productions.active)

    async def pause(self, campaign: CampaignId) -> bool:
        """Submits nothing more until `resume`; what was submitted is still harvested. False when nothing runs."""
        return await self._move(lambda session: productions.newest(session, campaign), ProductionState.PAUSED)

    async def resume(self, campaign: CampaignId) -> bool:
        """Goes on after a pause. False when there was none."""
        return await self._move(lambda session: productions.newest(session, campaign), ProductionState.RUNNING)

    async def pause_run(self, production: ProductionId) -> Production:
        """As `pause`, for one run; one that is paused already stays so.

        Raises:
            Conflict: it has ended.
            NotFound: there is none.
        """
        return await self._move_run(production, ProductionState.PAUSED)

    async def resume_run(self, production: ProductionId) -> Production:
        """As `resume`, for one run; one that runs goes on.

        Raises:
            Conflict: it has ended.
            NotFound: there is none.
        """
        return await self._move_run(production, ProductionState.RUNNING)

    async def _move_run(self, production: ProductionId, target: ProductionState) -> Production:
        await self._move(lambda session: productions.get(session, production), target)
        run = await self.get(production)
        if run.state.is_ended:
            msg = f"Production {production} was {run.state.value}: what has ended stays so."
            raise Conflict(msg)
        return run

    async def _move(self, find: Callable[[Session], Production | None], target: ProductionState) -> bool:
        origin, event = _MOVES[target]

        def change(session: Session) -> bool:
            run = find(session)
            if run is None or not productions.move(session, run.id, target, at=self._now(), only_from=frozenset({origin})):
                return False
            events.append(session, run.campaign_id, event, self._now(), production=run.id)
            return True

        return await self._database.write(change)

    async def cancel(self, campaign: CampaignId) -> None:
        """Ends the run: nothing more is submitted, and what is paid for is still harvested and kept.

        Raises:
            Conflict: nothing runs.
            NotFound: there is no such campaign.
        """

        def end(session: Session) -> None:
            campaigns.get(session, campaign)
            run = productions.newest(session, campaign)
            if run is None or not self._cancel(session, run):
                msg = f"Campaign {campaign} has no production that could be cancelled."
                raise Conflict(msg)

        await self._database.write(end)

    async def cancel_run(self, production: ProductionId) -> Production:
        """As `cancel`, for one run; one that was cancelled before stays so.

        Raises:
            Conflict: it has ended otherwise.
            NotFound: there is none.
        """

        def end(session: Session) -> Production:
            run = productions.get(session, production)
            if not self._cancel(session, run) and run.state is not ProductionState.CANCELLED:
                msg = f"Production {production} was {run.state.value}: what has ended stays so."
                raise Conflict(msg)
            return productions.get(session, production)

        return await self._database.write(end)

    def _cancel(self, session: Session, run: Production) -> bool:
        """Ends the run; False when it has ended."""
        if not productions.move(session, run.id, ProductionState.CANCELLED, at=self._now()):
            return False
        for take in takes.planned(session, run.id):
            end_take(session, take, TakeState.PLANNED, TakeState.CANCELLED, None, 0, self._now())
        if not run.is_beside:
            campaigns.set_status(session, run.campaign_id, CampaignStatus.FAILED)
        events.append(session, run.campaign_id, EventName.PRODUCTION_CANCELLED, self._now(), production=run.id)
        return True

    async def complete(self, production: ProductionId) -> None:
        """Writes down that everything that was wanted is there."""
        await self._end(production, ProductionState.COMPLETED, CampaignStatus.COMPLETED, EventName.PRODUCTION_COMPLETED)

    async def fail(self, production: ProductionId, reason: str) -> None:
        """Writes down why there is no film, or not every take. What was kept stays, and a new run starts from there."""
        await self._end(production, ProductionState.FAILED, CampaignStatus.FAILED, EventName.PRODUCTION_FAILED, reason)

    async def _end(
        self,
        production: ProductionId,
        state: ProductionState,
        status: CampaignStatus,
        event: EventName,
        reason: str = "",
    ) -> None:
        def end(session: Session) -> None:
            run = productions.get(session, production)
            if productions.move(session, production, state, at=self._now(), error=reason):
                if not run.is_beside:
                    campaigns.set_status(session, run.campaign_id, status)
                events.append(session, run.campaign_id, event, self._now(), production=production, reason=reason)

        await self._database.write(end)


_MOVES = {
    ProductionState.PAUSED: (ProductionState.RUNNING, EventName.PRODUCTION_PAUSED),
    ProductionState.RUNNING: (ProductionState.PAUSED, EventName.PRODUCTION_RESUMED),
}


def _known_shots(document: Document, aim: Aim) -> tuple[ShotId, ...] | None:
    """The shots of a run that needs no text written for it; None for one that goes from the brief on."""
    if not aim.kinds:
        return ()
    if aim.shots is not None:
        return aim.shots
    if aim.is_beside and document.storyboard is not None:
        return tuple(shot.id for shot in document.storyboard.shots)
    return None


class Active:
    """Which productions have not ended, as of a second ago at most: a thousand who wait look once a second, not each one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looking = asyncio.Lock()
        self._looked = -math.inf
        self._ids = frozenset[ProductionId]()

    async def has(self, production: ProductionId) -> bool:
        """Whether it has not ended; one that was started after the last look may be missed."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now - self._looked > _ACTIVE_LOOK:
                self._ids = await self._database.read(productions.active_ids)
                self._looked = now
        return production in self._ids

    async def ended(self, take: Take) -> Production | None:
        """The production that the take is made for, when that has ended."""
        if await self.has(take.production_id):
            return None
        # Read anew: a production that was started since may have taken the take over.
        run = await self._database.read(lambda session: productions.get(session, takes.get(session, take.id).production_id))
        return run if run.state.is_ended else None


async def until_running(database: Database, production: ProductionId) -> Production:
    """The production as soon as it is not paused (any more): it runs then, or has ended."""
    while True:
        run = await database.read(lambda session: productions.get(session, production))
        if run.state is not ProductionState.PAUSED:
            return run
        await asyncio.sleep(_PAUSE_LOOK)


async def run_to_write_for(database: Database, production: ProductionId) -> Production:
    """The production as soon as it is not paused, for whoever is about to ask for a text.

    Raises:
        Cancelled: it has ended.
    """
    run = await until_running(database, production)
    if run.state.is_ended:
        msg = f"The production was {run.state.value}, so nothing more is written."
        raise Cancelled(msg)
    return run
