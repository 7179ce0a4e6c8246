"""The library of older clients: cards of clips and pictures, each with one or more versions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, JsonValue

from reelwright.api.contract.refusals import refusals
from reelwright.api.contract.whose import DeskHere, OwnId, UserName
from reelwright.api.paging import Cursor, Limit
from reelwright.db.generations import Card
from reelwright.services.generations import with_origin

router = APIRouter()


class NewGeneration(BaseModel):
    """A card to keep."""

    type: Literal["video", "image"]
    id: OwnId = Field(default=None, description="An id of the client's own; the card that has it is saved anew.")
    userId: UserName = ""
    versions: list[dict[str, JsonValue]] = Field(
        min_length=1, max_length=100, examples=[[{"url": "https://vendor.example/out.mp4"}]]
    )
    settings: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])


class GenerationShown(BaseModel):
    """A card."""

    id: str
    type: str
    createdAt: datetime
    snapshot: dict[str, Any] = Field(description="The card as it was sent, with addresses that stay.")
    thumbnailUrl: str


class GenerationSaved(GenerationShown):
    """A card that was kept."""

    success: bool


class GenerationList(BaseModel):
    """One page of cards."""

    items: list[GenerationShown]
    nextCursor: str | None


@router.post("/generations", responses=refusals(502))
async def save_generation(desk: DeskHere, card: NewGeneration) -> GenerationSaved:
    """Keeps a card, with everything that it names; not at all where one address could not be made permanent."""
    async with desk.inside(card.userId) as user:
        made = await desk.older.generations.save(
            user, card.type, card.versions, card.settings, wanted=card.id or "", origins=desk.origins
        )
    return GenerationSaved(success=True, **_fields(desk, made))


@router.get("/generations", responses=refusals())
async def list_generations(
    desk: DeskHere,
    type: Annotated[Literal["video", "image", ""], Query(description="Only these.")] = "",  # noqa: A002 - the contract's name
    userId: Annotated[str, Query(max_length=200)] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> GenerationList:
    """The caller's cards, newest first."""
    async with desk.inside(userId) as user:
        found = await desk.older.generations.page(user, kind=type, before=cursor, limit=limit)
    items = [GenerationShown(**_fields(desk, card)) for card in found]
    return GenerationList(items=items, nextCursor=items[-1].id if len(items) == limit else None)


def _fields(desk: DeskHere, card: Card) -> dict[str, Any]:
    return {
        "id": card.id,
        "type": card.type,
        "createdAt": card.created_at,
        "snapshot": with_origin(card.snapshot, desk.origin),
        "thumbnailUrl": with_origin(card.thumbnail, desk.origin),
    }
