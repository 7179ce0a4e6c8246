"""The trash: what was thrown away and can be taken back."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from reelwright.api.callers import CallerHere, StudioHere
from reelwright.api.paging import Cursor, Limit, Page
from reelwright.domain.campaign import CampaignStatus

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
