"""Scenes, as older clients call shots: their pictures made, made again, and shown; and the film made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path
from pydantic import BaseModel, Field

from reelwright.api.callers import needs
from reelwright.api.contract.campaigns import CampaignHere, UserHere
from reelwright.api.contract.refusals import refusals
from reelwright.api.contract.whose import DeskHere
from reelwright.api.productions import events_url
from reelwright.domain.account import Scope
from reelwright.domain.generation import Kind
from reelwright.domain.ids import CampaignId
from reelwright.domain.take import TakeState
from reelwright.services.scenes import Scene

router = APIRouter(prefix="/campaigns/{campaign}")
_PAYS = needs(Scope.PRODUCE)
Number = Annotated[int, Path(ge=1, le=1000, description="The scene's place, from 1.")]
Key = Annotated[
    str, Header(alias="Idempotency-Key", max_length=200, description="What is asked twice under one key is done once.")
]


class ScenesWanted(BaseModel):
    """How many scenes."""

    count: int | None = Field(default=None, ge=1, le=60, description="As the campaign says where it is left out.")


class SceneWanted(BaseModel):
    """What is to be different."""

    note: str | None = Field(default=None, max_length=2000, examples=["at night"])
    prompt: str | None = Field(default=None, max_length=2000, description="Instead of what the scene says.")


class Begun(BaseModel):
    """It is being made."""

    success: bool
    events: str = Field(description="Where to hear of it.", examples=["/api/v1/events?campaign=req_1"])


class SceneTake(BaseModel):
    """One attempt at a scene's picture, clip or voice."""

    id: str
    kind: Kind
    number: int
    state: TakeState
    url: str | None
    prompt: str
    isSelected: bool
    createdAt: datetime
    error: str | None


class SceneShown(BaseModel):
    """A scene with its selected picture, and all takes."""

    number: int
    id: str
    title: str
    description: str
    prompt: str
    narration: str
    duration: float
    imageUrl: str | None
    videoUrl: str | None
    takes: list[SceneTake]


class SceneList(BaseModel):
    """The scenes of a campaign."""

    success: bool
    scenes: list[SceneShown]


@router.post("/scenes/generate", status_code=202, responses=refusals(402, 409), dependencies=[_PAYS])
async def generate_scenes(
    desk: DeskHere, campaign: CampaignHere, wish: ScenesWanted | None = None, userId: UserHere = "", key: Key = ""
) -> Begun:
    """Makes a picture for every scene; the scenes are written first where there are none."""
    async with desk.inside(userId):
        await desk.older.scenes.make(CampaignId(campaign), wish.count if wish else None, by=desk.by, key=key)
    return Begun(success=True, events=events_url(campaign))


@router.post("/scenes/{number}/regenerate", status_code=202, responses=refusals(402, 409), dependencies=[_PAYS])
async def regenerate_scene(
    desk: DeskHere,
    campaign: CampaignHere,
    number: Number,
    wish: SceneWanted | None = None,
    userId: UserHere = "",
    key: Key = "",
) -> Begun:
    """Makes another picture of one scene; those that there are stay."""
    note, prompt = (wish.note or "", wish.prompt or "") if wish else ("", "")
    async with desk.inside(userId):
        await desk.older.scenes.make_again(CampaignId(campaign), number, note=note, prompt=prompt, key=key)
    return Begun(success=True, events=events_url(campaign))


@router.post("/generate", status_code=202, responses=refusals(402, 409), dependencies=[_PAYS])
async def generate_film(desk: DeskHere, campaign: CampaignHere, userId: UserHere = "", key: Key = "") -> Begun:
    """Makes the film."""
    async with desk.inside(userId):
        await desk.older.scenes.film(CampaignId(campaign), key=key)
    return Begun(success=True, events=events_url(campaign))


@router.get("/scenes", responses=refusals())
async def list_scenes(desk: DeskHere, campaign: CampaignHere, userId: UserHere = "") -> SceneList:
    """Each scene with its selected picture and all takes."""
    async with desk.inside(userId):
        found = await desk.older.scenes.of_campaign(CampaignId(campaign))
    return SceneList(success=True, scenes=[_shown(desk, scene) for scene in found])


def _shown(desk: DeskHere, scene: Scene) -> SceneShown:
    shot = scene.shot
    return SceneShown(
        number=scene.number,
        id=shot.id,
        title=shot.title,
        description=shot.text,
        prompt=shot.image_prompt,
        narration=shot.narration,
        duration=float(shot.seconds),
        imageUrl=_url(desk, scene.picture),
        videoUrl=_url(desk, scene.clip),
        takes=[
            SceneTake(
                id=take.id,
                kind=take.kind,
                number=take.number,
                state=take.state,
                url=_url(desk, take.asset_id),
                prompt=take.request.prompt,
                isSelected=take.id in scene.selected,
                createdAt=take.created_at,
                error=take.failure.reason if take.failure else None,
            )
            for take in scene.takes
        ],
    )


def _url(desk: DeskHere, asset: str | None) -> str | None:
    return f"{desk.origin}/media/{asset}" if asset else None
