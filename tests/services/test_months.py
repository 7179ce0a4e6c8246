"""A month has a budget over all campaigns: checked with every reserve, warned of once, and locked only where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reelwright.bootstrap import now
from reelwright.db import budgets as ledger
from reelwright.db.engine import Session
from reelwright.domain.budget import Balance, Budget, month_of
from reelwright.domain.ids import CampaignId
from reelwright.errors import BudgetExceeded
from reelwright.ports import Written
from reelwright.services.budgets import reserve, top_up
from staging import DOLLAR, TEXT, Run, Stage, VendorThread

DIME = 100_000


async def warnings(run: Run) -> list[str]:
    return [notice for notice in await run.notices() if "nearly used up" in notice]


async def written() -> Written[str]:
    return Written("text", TEXT, charged_micro_usd=30_000)


async def test_two_campaigns_share_the_months_budget(both: Stage) -> None:
    one, two = await both.begin(shots=4), await both.begin(shots=4)
    await one.studio.budgets.set_month_cap(5 * DIME)
    asked = await asyncio.gather(*(run.ask(shot=shot) for shot in range(1, 5) for run in (one, two)), return_exceptions=True)
    refused = [answer for answer in asked if isinstance(answer, BudgetExceeded)]
    assert len(refused) == 3
    assert (await two.studio.budgets.of_month()).balance == Balance(5 * DIME, reserved=5 * DIME)
    await two.studio.budgets.set_month_cap(None)
    for shot in range(1, 5):
        await two.ask(shot=shot)


async def test_a_refusal_says_which_budget_what_it_costs_what_is_left_and_how_to_raise_it(both: Stage) -> None:
    run = await both.begin(shots=3, cap=2 * DIME + 9_999)
    await run.studio.budgets.set_month_cap(2 * DIME - 1)
    await run.ask()
    with pytest.raises(BudgetExceeded) as month:
        await run.ask(shot=2)
    assert str(month.value) == (
        f"A frame of shot-02 may cost $0.10, and the budget of $0.20 for {month_of(now())} leaves $0.09 over all campaigns: "
        "raise it with `reelwright budget --month USD`."
    )
    await run.studio.budgets.set_month_cap(None)
    await run.ask(shot=2)
    with pytest.raises(BudgetExceeded) as cap:
        await run.ask(shot=3)
    assert str(cap.value) == (
        "A frame of shot-03 may cost $0.10, and the campaign's cap of $0.21 leaves $0.00: raise the cap with "
        f"`reelwright resume {run.campaign} --cap USD`."
    )


async def test_texts_count_in_the_month_as_well(both: Stage) -> None:
    run = await both.begin()
    await run.studio.budgets.set_month_cap(DIME)
    with pytest.raises(BudgetExceeded, match=r"Writing may cost \$0\.11, and the budget of \$0\.10"):
        await run.studio.budgets.paying(run.campaign, "x", DIME + 1, written)
    await run.studio.budgets.paying(run.campaign, "x", DIME, written, model=TEXT)
    assert (await run.studio.budgets.of_month()).balance == Balance(DIME, charged=30_000)
    assert {entry.model for entry in await run.studio.budgets.entries(run.campaign)} == {TEXT}


async def test_each_budget_warns_once_and_again_when_it_was_raised(both: Stage) -> None:
    run = await both.begin(shots=17, cap=DOLLAR)
    await run.studio.budgets.set_month_cap(DOLLAR)
    await run.studio.budgets.set_warning(None, 50)
    for shot in range(1, 5):
        await run.ask(shot=shot)
    assert await warnings(run) == []
    await run.ask(shot=5)
    month = f"The budget for {month_of(now())} is nearly used up: $0.50 of $1.00 are held or paid."
    assert await warnings(run) == [f"{month} Raise it with `reelwright budget --month USD`."]
    for shot in range(6, 11):
        await run.ask(shot=shot)
    cap = (
        f"The cap is nearly used up: $0.80 of $1.00 are held or paid. Raise it with `reelwright budget {run.campaign} --cap USD`."
    )
    assert (await warnings(run))[1:] == [cap]
    await run.studio.budgets.set_cap(run.campaign, 2 * DOLLAR)
    await run.studio.budgets.set_month_cap(20 * DOLLAR)
    for shot in range(11, 18):
        await run.ask(shot=shot)
    assert [notice.partition(":")[2][:18] for notice in (await warnings(run))[2:]] == [" $1.60 of $2.00 ar"]


async def test_a_month_that_ends_takes_its_warning_and_its_holds_with_it(both: Stage) -> None:
    run = await both.begin()
    await run.studio.budgets.set_month_cap(DOLLAR)
    november, december = datetime(2030, 11, 30, 23, tzinfo=UTC), datetime(2030, 12, 1, 1, tzinfo=UTC)

    def hold(session: Session, subject: str, at: datetime) -> None:
        reserve(session, run.campaign, subject, 9 * DIME, at, "price", what="It")

    def month(name: str) -> Budget:
        return run.studio.database.read_now(lambda session: ledger.of_month(session, name))

    await run.studio.database.write(lambda session: hold(session, "a", november))
    with pytest.raises(BudgetExceeded, match="for 2030-11"):
        await run.studio.database.write(lambda session: hold(session, "b", november))
    await run.studio.database.write(lambda session: hold(session, "b", december))
    await run.studio.database.write(lambda session: ledger.settle(session, run.campaign, "a", 8 * DIME, december))
    assert month("2030-11").balance == Balance(DOLLAR, charged=8 * DIME)
    assert month("2030-12").balance == Balance(DOLLAR, reserved=9 * DIME)
    assert [notice[:26] for notice in await warnings(run)] == ["The budget for 2030-11 is ", "The budget for 2030-12 is "]


async def test_a_receipt_that_names_more_is_held_at_once_and_leaves_less_for_what_follows(both: Stage) -> None:
    run = await both.begin(shots=3, cap=5 * DIME)
    take = await run.ask()
    await run.studio.database.write(lambda session: top_up(session, run.campaign, take, 4 * DIME, now()))
    assert await run.studio.budgets.balance(run.campaign) == Balance(5 * DIME, reserved=4 * DIME)
    assert [notice[:26] for notice in await warnings(run)] == ["The cap is nearly used up:"]
    await run.ask(shot=2)
    with pytest.raises(BudgetExceeded):
        await run.ask(shot=3)
    await run.studio.database.write(lambda session: top_up(session, run.campaign, take, 6 * DIME, now()))
    balance = await run.studio.budgets.balance(run.campaign)
    assert (balance.reserved, balance.left) == (7 * DIME, -2 * DIME)


@asynccontextmanager
async def held_up(run: Run) -> AsyncGenerator[None]:
    """A transaction that has reserved, and takes its time, as long as the block runs."""
    loop, reserved, may_end = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def slow(session: Session) -> None:
        hold_dime(session, run.campaign)
        loop.call_soon_threadsafe(reserved.set)
        asyncio.run_coroutine_threadsafe(may_end.wait(), loop).result(20)

    holding = asyncio.create_task(run.studio.database.write(slow))
    await reserved.wait()
    yield
    may_end.set()
    await holding


def hold_dime(session: Session, campaign: CampaignId) -> None:
    reserve(session, campaign, f"{campaign}/it", DIME, now(), "price", what="It")


async def test_only_where_a_month_has_a_budget_one_campaign_waits_for_another(
    tmp_path: Path, vendor: VendorThread, postgres_url: str
) -> None:
    stage = Stage(tmp_path / "home", vendor, postgres_url)
    one, two, three = [await stage.begin() for _ in range(3)]
    other = stage.open().database
    async with held_up(one):
        await asyncio.wait_for(other.write(lambda session: hold_dime(session, two.campaign)), 60)
    await one.studio.budgets.set_month_cap(4 * DIME)
    async with held_up(await stage.begin()):
        waiting = asyncio.create_task(other.write(lambda session: hold_dime(session, three.campaign)))
        await asyncio.wait([waiting], timeout=0.5)
        assert not waiting.done()
    await waiting
    assert (await one.studio.budgets.of_month()).balance == Balance(4 * DIME, reserved=4 * DIME)
    await stage.close()
