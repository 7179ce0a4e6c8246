"""Whatever is asked for at once, in two studios on one database: no cap and no month's budget is exceeded by a cent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelwright.bootstrap import Studio, now
from reelwright.db import budgets as ledger
from reelwright.db.engine import Session
from reelwright.domain.generation import Kind, ModelRef, Request
from reelwright.domain.ids import CampaignId, IntentKey, ProductionId, ShotId, TakeId
from reelwright.domain.timing import FRAME_RATE
from reelwright.errors import BudgetExceeded
from reelwright.services.takes import Wish
from staging import Stage, models_of

CLIP = ModelRef("simkey:clip")
SHOTS = 100
CAMPAIGNS = 6
"""As many at once want money of the same month, and each wants it for many shots at once."""
_number = count(1)


@dataclass(frozen=True)
class Order:
    """One shot that is asked for: where, at what price, and what the vendor takes for it in the end."""

    campaign: int
    frames: int
    """Length of the clip: at 50,000 micro-dollars a second its price is seldom a round one."""
    charged_percent: int | None = None
    """Of its price; None leaves it on its way."""

    @property
    def price(self) -> int:
        """In micro-dollars."""
        return -(-50_000 * self.frames * FRAME_RATE.denominator // FRAME_RATE.numerator)


@dataclass
class Shop:
    """Two studios on one database, a third one that watches, and campaigns with a production each."""

    studios: tuple[Studio, Studio]
    watcher: Studio
    campaigns: list[CampaignId] = field(default_factory=list[CampaignId])
    productions: list[ProductionId] = field(default_factory=list[ProductionId])

    @classmethod
    async def opened(cls, stage: Stage, caps: Sequence[int]) -> Shop:
        while len(stage.opened) < 3:
            stage.open()
        first, second, watcher = stage.opened[:3]
        shop = cls((first, second), watcher)
        for cap in caps:
            campaign = await stage.campaign(first, cap=cap)
            shop.campaigns.append(campaign)
            shop.productions.append(await first.productions.start(campaign, models_of("simkey")))
        return shop

    async def ask(self, number: int, order: Order) -> TakeId | None:
        """The take; None where a budget does not cover it."""
        request = Request(Kind.CLIP, CLIP, f"a lamp, {next(_number)}", seconds=order.frames / FRAME_RATE)
        production = self.productions[order.campaign]
        wish = Wish(production, ShotId(f"shot-{number:03d}"), request, IntentKey(f"{production}/{number}"))
        studio = self.studios[number % 2]
        try:
            take = await studio.takes.ask(wish)
        except BudgetExceeded:
            return None
        if order.charged_percent is not None:
            charged = order.price * order.charged_percent // 100
            await studio.database.write(lambda session: self._settle(session, order, take, charged))
        return take

    def _settle(self, session: Session, order: Order, take: TakeId, charged: int) -> None:
        ledger.settle(session, self.campaigns[order.campaign], take, charged, now(), "the vendor's own figure")

    async def left(self) -> list[int]:
        """What the campaigns have left, then the month."""
        balances = [await self.watcher.budgets.balance(campaign) for campaign in self.campaigns]
        return [balance.left for balance in (*balances, (await self.watcher.budgets.of_month()).balance)]

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[None]:
        """Looks all the time, from a third place, whether something is overdrawn."""

        async def watch() -> None:
            while True:
                assert min(await self.left()) >= 0

        watching = asyncio.create_task(watch())
        yield
        assert not watching.done() or watching.result()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    async def assert_it_adds_up(self) -> None:
        """The lines, the campaigns' sums and the parts by model tell the same."""
        shares = await self.watcher.budgets.shares()
        for campaign in self.campaigns:
            balance = await self.watcher.budgets.balance(campaign)
            entries = await self.watcher.budgets.entries(campaign)
            assert sum(entry.held for entry in entries) == balance.reserved
            assert sum(entry.charged for entry in entries) == balance.charged
            mine = [share for share in shares if share.campaign_id == campaign]
            assert (sum(share.reserved for share in mine), sum(share.charged for share in mine)) == (
                balance.reserved,
                balance.charged,
            )
        month = (await self.watcher.budgets.of_month()).balance
        assert sum(share.reserved + share.charged for share in shares) == month.used


def orders(charged: st.SearchStrategy[int | None]) -> st.SearchStrategy[list[Order]]:
    one = st.builds(Order, campaign=st.integers(0, CAMPAIGNS - 1), frames=st.integers(100, 240), charged_percent=charged)
    return st.lists(one, min_size=SHOTS, max_size=SHOTS)


percents = st.lists(st.integers(20, 150), min_size=CAMPAIGNS, max_size=CAMPAIGNS)
"""Each campaign's cap, of what is asked of it."""
month_percent = st.integers(1, 99)
"""Of what is asked of all: it always ends in the middle of it."""
on_a_real_database = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def caps_for(asked: Sequence[Order], percents: Sequence[int]) -> list[int]:
    """The campaigns' caps."""
    demand = [sum(order.price for order in asked if order.campaign == number) for number in range(CAMPAIGNS)]
    return [price * percent // 100 for price, percent in zip(demand, percents, strict=True)]


async def spent_this_month(stage: Stage) -> int:
    """By the examples before."""
    studio = stage.opened[0] if stage.opened else stage.open()
    return (await studio.budgets.of_month()).balance.used


@given(orders(st.none()), percents, month_percent)
@on_a_real_database
async def test_a_hundred_shots_at_once_fill_the_budgets_and_never_exceed_them(
    both: Stage, asked: list[Order], percents: list[int], percent: int
) -> None:
    before = await spent_this_month(both)
    caps, month = caps_for(asked, percents), sum(order.price for order in asked) * percent // 100
    shop = await Shop.opened(both, caps)
    await shop.watcher.budgets.set_month_cap(before + month)
    async with shop.watched():
        takes = await asyncio.gather(*(shop.ask(number, order) for number, order in enumerate(asked)))
    won = [order for order, take in zip(asked, takes, strict=True) if take]
    left = await shop.left()
    for number, cap in enumerate(caps):
        assert cap - left[number] == sum(order.price for order in won if order.campaign == number)
    assert month - left[-1] == sum(order.price for order in won)
    refused = [order for order, take in zip(asked, takes, strict=True) if not take]
    assert all(order.price > min(left[order.campaign], left[-1]) for order in refused)
    await shop.assert_it_adds_up()


@given(orders(st.none() | st.integers(0, 100)), percents, month_percent)
@on_a_real_database
async def test_money_that_comes_back_meanwhile_is_spent_again_and_no_more_than_that(
    both: Stage, asked: list[Order], percents: list[int], percent: int
) -> None:
    before = await spent_this_month(both)
    caps, month = caps_for(asked, percents), sum(order.price for order in asked) * percent // 100
    shop = await Shop.opened(both, caps)
    await shop.watcher.budgets.set_month_cap(before + month)
    async with shop.watched():
        takes = await asyncio.gather(*(shop.ask(number, order) for number, order in enumerate(asked)))
    for number, campaign in enumerate(shop.campaigns):
        won = [order for order, take in zip(asked, takes, strict=True) if take and order.campaign == number]
        balance = await shop.watcher.budgets.balance(campaign)
        assert balance.reserved == sum(order.price for order in won if order.charged_percent is None)
        paid = (order.price * order.charged_percent // 100 for order in won if order.charged_percent is not None)
        assert balance.charged == sum(paid)
    await shop.assert_it_adds_up()


def test_prices_are_what_the_card_says() -> None:
    for frames in (1, 7, 24, 239):
        exact = 50_000 * (frames / FRAME_RATE)
        assert 0 <= Order(0, frames).price - exact < 1
    assert Fraction(7) / FRAME_RATE * 50_000 != int(Fraction(7) / FRAME_RATE * 50_000)
