"""The search over what is one's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from reelwright.api.callers import CallerHere, StudioHere
from reelwright.api.campaigns import CampaignLine, line

router = APIRouter(prefix="/search", tags=["campaigns"])


class Found(BaseModel):
    """What was found."""

    campaigns: list[CampaignLine] = Field(description="The last changed first.")


@router.get("")
async def search(
    studio: StudioHere,
    caller: CallerHere,
    q: Annotated[str, Query(min_length=1, max_length=200, description="Words, or parts of words; all must occur.")],
    limit: Annotated[int, Query(ge=1, le=50, description="How many at most.")] = 20,
) -> Found:
    """The caller's campaigns in whose name or brief every word occurs, without those in the trash."""
    return Found(campaigns=[line(each) for each in await studio.dashboard.search(caller.user.id, q, limit=limit)])
