"""Whoever ends a production ends what it waits for, before the receipt as after it; nothing that may be paid is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from reelwright.domain.budget import Balance
from reelwright.domain.take import TakeState
from staging import DOLLAR, Run, Stage, eventually

DIME = DOLLAR // 10
UNTOUCHED = Balance(20 * DOLLAR)
SOON = 10.0
"""Seconds: about one is promised, and the machine may be busy. What is waited for here takes much longer, or for ever."""


async def asked(stage: Stage, run: Run) -> tuple[Run, asyncio.Task[None]]:
    """A production of another campaign, and its take on the way to the provider."""
    other = await stage.begin(studio=run.studio)
    return other, asyncio.create_task(other.steps.submits.submit(await other.ask()))


async def cancelled(run: Run) -> None:
    await run.studio.productions.cancel(run.campaign)


async def test_one_far_behind_in_the_line_hears_it_and_the_others_keep_their_turn(
    both: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULATED_CONCURRENCY", "1")
    run = await both.begin()
    both.vendor.turn(frame_seconds=600)
    await run.steps.submits.submit(await run.ask())
    ahead, first = await asked(both, run)
    await asyncio.sleep(0.3)
    behind, second = await asked(both, run)
    await asyncio.sleep(0.3)
    await cancelled(behind)
    await asyncio.wait_for(second, SOON)
    assert [take.state for take in await behind.studio.takes.of_campaign(behind.campaign)] == [TakeState.CANCELLED]
    assert await behind.studio.budgets.balance(behind.campaign) == UNTOUCHED
    assert not first.done()
    await cancelled(ahead)
    await asyncio.wait_for(first, SOON)
    assert len(both.vendor.submits) == 1


async def test_a_wait_for_a_provider_that_is_not_installed_ends(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await stage.begin()
    take = await run.ask()
    monkeypatch.delenv("SIMULATED_URL")
    poor = stage.open().engine.services
    waiting = asyncio.create_task(poor.submits.submit(take))
    while not any("keeps us waiting" in notice for notice in await run.notices()):
        await asyncio.sleep(0.05)
    await cancelled(run)
    await asyncio.wait_for(waiting, SOON)
    assert (await run.take(take)).state is TakeState.CANCELLED
    assert await run.studio.budgets.balance(run.campaign) == UNTOUCHED


async def test_what_nobody_sent_is_called_off_by_upkeep_without_its_provider(
    both: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await both.begin()
    take = await run.ask()
    await run.steps.productions.fail(run.production, "a test")
    monkeypatch.delenv("SIMULATED_URL")
    await asyncio.wait_for(both.open().upkeep.see_to(take), SOON)
    assert (await run.take(take)).state is TakeState.CANCELLED
    assert await run.studio.budgets.balance(run.campaign) == UNTOUCHED


async def test_a_request_on_its_way_is_not_waited_for_and_its_receipt_is_written_down(both: Stage) -> None:
    run = await both.begin("simblind")
    both.vendor.turn(answer_delay=4)
    take = await run.ask()
    submitting = asyncio.create_task(run.steps.submits.submit(take))
    await eventually(lambda: both.vendor.submits)
    await cancelled(run)
    await asyncio.wait_for(submitting, SOON)
    assert await run.studio.upkeep.unattended() == [take]
    await asyncio.wait_for(run.studio.upkeep.see_to(take), 60)
    # Upkeep has waited for the answer, instead of taking the request for lost.
    made = await run.take(take)
    assert made.state in {TakeState.KEPT, TakeState.FAILED}
    assert made.job_id is not None
    assert list(both.vendor.submits.values()) == [1]
    assert (await run.studio.budgets.balance(run.campaign)).reserved == 0


async def test_a_lost_answer_is_looked_for_by_upkeep_when_the_production_has_ended(stage: Stage) -> None:
    run = await stage.begin()
    take = await run.ask()
    stage.vendor.turn(drop_answers=1000)
    submitting = asyncio.create_task(run.steps.submits.submit(take))
    while not any("keeps us waiting" in notice for notice in await run.notices()):
        await asyncio.sleep(0.05)
    await cancelled(run)
    await asyncio.wait_for(submitting, SOON)
    assert (await run.take(take)).state is TakeState.SUBMITTING
    stage.vendor.turn(drop_answers=0)
    await asyncio.wait_for(run.studio.upkeep.see_to(take), 60)
    made = await run.take(take)
    assert made.job_id is not None
    assert made.state in {TakeState.KEPT, TakeState.FAILED}
    assert list(stage.vendor.submits.values()) == [1]


async def test_a_job_that_never_ends_keeps_its_place_only_until_its_deadline(
    both: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULATED_CONCURRENCY", "1")
    monkeypatch.setenv("SIMULATED_DEADLINE", "2")
    run = await both.begin(shots=2)
    both.vendor.turn(frame_seconds=600)
    stuck, next_one = await run.ask(shot=1), await run.ask(shot=2)
    await run.steps.submits.submit(stuck)
    await asyncio.wait_for(run.steps.submits.submit(next_one), 60)
    first, second = await run.take(stuck), await run.take(next_one)
    assert (first.state, second.state) == (TakeState.SUBMITTED, TakeState.SUBMITTED)
    assert first.submitting_at is not None
    assert second.submitting_at is not None
    assert (second.submitting_at - first.submitting_at).total_seconds() >= 2


@pytest.fixture
def end_upload(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Ends what goes on for ever otherwise: an upload before the request that pays."""
    monkeypatch.setenv("SIMULATED_UPLOADING", "yes")
    return lambda: monkeypatch.delenv("SIMULATED_UPLOADING")


async def until_sending(run: Run) -> None:
    """Waits until the provider has been called. A breath more lets it get to its upload."""
    await eventually(lambda: run.steps.submits.paying)
    await asyncio.sleep(0.3)


@pytest.mark.parametrize("account", ["simkey", "simlist", "simblind"])
async def test_called_off_during_an_upload_it_is_not_paid(both: Stage, end_upload: Callable[[], None], account: str) -> None:
    run = await both.begin(account)
    take = await run.ask()
    submitting = asyncio.create_task(run.steps.submits.submit(take))
    await until_sending(run)
    await cancelled(run)
    await asyncio.wait_for(submitting, SOON)
    end_upload()
    await asyncio.wait_for(run.studio.upkeep.see_to(take), SOON)
    assert (await run.take(take)).state is TakeState.CANCELLED
    assert both.vendor.submits == {}
    assert await run.studio.budgets.balance(run.campaign) == UNTOUCHED


async def test_taken_over_during_an_upload_it_is_sent_by_the_one_who_took_over(
    both: Stage, end_upload: Callable[[], None]
) -> None:
    run = await both.begin("simlist")
    other = both.open().engine.services
    take = await run.ask()
    first = asyncio.create_task(run.steps.submits.submit(take))
    await until_sending(run)
    before = (await run.take(take)).submitting_at
    second = asyncio.create_task(other.submits.submit(take))  # it leads by now, finds nothing in the list, and sends
    async with asyncio.timeout(60):
        while (await run.take(take)).submitting_at in {before, None}:
            await asyncio.sleep(0.05)
    end_upload()
    await asyncio.wait_for(asyncio.gather(first, second), 60)
    assert (await run.take(take)).state is TakeState.SUBMITTED
    assert list(both.vendor.submits.values()) == [1]


async def test_after_a_long_upload_the_request_counts_as_sent_when_it_was(stage: Stage, end_upload: Callable[[], None]) -> None:
    run = await stage.begin("simblind")
    take = await run.ask()
    submitting = asyncio.create_task(run.steps.submits.submit(take))
    await until_sending(run)
    claimed = (await run.take(take)).submitting_at
    await asyncio.sleep(1.5)
    end_upload()
    await submitting
    sent = (await run.take(take)).submitting_at
    assert claimed is not None
    assert sent is not None
    assert (sent - claimed).total_seconds() > 1
