"""Takes: asked for with their price held, and ended with it settled.

What happens in between is told in `submits` (the one line that pays) and `harvests` (bringing home what was paid for); what a
person decides where nobody else can, in `doubts`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reelwright.db import budgets, campaigns, events, productions, takes
from reelwright.db.documents import dump
from reelwright.db.engine import Database, Session
from reelwright.domain.budget import usd
from reelwright.domain.event import EventName
from reelwright.domain.generation import Failure, Job, Kind, Request, provider_of
from reelwright.domain.ids import CampaignId, IntentKey, ProductionId, ShotId, TakeId
from reelwright.domain.take import Take, TakeState
from reelwright.errors import Cancelled, InDoubt
from reelwright.services.budgets import reserve, top_up
from reelwright.services.catalogue import Catalogue
from reelwright.services.failures import advised, told


@dataclass(frozen=True)
class Wish:
    """One take to ask for. The same intent asked for twice is one take."""

    production: ProductionId
    shot: ShotId
    request: Request
    intent: IntentKey
    is_fresh: bool = False
    """Asked for, and paid, although the same was asked for under another intent before."""


class Takes:
    """Plans takes and tells how they ended."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._now = now
        self._new_id = new_id

    async def get(self, take: TakeId) -> Take:
        """The take as it stands now."""
        return await self._database.read(lambda session: takes.get(session, take))

    async def of_campaign(self, campaign: CampaignId) -> list[Take]:
        """All takes of a campaign, oldest first."""
        return await self._database.read(lambda session: takes.of_campaign(session, campaign))

    async def newest(self, limit: int) -> list[Take]:
        """The newest takes of all campaigns, newest first."""
        return await self._database.read(lambda session: takes.newest(session, limit))

    async def page(
        self,
        campaign: CampaignId | None = None,
        *,
        shot: ShotId | None = None,
        kind: Kind | None = None,
        state: TakeState | None = None,
        before: str = "",
        limit: int = 50,
    ) -> list[Take]:
        """Takes that fit, newest first, after the one with the id `before`.

        Raises:
            NotFound: there is no such campaign, or no take `before`.
        """

        def look(session: Session) -> list[Take]:
            if campaign is not None:
                campaigns.get(session, campaign)
            return takes.page(session, campaign=campaign, shot=shot, kind=kind, state=state, before=before, limit=limit)

        return await self._database.read(look)

    async def outcome(self, take_id: TakeId) -> tuple[str, bool]:
        """Why the ended take was not kept (nothing when it was) and what to do about it, and whether trying again may help."""
        take = await self.get(take_id)
        if take.state is TakeState.KEPT:
            return "", False
        if take.failure is None:
            return f"The take was {take.state.value}.", False
        return told(take.failure), take.state is TakeState.FAILED and take.failure.is_retryable

    async def ask(self, wish: Wish) -> TakeId:
        """Writes the take with its intent and holds its price; answers the one that was paid for where the request is the same.

        Raises:
            BudgetExceeded: the cap does not cover the quote; nothing is written.
            Cancelled: the production has ended; nothing is written.
            InDoubt: the same was asked for before and may have been paid; a person must settle that first.
        """
        request = wish.request
        quote = self._catalogue.card(request.model, request.kind).quote(request.seconds, request.prompt)

        def plan(session: Session) -> TakeId:
            known = takes.by_intent(session, wish.intent)
            if known is not None:
                return known.id
            run = productions.get(session, wish.production)
            if run.state.is_ended:
                msg = f"The production was {run.state.value}, so nothing more is asked for."
                raise Cancelled(msg)
            campaign = run.campaign_id
            campaigns.get(session, campaign, for_change=True)
            standing = None if wish.is_fresh else takes.standing(session, campaign, wish.shot, request)
            if standing is not None:
                return self._go_on_with(session, standing, wish.production)
            take = Take(
                id=TakeId(self._new_id("take")),
                campaign_id=campaign,
                production_id=wish.production,
                shot_id=wish.shot,
                kind=request.kind,
                number=takes.next_number(session, campaign, wish.shot, request.kind),
                request=request,
                intent=wish.intent,
                state=TakeState.PLANNED,
                quote_micro_usd=quote,
                created_at=self._now(),
            )
            takes.insert(session, take)
            what = f"A {request.kind.value} of {wish.shot}"
            reserve(session, campaign, take.id, quote, self._now(), "the price on its card", what=what, model=request.model)
            events.append(session, campaign, EventName.TAKE_PLANNED, self._now(), **facts(take))
            return take.id

        return await self._database.write(plan)

    async def use(self, take: TakeId, production: ProductionId) -> TakeId:
        """Uses a kept take for a production that would else ask for one."""
        return await self._database.write(lambda session: self._go_on_with(session, takes.get(session, take), production))

    def _go_on_with(self, session: Session, take: Take, production: ProductionId) -> TakeId:
        """Uses what another production pays for, or has paid for, instead of paying again.

        From one that has ended, or waits no longer, the take is taken over: what becomes of that one does not touch it any more.
        """
        if take.state is TakeState.IN_DOUBT:
            msg = f"Take {take.number} of its {take.kind.value} may have been paid for. {_decision(take)}"
            raise InDoubt(msg)
        if take.state is TakeState.KEPT:
            takes.select(session, take, only_if_none=not productions.get(session, production).aim.selects)
        elif take.is_left or productions.get(session, take.production_id).state.is_ended:
            takes.hand_over(session, take.id, production)
        name = _STANDING.get(take.state, EventName.TAKE_SUBMITTED)
        events.append(session, take.campaign_id, name, self._now(), **facts(take) | {"production": production}, is_reused=True)
        return take.id


_STANDING = {TakeState.KEPT: EventName.TAKE_KEPT, TakeState.PLANNED: EventName.TAKE_PLANNED}


def facts(take: Take) -> dict[str, str | int]:
    """What every event about a take tells."""
    return {
        "take": take.id,
        "production": take.production_id,
        "shot": take.shot_id,
        "kind": take.kind.value,
        "number": take.number,
        "model": take.request.model,
    }


def end(
    session: Session, take: Take, origin: TakeState, target: TakeState, failure: Failure | None, charged: int, at: datetime
) -> None:
    """Ends a take without an asset, and its money with it; does nothing when it is not in `origin` any more.

    Args:
        session: the transaction.
        take: the take.
        origin: the state that it must be in.
        target: `FAILED` or `CANCELLED`.
        failure: why it failed.
        charged: what it cost all the same, in micro-dollars.
        at: now.
    """
    failure = advised(failure, take) if failure else None
    row = dump(failure) if failure else None
    if takes.move(session, take.id, origin, target, failure=row, charged_micro_usd=charged):
        why = _why(target, failure, charged)
        budgets.settle(session, take.campaign_id, take.id, charged, at, why, model=take.request.model)
        name = EventName.TAKE_FAILED if target is TakeState.FAILED else EventName.TAKE_CANCELLED
        events.append(session, take.campaign_id, name, at, **facts(take), **_told(failure), charged_micro_usd=charged)


def receive(session: Session, take: Take, job: Job, at: datetime) -> None:
    """Writes down what belongs to a receipt that was just recorded."""
    raise_hold(session, take, job, at)
    events.append(session, take.campaign_id, EventName.TAKE_SUBMITTED, at, **facts(take), job=job.id)


def raise_hold(session: Session, take: Take, job: Job, at: datetime) -> None:
    """Holds what the provider says that the job may cost, where that is more than its card says."""
    estimate = job.estimated_micro_usd or 0
    if estimate <= take.quote_micro_usd:
        return
    takes.set_quote(session, take.id, estimate)
    top_up(session, take.campaign_id, take.id, estimate, at)
    text = (
        f"{provider_of(take.request.model)} may take {usd(estimate)} for the {take.kind.value} of {take.shot_id}, "
        f"more than the {usd(take.quote_micro_usd)} on its card; so much is held."
    )
    events.append(session, take.campaign_id, EventName.NOTICE_GIVEN, at, text=text, take=take.id)


def doubt(session: Session, take: Take, at: datetime) -> None:
    """Parks a take for a person. Its money stays held, because it may have been spent."""
    name = provider_of(take.request.model)
    failure = Failure(f"Nobody can tell whether {name} got the request.", is_charged=True, advice=_decision(take))
    if takes.move(session, take.id, TakeState.SUBMITTING, TakeState.IN_DOUBT, failure=dump(failure)):
        events.append(session, take.campaign_id, EventName.TAKE_DOUBTED, at, **facts(take), **_told(failure))


def _decision(take: Take) -> str:
    name = provider_of(take.request.model)
    return (
        f"Look into your account at {name}. If the job is there: `reelwright takes adopt {take.id} JOB`. "
        f"If it is not: `reelwright takes retake {take.id}`."
    )


def _told(failure: Failure | None) -> dict[str, str]:
    """What an event tells about a failure."""
    return {"reason": failure.reason, "advice": failure.advice, "failure": failure.kind.value} if failure else {"reason": ""}


def _why(target: TakeState, failure: Failure | None, charged: int) -> str:
    """What the ledger says about the money of a take that made nothing."""
    if target is TakeState.CANCELLED:
        return "never submitted"
    kind = failure.kind.value if failure else ""
    return f"charged although it failed: {kind}" if charged else f"it failed and costs nothing: {kind}"
