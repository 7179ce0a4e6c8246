"""What a provider limits, it limits for one account: over all takes, all productions and all processes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from reelwright.domain.ids import TakeId
from reelwright.domain.take import TakeState
from staging import Run, Stage, eventually


async def asked(run: Run, shots: int) -> list[TakeId]:
    return [await run.ask(shot=shot) for shot in range(1, shots + 1)]


async def test_two_processes_together_never_take_more_places_than_there_are(both: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_CONCURRENCY", "2")
    both.vendor.turn(frame_seconds=0.5)
    run = await both.begin(shots=6)
    takes = await asked(run, 6)
    others = Run(both.open(), run.campaign, run.production, run.shots)
    made = await asyncio.gather(*(run.make(take) for take in takes[:3]), *(others.make(take) for take in takes[3:]))
    assert {take.state for take in made} == {TakeState.KEPT}
    assert both.vendor.state.busiest <= 2
    assert set(both.vendor.submits.values()) == {1}


async def test_another_key_has_places_of_its_own(both: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_CONCURRENCY", "1")
    both.vendor.turn(frame_seconds=30)
    run = await both.begin(shots=3)
    first, second, third = await asked(run, 3)
    await run.steps.submits.submit(first)
    monkeypatch.setenv("SIMULATED_KEY", "another")
    await asyncio.wait_for(run.steps.submits.submit(second), 60)
    accounts = {(await run.take(take)).account for take in (first, second)}
    assert len(accounts) == 2
    assert not accounts & {"", "another", "simulated"}
    waiting = asyncio.create_task(run.steps.submits.submit(third))
    await asyncio.sleep(1.5)
    assert (await run.take(third)).state is TakeState.PLANNED
    await run.studio.productions.cancel(run.campaign)
    await asyncio.wait_for(waiting, 60)


async def test_no_more_is_submitted_within_a_minute_than_the_account_may(both: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_PER_MINUTE", "2")
    run = await both.begin(shots=4)
    takes = await asked(run, 4)
    others = Run(both.open(), run.campaign, run.production, run.shots)
    submitting = [
        asyncio.create_task(each.steps.submits.submit(take)) for each, take in zip((run, others) * 2, takes, strict=True)
    ]
    await eventually(lambda: len(both.vendor.submits) == 2)
    await asyncio.sleep(2.5)
    assert len(both.vendor.submits) == 2
    monkeypatch.setenv("SIMULATED_KEY", "another")  # whose minute has not begun
    await asyncio.wait_for(asyncio.gather(*submitting), 60)
    assert set(both.vendor.submits.values()) == {1}
    assert len(both.vendor.submits) == 4


async def test_one_that_was_put_off_counts_in_its_minute_and_one_that_never_arrived_does_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await stage.begin()
    stage.vendor.turn(refuse_with=[429], retry_after=600)
    take = await run.ask()
    submitting = asyncio.create_task(run.steps.submits.submit(take))
    await eventually(lambda: not stage.vendor.state.knobs.refuse_with)
    async with asyncio.timeout(60):
        while (put_off := await run.take(take)).state is not TakeState.PLANNED:
            await asyncio.sleep(0.01)
    assert put_off.submitting_at is not None
    assert (datetime.now(UTC) - put_off.submitting_at).total_seconds() < 300
    await run.studio.productions.cancel(run.campaign)
    await asyncio.wait_for(submitting, 60)

    monkeypatch.setenv("SIMULATED_URL", "http://127.0.0.1:9")
    lost = await stage.begin(studio=stage.open())
    take = await lost.ask()
    submitting = asyncio.create_task(lost.steps.submits.submit(take))
    await asyncio.sleep(0.5)
    await lost.studio.productions.cancel(lost.campaign)
    await asyncio.wait_for(submitting, 60)
    never = await lost.take(take)
    assert (never.state, never.submitting_at) == (TakeState.CANCELLED, None)
