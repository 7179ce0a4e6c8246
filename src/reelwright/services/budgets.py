"""Budgets: money is held before it can be spent, and the ledger explains every cent.

What a take costs is booked with the take. This file books text, which is answered within one call: where a crash hides the answer
the call is counted as paid in full, and made again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from reelwright.db import budgets, campaigns, productions
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
        self._under_way: set[str] = set()
        """Subjects that this process is paying for: their reserves are nobody's left-over."""

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
        # In a transaction of its own: what was lost is booked even when the cap covers nothing more.
        await self._database.write(lambda session: self._settle_lost(session, campaign, subject))
        self._under_way.add(subject)
        try:
            call = await self._database.write(lambda session: self._hold(session, campaign, subject, quote))
            try:
                written = await write()
            except Exception:
                # Not so when it is interrupted: what was asked may have been answered, and paid.
                await self._settle(campaign, call, quote, 0)
                raise
            await self._settle(campaign, call, quote, written.charged_micro_usd)
        finally:
            self._under_way.discard(subject)
        return written

    async def _settle(self, campaign: CampaignId, call: str, quote: int, charged: int) -> None:
        def settle(session: Session) -> None:
            campaigns.get(session, campaign, for_change=True)
            # A process that took over has counted it as paid in full already.
            is_open = not quote or call in dict(budgets.open_reserves(session, campaign, _subject_of(call)))
            if is_open:
                budgets.settle(session, campaign, call, quote, charged, self._now())

        await self._database.write(settle)

    def _settle_lost(self, session: Session, campaign: CampaignId, subject: str) -> None:
        """Counts calls whose answer was lost as paid: earlier ones for the same text, and those of ended productions."""
        campaigns.get(session, campaign, for_change=True)
        for owner in (subject, *productions.ended_ids(session, campaign)):
            for call, reserved in budgets.open_reserves(session, campaign, owner):
                if _subject_of(call) not in self._under_way:
                    budgets.settle(session, campaign, call, reserved, reserved, self._now())

    def _hold(self, session: Session, campaign: CampaignId, subject: str, quote: int) -> str:
        campaigns.get(session, campaign, for_change=True)
        balance = budgets.balance(session, campaign)
        if not balance.covers(quote):
            msg = f"Writing may cost {usd(quote)} and the cap leaves {usd(max(0, balance.left))}: raise the cap to go on."
            raise BudgetExceeded(msg)
        call = f"{subject}/{budgets.count(session, campaign, subject) + 1}"
        budgets.write(session, campaign, call, EntryKind.RESERVE, quote, self._now())
        return call


def _subject_of(call: str) -> str:
    return call.rpartition("/")[0]
