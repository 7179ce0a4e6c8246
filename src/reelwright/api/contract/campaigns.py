"""Campaigns of older clients: forms that save themselves, with a version that nobody overwrites unseen."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from reelwright.api.contract.refusals import refusals
from reelwright.api.contract.whose import ID, Desk, DeskHere
from reelwright.api.drafts import IfMatch, read_json, version_in
from reelwright.api.paging import Cursor, Limit
from reelwright.db.listing import Summary
from reelwright.domain.campaign import CampaignStatus
from reelwright.domain.ids import CampaignId
from reelwright.errors import VersionConflict
from reelwright.services.campaign_forms import Form, named_in
from reelwright.services.generations import with_origin

router = APIRouter(prefix="/campaigns")
CampaignHere = Annotated[str, Path(pattern=ID, description="The campaign's id.", examples=["req_1734567890123_ab12cd34e"])]
UserHere = Annotated[str, Query(max_length=200, description="The caller's own id; an owner may name somebody else.")]
_FIELDS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}, "example": {"productName": "Trail shoe", "currentStep": 2}}
        },
    }
}


class CampaignForm(BaseModel):
    """A campaign with the fields of its form beside these."""

    model_config = ConfigDict(extra="allow")

    success: bool = True
    id: str
    campaignId: str
    name: str
    status: CampaignStatus
    currentStep: int = Field(ge=1, le=7)
    version: int = Field(description="To be sent as `If-Match` with the next save.")
    createdAt: str
    updatedAt: str


class CampaignShown(BaseModel):
    """A campaign in a list."""

    id: str
    campaignId: str
    name: str
    status: CampaignStatus
    currentStep: int
    version: int
    createdAt: str
    updatedAt: str
    thumbnailUrl: str | None


class CampaignList(BaseModel):
    """One page of campaigns."""

    items: list[CampaignShown]
    nextCursor: str | None


class Done(BaseModel):
    """It is done."""

    success: bool
    campaignId: str


@router.put("/{campaign}", response_model=CampaignForm, responses=refusals())
async def put_form(desk: DeskHere, campaign: CampaignHere, userId: UserHere = "") -> Response:
    """The campaign with that id, which is made where there is none."""
    async with desk.inside(userId) as user:
        return _answer(desk, await desk.older.forms.get(await desk.home(user, campaign)))


@router.patch(
    "/{campaign}",
    response_model=CampaignForm,
    responses={
        412: {"model": CampaignForm, "description": "Somebody saved in between: the form as it is now"},
        **refusals(409, 428),
    },
    openapi_extra=_FIELDS,
)
async def save_form(
    desk: DeskHere, campaign: CampaignHere, request: Request, if_match: IfMatch = None, userId: UserHere = ""
) -> Response:
    """Saves fields of the form, complete or not. Null removes one."""
    fields = await read_json(request)
    async with desk.inside(userId or named_in(fields)):
        identity, seen = CampaignId(campaign), version_in(if_match)
        try:
            return _answer(desk, await desk.older.forms.save(identity, fields, version=seen, by=desk.by, origins=desk.origins))
        except VersionConflict as error:
            return _answer(desk, await desk.older.forms.get(identity), status=412, error=error.message)


@router.get("", responses=refusals())
async def list_forms(
    desk: DeskHere,
    status: CampaignStatus | None = None,
    userId: UserHere = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> CampaignList:
    """The caller's campaigns, newest first, without those in the trash."""
    async with desk.inside(userId) as user:
        found = await desk.studio.dashboard.page(user, status=status, cursor=cursor, limit=limit)
    return CampaignList(items=[_line(desk, each) for each in found.items], nextCursor=found.next_cursor)


@router.get("/{campaign}", response_model=CampaignForm, responses=refusals())
async def read_form(desk: DeskHere, campaign: CampaignHere, userId: UserHere = "") -> Response:
    """The campaign with its form."""
    async with desk.inside(userId):
        return _answer(desk, await desk.older.forms.get(CampaignId(campaign)))


@router.delete("/{campaign}", responses=refusals(409))
async def trash_form(desk: DeskHere, campaign: CampaignHere, userId: UserHere = "") -> Done:
    """Puts it into the trash: nothing is removed."""
    async with desk.inside(userId):
        await desk.studio.campaigns.put_in_trash(CampaignId(campaign))
    return Done(success=True, campaignId=campaign)


@router.post("/{campaign}/restore", responses=refusals())
async def restore_form(desk: DeskHere, campaign: CampaignHere, userId: UserHere = "") -> Done:
    """Takes it out of the trash."""
    async with desk.inside(userId):
        await desk.studio.campaigns.take_from_trash(CampaignId(campaign))
    return Done(success=True, campaignId=campaign)


def _answer(desk: Desk, form: Form, *, status: int = 200, error: str = "") -> Response:
    made, current = form.campaign, form.current
    told = {"warnings": list(form.warnings)} if form.warnings else {}
    refused = {"error": error} if error else {}
    content = {
        "name": made.name,
        **form.fields,
        "success": not error,
        "id": made.id,
        "campaignId": made.id,
        "status": made.status.value,
        "currentStep": form.step,
        "version": current.version,
        "createdAt": made.created_at.isoformat(),
        "updatedAt": current.saved_at.isoformat(),
        **told,
        **refused,
    }
    return JSONResponse(with_origin(content, desk.origin), status, headers={"ETag": f'"{current.version}"'})


def _line(desk: Desk, each: Summary) -> CampaignShown:
    return CampaignShown(
        id=each.id,
        campaignId=each.id,
        name=each.name,
        status=each.status,
        currentStep=each.step,
        version=each.version,
        createdAt=each.created_at.isoformat(),
        updatedAt=each.updated_at.isoformat(),
        thumbnailUrl=f"{desk.origin}/media/{each.pictures[0]}/thumbnail" if each.pictures else None,
    )
