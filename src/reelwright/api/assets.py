"""Assets: the library of what was made and sent, with its trash; and how a file of a person's own comes into a campaign."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response, status
from pydantic import BaseModel, Field

from reelwright.api.callers import CallerHere, StudioHere
from reelwright.api.forms import sent_file
from reelwright.api.media import AssetHere
from reelwright.api.paging import Cursor, Limit, Page
from reelwright.api.problems import problems
from reelwright.db.assets import Wish
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.budget import decimal_usd
from reelwright.domain.ids import CampaignId
from reelwright.errors import InvalidMedia, NotFound, RenderError, StorageError, TooLarge
from reelwright.media.sniff import kind_of
from reelwright.services.library import Entry

router = APIRouter(tags=["assets"])

_PICTURES = {"image", "video"}
CampaignHere = Annotated[CampaignId, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description="A campaign's id.")]
_FILE = {"type": "string", "format": "binary"}
_BODY: dict[str, Any] = {
    "required": True,
    "description": "The file as it is, or a form with one file in it.",
    "content": {
        "multipart/form-data": {"schema": {"type": "object", "properties": {"file": _FILE}, "required": ["file"]}},
        **{name: {"schema": _FILE} for name in ("application/octet-stream", "image/*", "video/*", "audio/*")},
    },
}


class AssetLine(BaseModel):
    """An asset as a list shows it."""

    id: str = Field(examples=["asset_01m7zh3yyb7jg4snzgjr63djpt"])
    campaign: str = Field(examples=["campaign_01m7zh3yyb7jg4snzgjr63djpt"])
    kind: AssetKind
    name: str = Field(description="What it is called where it is saved.", examples=["shot-03-take-02.mp4"])
    media_type: str = Field(examples=["video/mp4"])
    bytes: int = Field(examples=[4_194_304])
    width: int | None = Field(description="Pixels; null for what has none.", examples=[1280])
    height: int | None = Field(examples=[720])
    seconds: str | None = Field(description="Exact, as a whole number or a fraction; null for pictures.", examples=["121/24"])
    created_at: datetime
    trashed_at: datetime | None = Field(description="Since when it has been in the trash.")
    url: str = Field(description="Where it plays, for ever.", examples=["/media/asset_01m7zh3yyb7jg4snzgjr63djpt"])
    thumbnail_url: str | None = Field(
        description="A still of it; `?w=` and `&format=` choose which. Null for sounds and texts.",
        examples=["/media/asset_01m7zh3yyb7jg4snzgjr63djpt/thumbnail"],
    )
    thumbhash: str | None = Field(
        description="A blur of it, a ThumbHash in base64; null until a thumbnail was made.",
        examples=["1QcSHQRnh493V4dIh4eXh1h4kJUI"],
    )
    is_spooled: bool = Field(description="The storage has not taken it yet: its bytes are on the server's own disk.")


class AssetDetails(AssetLine):
    """Everything that is known of an asset."""

    sha256: str = Field(description="Of its bytes, in hex; also its tag at `url`.")
    campaign_name: str = Field(examples=["Trail shoe"])
    take: str | None = Field(description="The take that it is the outcome of.")
    provenance: dict[str, str] = Field(
        description="Where it comes from: the model, the job, what it was made from.", examples=[{"model": "runway:gen4_turbo"}]
    )
    charged_usd: str = Field(description="What was paid for it, in dollars.", examples=["0.25"])
    is_verified: bool = Field(description="Its bytes were read back from the storage, compared and decoded from end to end.")


def line_of(asset: Asset) -> dict[str, Any]:
    """What a list shows of it."""
    url = f"/media/{asset.id}"
    return {
        "id": asset.id,
        "campaign": asset.campaign_id,
        "kind": asset.kind,
        "name": asset.file_name,
        "media_type": asset.media_type,
        "bytes": asset.bytes,
        "width": asset.size.width if asset.size else None,
        "height": asset.size.height if asset.size else None,
        "seconds": str(asset.seconds) if asset.seconds is not None else None,
        "created_at": asset.created_at,
        "trashed_at": asset.trashed_at,
        "url": url,
        "thumbnail_url": f"{url}/thumbnail" if kind_of(asset.media_type) in _PICTURES else None,
        "thumbhash": asset.thumbhash or None,
        "is_spooled": asset.is_spooled,
    }


def details_of(entry: Entry) -> AssetDetails:
    """All that is known of it."""
    asset = entry.asset
    return AssetDetails(
        **line_of(asset),
        sha256=asset.sha256,
        campaign_name=entry.campaign_name,
        take=asset.take_id,
        provenance=dict(asset.provenance),
        charged_usd=decimal_usd(entry.charged_micro_usd),
        is_verified=entry.is_verified,
    )


@router.get("/assets", responses=problems(NotFound))
async def list_assets(
    studio: StudioHere,
    caller: CallerHere,
    kind: Annotated[AssetKind | None, Query(description="Only these; thumbnails only when they are asked for.")] = None,
    campaign: Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9_-]*$", description="Only those of that campaign.")] = "",
    trashed: Annotated[bool, Query(description="Those in the trash, and no others.")] = False,  # noqa: FBT002 - a query parameter
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[AssetLine]:
    """The caller's library, newest first."""
    wish = Wish(kind, CampaignId(campaign) or None, is_trashed=trashed)
    found = await studio.library.page(caller.user.id, wish, before=cursor, limit=limit)
    items = [AssetLine(**line_of(each)) for each in found]
    return Page(items=items, next_cursor=items[-1].id if len(items) == limit else None)


@router.get("/assets/{asset}", responses=problems(NotFound))
async def get_asset(asset: AssetHere, studio: StudioHere) -> AssetDetails:
    """Everything about one asset, be it in the trash."""
    return details_of(await studio.library.get(asset))


@router.delete("/assets/{asset}", responses=problems(NotFound))
async def trash_asset(asset: AssetHere, studio: StudioHere) -> AssetDetails:
    """Puts it into the trash. Nothing is removed: it plays there for its owner, and films that show it stay as they are."""
    return details_of(await studio.library.trash(asset))


@router.post("/assets/{asset}/restore", responses=problems(NotFound))
async def restore_asset(asset: AssetHere, studio: StudioHere) -> AssetDetails:
    """Takes it out of the trash."""
    return details_of(await studio.library.restore(asset))


@router.post(
    "/campaigns/{campaign}/assets",
    status_code=status.HTTP_201_CREATED,
    responses={
        200: {"model": AssetDetails, "description": "The campaign had these very bytes already."},
        202: {"model": AssetDetails, "description": "The storage does not take it now: it is kept here, and moves by itself."},
        **problems(NotFound, InvalidMedia, TooLarge, StorageError, RenderError),
    },
    openapi_extra={"requestBody": _BODY},
)
async def upload_asset(
    campaign: CampaignHere,
    studio: StudioHere,
    request: Request,
    response: Response,
    name: Annotated[str, Query(max_length=400, description="What the file is called, where no form says it.")] = "",
) -> AssetDetails:
    """Takes a picture, a clip or a sound: as the body itself, or as the file of a form.

    It is what its bytes say that it is, decodes from end to end, and is stored as it came. The same bytes sent again answer the
    same asset. A file of more than a few megabytes better goes through `/uploads`, which can be interrupted.
    """
    async with sent_file(request, studio.uploads.limit) as sent:
        kept = await studio.uploads.take(campaign, sent.chunks, name=sent.name or name, declared=sent.media_type)
    response.status_code = 202 if kept.asset.is_spooled else 201 if kept.is_new else 200
    return details_of(await studio.library.get(kept.asset.id))
