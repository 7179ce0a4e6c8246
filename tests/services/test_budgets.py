"""Money is held before it can be spent, and a cap holds against everything that happens at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from fractions import Fraction

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from reelwright.db.engine import Session
from reelwright.domain.budget import Balance, month_of
from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.timing import FRAME_RATE
from reelwright.errors import BudgetExceeded, ProviderError
from reelwright.ports import Written
from staging import DOLLAR, Run, Stage

WRITER = ModelRef("test:writer")


@pytest.mark.parametrize("cap", [0, 99_999, 100_000, 1_299_999])
async def test_a_hundred_takes_asked_for_at_once_never_exceed_the_cap(both: Stage, cap: int) -> None:
    run = await both.begin(shots=50, cap=cap)
    asked = await asyncio.gather(
        *(run.ask(shot=shot, number=number) for shot in range(1, 51) for number in (1, 2)), return_exceptions=True
    )
    # What is asked for twice at the same time is one take.
    taken = {answer for answer in asked if not isinstance(answer, BudgetExceeded)}
    assert len(taken) == cap // 100_000
    assert await run.studio.budgets.balance(run.campaign) == Balance(cap, reserved=cap // 100_000 * 100_000)
    assert len((await run.studio.campaigns.overview(run.campaign)).takes) == cap // 100_000


async def test_takes_and_texts_at_once_share_one_cap(both: Stage) -> None:
    run = await both.begin(shots=10, cap=1_000_001)

    async def write() -> Written[str]:
        await asyncio.sleep(0.01)
        return Written("text", WRITER, charged_micro_usd=70_000)

    texts = (run.studio.budgets.paying(run.campaign, f"call-{number}", 70_001, write) for number in range(20))
    await asyncio.gather(*texts, *(run.ask(shot=shot) for shot in range(1, 11)), return_exceptions=True)
    balance = await run.studio.budgets.balance(run.campaign)
    assert balance.reserved + balance.charged <= 1_000_001
    assert balance.left < 100_000


async def test_a_text_is_charged_at_what_it_really_cost(stage: Stage) -> None:
    run = await stage.begin()

    async def write() -> Written[str]:
        held = await run.studio.budgets.balance(run.campaign)
        assert held.reserved == 500_000
        return Written("text", WRITER, charged_micro_usd=123)

    await run.studio.budgets.paying(run.campaign, "concepts", 500_000, write)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=123)


async def test_a_text_that_fails_gives_its_money_back(stage: Stage) -> None:
    run = await stage.begin()

    async def write() -> Written[str]:
        raise ProviderError("no")

    with pytest.raises(ProviderError):
        await run.studio.budgets.paying(run.campaign, "concepts", 500_000, write)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR)


async def test_a_text_that_was_interrupted_counts_as_paid_when_it_is_written_again(stage: Stage) -> None:
    run = await stage.begin()
    await interrupted(run, "concepts", 500_000)
    assert (await run.studio.budgets.balance(run.campaign)).reserved == 500_000
    await run.studio.budgets.paying(run.campaign, "concepts", 500_000, written)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=500_100)


async def interrupted(run: Run, subject: str, quote: int) -> None:
    """A text that was asked for when its process ended."""

    async def hang() -> Written[str]:
        await asyncio.sleep(60)
        return Written("never", WRITER)

    writing = asyncio.create_task(run.studio.budgets.paying(run.campaign, subject, quote, hang))
    while not (await run.studio.budgets.balance(run.campaign)).reserved:
        await asyncio.sleep(0.01)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


async def written() -> Written[str]:
    return Written("text", WRITER, charged_micro_usd=100)


async def test_a_lost_text_of_a_production_that_has_ended_counts_as_paid_with_the_next_text(both: Stage) -> None:
    run = await both.begin()
    await interrupted(run, f"{run.production}/storyboard", 500_000)
    await run.studio.productions.cancel(run.campaign)
    second = await both.production(run.studio, run.campaign)
    await run.studio.budgets.paying(run.campaign, f"{second.production}/storyboard", 1_000, written)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=500_100)


async def test_a_lost_text_counts_as_paid_even_when_the_cap_covers_no_other(both: Stage) -> None:
    run = await both.begin(cap=600_000)
    await interrupted(run, f"{run.production}/storyboard", 500_000)
    for _ in range(2):
        with pytest.raises(BudgetExceeded, match=r"leaves \$0\.10"):
            await run.studio.budgets.paying(run.campaign, f"{run.production}/storyboard", 500_000, written)
    assert await run.studio.budgets.balance(run.campaign) == Balance(600_000, charged=500_000)


async def test_a_text_under_way_is_not_lost_when_its_production_is_cancelled_and_another_starts(both: Stage) -> None:
    run = await both.begin()
    may_answer = asyncio.Event()

    async def write() -> Written[str]:
        await may_answer.wait()
        return Written("text", WRITER, charged_micro_usd=7)

    slow = asyncio.create_task(run.studio.budgets.paying(run.campaign, f"{run.production}/storyboard", 500_000, write))
    while not (await run.studio.budgets.balance(run.campaign)).reserved:
        await asyncio.sleep(0.01)
    await run.studio.productions.cancel(run.campaign)
    second = await both.production(run.studio, run.campaign)
    await run.studio.budgets.paying(run.campaign, f"{second.production}/storyboard", 1_000, written)
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, reserved=500_000, charged=100)
    may_answer.set()
    await slow
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=107)


async def test_an_answer_that_comes_after_another_process_took_over_changes_nothing(both: Stage) -> None:
    run = await both.begin()
    may_answer = asyncio.Event()

    async def write() -> Written[str]:
        await may_answer.wait()
        return Written("text", WRITER, charged_micro_usd=7)

    subject = f"{run.production}/storyboard"
    slow = asyncio.create_task(run.studio.budgets.paying(run.campaign, subject, 500_000, write))
    while not (await run.studio.budgets.balance(run.campaign)).reserved:
        await asyncio.sleep(0.01)
    other = both.open()
    await other.budgets.paying(run.campaign, subject, 1_000, written)
    may_answer.set()
    await slow
    assert await other.budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=500_100)


async def test_what_the_cap_does_not_cover_is_not_written(stage: Stage) -> None:
    run = await stage.begin(cap=499_999)
    asked: list[str] = []

    async def write() -> Written[str]:
        asked.append("asked")
        return Written("text", WRITER)

    with pytest.raises(BudgetExceeded, match=r"Writing may cost \$0\.50"):
        await run.studio.budgets.paying(run.campaign, "concepts", 500_000, write)
    assert asked == []


async def test_a_campaign_without_a_cap_may_use_what_is_free_only(stage: Stage) -> None:
    run = await stage.begin(cap=None)
    with pytest.raises(BudgetExceeded):
        await run.ask()
    await run.studio.budgets.set_cap(run.campaign, DOLLAR)
    await run.ask()


@given(
    frames=st.lists(st.integers(1, 240), min_size=1, max_size=12),
    per_second=st.integers(0, 999_983),
    once=st.integers(0, 1_000_003),
)
def test_a_film_never_costs_more_than_its_quote_however_its_seconds_are_shared(
    frames: list[int], per_second: int, once: int
) -> None:
    card = ModelCard(ModelRef("test:clip"), Kind.CLIP, "", micro_usd=once, micro_usd_per_second=per_second)
    lengths = [each / FRAME_RATE for each in frames]
    quote = card.quote_together(len(lengths), sum(lengths, Fraction(0)))
    assert 0 <= quote - sum(card.quote(length) for length in lengths) <= len(lengths)


async def test_sums_are_what_the_lines_add_up_to_whatever_happens_at_once(both: Stage) -> None:
    run, other = await both.begin(shots=6), await both.begin(shots=6)
    studio = both.open()
    both.vendor.turn(fail={"shot-02": 1}, estimate_micro_usd=150_000)
    takes = [await each.ask(shot=shot) for each in (run, other) for shot in range(1, 7)]
    lines = asyncio.gather(*(run.make(take) for take in takes[:4]), *(other.make(take) for take in takes[6:10]))
    await asyncio.gather(lines, studio.productions.cancel(other.campaign))
    assert await studio.budgets.wrong_sums() == []
    for each in (run, other):
        entries = await studio.budgets.entries(each.campaign)
        added_up = Balance(20 * DOLLAR, sum(entry.held for entry in entries), sum(entry.charged for entry in entries))
        assert await studio.budgets.balance(each.campaign) == added_up
    month = (await studio.budgets.of_month()).balance
    every = await studio.budgets.entries()
    assert (month.reserved, month.charged) == (sum(entry.held for entry in every), sum(entry.charged for entry in every))


async def test_a_sum_that_somebody_has_edited_is_found(both: Stage) -> None:
    run = await both.begin()
    await run.make(await run.ask())
    month = month_of(datetime.now(UTC))

    def edit(session: Session) -> None:
        session.execute(sa.text("UPDATE reel_sums SET charged = charged - 1"))

    await run.studio.database.write(edit)
    assert await run.studio.budgets.wrong_sums() == [(run.campaign, month)]
