"""The vendors' own lists bring back what we know nothing of: once, and to whom it belongs."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from reelwright.bootstrap import Studio
from reelwright.db import takes
from reelwright.db.engine import Session
from reelwright.domain.budget import Balance
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import CampaignId, JobId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.errors import ConfigurationError
from reelwright.services.findings import Findings, Outcome
from staging import DOLLAR, Run, Stage, eventually, models_of

DIME = DOLLAR // 10
FILE = CampaignId("found.simshelf")


async def look(studio: Studio, days: int = 7) -> Findings:
    return await studio.reconciliation.since(datetime.now(UTC) - timedelta(days=days))


async def doubtful(stage: Stage, run: Run, *, shot: int = 1) -> Take:
    stage.vendor.turn(drop_answers=1)
    take = await run.make(await run.ask(shot=shot))
    assert take.state is TakeState.IN_DOUBT
    return take


async def made_elsewhere(stage: Stage, *, count: int = 1) -> None:
    """Jobs that another studio on the same account has asked for, and forgotten."""
    other = Stage(stage.home.with_name("elsewhere"), stage.vendor)
    run = await other.begin("simshelf", shots=count)
    for shot in range(1, count + 1):
        await run.steps.submits.submit(await run.ask(shot=shot))
    await other.close()


async def filed(studio: Studio) -> list[Take]:
    return await studio.takes.of_campaign(FILE)


async def test_a_job_that_fits_a_take_in_doubt_is_that_takes(both: Stage) -> None:
    run = await both.begin("simshelf", shots=2)
    first, second = await doubtful(both, run), await doubtful(both, run, shot=2)
    brought = await look(run.studio)
    assert {(each.take.id, each.outcome) for each in brought.findings} == {
        (first.id, Outcome.ADOPTED),
        (second.id, Outcome.ADOPTED),
    }
    assert brought.asked == ["simshelf"]
    jobs = {job.order.reference: job.id for job in both.vendor.state.jobs.values()}
    for take in (first, second):
        await run.studio.upkeep.see_to(take.id)
        kept = await run.take(take.id)
        assert (kept.state, kept.job_id) == (TakeState.KEPT, jobs[take.intent])
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=2 * DIME)
    assert (await look(run.studio)).findings == []


async def test_what_no_campaign_knows_is_filed_in_one_of_its_own_and_only_once(both: Stage) -> None:
    await made_elsewhere(both, count=3)
    both.vendor.turn(charge_micro_usd=3 * DIME)
    studio, other = both.open(), both.open()
    looks = await asyncio.gather(look(studio), look(other), look(studio))
    assert sum(len(each.findings) for each in looks) == 3
    found = await filed(studio)
    assert [(take.shot_id, take.number, take.state) for take in found] == [("found", n, TakeState.SUBMITTED) for n in (1, 2, 3)]
    assert await studio.upkeep.unattended() == [take.id for take in found]
    for take in found:
        await studio.upkeep.see_to(take.id)
    kept = await filed(studio)
    assert {take.state for take in kept} == {TakeState.KEPT}
    assert {take.request.model for take in kept} == {ModelRef("simshelf:frame")}
    assert all(take.request.prompt for take in kept)
    assert await studio.budgets.balance(FILE) == Balance(None, charged=9 * DIME)
    assert {entry.model for entry in await studio.budgets.entries(FILE)} == {ModelRef("simshelf:frame")}
    assert (await look(other)).findings == []
    overview = await studio.campaigns.overview(FILE)
    assert overview.campaign.document.brief.name == "Found at simshelf"
    assert overview.production is not None
    assert overview.production.state is ProductionState.CANCELLED
    with pytest.raises(ConfigurationError):
        await studio.productions.go_on(FILE, models_of("simkey"))


async def test_a_model_that_nobody_offers_and_a_price_that_nobody_names_are_no_reason_to_lose_it(stage: Stage) -> None:
    await made_elsewhere(stage)
    for job in stage.vendor.state.jobs.values():
        job.order.model = "of-last-year"
    studio = stage.open()
    await look(studio)
    [take] = await filed(studio)
    assert take.request.model == "simshelf:of-last-year"
    await studio.upkeep.see_to(take.id)
    [kept] = await filed(studio)
    assert (kept.state, kept.charged_micro_usd) == (TakeState.KEPT, 0)
    notices = [str(event.facts.get("text")) for event in await studio.campaigns.events_after(FILE, 0)]
    assert any("at nothing where it names none" in notice for notice in notices)


async def test_what_was_asked_for_before_that_day_or_has_failed_is_not_filed(stage: Stage) -> None:
    await made_elsewhere(stage, count=2)
    old, failed = stage.vendor.state.jobs.values()
    old.at -= 8 * 86400
    failed.fails = True
    studio = stage.open()
    await asyncio.sleep(0.1)
    assert (await look(studio)).findings == []
    assert [each.found.job.id for each in (await look(studio, days=9)).findings] == [old.id]


async def test_a_submit_that_is_on_its_way_is_nobody_elses_find(stage: Stage) -> None:
    run = await stage.begin("simshelf")
    take = await run.ask()
    stage.vendor.turn(answer_delay=2)
    submitting = asyncio.create_task(run.steps.submits.submit(take))
    await eventually(lambda: stage.vendor.submits)
    assert (await look(run.studio)).findings == []
    await submitting
    assert (await look(run.studio)).findings == []
    await run.steps.harvests.harvest(take)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)


async def test_where_the_list_does_not_tell_enough_a_person_decides(stage: Stage) -> None:
    run = await stage.begin("simshelf")
    take = await doubtful(stage, run)
    for job in stage.vendor.state.jobs.values():
        job.order.prompt = ""
    [finding] = (await look(run.studio)).findings
    assert (finding.outcome, finding.take.id, finding.found.kind) == (Outcome.OPEN, take.id, Kind.FRAME)
    assert (await run.take(take.id)).state is TakeState.IN_DOUBT


async def test_a_failed_job_ends_the_doubt_and_gives_the_money_back(stage: Stage) -> None:
    run = await stage.begin("simshelf")
    stage.vendor.turn(fail_jobs=1)
    take = await doubtful(stage, run)
    await look(run.studio)
    await run.studio.upkeep.see_to(take.id)
    assert (await run.take(take.id)).state is TakeState.FAILED
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR)


async def test_a_list_that_breaks_off_is_read_again_and_one_that_is_refused_is_told(stage: Stage) -> None:
    await made_elsewhere(stage)
    studio = stage.open()
    stage.vendor.turn(refuse_polls_with=[503, 429])
    assert len((await look(studio)).findings) == 1
    stage.vendor.turn(keys=["another"])
    refused = await look(studio)
    assert refused.asked == []
    assert "the vendor says 401" in refused.problems["simshelf"]


async def test_a_receipt_is_not_written_while_somebody_compares_a_list_with_what_is_known(both: Stage) -> None:
    run = await both.begin("simshelf")
    take = await run.ask()
    account = run.studio.catalogue.provider(ModelRef("simshelf:frame")).account
    other = both.open()
    both.vendor.turn(answer_delay=2)
    submitting = asyncio.create_task(run.steps.submits.submit(take))
    await eventually(lambda: both.vendor.submits)
    has_begun, may_end = threading.Event(), threading.Event()

    def compare(session: Session) -> tuple[Take | None, list[Take]]:
        takes.lock_account(session, "simshelf", account)
        [job] = both.vendor.state.jobs
        owner = takes.of_job(session, "simshelf", JobId(job))
        has_begun.set()
        may_end.wait(20)
        return owner, takes.without_receipt(session, "simshelf", datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))

    comparing = asyncio.create_task(asyncio.to_thread(other.database.write_now, compare))
    await eventually(has_begun.is_set)
    await asyncio.sleep(3.5)  # the answer is here by now
    assert (await run.take(take)).state is TakeState.SUBMITTING
    may_end.set()
    owner, unknown = await comparing
    assert owner is None
    assert [each.id for each in unknown] == [take]
    await submitting
    assert (await run.take(take)).state is TakeState.SUBMITTED


async def test_looks_at_the_list_while_takes_are_submitted_find_nothing_of_ours(both: Stage) -> None:
    run = await both.begin("simshelf", shots=4)
    wanted = [await run.ask(shot=shot) for shot in (1, 2, 3, 4)]
    other = both.open()

    async def keep_looking() -> list[Findings]:
        looks: list[Findings] = []
        while len(both.vendor.submits) < len(wanted) or not looks:
            looks.append(await look(other))
        return [*looks, await look(other)]

    looking = asyncio.create_task(keep_looking())
    await asyncio.gather(*(run.steps.submits.submit(take) for take in wanted))
    assert [finding for each in await looking for finding in each.findings] == []
    assert await filed(run.studio) == []
    for take in wanted:
        await run.steps.harvests.harvest(take)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=4 * DIME)
