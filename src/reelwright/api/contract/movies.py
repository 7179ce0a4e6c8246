"""Files of older clients: films that a browser has merged, and addresses that are to stay."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from reelwright.api.contract.refusals import refusals
from reelwright.api.contract.whose import Desk, DeskHere, OwnId, UserName
from reelwright.api.forms import sent_file
from reelwright.domain.asset import Asset, AssetKind
from reelwright.errors import InvalidInput
from reelwright.services.fetches import Wish

router = APIRouter()
_Address = Annotated[str | None, Field(max_length=8192)]
_FILE = {"type": "string", "format": "binary"}
_FIELDS = ("userId", "filename", "duration", "sessionId")
_FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": _FILE, **{name: {"type": "string"} for name in _FIELDS}},
            }
        },
        "application/octet-stream": {"schema": _FILE},
    },
}


class MovieKept(BaseModel):
    """Where the film is from now on."""

    publicUrl: str
    key: str
    duration: float | None = Field(description="Seconds, as they were found.")
    bytes: int


class _Temporary(BaseModel):
    """What becomes permanent."""

    url: _Address = None
    userId: UserName = ""
    generationId: OwnId = None
    index: int = Field(default=0, ge=0, le=10_000)


class TemporaryVideo(_Temporary):
    """A clip behind an address that may expire."""

    videoUrl: _Address = None


class TemporaryImage(_Temporary):
    """A picture behind one."""

    imageUrl: str | None = None


class Kept(BaseModel):
    """Where it is from now on."""

    success: bool
    url: str
    bytes: int
    sha256: str
    duration: float | None = Field(default=None, description="Seconds, of a clip.")
    width: int | None
    height: int | None


@router.post("/upload_movie", responses=refusals(), openapi_extra={"requestBody": _FORM})
async def upload_movie(desk: DeskHere, request: Request) -> MovieKept:
    """Takes a film that was merged elsewhere, and files it with those of its campaign."""
    movies = desk.older.movies
    movies = desk.older.movies
    async with sent_file(request, desk.studio.uploads.limit) as sent, movies.received(sent.chunks) as path:
        fields = sent.fields  # also those behind the file have come by now
        async with desk.inside(fields.get("userId", "")) as user:
            home = await desk.home(user, fields.get("sessionId"))
            film = await movies.keep(home, path, name=fields.get("filename") or sent.name, declared=sent.media_type)
    seconds = float(film.seconds) if film.seconds is not None else None
    return MovieKept(publicUrl=desk.url(film) or "", key=film.key, duration=seconds, bytes=film.bytes)


@router.post("/upload-video", response_model_exclude_none=True, responses=refusals(502))
async def upload_video(desk: DeskHere, wish: TemporaryVideo) -> Kept:
    """Makes the address of a clip permanent: it is fetched here, and looked at."""
    return await _kept(desk, wish, wish.videoUrl or wish.url, "video", AssetKind.CLIP)


@router.post("/upload-image", response_model_exclude_none=True, responses=refusals(502))
async def upload_image_by_url(desk: DeskHere, wish: TemporaryImage) -> Kept:
    """The same for a picture."""
    return await _kept(desk, wish, wish.imageUrl or wish.url, "image", AssetKind.FRAME)


async def _kept(desk: Desk, wish: _Temporary, url: str | None, media: str, kind: AssetKind) -> Kept:
    if not url:
        msg = f"{media}Url: is missing; name the address that is to stay."
        raise InvalidInput(msg)
    async with desk.inside(wish.userId) as user:
        asset = await desk.older.fetches.own(url, desk.origins)
        if asset is None:
            home = await desk.home(user, wish.generationId, [url])
            name = f"{media}-{wish.index + 1:02d}"
            asset = await desk.older.fetches.keep(url, Wish(home, kind, media, name, desk.origins))
            url = desk.url(asset)
    return _told(asset, url or "")


def _told(asset: Asset, url: str) -> Kept:
    return Kept(
        success=True,
        url=url,
        bytes=asset.bytes,
        sha256=asset.sha256,
        duration=float(asset.seconds) if asset.seconds is not None else None,
        width=asset.size.width if asset.size else None,
        height=asset.size.height if asset.size else None,
    )
