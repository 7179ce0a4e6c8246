"""Budgets: money is held before it can be spent, and the ledger explains every cent.

What a take costs is booked with the take. This file books text, which is answered within one call: where a crash hides the answer
the call is counted as paid in full, and made again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from reelwright.db import budgets, campaigns
from reelwright.db.engine import Database, Session
from reelwright.domain.budget import Balance, EntryKind, usd
from reelwright.domain.ids import CampaignId
from reelwright.errors import BudgetExceeded
from reelwright.ports import Written

T = TypeVar("T")


class Budgets:
    """What campaigns may cost and did cost."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def balance(self, campaign: CampaignId) -> Balance:
        """What is held and what was charged."""
        return await self._database.read(lambda session: budgets.balance(session, campaign))

    async def set_cap(self, campaign: CampaignId, cap_micro_usd: int) -> None:
        """Changes the most that the campaign may cost, what it has cost so far included."""
        await self._database.write(lambda session: campaigns.set_cap(session, campaign, cap_micro_usd))

    async def paying(
        self,
        campaign: CampaignId,
        subject: str,
        quote: int,
        write: Callable[[], Awaitable[Written[T]]],
    ) -> Written[T]:
        """Holds `quote`, writes, and settles with what it really cost; gives the money back when writing fails.

        Raises:
            BudgetExceeded: the cap does not cover the quote; nothing was asked.
        """
        call = await self._database.write(lambda session: self._hold(session, campaign, subject, quote))
        try:
            written = await write()
        except Exception:
            # Not so when it is interrupted: what was asked may have been answered, and paid.
            await self._settle(campaign, call, quote, 0)
            raise
        await self._settle(campaign, call, quote, written.charged_micro_usd)
        return written

    async def _settle(self, campaign: CampaignId, call: str, quote: int, charged: int) -> None:
        await self._database.write(lambda session: budgets.settle(session, campaign, call, quote, charged, self._now()))

    def _hold(self, session: Session, campaign: CampaignId, subject: str, quote: int) -> str:
        campaigns.get(session, campaign, for_change=True)
        earlier = budgets.open_reserves(session, campaign, subject)
        for call, reserved in earlier:
            budgets.settle(session, campaign, call, reserved, reserved, self._now())
        balance = budgets.balance(session, campaign)
        if not balance.covers(quote):
            msg = f"Writing may cost {usd(quote)} and the cap leaves {usd(max(0, balance.left))}: raise the cap to go on."
            raise BudgetExceeded(msg)
        call = f"{subject}/{budgets.count(session, campaign, subject) + 1}"
        budgets.write(session, campaign, call, EntryKind.RESERVE, quote, self._now())
        return call
