"""Orders: asked twice they are done once, and runs beside each other pay for nothing twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from reelwright.db.account_tables import IdempotencyRow
from reelwright.domain.aim import Aim
from reelwright.domain.generation import Kind
from reelwright.domain.ids import OWNER, CampaignId, ProductionId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import TakeState
from reelwright.errors import BudgetExceeded, Conflict
from reelwright.services.briefs import Providers
from reelwright.services.orders import Order
from reelwright.services.tickets import Ticket
from staging import DOLLAR, Run, Stage, eventually, models_of, working

SIMULATED = Providers(text="template:plain", image="simkey:frame", video="simkey:clip", voice="none")
FRAMES = Aim(kinds=(Kind.FRAME,), makes_film=False)


def order(campaign: CampaignId, **more: object) -> Order:
    return replace(Order(campaign, asked=SIMULATED), **more)  # type: ignore[arg-type]


async def test_many_at_once_with_one_ticket_start_one_run(both: Stage) -> None:
    studio, other = both.open(), both.open()
    campaign, ticket = await both.campaign(studio), Ticket(OWNER, "k", "d")
    wish = order(campaign, aim=FRAMES)  # beside the film: without a ticket each would be a run of its own
    begun = await asyncio.gather(*(each.orders.place(wish, ticket) for each in [studio, other] * 4))
    assert len(set(begun)) == 1
    assert len(await studio.productions.page(campaign)) == 1
    with pytest.raises(Conflict, match="was used for another request"):
        await studio.orders.place(wish, replace(ticket, digest="other"))
    with pytest.raises(Conflict, match="are being written just now"):  # another one would pay for the same text
        await studio.orders.place(wish, replace(ticket, key="another"))


async def test_one_key_for_two_wishes_at_once_is_refused_to_one(both: Stage) -> None:
    studio = both.open()
    wishes = [order(await both.campaign(studio), aim=FRAMES) for _ in range(2)]
    tried = await asyncio.gather(
        *(studio.orders.place(wish, Ticket(OWNER, "k", wish.campaign)) for wish in wishes), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in tried) == ["Conflict", "str"]


async def test_a_ticket_is_forgotten_after_a_week_and_not_before(stage: Stage) -> None:
    studio = stage.open()
    campaign = await stage.campaign(studio)
    made = [await studio.orders.place(order(campaign), Ticket(OWNER, key, "d")) for key in ("old", "new")]
    assert made[0] == made[1]  # the campaign's run
    week = sa.update(IdempotencyRow).where(IdempotencyRow.key == "old").values(at=datetime.now(UTC) - timedelta(days=7, hours=1))
    await studio.database.write(lambda session: session.execute(week))
    await studio.orders.forget_tickets()
    assert await studio.database.read(lambda session: list(session.scalars(sa.select(IdempotencyRow.key)))) == ["new"]


async def test_a_refused_order_leaves_its_ticket_unused(stage: Stage) -> None:
    studio = stage.open()
    campaign, ticket = await stage.campaign(studio, cap=None), Ticket(OWNER, "k", "d")
    with pytest.raises(BudgetExceeded, match="the campaign has no cap"):
        await studio.orders.place(order(campaign), ticket)
    run = await studio.orders.place(order(campaign, cap_micro_usd=DOLLAR), ticket)
    assert (await studio.productions.get(run)).state is ProductionState.RUNNING
    assert (await studio.budgets.balance(campaign)).cap == DOLLAR


async def test_a_run_beside_the_film_uses_what_that_has_asked_for(stage: Stage) -> None:
    run = await _begun(stage, shots=3)
    stage.vendor.turn(frame_seconds=0.5)
    async with working(run.studio):
        await eventually(lambda: stage.vendor.submits)
        beside = await run.studio.productions.start(run.campaign, models_of("simkey"), aim=FRAMES)
        assert (await Run(run.studio, run.campaign, beside, []).ended()).state is ProductionState.COMPLETED
        assert (await run.ended()).state is ProductionState.COMPLETED
        balance = await run.studio.budgets.balance(run.campaign)
    assert set(stage.vendor.submits.values()) == {1}
    assert len(stage.vendor.submits) == 6
    assert (balance.reserved, balance.charged) == (0, 450_000)


async def test_cancelling_a_run_beside_the_film_takes_nothing_from_that(stage: Stage) -> None:
    run = await _begun(stage, shots=1)
    stage.vendor.turn(frame_seconds=1.5)
    async with working(run.studio):
        await eventually(lambda: stage.vendor.submits)
        beside = await run.studio.productions.start(run.campaign, models_of("simkey"), aim=FRAMES)
        while not any(event.facts.get("production") == beside for event in (await run.events())[-2:]):
            await asyncio.sleep(0.02)
        await run.studio.productions.cancel_run(beside)
        assert (await run.ended()).state is ProductionState.COMPLETED
        overview = await run.studio.campaigns.overview(run.campaign)
    assert {take.state for take in overview.takes} == {TakeState.KEPT}
    assert len(stage.vendor.submits) == 2


async def test_at_most_so_many_shots_at_once(both: Stage) -> None:
    run = await _begun(both, shots=5)
    aim = replace(FRAMES, at_once=2)
    both.vendor.turn(frame_seconds=600)  # until as many are worked on as may be
    async with working(run.studio):
        await run.studio.productions.cancel(run.campaign)
        beside = await run.studio.productions.start(run.campaign, models_of("simkey"), aim=aim)
        await eventually(lambda: both.vendor.state.busiest >= 2)
        both.vendor.turn(frame_seconds=0.3)
        assert (await Run(run.studio, run.campaign, beside, []).ended()).state is ProductionState.COMPLETED
    assert both.vendor.state.busiest == 2
    assert len(both.vendor.submits) == 5


async def test_interrupted_a_limited_run_goes_on_within_its_limit_and_pays_once(stage: Stage) -> None:
    run = await _begun(stage, shots=4)
    stage.vendor.turn(frame_seconds=600)
    await run.studio.productions.cancel(run.campaign)
    beside = await run.studio.productions.start(run.campaign, models_of("simkey"), aim=replace(FRAMES, at_once=2))
    async with working(run.studio):
        await eventually(lambda: len(stage.vendor.submits) == 2)
    stage.vendor.turn(frame_seconds=0.3)
    studio = stage.open()
    async with working(studio):
        assert (await Run(studio, run.campaign, beside, []).ended()).state is ProductionState.COMPLETED
    assert stage.vendor.state.busiest == 2
    assert set(stage.vendor.submits.values()) == {1}
    assert len(stage.vendor.submits) == 4


async def _begun(stage: Stage, *, shots: int) -> Run:
    """A run to a film whose text is written and of which nobody has taken a step further."""
    run = await stage.begin(shots=shots)
    assert isinstance(run.production, str)
    return replace(run, production=ProductionId(run.production))
