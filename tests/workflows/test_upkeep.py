"""The leader brings home what no production waits for: alongside its own work, over stops and starts, and only once."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from reelwright.bootstrap import Studio
from reelwright.db import takes
from reelwright.domain.event import EventName
from reelwright.domain.generation import Kind
from reelwright.domain.ids import JobId, ShotId, TakeId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import Take, TakeState
from staging import Run, Stage, models_of, working


async def started(stage: Stage, account: str = "simkey", *, shots: int = 1) -> Run:
    """A production that waits for an engine."""
    studio = stage.open()
    campaign = await stage.campaign(studio, shots=shots)
    return Run(studio, campaign, await studio.productions.start(campaign, models_of(account)), [])


async def until(run: Run, take: TakeId, state: TakeState) -> Take:
    async with asyncio.timeout(60):
        while (found := await run.take(take)).state is not state:
            await asyncio.sleep(0.05)
    return found


async def only_take(run: Run) -> Take:
    [take] = (await run.studio.campaigns.overview(run.campaign)).takes
    return take


def workflows(studio: Studio, name: str) -> list[str]:
    table = sa.table(
        "workflow_status", sa.column("status"), sa.column("name"), schema=None if studio.database.is_sqlite else "dbos"
    )
    query = sa.select(table.c.status).where(table.c.name == name)
    return studio.database.read_now(lambda session: list(session.execute(query).scalars()))


async def test_a_deadline_ends_the_production_and_not_the_take_and_the_next_run_uses_it(
    both: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULATED_DEADLINE", "1")
    both.vendor.turn(frame_seconds=4)
    run = await started(both)
    async with working(run.studio):
        ended = await run.ended()
        assert ended.state is ProductionState.FAILED
        assert "still running at simkey after" in ended.error
        assert f"`reelwright resume {run.campaign}` goes on" in ended.error
        take = await only_take(run)
        assert (take.state, take.is_left) == (TakeState.SUBMITTED, True)
        await until(run, take.id, TakeState.KEPT)
        both.vendor.turn(frame_seconds=0.05)
        await run.studio.productions.go_on(run.campaign, models_of("simkey"))
        newest = await run.studio.productions.newest(run.campaign)
        assert newest is not None
        run.production = newest.id
        assert (await run.ended()).state is ProductionState.COMPLETED
        balance = await run.studio.budgets.balance(run.campaign)
    assert len(both.vendor.submits) == 2
    assert set(both.vendor.submits.values()) == {1}
    assert (balance.reserved, balance.charged) == (0, 200_000)


async def test_stopped_again_and_again_it_goes_on_with_one_workflow(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_DEADLINE", "0")
    stage.vendor.turn(frame_seconds=60)
    run = await started(stage)
    async with working(run.studio):
        assert (await run.ended()).state is ProductionState.FAILED
        take = await only_take(run)
        async with asyncio.timeout(60):
            while not workflows(run.studio, "take.bring_home"):
                await asyncio.sleep(0.05)
    for _ in range(3):
        run.studio = stage.open()
        async with working(run.studio):
            polls = stage.vendor.state.polls[take.job_id or ""]
            async with asyncio.timeout(60):
                while stage.vendor.state.polls[take.job_id or ""] == polls:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(2.5)  # one more look
            assert workflows(run.studio, "take.bring_home") == ["PENDING"]
    stage.vendor.turn(frame_seconds=0)
    run.studio = stage.open()
    async with working(run.studio):
        await until(run, take.id, TakeState.KEPT)
        async with asyncio.timeout(60):
            while workflows(run.studio, "take.bring_home") != ["SUCCESS"]:
                await asyncio.sleep(0.05)
    assert list(stage.vendor.submits.values()) == [1]


async def test_a_job_that_is_adopted_after_its_film_is_made_is_filed_and_changes_nothing(stage: Stage) -> None:
    stage.vendor.turn(drop_answers=1)
    run = await started(stage, "simblind")
    async with working(run.studio):
        assert (await run.ended()).state is ProductionState.FAILED
        doubtful = await only_take(run)
        assert doubtful.state is TakeState.IN_DOUBT
        run.production = await run.studio.productions.start(run.campaign, models_of("simkey"))
        assert (await run.ended()).state is ProductionState.COMPLETED
        chosen = await run.studio.database.read(lambda session: takes.selected(session, run.campaign))
        await run.studio.doubts.adopt(doubtful.id, JobId("job-00001"))
        kept = await until(run, doubtful.id, TakeState.KEPT)
        assert await run.studio.database.read(lambda session: takes.selected(session, run.campaign)) == chosen
        assert chosen[ShotId(kept.shot_id), Kind.FRAME].id != kept.id
    assert set(stage.vendor.submits.values()) == {1}


async def test_what_a_dead_process_left_is_found_at_the_start(both: Stage) -> None:
    run = await both.begin(shots=3)
    submitted = await run.ask(shot=1)
    await run.steps.submits.submit(submitted)
    planned = await run.ask(shot=2)
    await run.steps.productions.fail(run.production, "a test")
    run.studio = both.open()
    async with working(run.studio):
        await until(run, submitted, TakeState.KEPT)
        await until(run, planned, TakeState.CANCELLED)
        balance = await run.studio.budgets.balance(run.campaign)
    assert (balance.reserved, balance.charged) == (0, 100_000)


async def test_a_failure_that_may_pass_is_tried_again_after_a_rest(stage: Stage) -> None:
    stage.vendor.turn(fail={"shot-01/frame": 1})
    run = await started(stage)
    async with working(run.studio):
        assert (await run.ended()).state is ProductionState.COMPLETED
        failed = (await run.events(EventName.TAKE_FAILED))[0].at.timestamp()
    assert stage.vendor.state.arrivals[1] - failed >= 0.4


@pytest.mark.parametrize(("status", "words"), [(401, "reelwright keys set"), (402, "top it up"), (451, "in other words")])
async def test_a_refusal_ends_the_production_with_what_to_do_and_is_not_tried_again(
    stage: Stage, status: int, words: str
) -> None:
    stage.vendor.turn(refuse_with=[status] * 2)
    run = await started(stage)
    async with working(run.studio):
        ended = await run.ended()
        assert ended.state is ProductionState.FAILED
        assert words in ended.error
        assert stage.vendor.state.knobs.refuse_with == [status]
        stage.vendor.turn(refuse_with=[])
        await run.studio.productions.go_on(run.campaign, models_of("simkey"))
        newest = await run.studio.productions.newest(run.campaign)
        assert newest is not None
        run.production = newest.id
        assert (await run.ended()).state is ProductionState.COMPLETED
    assert set(stage.vendor.submits.values()) == {1}
