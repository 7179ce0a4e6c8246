"""Takes: asked for with their price held, and ended with it settled.

What happens in between is told in `submits` (the one line that pays) and `harvests` (bringing home what was paid for).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from reelwright.db import budgets, campaigns, events, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.budget import EntryKind, usd
from reelwright.domain.event import EventName
from reelwright.domain.generation import Failure, Request
from reelwright.domain.ids import IntentKey, JobId, ProductionId, ShotId, TakeId
from reelwright.domain.take import Take, TakeState
from reelwright.errors import BudgetExceeded, Cancelled, Conflict, InDoubt
from reelwright.services.catalogue import Catalogue


@dataclass(frozen=True)
class Wish:
    """One take to ask for. The same intent asked for twice is one take."""

    production: ProductionId
    shot: ShotId
    request: Request
    intent: IntentKey


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

    async def outcome(self, take_id: TakeId) -> tuple[str, bool]:
        """Why the ended take was not kept (nothing when it was), and whether trying again may help."""
        take = await self.get(take_id)
        if take.state is TakeState.KEPT:
            return "", False
        if take.failure is None:
            return f"The take was {take.state.value}.", False
        return take.failure.reason, take.state is TakeState.FAILED and take.failure.is_retryable

    async def ask(self, wish: Wish) -> TakeId:
        """Writes the take with its intent and holds its price; answers the one that was paid for where the request is the same.

        Raises:
            BudgetExceeded: the cap does not cover the quote; nothing is written.
            Cancelled: the production has ended; nothing is written.
            InDoubt: the same was asked for before and may have been paid; a person must settle that first.
        """
        request = wish.request
        quote = self._catalogue.card(request.model, request.kind).quote(request.seconds)

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
            standing = takes.standing(session, campaign, wish.shot, request)
            if standing is not None:
                return self._go_on_with(session, standing, wish.production)
            balance = budgets.balance(session, campaign)
            if not balance.covers(quote):
                msg = (
                    f"A {request.kind.value} of {wish.shot} costs {usd(quote)} and the cap leaves {usd(max(0, balance.left))}: "
                    "raise the cap to go on."
                )
                raise BudgetExceeded(msg)
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
            budgets.write(session, campaign, take.id, EntryKind.RESERVE, quote, self._now(), request.model)
            events.append(session, campaign, EventName.TAKE_PLANNED, self._now(), **facts(take))
            return take.id

        return await self._database.write(plan)

    def _go_on_with(self, session: Session, take: Take, production: ProductionId) -> TakeId:
        """Uses what an earlier production paid for, instead of paying again."""
        if take.state is TakeState.IN_DOUBT:
            msg = (
                f"Take {take.number} of its {take.kind.value} may have been paid for: look into your account there, then "
                f"say what you found with `reelwright settle {take.id}`."
            )
            raise InDoubt(msg)
        is_kept = take.state is TakeState.KEPT
        if is_kept:
            takes.select(session, take)
        else:
            takes.hand_over(session, take.id, production)
        name = EventName.TAKE_KEPT if is_kept else EventName.TAKE_SUBMITTED
        events.append(session, take.campaign_id, name, self._now(), **facts(take), is_reused=True)
        return take.id

    async def settle(self, take_id: TakeId, job: JobId | None) -> Take:
        """Ends a doubt with what a person found out: the job that the provider has, or that it has none. Free.

        With a job the take waits to be harvested; without one its money is given back. Returns the take as it stands then.

        Raises:
            Conflict: the take is not in doubt.
            NotFound: there is no such take.
        """

        def decide(session: Session) -> Take:
            take = takes.get(session, take_id)
            if take.state is not TakeState.IN_DOUBT:
                msg = f"Take {take_id} is not in doubt: it is {take.state.value}."
                raise Conflict(msg)
            if job is None:
                failure = Failure("The provider never got the request, as a person found out.", is_retryable=True)
                end(session, take, TakeState.IN_DOUBT, TakeState.FAILED, failure, 0, self._now())
            else:
                takes.move(session, take_id, TakeState.IN_DOUBT, TakeState.SUBMITTED, job_id=job, failure=None)
                told = {**facts(take), "job": job}
                events.append(session, take.campaign_id, EventName.TAKE_SUBMITTED, self._now(), **told)
            return takes.get(session, take_id)

        return await self._database.write(decide)


def facts(take: Take) -> dict[str, str | int]:
    """What every event about a take tells."""
    return {
        "take": take.id,
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
    row = asdict(failure) if failure else None
    if takes.move(session, take.id, origin, target, failure=row, charged_micro_usd=charged):
        budgets.settle(session, take.campaign_id, take.id, take.quote_micro_usd, charged, at)
        told = {**facts(take), "reason": failure.reason if failure else "", "charged_micro_usd": charged}
        name = EventName.TAKE_FAILED if target is TakeState.FAILED else EventName.TAKE_CANCELLED
        events.append(session, take.campaign_id, name, at, **told)
