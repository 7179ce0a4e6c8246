"""Drafts: read, saved by merge patch, and taken back. How a client keeps every keystroke is told in the guide to autosave."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from reelwright.api.callers import CallerHere, StudioHere
from reelwright.api.paging import Limit, Page
from reelwright.api.problems import WrongField, problems
from reelwright.db.drafts import Version
from reelwright.domain.account import Caller
from reelwright.domain.draft import MOST_BYTES
from reelwright.domain.ids import CampaignId
from reelwright.errors import CampaignLocked, Conflict, InvalidInput, NotFound, TooLarge, VersionConflict, VersionMissing
from reelwright.services.drafts import Current, Editor

router = APIRouter(prefix="/campaigns/{campaign}/draft", tags=["drafts"])
MERGE_PATCH = "application/merge-patch+json"
_MOST_BODY = 6 * MOST_BYTES
"""A patch that escapes every character is six times as long as the draft that it becomes."""
_EXAMPLE = {"brief": {"product": "Trail shoe"}, "shots": {"shot-02": {"image_prompt": "A shoe in the rain"}}}
_ETAG = re.compile(r'(?:W/)?"(\d{1,18})"|(\d{1,18})')
_DEVICES = ("iPad", "iPhone", "Android", "Windows", "Macintosh", "CrOS", "Linux")
Campaign = Annotated[str, Path(description="The campaign's id.", examples=["campaign_01m7zh3yyb7jg4snzgjr63djpt"])]
Number = Annotated[int, Path(ge=1, le=2**53, description="A version of the draft.")]
IfMatch = Annotated[
    str | None,
    Header(description="The version that was seen: the `ETag` of the draft.", max_length=80, examples=['"17"']),
]
Client = Annotated[str, Header(alias="X-Client", max_length=80, description="The tab or program, under a name of its own.")]
UserAgent = Annotated[str, Header(alias="User-Agent", include_in_schema=False)]


class SavedBy(BaseModel):
    """Who saved a draft, and from where."""

    user: str = Field(description="The person's id.")
    name: str = Field(examples=["Anna"])
    device: str = Field(description="In words, as far as it can be told.", examples=["iPad"])
    client: str = Field(description="The tab or program, as it called itself in `X-Client`.", examples=["tab-7f3a"])


class Draft(BaseModel):
    """A draft as it stands."""

    version: int = Field(examples=[17], description="Also the `ETag`, in quotes.")
    doc: dict[str, Any] = Field(description="What was typed, complete or not.", examples=[_EXAMPLE])
    updated_at: datetime
    updated_by: SavedBy | None = Field(description="Null where nobody has edited yet.")


class Saved(BaseModel):
    """What a save made: the client's new base."""

    version: int = Field(examples=[18], description="Also the `ETag`, in quotes.")
    doc: dict[str, Any] = Field(description="The whole draft as it is kept now.", examples=[_EXAMPLE])
    saved_at: datetime


class DraftVersion(BaseModel):
    """An earlier draft in the history."""

    version: int = Field(examples=[16])
    saved_at: datetime
    saved_by: SavedBy | None


class WholeDraftVersion(DraftVersion):
    """An earlier draft with what it said."""

    doc: dict[str, Any] = Field(examples=[_EXAMPLE])


class DraftCheck(BaseModel):
    """What is still wrong with a draft."""

    is_ready: bool = Field(description="A film can be made of it.")
    errors: list[WrongField]


_MERGE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "object", "description": "A merge patch (RFC 7396): `null` deletes."}, "example": _EXAMPLE}
            for kind in (MERGE_PATCH, "application/json")
        },
    }
}


@router.get("", responses=problems(NotFound))
async def read_draft(studio: StudioHere, response: Response, campaign: Campaign) -> Draft:
    """The draft: what was typed of the campaign, with its version."""
    found = await studio.drafts.get(CampaignId(campaign))
    response.headers["ETag"] = f'"{found.version}"'
    response.headers["Cache-Control"] = "no-store"
    return Draft(version=found.version, doc=found.doc, updated_at=found.saved_at, updated_by=_saved_by(found.saved_by))


@router.patch(
    "",
    responses={
        200: {"model": Saved},
        **problems(NotFound, Conflict, CampaignLocked, VersionConflict, VersionMissing, TooLarge),
    },
    openapi_extra=_MERGE_BODY,
)
async def save_draft(
    request: Request,
    studio: StudioHere,
    caller: CallerHere,
    campaign: Campaign,
    if_match: IfMatch = None,
    x_client: Client = "",
    user_agent: UserAgent = "",
) -> Response:
    """Saves what was typed, as a merge patch of the version that was seen.

    Incomplete and wrong input is kept as well; `GET .../draft/check` tells what is wrong with it. A patch that changes nothing
    makes no new version, and is answered with the newest one, so a save whose answer was lost can be sent again as it was.
    """
    patch = await read_json(request)
    by = editor(caller, x_client, user_agent)
    return _saved(await studio.drafts.patch(CampaignId(campaign), patch, version=version_in(if_match), by=by))


@router.get("/check", responses=problems(NotFound))
async def check_draft(studio: StudioHere, campaign: Campaign) -> DraftCheck:
    """What is still wrong with the draft, before anybody asks for a film of it."""
    found = await studio.drafts.reading(CampaignId(campaign))
    return DraftCheck(is_ready=not found.wrong, errors=[WrongField(path=path, message=message) for path, message in found.wrong])


@router.get("/versions", responses=problems(NotFound))
async def list_draft_versions(
    studio: StudioHere,
    campaign: Campaign,
    cursor: Annotated[str, Query(max_length=18, pattern=r"^\d*$", description="`next_cursor` of the page before.")] = "",
    limit: Limit = 50,
) -> Page[DraftVersion]:
    """The history: every earlier draft, newest first. The newest 200 are kept, and one an hour of the last 30 days."""
    found = await studio.drafts.versions(CampaignId(campaign), before=int(cursor) if cursor else None, limit=limit)
    items = [DraftVersion(**_of_version(each)) for each in found]
    return Page(items=items, next_cursor=str(found[-1].version) if len(found) == limit else None)


@router.get("/versions/{number}", responses=problems(NotFound))
async def read_draft_version(studio: StudioHere, campaign: Campaign, number: Number) -> WholeDraftVersion:
    """An earlier draft."""
    found = await studio.drafts.version(CampaignId(campaign), number)
    return WholeDraftVersion(**_of_version(found), doc=found.draft)


@router.post(
    "/versions/{number}/restore",
    responses={200: {"model": Saved}, **problems(NotFound, Conflict, CampaignLocked, VersionConflict, VersionMissing)},
)
async def restore_draft_version(
    studio: StudioHere,
    caller: CallerHere,
    campaign: Campaign,
    number: Number,
    if_match: IfMatch = None,
    x_client: Client = "",
    user_agent: UserAgent = "",
) -> Response:
    """Makes an earlier draft the newest, as an ordinary save; the one that it replaces is in the history then."""
    by = editor(caller, x_client, user_agent)
    return _saved(await studio.drafts.restore(CampaignId(campaign), number, version=version_in(if_match), by=by))


def version_in(if_match: str | None) -> int | None:
    """The version that a client has seen; None where it does not say.

    Raises:
        InvalidInput: it says something else.
    """
    if if_match is None or if_match.strip() in {"", "*"}:  # "whatever there is" has seen nothing
        return None
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        msg = f"If-Match: {if_match!r} is no version of a draft; send the `ETag` that came with it."
        raise InvalidInput(msg)
    return int(match[1] or match[2])


def editor(caller: Caller, client: str, user_agent: str) -> Editor:
    """Who saves."""
    device = next((each for each in _DEVICES if each in user_agent), "")
    return Editor(caller.user.id, caller.user.name, "Mac" if device == "Macintosh" else device, client)


async def read_json(request: Request) -> object:
    """The body, whatever it is.

    Raises:
        InvalidInput: it is no JSON.
        TooLarge: it is longer than any draft.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BODY:
            msg = f"body: has more than {_MOST_BODY:,} bytes; a draft may have {MOST_BYTES:,}."
            raise TooLarge(msg)
    try:
        return cast("object", json.loads(body.decode("utf-8")))
    except (ValueError, RecursionError) as error:
        msg = "body: is not JSON in UTF-8, or is nested too deeply."
        raise InvalidInput(msg) from error


def _saved(current: Current) -> Response:
    # Written out here, because checking it against a model takes longer than the whole save.
    answer = {"version": current.version, "doc": current.doc, "saved_at": current.saved_at.isoformat()}
    content = to_json(answer)
    return Response(content, media_type="application/json", headers={"ETag": f'"{current.version}"', "Cache-Control": "no-store"})


def _saved_by(told: Any) -> SavedBy | None:
    return SavedBy(**{name: str(told.get(name, "")) for name in SavedBy.model_fields}) if told else None


def _of_version(found: Version) -> dict[str, Any]:
    return {"version": found.version, "saved_at": found.saved_at, "saved_by": _saved_by(found.saved_by)}
