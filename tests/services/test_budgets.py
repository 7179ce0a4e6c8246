"""Money is held before it can be spent, and a cap holds against everything that happens at once."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.domain.budget import Balance
from reelwright.domain.generation import Kind, ModelCard, ModelRef
from reelwright.domain.timing import FRAME_RATE
from reelwright.errors import BudgetExceeded, ProviderError
from reelwright.ports import Written
from staging import DOLLAR, Stage

WRITER = ModelRef("test:writer")


@pytest.mark.parametrize("cap", [0, 99_999, 100_000, 1_299_999])
async def test_a_hundred_takes_asked_for_at_once_never_exceed_the_cap(both: Stage, cap: int) -> None:
    run = await both.begin(shots=10, cap=cap)
    asked = await asyncio.gather(
        *(run.ask(shot=shot, number=number) for shot in range(1, 11) for number in range(1, 11)), return_exceptions=True
    )
    refused = [answer for answer in asked if isinstance(answer, BudgetExceeded)]
    assert len(asked) - len(refused) == cap // 100_000
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
    budgets = run.studio.budgets

    async def hang() -> Written[str]:
        await asyncio.sleep(60)
        return Written("never", WRITER)

    async def write() -> Written[str]:
        return Written("text", WRITER, charged_micro_usd=100)

    writing = asyncio.create_task(budgets.paying(run.campaign, "concepts", 500_000, hang))
    while not (await budgets.balance(run.campaign)).reserved:
        await asyncio.sleep(0.01)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert (await budgets.balance(run.campaign)).reserved == 500_000
    await budgets.paying(run.campaign, "concepts", 500_000, write)
    assert await budgets.balance(run.campaign) == Balance(20 * DOLLAR, charged=500_100)


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
