"""Paid work is sacred: asked for once, paid once, brought home whatever happens on the way."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from reelwright import bootstrap
from reelwright.domain.budget import Balance
from reelwright.domain.event import EventName
from reelwright.domain.generation import FailureKind, Kind
from reelwright.domain.take import TakeState
from reelwright.errors import BudgetExceeded, Cancelled, StorageError
from reelwright.media.probe import probe
from reelwright.store import ObjectStore, open_store
from staging import DOLLAR, Stage, VendorThread, eventually, models_of

DIME = DOLLAR // 10


async def test_asked_twice_it_is_one_take_with_one_reserve(both: Stage) -> None:
    run = await both.begin()
    assert await run.ask() == await run.ask()
    asked = await asyncio.gather(*(run.ask() for _ in range(12)))
    assert len(set(asked)) == 1
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, reserved=DIME)
    assert len(await run.events(EventName.TAKE_PLANNED)) == 1


async def test_a_take_is_submitted_once_kept_whole_and_paid_as_quoted(both: Stage) -> None:
    run = await both.begin()
    take = await run.make(await run.ask())
    assert take.state is TakeState.KEPT
    assert take.asset_id is not None
    asset = await run.studio.assets.get(take.asset_id)
    [stored] = run.stored()
    assert stored.stat().st_size == asset.bytes
    assert probe(str(stored)).size == take.request.size
    assert asset.provenance["job"] == take.job_id
    assert both.vendor.submits == {take.intent: 1}
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)


async def test_every_step_of_a_kept_take_may_be_done_again_and_does_nothing(stage: Stage) -> None:
    run = await stage.begin()
    first = await run.make(await run.ask())
    told = len(await run.events())
    assert await run.make(first.id) == first
    assert len(await run.events()) == told
    assert stage.vendor.submits == {first.intent: 1}


async def test_a_kept_take_of_an_equal_request_is_used_again_and_not_paid_again(both: Stage) -> None:
    run = await both.begin()
    kept = await run.make(await run.ask())
    await run.steps.productions.fail(run.production, "a test")
    later = await both.production(run.studio, run.campaign)
    assert await later.ask() == kept.id
    assert (await later.make(kept.id)).state is TakeState.KEPT
    assert both.vendor.submits == {kept.intent: 1}
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)


async def test_what_the_cap_does_not_cover_is_not_written_at_all(both: Stage) -> None:
    run = await both.begin(cap=DIME - 1)
    told = await run.events()
    with pytest.raises(BudgetExceeded, match="shot-01 may cost"):
        await run.ask()
    overview = await run.studio.campaigns.overview(run.campaign)
    assert overview.takes == ()
    assert list(overview.events) == told
    assert overview.balance == Balance(DIME - 1)


async def test_an_ended_production_asks_for_nothing(stage: Stage) -> None:
    run = await stage.begin()
    await run.studio.productions.cancel(run.campaign)
    with pytest.raises(Cancelled, match="was cancelled"):
        await run.ask()
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR)


async def test_a_provider_that_asks_to_wait_is_asked_again_and_paid_once(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(refuse_submits=2)
    take = await run.make(await run.ask())
    assert take.state is TakeState.KEPT
    assert stage.vendor.submits == {take.intent: 1}


@pytest.mark.parametrize("account", ["simkey", "simlist"])
@pytest.mark.parametrize("knob", ["drop_answers", "garble_submits"])
async def test_a_lost_answer_is_found_again_and_never_paid_twice(stage: Stage, account: str, knob: str) -> None:
    """Dropped, or so that the adapter breaks over it: nobody knows whether it was paid, and the vendor does."""
    run = await stage.begin(account)
    stage.vendor.turn(**{knob: 1})
    take = await run.make(await run.ask())
    assert take.state is TakeState.KEPT
    assert stage.vendor.submits == {take.intent: 1}
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)


@pytest.mark.parametrize("knob", ["drop_answers", "garble_submits"])
async def test_where_nobody_can_tell_a_take_is_in_doubt_and_its_money_stays_held(stage: Stage, knob: str) -> None:
    run = await stage.begin("simblind")
    stage.vendor.turn(**{knob: 1})
    take = await run.make(await run.ask())
    assert take.state is TakeState.IN_DOUBT
    assert (await run.make(take.id)).state is TakeState.IN_DOUBT
    assert stage.vendor.submits == {take.intent: 1}
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, reserved=DIME)
    reason, is_retryable = await run.steps.takes.outcome(take.id)
    assert "simblind got the request" in reason
    assert not is_retryable


async def test_a_submit_that_a_killed_process_left_behind_is_looked_up_first(stage: Stage) -> None:
    run = await stage.begin("simlist")
    take = await run.ask()
    stage.vendor.turn(answer_delay=5)
    sending = asyncio.create_task(run.steps.submits.submit(take))
    await eventually(lambda: stage.vendor.submits)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert (await run.take(take)).state is TakeState.SUBMITTING
    stage.vendor.turn(answer_delay=0)
    assert (await run.make(take)).state is TakeState.KEPT
    assert list(stage.vendor.submits.values()) == [1]


async def test_a_refused_request_fails_and_costs_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_URL", f"{stage.vendor.url}/nowhere")
    run = await stage.begin()
    take = await run.make(await run.ask())
    assert take.state is TakeState.FAILED
    assert take.failure is not None
    assert "404" in take.failure.reason
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR)


async def test_a_failed_take_gives_its_money_back(both: Stage) -> None:
    run = await both.begin()
    both.vendor.turn(fail_jobs=1)
    take = await run.make(await run.ask())
    assert take.state is TakeState.FAILED
    assert await run.steps.takes.outcome(take.id) == ("an internal error", True)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR)
    again = await run.make(await run.ask(number=2))
    assert (again.state, again.number) == (TakeState.KEPT, 2)


async def test_an_output_that_is_cut_in_the_middle_is_fetched_again(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(break_outputs=3)
    take = await run.make(await run.ask())
    assert take.state is TakeState.KEPT
    assert stage.vendor.state.downloads == 4
    assert len(run.stored()) == 1
    assert stage.vendor.submits == {take.intent: 1}


async def test_an_output_whose_url_has_expired_is_fetched_by_a_fresh_one(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(url_seconds=-1)
    keeping = asyncio.create_task(run.make(await run.ask()))
    await eventually(lambda: len(stage.vendor.state.urls) > 2)
    stage.vendor.turn(url_seconds=60)
    assert (await keeping).state is TakeState.KEPT
    assert list(stage.vendor.submits.values()) == [1]


async def test_a_url_that_dies_while_its_output_is_half_here_is_renewed(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(url_seconds=0.2, break_outputs=1)
    take = await run.make(await run.ask())
    assert take.state is TakeState.KEPT
    assert stage.vendor.submits == {take.intent: 1}


async def test_what_is_no_media_fails_with_the_reason_and_nothing_of_it_stays(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(junk_outputs=100)
    take = await run.make(await run.ask())
    assert take.state is TakeState.FAILED
    assert take.failure is not None
    assert "cannot be used" in take.failure.reason
    assert run.stored() == []
    # The vendor made something and wants its money: the ledger says so.
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)
    assert take.failure.kind is FailureKind.UNUSABLE
    reason, is_retryable = await run.steps.takes.outcome(take.id)
    assert reason.endswith("asks for it again, which costs again.")
    assert not is_retryable, "a person decides whether it is paid again"


async def test_an_error_page_instead_of_the_output_is_not_the_end(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(junk_outputs=4)
    take = await run.make(await run.ask())
    assert take.state is TakeState.KEPT
    assert stage.vendor.submits == {take.intent: 1}


class StubbornStore:
    """A real store that refuses a number of times."""

    def __init__(self, store: ObjectStore, refusals: int) -> None:
        self._store = store
        self.refusals = refusals

    async def put(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        media_type: str,
        metadata: Mapping[str, str],
        size: int | None = None,
    ) -> int:
        written = await self._store.put(key, chunks, media_type=media_type, metadata=metadata, size=size)
        if self.refusals > 0:
            self.refusals -= 1
            # The worst kind: the object is there, and the answer says that it is not.
            raise StorageError("The store is being repaired.")
        return written

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


async def test_a_store_that_refuses_for_a_while_gets_the_output_in_the_end(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    store = StubbornStore(open_store((stage.home / "storage").as_uri(), dict(os.environ)), 4)

    def open_stubborn(_url: str, _environment: Mapping[str, str]) -> StubbornStore:
        return store

    monkeypatch.setattr(bootstrap, "open_store", open_stubborn)
    run = await stage.begin()
    take = await run.make(await run.ask())
    assert take.state is TakeState.KEPT
    assert store.refusals == 0
    assert len(run.stored()) == 1
    assert stage.vendor.submits == {take.intent: 1}
    assert any("keeps us waiting: The store is being repaired" in notice for notice in await run.notices())


async def test_polls_that_the_adapter_does_not_understand_are_asked_again(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(garble_polls=3)
    take = await run.make(await run.ask())
    assert take.state is TakeState.KEPT
    assert stage.vendor.submits == {take.intent: 1}


async def test_a_provider_that_cannot_be_reached_is_named_once_and_used_when_it_is_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        port = probe_socket.getsockname()[1]
    monkeypatch.setenv("SIMULATED_URL", f"http://127.0.0.1:{port}")
    run = await stage.begin()
    making = asyncio.create_task(run.make(await run.ask()))
    while not any("simkey keeps us waiting: 127.0.0.1 could not be reached" in notice for notice in await run.notices()):
        await asyncio.sleep(0.05)
    (tmp_path / "late").mkdir()
    late = VendorThread(tmp_path / "late", port)
    try:
        take = await making
    finally:
        late.close()
    assert take.state is TakeState.KEPT
    assert late.submits == {take.intent: 1}
    assert len([notice for notice in await run.notices() if "simkey" in notice]) == 1


async def test_a_process_without_the_key_leaves_what_was_paid_to_one_that_has_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await stage.begin()
    take = await run.ask()
    stage.vendor.turn(frame_seconds=30)
    await run.steps.submits.submit(take)
    monkeypatch.delenv("SIMULATED_URL")
    poor = stage.open()
    harvest = asyncio.create_task(poor.engine.services.harvests.harvest(take))
    while not any("simkey does not take our key" in notice for notice in await run.notices()):
        await asyncio.sleep(0.05)
    harvest.cancel()
    await asyncio.gather(harvest, return_exceptions=True)
    stage.vendor.turn(frame_seconds=0)
    assert (await run.make(take)).state is TakeState.KEPT


async def test_a_job_that_the_provider_has_forgotten_is_told_and_counted_as_paid(stage: Stage) -> None:
    run = await stage.begin()
    take = await run.ask()
    await run.steps.submits.submit(take)
    stage.vendor.state.jobs.clear()
    lost = await run.make(take)
    assert lost.state is TakeState.FAILED
    assert lost.failure is not None
    assert lost.failure.kind is FailureKind.LOST
    assert "has it no more" in lost.failure.advice
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)


async def test_cancelled_while_it_waits_for_a_place_nothing_is_submitted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_CONCURRENCY", "1")
    run = await stage.begin(shots=2)
    stage.vendor.turn(frame_seconds=30)
    first, second = await run.ask(shot=1), await run.ask(shot=2)
    await run.steps.submits.submit(first)
    waiting = asyncio.create_task(run.make(second))
    await asyncio.sleep(0.1)
    await run.studio.productions.cancel(run.campaign)
    cancelled = await asyncio.wait_for(waiting, 60)
    assert cancelled.state is TakeState.CANCELLED
    assert list(stage.vendor.submits) == [(await run.take(first)).intent]
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, reserved=DIME)


async def test_cancelled_while_it_is_made_the_vendor_is_told_and_the_money_comes_back(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(frame_seconds=30)
    making = asyncio.create_task(run.make(await run.ask()))
    await eventually(lambda: stage.vendor.submits)
    await run.studio.productions.cancel(run.campaign)
    take = await asyncio.wait_for(making, 60)
    assert take.state is TakeState.FAILED
    assert [job.is_cancelled for job in stage.vendor.state.jobs.values()] == [True]
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR)


async def test_what_was_ready_before_the_cancel_is_kept_all_the_same(stage: Stage) -> None:
    run = await stage.begin()
    take = await run.ask()
    await run.steps.submits.submit(take)
    await asyncio.sleep(0.2)
    await run.studio.productions.cancel(run.campaign)
    assert (await run.make(take)).state is TakeState.KEPT


async def test_a_pause_submits_nothing_more_and_what_runs_is_harvested(stage: Stage) -> None:
    run = await stage.begin(shots=2)
    first, second = await run.ask(shot=1), await run.ask(shot=2)
    await run.steps.submits.submit(first)
    assert await run.studio.productions.pause(run.campaign)
    making = asyncio.create_task(run.make(second))
    assert (await run.make(first)).state is TakeState.KEPT
    await asyncio.sleep(0.3)
    assert (await run.take(second)).state is TakeState.PLANNED
    assert len(stage.vendor.submits) == 1
    assert await run.studio.productions.resume(run.campaign)
    assert (await asyncio.wait_for(making, 60)).state is TakeState.KEPT
    assert len(stage.vendor.submits) == 2


async def test_a_paused_production_writes_no_text_either(stage: Stage) -> None:
    studio = stage.open()
    campaign = await stage.campaign(studio)
    production = await studio.productions.start(campaign, models_of("simkey"))
    await studio.productions.pause(campaign)
    writing = asyncio.create_task(studio.engine.services.concepts.write(production))
    await asyncio.sleep(0.3)
    assert (await studio.campaigns.get(campaign)).document.concepts == ()
    await studio.productions.resume(campaign)
    await asyncio.wait_for(writing, 60)
    assert len((await studio.campaigns.get(campaign)).document.concepts) == 3


async def test_a_clip_is_asked_for_with_the_frame_that_was_kept(stage: Stage) -> None:
    run = await stage.begin()
    frame = await run.make(await run.ask())
    clip = await run.make(await run.ask(Kind.CLIP))
    assert clip.state is TakeState.KEPT
    assert clip.request.picture == frame.asset_id
    overview = await run.studio.campaigns.overview(run.campaign)
    assert [take.id for take in overview.takes] == [frame.id, clip.id]
    assert timedelta(0) <= clip.created_at - frame.created_at
