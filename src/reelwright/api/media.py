"""Media under addresses that never change: `/media/{asset}` plays whatever became of the provider, the disk and the bucket."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from reelwright.api.callers import SIGNED_IN, StudioHere
from reelwright.api.delivery import deliver
from reelwright.api.problems import problems
from reelwright.domain.ids import AssetId
from reelwright.errors import InvalidMedia, NotFound, RenderError, StorageError
from reelwright.services.thumbnails import Format, Width

router = APIRouter(prefix="/media", tags=["media"], dependencies=[SIGNED_IN])

AssetHere = Annotated[
    AssetId, Path(pattern=r"^[A-Za-z0-9_-]{1,80}$", description="An asset's id.", examples=["asset_01m7zh3yyb7jg4snzgjr63djpt"])
]
_BYTES: dict[str, Any] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "All of its bytes.", "content": _BYTES},
    206: {"description": "The bytes of the range that was asked for.", "content": _BYTES},
    302: {"description": "They are at a short-lived address of the bucket, where the operator has set it so."},
    304: {"description": "The client has them already."},
    416: {"description": "The range begins behind the last byte; `Content-Range` says how many there are."},
    **problems(NotFound, StorageError),
}
_HEAD_ANSWERS = {
    status: {"description": answer["description"]} for status, answer in _ANSWERS.items() if status not in {206, 302, 416}
}
_STILL_ANSWERS = {
    **{status: answer for status, answer in _ANSWERS.items() if status != HTTPStatus.FOUND},
    **problems(NotFound, StorageError, InvalidMedia, RenderError),
}
Download = Annotated[bool, Query(description="As a file to be saved, not to be shown.")]


@router.get("/{asset}", response_class=Response, responses=_ANSWERS)
async def get_media(asset: AssetHere, studio: StudioHere, request: Request, download: Download = False) -> Response:  # noqa: FBT002 - a query parameter
    """The asset's bytes: all of them, or one range.

    They never change, so the answer may be kept for ever by who got it. The tag is the SHA-256 of the bytes. What lies in the
    trash still plays for its owner.
    """
    return await deliver(studio, request, await studio.assets.get(asset), is_download=download)


@router.head("/{asset}", response_class=Response, responses=_HEAD_ANSWERS)
async def head_media(asset: AssetHere, studio: StudioHere, request: Request, download: Download = False) -> Response:  # noqa: FBT002 - a query parameter
    """What a GET of it would say, without the bytes."""
    return await deliver(studio, request, await studio.assets.get(asset), is_download=download)


@router.get("/{asset}/thumbnail", response_class=Response, responses=_STILL_ANSWERS)
async def get_thumbnail(
    asset: AssetHere,
    studio: StudioHere,
    request: Request,
    w: Annotated[Width, Query(description="At most so many pixels wide.")] = Width.SMALL,
    wanted: Annotated[
        Format | None, Query(alias="format", description="Unless it is said, what `Accept` prefers of the two.")
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """A still of a picture, a clip or a film, made when it is first asked for and kept."""
    chosen = wanted or (Format.AVIF if "image/avif" in accept.lower() else Format.WEBP)
    still = await studio.thumbnails.get(asset, w, chosen)
    answer = await deliver(studio, request, still)
    if wanted is None and answer.status_code != HTTPStatus.FOUND:
        answer.headers["Vary"] = "Accept, Cookie, Authorization"
    return answer
