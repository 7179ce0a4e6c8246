"""Whoever asks us to wait is waited for, and whoever refuses us does not make us lose what is paid for."""

from __future__ import annotations

import asyncio
import time

import pytest

from reelwright.domain.budget import Balance
from reelwright.domain.event import EventName
from reelwright.domain.generation import FailureKind
from reelwright.domain.ids import TakeId
from reelwright.domain.take import Take, TakeState
from reelwright.services import polls
from staging import DOLLAR, Run, Stage

DIME = DOLLAR // 10


async def submitted(run: Run, *, shot: int = 1) -> TakeId:
    take = await run.ask(shot=shot)
    await run.steps.submits.submit(take)
    return take


async def until_noticed(run: Run, words: str) -> None:
    async with asyncio.timeout(60):
        while not any(words in notice for notice in await run.notices()):
            await asyncio.sleep(0.05)


async def test_a_vendor_that_says_how_long_is_not_asked_before(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_CONCURRENCY", "1")
    run = await stage.begin(shots=3)
    stage.vendor.turn(refuse_with=[429], retry_after=1.5)
    began = time.time()
    made = await asyncio.gather(*[run.make(await run.ask(shot=shot)) for shot in (1, 2, 3)])
    assert {take.state for take in made} == {TakeState.KEPT}
    # One was put off; the others in its line did not have to hear it themselves.
    assert stage.vendor.state.knobs.refuse_with == []
    assert min(stage.vendor.state.arrivals) - began >= 1.5
    assert len(stage.vendor.submits) == 3


async def test_a_long_wait_is_told_at_once_and_ends_with_a_cancel(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(refuse_with=[429], retry_after=600)
    making = asyncio.create_task(run.make(await run.ask()))
    await until_noticed(run, "simkey keeps us waiting")
    await run.studio.productions.cancel(run.campaign)
    assert (await asyncio.wait_for(making, 60)).state is TakeState.CANCELLED
    assert stage.vendor.submits == {}
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR)


async def test_a_refused_key_does_not_lose_the_job(stage: Stage) -> None:
    run = await stage.begin()
    take = await submitted(run)
    stage.vendor.turn(keys=["another"])
    harvest = asyncio.create_task(run.steps.harvests.harvest(take))
    await until_noticed(run, "simkey does not take our key")
    assert (await run.take(take)).state is TakeState.SUBMITTED
    stage.vendor.turn(keys=[])
    assert await asyncio.wait_for(harvest, 60) == ""
    assert (await run.take(take)).state is TakeState.KEPT


async def test_a_job_that_another_accounts_key_does_not_see_is_not_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await stage.begin()
    take = await submitted(run)
    monkeypatch.setenv("SIMULATED_KEY", "of-somebody-else")
    harvest = asyncio.create_task(run.steps.harvests.harvest(take))
    await until_noticed(run, "simkey keeps us waiting")
    await asyncio.sleep(4)  # long enough for the same answer to be believed of the account that has the job
    assert (await run.take(take)).state is TakeState.SUBMITTED
    monkeypatch.delenv("SIMULATED_KEY")
    await asyncio.wait_for(harvest, 60)
    assert (await run.take(take)).state is TakeState.KEPT


async def test_a_vendor_that_does_not_know_the_job_for_a_moment_is_not_believed(stage: Stage) -> None:
    run = await stage.begin()
    take = await submitted(run)
    stage.vendor.turn(refuse_polls_with=[404, 404, 404])
    await run.steps.harvests.harvest(take)
    assert (await run.take(take)).state is TakeState.KEPT


async def test_a_refusal_that_nobody_understands_ends_the_productions_wait_and_not_the_take(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls, "_REFUSALS", 3)
    run = await stage.begin()
    take = await submitted(run)
    stage.vendor.turn(refuse_polls_with=[409] * 5)
    reason = await run.steps.harvests.harvest(take)
    assert "simkey does not say where it stands" in reason
    assert "the vendor says 409" in reason
    assert f"`reelwright resume {run.campaign}` goes on" in reason
    left = await run.take(take)
    assert (left.state, left.is_left) == (TakeState.SUBMITTED, True)
    assert await run.studio.upkeep.unattended() == [take]
    await run.studio.upkeep.see_to(take)
    assert (await run.take(take)).state is TakeState.KEPT
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)


async def test_the_deadline_ends_the_wait_and_upkeep_brings_the_take_home(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_DEADLINE", "1")
    run = await stage.begin()
    stage.vendor.turn(frame_seconds=600)
    take = await submitted(run)
    reason = await run.steps.harvests.harvest(take)
    assert reason.startswith("still running at simkey after ")
    assert "seconds; it is brought home when it ends." in reason
    left = await run.take(take)
    assert (left.state, left.is_left) == (TakeState.SUBMITTED, True)
    assert await run.steps.harvests.harvest(take) != "", "asked again after a crash, it says the same"
    stage.vendor.turn(frame_seconds=0.05)
    await run.studio.upkeep.see_to(take)
    assert (await run.take(take)).state is TakeState.KEPT
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)


async def test_what_has_ended_when_its_deadline_is_over_is_kept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_DEADLINE", "0")
    run = await stage.begin()
    take = await submitted(run)
    await asyncio.sleep(0.2)
    assert await run.steps.harvests.harvest(take) == ""
    assert (await run.take(take)).state is TakeState.KEPT


async def test_a_run_that_goes_on_waits_for_what_an_earlier_one_left(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_DEADLINE", "2")
    run = await stage.begin()
    stage.vendor.turn(frame_seconds=600)
    take = await submitted(run)
    assert await run.steps.harvests.harvest(take) != ""
    upkeep = asyncio.create_task(run.studio.upkeep.see_to(take))
    await run.steps.productions.fail(run.production, "a test")
    later = await stage.production(run.studio, run.campaign)
    assert await later.ask() == take
    assert not (await run.take(take)).is_left
    stage.vendor.turn(frame_seconds=0.05)
    assert await asyncio.wait_for(run.steps.harvests.harvest(take), 60) == ""
    await asyncio.wait_for(upkeep, 60)
    assert (await run.take(take)).state is TakeState.KEPT
    assert list(stage.vendor.submits.values()) == [1]


async def test_upkeep_asks_less_often_the_longer_a_job_takes(stage: Stage) -> None:
    run = await stage.begin()
    take: Take = await run.take(await submitted(run))
    assert take.submitting_at is not None
    now = take.submitting_at
    young, old = (
        polls.Watch(every=2.0, since=since, until=None, is_relieved=lambda: False).rest(now)
        for since in (now, now.replace(year=now.year - 1))
    )
    assert young < 2.3
    assert 800 < old < 1000


async def test_what_the_vendor_forgot_is_told_with_what_to_do(stage: Stage) -> None:
    run = await stage.begin()
    take = await submitted(run)
    stage.vendor.turn(forgets=True)
    await run.steps.harvests.harvest(take)
    lost = await run.take(take)
    assert lost.state is TakeState.FAILED
    assert lost.failure is not None
    assert lost.failure.kind is FailureKind.LOST
    [event] = await run.events(EventName.TAKE_FAILED)
    assert "which costs again" in str(event.facts["advice"])


async def test_a_list_is_not_believed_as_long_as_a_slow_request_may_still_arrive(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULATED_LIST_LAG", "20")
    run = await stage.begin("simlist")
    take = await run.ask()
    stage.vendor.turn(accept_delay=4)
    sending = asyncio.create_task(run.steps.submits.submit(take))
    while (await run.take(take)).state is not TakeState.SUBMITTING:
        await asyncio.sleep(0.01)
    # Another process finds the intent without a receipt while the request is still on its way, and the list is empty.
    await stage.open().engine.services.submits.submit(take)
    await sending
    assert list(stage.vendor.submits.values()) == [1]
    assert (await run.take(take)).job_id == next(iter(stage.vendor.state.jobs))


async def test_an_output_that_never_comes_home_does_not_keep_the_production(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULATED_DEADLINE", "2")
    run = await stage.begin()
    take = await submitted(run)
    stage.vendor.turn(url_seconds=-1)
    reason = await asyncio.wait_for(run.steps.harvests.harvest(take), 60)
    assert "not brought home yet" in str(reason)
    # It is paid for: upkeep goes on, and a vendor that hands it out again is believed.
    assert (await run.take(take)).state is TakeState.STORING
    stage.vendor.turn(url_seconds=600)
    await asyncio.wait_for(run.steps.harvests.bring_home(take), 60)
    assert (await run.take(take)).state is TakeState.KEPT
