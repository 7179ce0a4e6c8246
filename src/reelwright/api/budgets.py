"""Budgets: what a month and a campaign may cost and did cost, and the ledger that explains every cent."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from reelwright.api.callers import StudioHere, needs
from reelwright.api.orders import Usd, micro
from reelwright.api.paging import Cursor, Limit, Page
from reelwright.api.problems import problems
from reelwright.domain.account import Scope
from reelwright.domain.budget import WARN_PERCENT, Budget, EntryKind, decimal_usd
from reelwright.domain.generation import Kind
from reelwright.domain.ids import CampaignId
from reelwright.errors import NotFound
from reelwright.services.ledger import LedgerLine

router = APIRouter(tags=["budgets"])
_ALL = needs(Scope.ADMIN)


class BudgetView(BaseModel):
    """What may be spent, and what is."""

    month: str | None = Field(description="Null for a campaign's.", examples=["2026-11"])
    cap_usd: str | None = Field(description="The most that it may cost; null where nobody has said.", examples=["20"])
    reserved_usd: str = Field(description="Held for what is under way.", examples=["0.5"])
    charged_usd: str = Field(description="Paid.", examples=["1.25"])
    left_usd: str = Field(description="What can still be spent.", examples=["18.25"])
    warn_percent: int = Field(description="When so much of it is used, a notice is given.")


class BudgetFields(BaseModel):
    """What may be spent from now on."""

    model_config = ConfigDict(extra="forbid")

    warn_percent: int = Field(default=WARN_PERCENT, ge=1, le=100)


class MonthBudgetFields(BudgetFields):
    """What a month may cost."""

    cap_usd: Usd | None = Field(description="What was spent so far included. Null: only the campaigns' caps hold.")


class CampaignBudgetFields(BudgetFields):
    """What a campaign may ever cost."""

    cap_usd: Usd = Field(description="What was spent so far included.")


class LedgerView(BaseModel):
    """One movement of money."""

    key: str
    at: datetime
    campaign: str
    subject: str = Field(description="The take, or the text, that it was for.")
    kind: EntryKind
    usd: str = Field(examples=["0.25"])
    month: str = Field(description="To whose budget it belongs.", examples=["2026-11"])
    model: str
    note: str = Field(description="Why.")
    shot: str | None
    makes: Kind | None
    number: int | None = Field(description="Of the take.")
    job: str | None


@router.get("/budget", dependencies=[_ALL])
async def get_month(studio: StudioHere) -> BudgetView:
    """What this month may cost over all campaigns of the studio."""
    return _view(await studio.budgets.of_month())


@router.put("/budget", dependencies=[_ALL])
async def put_month(fields: MonthBudgetFields, studio: StudioHere) -> BudgetView:
    """Change what every month may cost, this one included."""
    await studio.budgets.set_month_cap(micro(fields.cap_usd))
    await studio.budgets.set_warning(None, fields.warn_percent)
    return _view(await studio.budgets.of_month())


@router.get("/ledger", dependencies=[_ALL], responses=problems(NotFound))
async def list_ledger(studio: StudioHere, cursor: Cursor = "", limit: Limit = 50) -> Page[LedgerView]:
    """Every movement of money in the studio, newest first."""
    return _page(await studio.ledger.page(None, before=cursor, limit=limit), limit)


@router.get("/campaigns/{campaign}/budget", responses=problems(NotFound))
async def get_budget(campaign: str, studio: StudioHere) -> BudgetView:
    """What the campaign may ever cost, and what it has."""
    return _view(await studio.budgets.of_campaign(CampaignId(campaign)))


@router.put("/campaigns/{campaign}/budget", responses=problems(NotFound), dependencies=[needs(Scope.PRODUCE)])
async def put_budget(campaign: str, fields: CampaignBudgetFields, studio: StudioHere) -> BudgetView:
    """Change what the campaign may ever cost."""
    name = CampaignId(campaign)
    await studio.budgets.set_warning(name, fields.warn_percent)  # finds out whether there is such a campaign
    await studio.budgets.set_cap(name, micro(fields.cap_usd) or 0)
    return _view(await studio.budgets.of_campaign(name))


@router.get("/campaigns/{campaign}/ledger", responses=problems(NotFound))
async def list_campaign_ledger(campaign: str, studio: StudioHere, cursor: Cursor = "", limit: Limit = 50) -> Page[LedgerView]:
    """Every movement of the campaign's money, newest first."""
    return _page(await studio.ledger.page(CampaignId(campaign), before=cursor, limit=limit), limit)


def _view(budget: Budget) -> BudgetView:
    balance = budget.balance
    return BudgetView(
        month=budget.month or None,
        cap_usd=None if balance.cap is None else decimal_usd(balance.cap),
        reserved_usd=decimal_usd(balance.reserved),
        charged_usd=decimal_usd(balance.charged),
        left_usd=decimal_usd(max(0, balance.left)),
        warn_percent=budget.warn_percent,
    )


def _page(found: list[LedgerLine], limit: int) -> Page[LedgerView]:
    items = [
        LedgerView(
            key=line.key,
            at=line.entry.at,
            campaign=line.entry.campaign_id,
            subject=line.entry.subject,
            kind=line.entry.kind,
            usd=decimal_usd(line.entry.micro_usd),
            month=line.entry.month,
            model=line.entry.model,
            note=line.entry.note,
            shot=line.entry.shot,
            makes=line.entry.makes,
            number=line.entry.number or None,
            job=line.entry.job,
        )
        for line in found
    ]
    return Page(items=items, next_cursor=items[-1].key if len(items) == limit else None)
