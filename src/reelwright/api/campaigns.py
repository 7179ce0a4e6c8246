"""Campaigns: listed, made, looked at."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from reelwright.api.callers import CallerHere, StudioHere
from reelwright.api.paging import Cursor, Limit, Page
from reelwright.domain.campaign import CampaignStatus

router = APIRouter(prefix="/campaigns", tags=["campaigns"])


class CampaignLine(BaseModel):
    """A campaign as a list shows it."""

    id: str = Field(examples=["campaign_01m7zh3yyb7jg4snzgjr63djpt"])
    name: str = Field(examples=["Trail shoe"])
    status: CampaignStatus
    created_at: datetime


@router.get("")
async def list_campaigns(studio: StudioHere, caller: CallerHere, cursor: Cursor = "", limit: Limit = 50) -> Page[CampaignLine]:
    """The caller's campaigns, newest first."""
    found = await studio.campaigns.page(before=cursor, limit=limit, user=caller.user.id)
    items = [CampaignLine(id=each.id, name=each.name, status=each.status, created_at=each.created_at) for each in found]
    return Page(items=items, next_cursor=items[-1].id if len(items) == limit else None)
