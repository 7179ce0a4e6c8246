"""Budgets: money is held before it can be spent, and the ledger explains every cent.

What a take costs is booked with the take. This file books text, which is answered within one call: where a crash hides the answer
the call is counted as paid in full, and made again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from reelwright.db import budgets, campaigns, events, productions
from reelwright.db.budgets import Share
from reelwright.db.engine import Database, Session
from reelwright.domain.budget import Balance, Budget, Entry, EntryKind, month_of, usd, usd_left
from reelwright.domain.event import EventName
from reelwright.domain.generation import ModelRef
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

    async def of_campaign(self, campaign: CampaignId) -> Budget:
        """The campaign's cap, and what is used of it.

        Raises:
            NotFound: there is no such campaign.
        """

        def look(session: Session) -> Budget:
            campaigns.get(session, campaign)
            return budgets.of_campaign(session, campaign)

        return await self._database.read(look)

    async def of_month(self) -> Budget:
        """What this month may cost over all campaigns, and what is used of it; its cap is None where months have no budget."""
        return await self._database.read(lambda session: budgets.of_month(session, month_of(self._now())))

    async def set_month_cap(self, cap_micro_usd: int | None) -> None:
        """Changes what every month may cost over all campaigns, this one included; None lets only the campaigns' caps hold."""
        await self._database.write(lambda session: budgets.set_month_cap(session, cap_micro_usd))

    async def set_warning(self, campaign: CampaignId | None, percent: int) -> None:
        """Changes how much of the campaign's cap, or with None of the month's budget, is used when a person is warned."""

        def change(session: Session) -> None:
            if campaign is not None:
                campaigns.get(session, campaign, for_change=True)  # whoever reserves may be writing the same row
            budgets.set_warning(session, campaign, percent)

        await self._database.write(change)

    async def entries(self, campaign: CampaignId | None = None) -> list[Entry]:
        """Every movement of money of a campaign, or of all, oldest first.

        Raises:
            NotFound: there is no such campaign.
        """

        def look(session: Session) -> list[Entry]:
            if campaign is not None:
                campaigns.get(session, campaign)
            return budgets.entries(session, campaign)

        return await self._database.read(look)

    async def shares(self) -> list[Share]:
        """All money there is, by campaign, month and model, in parts that add up."""
        return await self._database.read(budgets.shares)

    async def wrong_sums(self) -> list[tuple[CampaignId, str]]:
        """The campaigns and months whose running sums are not what the ledger's lines add up to; none, unless somebody edited."""
        return await self._database.read(budgets.wrong_sums)

    async def paying(
        self,
        campaign: CampaignId,
        subject: str,
        quote: int,
        write: Callable[[], Awaitable[Written[T]]],
        *,
        model: ModelRef | None = None,
    ) -> Written[T]:
        """Holds `quote`, writes, and settles with what it really cost; gives the money back when writing fails.

        Args:
            campaign: whose money it is.
            subject: what is written: the production, and the step of it.
            quote: the most that it may cost.
            write: asks the model.
            model: who is paid, for the ledger.

        Raises:
            BudgetExceeded: a budget does not cover the quote; nothing was asked.
        """
        # In a transaction of its own: what was lost is booked even when the cap covers nothing more.
        await self._database.write(lambda session: self._settle_lost(session, campaign, subject))
        self._under_way.add(subject)
        try:
            call = await self._database.write(lambda session: self._hold(session, campaign, subject, quote, model))
            try:
                written = await write()
            except Exception:
                # Not so when it is interrupted: what was asked may have been answered, and paid.
                await self._settle(campaign, call, quote, 0, "it failed and costs nothing")
                raise
            await self._settle(campaign, call, quote, written.charged_micro_usd, "by the words that it read and wrote")
        finally:
            self._under_way.discard(subject)
        return written

    async def _settle(self, campaign: CampaignId, call: str, quote: int, charged: int, note: str) -> None:
        def settle(session: Session) -> None:
            campaigns.get(session, campaign, for_change=True)
            # A process that took over has counted it as paid in full already.
            is_open = not quote or call in dict(budgets.open_reserves(session, campaign, _subject_of(call)))
            if is_open:
                budgets.settle(session, campaign, call, charged, self._now(), note)

        await self._database.write(settle)

    def _settle_lost(self, session: Session, campaign: CampaignId, subject: str) -> None:
        """Counts calls whose answer was lost as paid: earlier ones for the same text, and those of ended productions."""
        campaigns.get(session, campaign, for_change=True)
        for owner in (subject, *productions.ended_ids(session, campaign)):
            for call, reserved in budgets.open_reserves(session, campaign, owner):
                if _subject_of(call) not in self._under_way:
                    budgets.settle(session, campaign, call, reserved, self._now(), "its answer was lost: counted as paid in full")

    def _hold(self, session: Session, campaign: CampaignId, subject: str, quote: int, model: ModelRef | None) -> str:
        campaigns.get(session, campaign, for_change=True)
        call = f"{subject}/{budgets.count(session, campaign, subject) + 1}"
        reserve(session, campaign, call, quote, self._now(), "the most that it may cost", what="Writing", model=model)
        return call


def reserve(
    session: Session,
    campaign: CampaignId,
    subject: str,
    quote: int,
    at: datetime,
    note: str,
    *,
    what: str,
    model: ModelRef | None = None,
) -> None:
    """Holds a price against the campaign's cap and the month's budget, in the transaction that writes down what it is for.

    Until that transaction ends nobody else can reserve of the campaign, nor of the month where there is a budget for it. It
    counts in the month of `at`, and so does whatever follows for the same subject, whenever that is. Either budget warns once
    when its level is reached.

    Args:
        session: the transaction.
        campaign: whose money it is.
        subject: the take, or the call for a text.
        quote: the price in micro-dollars; what is free is not looked at.
        at: now.
        note: why it costs that, for the ledger.
        what: what costs it, as the first words of a sentence: `A clip of shot-03`.
        model: who is paid.

    Raises:
        BudgetExceeded: one of the two does not cover it; says which, and how to raise it.
    """
    if not quote:
        return
    found = _locked(session, campaign, at)
    for budget in found:
        if not budget.balance.covers(quote):
            raise BudgetExceeded(_refusal(campaign, budget, quote, what))
    budgets.write(session, campaign, subject, EntryKind.RESERVE, quote, at, note, model=model)
    _warn(session, campaign, [budget.after(quote) for budget in found], at)


def top_up(session: Session, campaign: CampaignId, subject: str, to_micro_usd: int, at: datetime) -> None:
    """Raises what is held for a subject to what its receipt says that it may cost; does nothing where as much is held.

    It is paid already, so nothing can refuse it: a budget that it exceeds covers nothing more, and warns.
    """
    campaigns.get(session, campaign, for_change=True)
    budgets.lock_month(session)
    if budgets.top_up(session, campaign, subject, to_micro_usd, at):
        _warn(session, campaign, _locked(session, campaign, at), at)


def _locked(session: Session, campaign: CampaignId, at: datetime) -> list[Budget]:
    """The campaign's budget, and the month's where there is one; nobody else reserves until the transaction ends."""
    campaigns.get(session, campaign, for_change=True)
    found = [budgets.of_campaign(session, campaign)]
    if budgets.lock_month(session):
        found.append(budgets.of_month(session, month_of(at)))
    return found


def _refusal(campaign: CampaignId, budget: Budget, quote: int, what: str) -> str:
    price, left = usd(quote), usd_left(budget.balance.left)
    cap = usd(budget.balance.cap or 0)
    if budget.month:
        return (
            f"{what} may cost {price}, and the budget of {cap} for {budget.month} leaves {left} over all campaigns: raise it "
            "with `reelwright budget --month USD`."
        )
    if budget.balance.cap is None:
        return f"{what} may cost {price}, and the campaign has no cap: set one with `reelwright resume {campaign} --cap USD`."
    return (
        f"{what} may cost {price}, and the campaign's cap of {cap} leaves {left}: raise the cap with "
        f"`reelwright resume {campaign} --cap USD`."
    )


def _warn(session: Session, campaign: CampaignId, found: Sequence[Budget], at: datetime) -> None:
    """Tells the person, once for each cap, level and month, that a budget is nearly used up."""
    for budget in found:
        if budget.is_to_warn:
            budgets.set_warned(session, None if budget.month else campaign, budget.warning)
            events.append(session, campaign, EventName.NOTICE_GIVEN, at, text=_warning(campaign, budget))


def _warning(campaign: CampaignId, budget: Budget) -> str:
    used = f"{usd(budget.balance.used)} of {usd(budget.balance.cap or 0)} are held or paid"
    if budget.month:
        return f"The budget for {budget.month} is nearly used up: {used}. Raise it with `reelwright budget --month USD`."
    return f"The cap is nearly used up: {used}. Raise it with `reelwright budget {campaign} --cap USD`."


def _subject_of(call: str) -> str:
    return call.rpartition("/")[0]
