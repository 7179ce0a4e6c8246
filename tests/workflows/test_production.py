"""The engine carries a production to its end: over failures, pauses, stops and starts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.bootstrap import Studio
from reelwright.domain.event import EventName
from reelwright.domain.generation import Kind
from reelwright.domain.ids import ProductionId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import TakeState
from reelwright.errors import Conflict
from staging import DOLLAR, Run, Stage, VendorThread, eventually, models_of, working


async def started(stage: Stage, account: str = "simkey", *, shots: int = 2, cap: int = 20 * DOLLAR) -> Run:
    """A production that waits for an engine."""
    studio = stage.open()
    campaign = await stage.campaign(studio, shots=shots, cap=cap)
    return Run(studio, campaign, await studio.productions.start(campaign, models_of(account)), [])


def rows_in_queue(studio: Studio) -> int:
    table = sa.table("workflow_status", sa.column("workflow_uuid"), schema=None if studio.database.is_sqlite else "dbos")
    return studio.database.read_now(lambda session: session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


async def test_a_brief_becomes_a_film_and_everything_is_paid_once(both: Stage) -> None:
    run = await started(both)
    async with working(run.studio):
        assert (await run.ended()).state is ProductionState.COMPLETED
        overview = await run.studio.campaigns.overview(run.campaign)
    assert {take.state for take in overview.takes} == {TakeState.KEPT}
    assert set(both.vendor.submits.values()) == {1}
    assert len(both.vendor.submits) == 4
    assert overview.balance.reserved == 0
    assert overview.balance.charged == 300_000
    [film] = overview.films
    assert film.assets.keys() >= {"film", "poster", "sheet"}
    assert film.cut_list.frames == 48


async def test_the_engine_may_be_started_and_stopped_again_and_again(stage: Stage) -> None:
    for number in range(1, 4):
        run = await started(stage, shots=1)
        async with working(run.studio):
            assert (await run.ended()).state is ProductionState.COMPLETED
        assert len(stage.vendor.submits) == 2 * number


async def test_stopped_in_the_middle_it_goes_on_with_the_next_leader(stage: Stage) -> None:
    run = await started(stage)
    stage.vendor.turn(clip_seconds=30)
    async with working(run.studio):
        await eventually(lambda: len(stage.vendor.submits) == 4)
    stage.vendor.turn(clip_seconds=0)
    run.studio = stage.open()
    async with working(run.studio):
        assert (await run.ended()).state is ProductionState.COMPLETED
    assert set(stage.vendor.submits.values()) == {1}


async def test_a_queue_row_comes_and_goes_with_the_row_of_the_production(both: Stage) -> None:
    studio = both.open()
    campaign = await both.campaign(studio)
    before = rows_in_queue(studio)

    def half(session: Session) -> None:
        studio.queue.enqueue(session, ProductionId("production_never"))
        raise Conflict("stop")

    with pytest.raises(Conflict):
        studio.database.write_now(half)
    assert rows_in_queue(studio) == before
    production = await studio.productions.start(campaign, models_of("simkey"))
    assert await studio.productions.start(campaign, models_of("simkey")) == production
    assert rows_in_queue(studio) == before + 1


async def test_many_asking_to_start_start_one_production(both: Stage) -> None:
    studio = both.open()
    campaign = await both.campaign(studio)
    begun = await asyncio.gather(*(studio.productions.start(campaign, models_of("simkey")) for _ in range(8)))
    assert len(set(begun)) == 1


async def test_a_clip_starts_while_other_frames_are_still_drawn(stage: Stage) -> None:
    run = await started(stage)
    stage.vendor.turn(slow={"shot-02/frame": 1000.0})
    async with working(run.studio):
        while not [event for event in await run.events(EventName.TAKE_KEPT) if event.facts["kind"] == "clip"]:
            await asyncio.sleep(0.05)
        stage.vendor.turn(slow={})
        assert (await run.ended()).state is ProductionState.COMPLETED
        told = await run.events(EventName.TAKE_SUBMITTED, EventName.TAKE_KEPT)
    order = [(event.name, event.facts["shot"], event.facts["kind"]) for event in told]
    assert order.index((EventName.TAKE_KEPT, "shot-01", "clip")) < order.index((EventName.TAKE_KEPT, "shot-02", "frame"))


async def test_dropped_by_the_database_server_it_waits_and_goes_on_and_pays_nothing_twice(
    tmp_path: Path, vendor: VendorThread, postgres_url: str
) -> None:
    stage = Stage(tmp_path / "home", vendor, postgres_url)
    run = await started(stage, shots=3)
    vendor.turn(frame_seconds=0.5, clip_seconds=1.0)
    drop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert await run.studio.lead()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        async with asyncio.timeout(60):
            for round_ in range(1000):
                if (await run.studio.productions.get(run.production)).state.is_ended:
                    break
                if round_ in {10, 40}:
                    admin.execute(drop)
                if round_ % 5 == 0:
                    await run.studio.lead()
                await asyncio.sleep(0.05)
    overview = await run.studio.campaigns.overview(run.campaign)
    await stage.close()
    assert overview.production is not None
    assert overview.production.state is ProductionState.COMPLETED
    assert set(vendor.submits.values()) == {1}
    assert len(vendor.submits) == 6
    assert (overview.balance.reserved, overview.balance.charged) == (0, 450_000)


async def test_a_failed_job_is_tried_again_as_a_second_take(stage: Stage) -> None:
    run = await started(stage, shots=1)
    stage.vendor.turn(fail_jobs=2)
    async with working(run.studio):
        assert (await run.ended()).state is ProductionState.COMPLETED
        overview = await run.studio.campaigns.overview(run.campaign)
    frames = [(take.number, take.state) for take in overview.takes if take.kind is Kind.FRAME]
    assert frames == [(1, TakeState.FAILED), (2, TakeState.FAILED), (3, TakeState.KEPT)]
    assert overview.balance.charged == 200_000


async def test_after_three_failures_the_production_fails_with_the_reason_and_a_new_start_uses_what_was_kept(stage: Stage) -> None:
    run = await started(stage)
    stage.vendor.turn(fail={"shot-02/frame": 3})
    async with working(run.studio):
        ended = await run.ended()
        assert ended.state is ProductionState.FAILED
        assert ended.error == "shot-02: an internal error"
        assert [event.facts["shot"] for event in await run.events(EventName.SHOT_FAILED)] == ["shot-02"]
        before = stage.vendor.submits
        assert len(before) == 5
        await run.studio.productions.go_on(run.campaign, models_of("simkey"))
        newest = await run.studio.productions.newest(run.campaign)
        assert newest is not None
        run.production = newest.id
        assert (await run.ended()).state is ProductionState.COMPLETED
        balance = await run.studio.budgets.balance(run.campaign)
    assert len(stage.vendor.submits) == 7
    assert (balance.reserved, balance.charged) == (0, 300_000)


async def test_a_cap_that_runs_out_fails_the_production_in_words_and_is_not_exceeded(stage: Stage) -> None:
    run = await started(stage, cap=250_000)
    async with working(run.studio):
        ended = await run.ended()
        balance = await run.studio.budgets.balance(run.campaign)
    assert ended.state is ProductionState.FAILED
    assert "raise the cap with" in ended.error
    assert (balance.charged, balance.reserved) == (250_000, 0)


async def test_a_take_in_doubt_fails_the_production_and_is_never_sent_again(stage: Stage) -> None:
    run = await started(stage, "simblind", shots=1)
    stage.vendor.turn(drop_answers=1)
    async with working(run.studio):
        ended = await run.ended()
        balance = await run.studio.budgets.balance(run.campaign)
    assert ended.state is ProductionState.FAILED
    assert "Nobody can tell whether simblind got the request" in ended.error
    assert list(stage.vendor.submits.values()) == [1]
    assert balance.reserved == 100_000


async def test_places_at_the_provider_are_never_exceeded(both: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_CONCURRENCY", "3")
    monkeypatch.setenv("SIMULATED_POOL", "all")
    both.vendor.turn(frame_seconds=600, clip_seconds=0.3)  # until all places are taken
    run = await started(both, shots=8)
    async with working(run.studio):
        await eventually(lambda: both.vendor.state.busiest >= 3)
        both.vendor.turn(frame_seconds=0.3, clip_seconds=0.3)
        assert (await run.ended()).state is ProductionState.COMPLETED
    assert both.vendor.state.busiest == 3
    assert set(both.vendor.submits.values()) == {1}
    assert len(both.vendor.submits) == 16


async def test_a_cancelled_production_ends_at_once_and_makes_no_film(stage: Stage) -> None:
    run = await started(stage)
    stage.vendor.turn(clip_seconds=30)
    async with working(run.studio):
        await eventually(lambda: len(stage.vendor.submits) == 4)
        await run.studio.productions.cancel(run.campaign)
        async with asyncio.timeout(60):
            while await run.studio.campaigns.unsettled(run.campaign):
                await asyncio.sleep(0.05)
        overview = await run.studio.campaigns.overview(run.campaign)
    assert overview.films == ()
    assert overview.production is not None
    assert overview.production.state is ProductionState.CANCELLED
    assert sum(job.is_cancelled for job in stage.vendor.state.jobs.values()) == 2
    assert (overview.balance.reserved, overview.balance.charged) == (0, 200_000)


async def test_a_production_whose_campaign_does_not_exist_ends_in_the_log_and_harms_nobody(stage: Stage) -> None:
    run = await started(stage, shots=1)
    run.studio.database.write_now(lambda session: run.studio.queue.enqueue(session, ProductionId("production_of_nobody")))
    async with working(run.studio):
        assert (await run.ended()).state is ProductionState.COMPLETED
