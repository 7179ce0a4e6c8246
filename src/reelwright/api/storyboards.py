"""The storyboard on request: step four, before there is any production."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, status
from pydantic import BaseModel, Field

from reelwright.api.callers import StudioHere, needs
from reelwright.api.concepts import Writing, told
from reelwright.api.drafts import Campaign
from reelwright.api.problems import problems
from reelwright.domain.account import Scope
from reelwright.domain.ids import CampaignId
from reelwright.errors import BudgetExceeded, CampaignLocked, ConfigurationError, Conflict, InvalidDraft, NotFound
from reelwright.services.texts import MOST_NOTE

router = APIRouter(prefix="/campaigns/{campaign}", tags=["drafts"])


class StoryboardWish(BaseModel):
    """What the storyboard should heed, and whether it may stand in the place of another."""

    note: str = Field(default="", max_length=MOST_NOTE, examples=["Begin with the rain"])
    replaces: bool = Field(default=False, description="The shots that there are may go; they stay in the draft's history.")


@router.post(
    "/storyboard",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[needs(Scope.PRODUCE)],
    responses=problems(NotFound, Conflict, CampaignLocked, BudgetExceeded, ConfigurationError, InvalidDraft),
)
async def write_storyboard(
    studio: StudioHere, campaign: Campaign, wish: Annotated[StoryboardWish, Body(default_factory=StoryboardWish)]
) -> Writing:
    """Asks for the shots of the selected concept.

    They come into the draft with the event `storyboard.written`. Shots that a person has made are never overwritten unless
    `replaces` says so. While one is being written, that is what one is told of. Price: `GET .../quote?for=storyboard`.
    """
    return told(campaign, await studio.texts.ask_storyboard(CampaignId(campaign), note=wish.note, replaces=wish.replaces))
