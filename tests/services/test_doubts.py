"""A take in doubt ends with what a person found out, and a person who errs costs nothing."""

from __future__ import annotations

import asyncio

import pytest

from reelwright.db import takes
from reelwright.domain.budget import Balance
from reelwright.domain.generation import Kind
from reelwright.domain.ids import JobId, TakeId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.errors import Conflict, InDoubt, InvalidInput, KeyRefused, NotFound
from staging import DOLLAR, Run, Stage, models_of

DIME = DOLLAR // 10


async def doubtful(stage: Stage, run: Run, *, shot: int = 1) -> Take:
    """A take that the vendor has, and of which nobody here can tell."""
    stage.vendor.turn(drop_answers=1)
    take = await run.make(await run.ask(shot=shot))
    assert take.state is TakeState.IN_DOUBT
    return take


def job_of(stage: Stage, take: Take) -> JobId:
    """What a person finds in their account."""
    return JobId(next(job.id for job in stage.vendor.state.jobs.values() if job.order.reference == take.intent))


async def test_doubts_are_listed_with_all_that_one_needs_to_find_them(both: Stage) -> None:
    run = await both.begin("simblind", shots=2)
    take = await doubtful(both, run)
    await run.make(await run.ask(shot=2))
    [found] = await run.studio.doubts.open()
    assert (found.id, found.intent, found.request.prompt) == (take.id, take.intent, take.request.prompt)
    assert found.submitting_at is not None
    assert await run.studio.doubts.open(run.campaign) == [found]
    with pytest.raises(InDoubt, match=f"takes adopt {take.id} JOB"):
        await run.ask(number=2)


async def test_an_adopted_job_is_brought_home_and_paid_once(both: Stage) -> None:
    run = await both.begin("simblind")
    take = await doubtful(both, run)
    adopted = await run.studio.doubts.adopt(take.id, job_of(both, take))
    assert (adopted.state, adopted.is_left, adopted.failure) == (TakeState.SUBMITTED, True, None)
    assert await run.studio.upkeep.unattended() == [take.id]
    await run.studio.upkeep.see_to(take.id)
    assert (await run.take(take.id)).state is TakeState.KEPT
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)
    assert both.vendor.submits == {take.intent: 1}
    assert await run.ask(number=2) == take.id, "the run that goes on uses it"


async def test_a_mistyped_job_changes_nothing(stage: Stage) -> None:
    run = await stage.begin("simblind")
    take = await doubtful(stage, run)
    with pytest.raises(InvalidInput, match="simblind knows no job 'job-99999', so nothing has changed"):
        await run.studio.doubts.adopt(take.id, JobId("job-99999"))
    assert await run.take(take.id) == take
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, reserved=DIME)


async def test_without_a_key_nobody_is_believed(stage: Stage) -> None:
    run = await stage.begin("simblind")
    take = await doubtful(stage, run)
    stage.vendor.turn(keys=["another"])
    with pytest.raises(KeyRefused):
        await run.studio.doubts.adopt(take.id, job_of(stage, take))
    assert await run.take(take.id) == take


async def test_a_job_is_never_given_to_two_takes(both: Stage) -> None:
    run = await both.begin("simblind", shots=3)
    kept = await run.make(await run.ask(shot=1))
    first, second = await doubtful(both, run, shot=2), await doubtful(both, run, shot=3)
    assert kept.job_id is not None
    with pytest.raises(Conflict, match=f"is that of take {kept.id} in campaign {run.campaign}"):
        await run.studio.doubts.adopt(first.id, kept.job_id)
    job = job_of(both, first)
    others = both.open().doubts
    tried = await asyncio.gather(
        run.studio.doubts.adopt(first.id, job), others.adopt(first.id, job), others.adopt(second.id, job), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in tried) == ["Conflict", "Conflict", "Take"]
    states = [(await run.take(take.id)).state for take in (first, second)]
    assert sorted(states) == [TakeState.IN_DOUBT, TakeState.SUBMITTED]


async def test_a_take_is_never_given_two_jobs(both: Stage) -> None:
    run = await both.begin("simblind", shots=2)
    first, second = await doubtful(both, run, shot=1), await doubtful(both, run, shot=2)
    jobs = [job_of(both, take) for take in (first, second)]
    doubts = (run.studio.doubts, both.open().doubts)
    tried = await asyncio.gather(
        *(each.adopt(first.id, job) for each, job in zip(doubts, jobs, strict=True)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in tried) == ["Conflict", "Take"]


async def test_what_ended_otherwise_is_not_in_doubt(stage: Stage) -> None:
    run = await stage.begin("simblind")
    kept = await run.make(await run.ask())
    for question in (run.studio.doubts.adopt(kept.id, JobId("job-00001")), run.studio.doubts.retake(kept.id)):
        with pytest.raises(Conflict, match="is not in doubt: it is kept"):
            await question
    with pytest.raises(NotFound):
        await run.studio.doubts.adopt(TakeId("take_nobody"), JobId("job-00001"))


async def test_a_retake_gives_the_money_back_and_asks_again_in_a_run_of_its_own(both: Stage) -> None:
    run = await both.begin("simblind")
    take = await doubtful(both, run)
    await run.steps.productions.fail(run.production, "a test")
    assert (await run.studio.doubts.price(take.id)).micro_usd == DIME
    production = await run.studio.doubts.retake(take.id)
    assert production != run.production
    lost = await run.take(take.id)
    assert (lost.state, lost.charged_micro_usd) == (TakeState.FAILED, 0)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR)
    later = Run(run.studio, run.campaign, production, run.shots)
    again = await later.make(await later.ask())
    assert (again.state, again.number) == (TakeState.KEPT, 2)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=DIME)


async def test_a_retake_waits_until_the_run_has_ended_and_happens_once(both: Stage) -> None:
    run = await both.begin("simblind")
    take = await doubtful(both, run)
    with pytest.raises(Conflict, match=f"end it with `reelwright cancel {run.campaign}`"):
        await run.studio.doubts.retake(take.id)
    assert await run.take(take.id) == take
    await run.steps.productions.fail(run.production, "a test")
    tried = await asyncio.gather(*(run.studio.doubts.retake(take.id) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in tried) == 3
    assert len(await run.studio.productions.active()) == 1


async def test_what_is_adopted_late_does_not_change_what_a_person_has_in_their_film(stage: Stage) -> None:
    run = await stage.begin("simblind")
    take = await doubtful(stage, run)
    await run.steps.productions.fail(run.production, "a test")
    later = await stage.production(run.studio, run.campaign)
    assert later.production != run.production
    chosen = await later.make(await later.ask())
    await later.steps.productions.complete(later.production)
    assert (await run.studio.productions.get(later.production)).state is ProductionState.COMPLETED
    await run.studio.doubts.adopt(take.id, job_of(stage, take))
    await run.studio.upkeep.see_to(take.id)
    assert (await run.take(take.id)).state is TakeState.KEPT
    selected = await run.studio.database.read(lambda session: takes.selected(session, run.campaign))
    assert selected[run.shots[0], Kind.FRAME].id == chosen.id
    assert models_of("simkey").frame == chosen.request.model
