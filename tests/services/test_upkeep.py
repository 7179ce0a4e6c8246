"""What nobody waits for is brought to an end all the same."""

from __future__ import annotations

import asyncio

from reelwright.domain.budget import Balance
from reelwright.domain.take import TakeState
from staging import DOLLAR, Stage, eventually

DIME = DOLLAR // 10


async def test_nobody_else_sees_to_what_a_running_production_waits_for(both: Stage) -> None:
    run = await both.begin()
    both.vendor.turn(frame_seconds=30)
    await run.steps.submits.submit(await run.ask())
    assert await run.studio.upkeep.unattended() == []
    assert len(await run.studio.upkeep.unsettled()) == 1


async def test_what_was_submitted_when_its_production_ended_is_kept(both: Stage) -> None:
    run = await both.begin()
    take = await run.ask()
    await run.steps.submits.submit(take)
    await run.steps.productions.fail(run.production, "a test")
    assert await run.studio.upkeep.unattended() == [take]
    await run.studio.upkeep.see_to(take)
    assert (await run.take(take)).state is TakeState.KEPT
    assert await run.studio.upkeep.unattended() == []
    assert await run.studio.upkeep.unsettled() == []


async def test_what_was_never_sent_gives_its_money_back(both: Stage) -> None:
    run = await both.begin()
    take = await run.ask()
    await run.steps.productions.fail(run.production, "a test")
    assert await run.studio.upkeep.unattended() == [take]
    await run.studio.upkeep.see_to(take)
    assert (await run.take(take)).state is TakeState.CANCELLED
    assert both.vendor.submits == {}
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR)


async def test_what_was_on_its_way_is_looked_up_and_not_sent_again(both: Stage) -> None:
    run = await both.begin("simlist")
    take = await run.ask()
    both.vendor.turn(drop_answers=1, answer_delay=0.3)
    sending = asyncio.create_task(run.steps.submits.submit(take))
    await eventually(lambda: both.vendor.submits)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await asyncio.wait(run.steps.submits.paying, timeout=10)
    both.vendor.turn(answer_delay=0)
    await run.steps.productions.fail(run.production, "a test")
    await run.studio.upkeep.see_to(take)
    assert (await run.take(take)).state is TakeState.KEPT
    assert list(both.vendor.submits.values()) == [1]


async def test_two_at_once_bring_a_take_home_once(both: Stage) -> None:
    run = await both.begin()
    take = await run.ask()
    await run.steps.submits.submit(take)
    await run.steps.productions.fail(run.production, "a test")
    other = both.open()
    await asyncio.gather(run.studio.upkeep.see_to(take), other.upkeep.see_to(take), run.studio.upkeep.see_to(take))
    assert (await run.take(take)).state is TakeState.KEPT
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)
    await other.assets.sweep()  # what the slower one has fetched belongs to nobody
    assert len(run.stored()) == 1


async def test_a_cancelled_productions_job_is_stopped_where_the_vendor_can(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(frame_seconds=30)
    take = await run.ask()
    await run.steps.submits.submit(take)
    await run.studio.productions.cancel(run.campaign)
    await asyncio.wait_for(run.studio.upkeep.see_to(take), 60)
    assert (await run.take(take)).state is TakeState.FAILED
    assert [job.is_cancelled for job in stage.vendor.state.jobs.values()] == [True]
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR)
