"""A run that was cancelled and one that goes on after it never pay for the same thing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from reelwright.db.engine import Session
from reelwright.domain.budget import Balance
from reelwright.domain.take import TakeState
from reelwright.errors import Cancelled
from staging import DOLLAR, Stage, eventually

DIME = DOLLAR // 10


async def test_a_submit_on_its_way_is_taken_over_by_the_run_that_follows(stage: Stage) -> None:
    run = await stage.begin("simlist")
    first = await run.ask()
    stage.vendor.turn(answer_delay=1)
    sending = asyncio.create_task(run.steps.submits.submit(first))
    await eventually(lambda: bool(stage.vendor.submits))
    await run.studio.productions.cancel(run.campaign)
    later = await stage.production(run.studio, run.campaign, "simlist")
    second = await later.ask()
    assert second == first
    await asyncio.gather(sending, later.make(second))
    assert sum(stage.vendor.submits.values()) == 1
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, 0, DIME)


async def test_a_job_that_a_later_run_uses_is_not_cancelled_by_the_end_of_the_first(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(frame_seconds=2)
    first = await run.ask()
    await run.steps.submits.submit(first)
    await run.studio.productions.cancel(run.campaign)
    later = await stage.production(run.studio, run.campaign)
    second = await later.ask()
    assert second == first
    assert (await later.make(second)).state is TakeState.KEPT


async def test_a_cancel_after_a_lost_answer_does_not_forget_the_job(stage: Stage) -> None:
    run = await stage.begin("simkey")
    take = await run.ask()
    stage.vendor.turn(drop_answers=1)
    sending = asyncio.create_task(run.steps.submits.submit(take))
    await eventually(lambda: bool(stage.vendor.submits))
    await run.studio.productions.cancel(run.campaign)
    await sending
    await run.studio.upkeep.see_to(take)
    made = await run.take(take)
    assert made.job_id is not None
    assert made.state in {TakeState.KEPT, TakeState.FAILED}
    assert sum(stage.vendor.submits.values()) == 1


async def test_an_interrupted_submit_still_writes_its_receipt_down(stage: Stage) -> None:
    run = await stage.begin("simblind")
    take = await run.ask()
    stage.vendor.turn(answer_delay=0.5)
    sending = asyncio.create_task(run.steps.submits.submit(take))
    await eventually(lambda: bool(stage.vendor.submits))
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert run.steps.submits.paying
    await asyncio.wait(run.steps.submits.paying, timeout=10)
    assert (await run.take(take)).state is TakeState.SUBMITTED


async def test_a_receipt_that_could_not_be_written_is_written_when_it_can(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await stage.begin("simkey")
    take = await run.ask()
    write, failures = run.studio.database.write, [1, 2]

    async def stubborn(change: Callable[[Session], object]) -> object:
        if getattr(change, "__name__", "") == "record" and failures:
            failures.pop()
            raise OperationalError("UPDATE", {}, Exception("disk I/O error"))
        return await write(change)

    monkeypatch.setattr(run.studio.database, "write", stubborn)
    made = await run.make(take)
    assert failures == []
    assert made.state is TakeState.KEPT
    assert sum(stage.vendor.submits.values()) == 1


async def test_cancelling_gives_the_money_of_what_was_not_sent_back_at_once(stage: Stage) -> None:
    run = await stage.begin()
    await run.ask()
    assert (await run.studio.budgets.balance(run.campaign)).reserved == DIME
    await run.studio.productions.cancel(run.campaign)
    assert (await run.studio.budgets.balance(run.campaign)).reserved == 0


async def test_nothing_is_written_for_a_production_that_has_ended(stage: Stage) -> None:
    run = await stage.begin()
    await run.studio.productions.cancel(run.campaign)
    with pytest.raises(Cancelled):
        await run.studio.engine.services.concepts.write(run.production)


@pytest.mark.parametrize("account", ["simkey", "simlist", "simblind"])
async def test_two_processes_that_submit_the_same_take_send_it_once(both: Stage, account: str) -> None:
    """One has lost its lead and does not know it yet."""
    run = await both.begin(account)
    other = both.open().engine.services
    take = await run.ask()
    both.vendor.turn(answer_delay=1)
    await asyncio.gather(run.steps.submits.submit(take), other.submits.submit(take), run.steps.submits.submit(take))
    submitted = await run.take(take)
    assert submitted.state is TakeState.SUBMITTED
    assert list(both.vendor.submits.values()) == [1]
    assert (await run.make(take)).state is TakeState.KEPT


async def test_a_receipt_that_comes_after_another_process_began_to_doubt_ends_the_doubt(both: Stage) -> None:
    run = await both.begin("simblind")
    other = both.open().engine.services
    take = await run.ask()
    both.vendor.turn(answer_delay=2)
    sending = asyncio.create_task(run.steps.submits.submit(take))
    await eventually(lambda: bool(both.vendor.submits))
    await other.submits.submit(take)  # it starts to lead, and takes the sender for dead
    assert (await run.take(take)).state is TakeState.IN_DOUBT
    await sending
    late = await run.take(take)
    assert (late.state, late.is_left, late.failure) == (TakeState.SUBMITTED, True, None)
    await run.studio.upkeep.see_to(take)
    assert (await run.take(take)).state is TakeState.KEPT
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, 0, DIME)
