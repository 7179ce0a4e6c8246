"""Shots: which takes a shot needs, and what becomes of it when it gets none."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime

from reelwright.db import campaigns, events, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.aim import Aim
from reelwright.domain.event import EventName
from reelwright.domain.generation import Kind
from reelwright.domain.ids import IntentKey, ProductionId, ShotId, TakeId
from reelwright.domain.production import Models
from reelwright.domain.storyboard import Shot
from reelwright.domain.take import Take
from reelwright.errors import Conflict
from reelwright.services.plans import Plans
from reelwright.services.prompts import shot_of
from reelwright.services.takes import Takes, Wish


class Shots:
    """Asks for the takes of a production's shots."""

    def __init__(self, database: Database, plans: Plans, takes: Takes, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._plans = plans
        self._takes = takes
        self._now = now

    async def kinds(self, production: ProductionId, shot: ShotId) -> list[Kind]:
        """The takes that the shot needs in this run: no voice without words, and no frame for a clip that a person has chosen."""

        def look(session: Session) -> list[Kind]:
            run = productions.get(session, production)
            document = campaigns.get(session, run.campaign_id).document
            chosen = takes.chosen(session, run.campaign_id)
            return needed(run.aim, run.models, shot_of(document, shot)[1], {kind for of, kind in chosen if of == shot})

        return await self._database.read(look)

    async def ask(self, production: ProductionId, shot: ShotId, kind: Kind, number: int) -> TakeId:
        """Asks for the `number`th try of this production at a take of the shot, as it is planned.

        A take that a person has chosen is used as it is, unless another one is wanted afresh.

        Raises:
            BudgetExceeded: the cap does not cover it.
            Conflict: a clip is asked for and the shot has no frame.
            InvalidInput: the model cannot make it; says why.
        """

        def wish(session: Session, version: int) -> Wish | Take | None:
            run = productions.get(session, production)
            campaign = campaigns.get(session, run.campaign_id)
            if campaign.version != version:
                return None
            chosen = takes.chosen(session, run.campaign_id).get((shot, kind))
            if chosen is not None and not run.aim.is_fresh:
                return chosen
            model = run.models.of(kind)
            if model is None:
                msg = f"Nobody was named to make a {kind.value}."
                raise Conflict(msg)
            frame = takes.selected(session, run.campaign_id).get((shot, Kind.FRAME))
            if kind is Kind.CLIP and frame is None:
                msg = f"{shot} has no frame to start its clip from."
                raise Conflict(msg)
            start = frame.asset_id if frame else None
            request = self._plans.plan(campaign.id, campaign.document, shot, kind, model, start, run.aim).request
            intent = IntentKey(f"{production}/{shot}/{kind.value}/{number}")
            return Wish(production, shot, request, intent, is_fresh=run.aim.is_fresh)

        while True:
            version = await self._plans.prepare(production)
            planned = await self._database.read(lambda session, version=version: wish(session, version))
            if isinstance(planned, Take):
                return await self._takes.use(planned.id, production)
            if planned is not None:  # else a person has edited in between
                return await self._takes.ask(planned)

    async def fail(self, production: ProductionId, shot: ShotId, reason: str) -> None:
        """Writes down why the shot has no clip."""
        await self._append(production, EventName.SHOT_FAILED, shot=shot, reason=reason)

    async def tell_mute(self, production: ProductionId, shot: ShotId, reason: str) -> None:
        """Writes down that the shot goes without its voice."""
        await self._append(production, EventName.NOTICE_GIVEN, text=f"{shot} has no voice: {reason}")

    async def _append(self, production: ProductionId, event: EventName, **facts: str) -> None:
        def append(session: Session) -> None:
            campaign = productions.get(session, production).campaign_id
            events.append(session, campaign, event, self._now(), production=production, **facts)

        await self._database.write(append)


def needed(aim: Aim, models: Models, shot: Shot, chosen: AbstractSet[Kind]) -> list[Kind]:
    """The kinds of takes that a run needs for the shot; `chosen` are those that a person has chosen for it."""
    kinds = [kind for kind in aim.kinds if models.of(kind) is not None and (kind is not Kind.VOICE or shot.narration)]
    if not aim.is_fresh and {Kind.FRAME, Kind.CLIP} <= {*kinds} and Kind.CLIP in chosen:
        kinds.remove(Kind.FRAME)
    return kinds
