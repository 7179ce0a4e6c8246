"""Concepts on request: step three, before there is any production."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, status
from pydantic import BaseModel, Field

from reelwright.api.callers import StudioHere, needs
from reelwright.api.drafts import Campaign
from reelwright.api.problems import problems
from reelwright.domain.account import Scope
from reelwright.domain.ids import CampaignId
from reelwright.errors import BudgetExceeded, CampaignLocked, ConfigurationError, Conflict, InvalidDraft, NotFound
from reelwright.services.texts import MOST_CONCEPTS, MOST_NOTE, Asked

router = APIRouter(prefix="/campaigns/{campaign}", tags=["drafts"])


class ConceptWish(BaseModel):
    """How many concepts, and what they should heed."""

    count: int = Field(default=3, ge=1, le=MOST_CONCEPTS)
    note: str = Field(default="", max_length=MOST_NOTE, examples=["Quieter, without people"])


class Writing(BaseModel):
    """A text that is on its way into the draft."""

    writing: str = Field(description="Its id, as events name it.", examples=["text_01m7zh3yyb7jg4snzgjr63djpt"])
    events: str = Field(
        description="Where everything about it is told.", examples=["/api/v1/events?campaign=campaign_01m7zh&after=12"]
    )


def told(campaign: str, asked: Asked) -> Writing:
    """Where to hear about it."""
    return Writing(writing=asked.id, events=f"/api/v1/events?campaign={campaign}&after={asked.after}")


@router.post(
    "/concepts",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[needs(Scope.PRODUCE)],
    responses=problems(NotFound, Conflict, CampaignLocked, BudgetExceeded, ConfigurationError, InvalidDraft),
)
async def write_concepts(
    studio: StudioHere, campaign: Campaign, wish: Annotated[ConceptWish, Body(default_factory=ConceptWish)]
) -> Writing:
    """Asks for concepts, beside those that there are; a selected one stays selected.

    They come into the draft with the event `concepts.written`. While some are being written, that is what one is told of. Price:
    `GET .../quote?for=concepts`.
    """
    return told(campaign, await studio.texts.ask_concepts(CampaignId(campaign), count=wish.count, note=wish.note))
