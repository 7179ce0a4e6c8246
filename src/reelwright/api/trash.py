"""The trash: what was thrown away and can be taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from reelwright.api.callers import CallerHere, StudioHere
from reelwright.api.paging import Cursor, Limit, Page
from reelwright.api.problems import problems
from reelwright.db.purging import Trashed
from reelwright.domain.campaign import CampaignStatus
from reelwright.domain.ids import CampaignId
from reelwright.errors import Busy, NotFound, StorageError
from reelwright.services.purges import Plan

router = APIRouter(prefix="/trash", tags=["campaigns"])


class TrashedCampaign(BaseModel):
    """A campaign in the trash."""

    id: str
    name: str = Field(examples=["Trail shoe"])
    status: CampaignStatus
    created_at: datetime
    trashed_at: datetime


@router.get("")
async def list_trash(studio: StudioHere, caller: CallerHere, cursor: Cursor = "", limit: Limit = 50) -> Page[TrashedCampaign]:
    """The caller's campaigns in the trash, the last one thrown away first. They stay there until somebody purges them."""
    found = await studio.dashboard.trash(caller.user.id, cursor=cursor, limit=limit)
    items = [
        TrashedCampaign(
            id=each.id,
            name=each.name,
            status=each.status,
            created_at=each.created_at,
            trashed_at=each.trashed_at or each.updated_at,
        )
        for each in found.items
    ]
    return Page(items=items, next_cursor=found.next_cursor)


_Of = Annotated[
    str, Query(alias="campaign", max_length=64, pattern=r"^[A-Za-z0-9_-]*$", description="Only that campaign; else everything.")
]
_Days = Annotated[int | None, Query(ge=0, le=36_500, description="Only what has lain in the trash for so many days.")]


class PurgedCampaign(BaseModel):
    """A campaign that goes, or cannot go."""

    id: str
    name: str = Field(examples=["Trail shoe"])
    assets: int
    bytes: int
    reason: str = Field(description="Why it cannot go yet; empty where it can.", examples=["a production has not ended"])


class Purge(BaseModel):
    """What goes for good, or went."""

    campaigns: list[PurgedCampaign]
    assets: list[str] = Field(description="Those that were thrown away by themselves.")
    cards: int = Field(description="Cards of the library of older clients.")
    bytes: int = Field(description="That become free.", examples=[73_400_320])
    kept: list[str] = Field(description="Assets that something outside of the trash uses: they stay.")
    busy: list[PurgedCampaign] = Field(description="Campaigns in which something is under way: they stay in the trash.")


@router.get("/purge", responses=problems(NotFound))
async def look_at_purge(studio: StudioHere, campaign: _Of = "", older_than_days: _Days = None) -> Purge:
    """What would go if the caller's trash were purged now. Nothing is changed."""
    return _purge(await studio.purges.plan(CampaignId(campaign) or None, _age(older_than_days)))


@router.delete("", responses=problems(NotFound, Busy, StorageError))
async def purge_trash(
    studio: StudioHere,
    confirm: Annotated[Literal["purge"], Query(description="`purge`: that nothing of it comes back is known.")],  # noqa: ARG001 - asked for, and checked before
    campaign: _Of = "",
    older_than_days: _Days = None,
) -> Purge:
    """Removes the caller's things in the trash for good, with their bytes. What they cost stays in the ledger."""
    return _purge(await studio.purges.purge(CampaignId(campaign) or None, _age(older_than_days)))


def _age(days: int | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


def _purge(plan: Plan) -> Purge:
    def told(found: list[Trashed]) -> list[PurgedCampaign]:
        return [
            PurgedCampaign(id=each.id, name=each.name, assets=each.assets, bytes=each.bytes, reason=each.busy) for each in found
        ]

    return Purge(
        campaigns=told(plan.campaigns),
        assets=list(plan.assets),
        cards=plan.cards,
        bytes=plan.bytes,
        kept=list(plan.kept),
        busy=told(plan.busy),
    )
