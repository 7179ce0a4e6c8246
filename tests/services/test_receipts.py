"""A receipt is believed and written down at once; where there is none, nothing is guessed."""

from __future__ import annotations

import asyncio

import pytest

from reelwright.db import takes
from reelwright.domain.budget import Balance
from reelwright.domain.ids import TakeId
from reelwright.domain.take import TakeState
from staging import DOLLAR, Run, Stage, eventually

DIME = DOLLAR // 10


async def interrupted(stage: Stage, run: Run) -> TakeId:
    """A take whose process died between sending and hearing the answer; the vendor has counted it."""
    take = await run.ask()
    stage.vendor.turn(drop_answers=1, answer_delay=0.3)
    sending = asyncio.create_task(run.steps.submits.submit(take))
    await eventually(lambda: stage.vendor.submits)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await asyncio.wait(run.steps.submits.paying, timeout=10)
    stage.vendor.turn(answer_delay=0)
    assert (await run.take(take)).state is TakeState.SUBMITTING
    return take


async def test_what_a_receipt_says_that_it_may_cost_is_held_and_what_it_did_cost_is_charged(both: Stage) -> None:
    run = await both.begin()
    both.vendor.turn(frame_seconds=0.5, estimate_micro_usd=4 * DIME, charge_micro_usd=3 * DIME)
    take = await run.ask()
    await run.steps.submits.submit(take)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, reserved=4 * DIME)
    assert (await run.take(take)).quote_micro_usd == 4 * DIME
    assert [notice for notice in await run.notices() if "may take $0.40" in notice]
    await run.steps.harvests.harvest(take)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=3 * DIME)


async def test_a_price_that_is_named_only_while_it_works_is_held_as_well(both: Stage) -> None:
    run = await both.begin()
    both.vendor.turn(frame_seconds=2)
    take = await run.ask()
    await run.steps.submits.submit(take)
    both.vendor.turn(estimate_micro_usd=4 * DIME)
    harvest = asyncio.create_task(run.steps.harvests.harvest(take))
    async with asyncio.timeout(60):
        while (await run.studio.budgets.balance(run.campaign)).reserved != 4 * DIME:
            await asyncio.sleep(0.02)
    await harvest
    # The vendor names no price in the end, so it is what it said that it might be.
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=4 * DIME)


async def test_a_lower_estimate_does_not_lower_what_is_held(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(frame_seconds=30, estimate_micro_usd=1)
    take = await run.ask()
    await run.steps.submits.submit(take)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, reserved=DIME)


async def test_a_job_that_has_ended_with_its_receipt_is_kept(both: Stage) -> None:
    run = await both.begin()
    both.vendor.turn(is_instant=True)
    take = await run.make(await run.ask())
    assert take.state is TakeState.KEPT
    assert both.vendor.submits == {take.intent: 1}


async def test_a_key_that_the_vendor_still_knows_is_sent_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_KEY_SECONDS", "600")
    stage.vendor.turn(key_seconds=600)
    run = await stage.begin()
    take = await interrupted(stage, run)
    assert (await run.make(take)).state is TakeState.KEPT
    assert list(stage.vendor.submits.values()) == [1]


async def test_a_key_that_the_vendor_may_have_forgotten_is_not_sent_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_KEY_SECONDS", "1")
    stage.vendor.turn(key_seconds=1)
    run = await stage.begin()
    take = await interrupted(stage, run)
    await asyncio.sleep(1.1)
    assert (await run.make(take)).state is TakeState.IN_DOUBT
    assert list(stage.vendor.submits.values()) == [1]
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, reserved=DIME)


async def test_a_key_that_another_account_would_get_is_not_sent_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await stage.begin()
    take = await interrupted(stage, run)
    monkeypatch.setenv("SIMULATED_KEY", "another")
    assert (await run.make(take)).state is TakeState.IN_DOUBT
    assert list(stage.vendor.submits.values()) == [1]


async def test_that_another_account_has_no_such_job_proves_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await stage.begin("simlist")
    take = await interrupted(stage, run)
    stage.vendor.state.jobs.clear()
    monkeypatch.setenv("SIMULATED_KEY", "another")
    assert (await run.make(take)).state is TakeState.IN_DOUBT


@pytest.mark.parametrize("status", [401, 402, 422])
async def test_a_refusal_of_the_second_request_does_not_undo_the_first(stage: Stage, status: int) -> None:
    run = await stage.begin()
    take = await interrupted(stage, run)
    stage.vendor.turn(refuse_with=[status])
    made = await run.make(take)
    assert made.state is TakeState.IN_DOUBT
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, reserved=DIME)
    assert f"reelwright takes adopt {take} JOB" in (made.failure.advice if made.failure else "")


async def test_what_the_vendor_does_not_price_costs_what_was_held_for_it(both: Stage) -> None:
    run = await both.begin()
    take = await run.ask()
    await run.steps.submits.submit(take)
    # A take's own figure is for people; what was agreed to stands in the ledger.
    await run.studio.database.write(lambda session: takes.set_quote(session, take, 9 * DIME))
    await run.steps.harvests.harvest(take)
    assert (await run.take(take)).charged_micro_usd == DIME
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)
