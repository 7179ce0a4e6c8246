"""Long uploads, as tus 1.0.0 has them: core, creation, termination, expiration and checksum."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from reelwright.api.callers import StudioHere
from reelwright.api.forms import body_of
from reelwright.api.problems import problems
from reelwright.domain.campaign import ID_PATTERN
from reelwright.domain.ids import CampaignId
from reelwright.domain.upload import Upload
from reelwright.errors import (
    Conflict,
    ContentMismatch,
    InvalidInput,
    InvalidMedia,
    NotFound,
    RenderError,
    StorageError,
    TooLarge,
)

_VERSION = "1.0.0"
_ALGORITHMS = ("sha1", "sha256")
_BYTES = "application/offset+octet-stream"
_MISMATCH = 460
"""Not a status of HTTP's: tus has made it up."""
_MOST_DIGITS = 15


def _speaks_tus(tus_resumable: Annotated[str, Header()] = "") -> None:
    if tus_resumable != _VERSION:
        detail = f"Send `Tus-Resumable: {_VERSION}`: that is the protocol of these uploads."
        raise HTTPException(HTTPStatus.PRECONDITION_FAILED, detail, {"Tus-Version": _VERSION})


router = APIRouter(prefix="/uploads", tags=["uploads"])
TUS = Depends(_speaks_tus)
UploadHere = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,80}$", description="An upload's id.")]
_PRECONDITION: dict[int | str, dict[str, Any]] = {412: {"description": "The request does not speak this version of tus."}}
_SO_FAR = {"Upload-Offset": {"description": "Bytes that have arrived.", "schema": {"type": "integer"}}}


class UploadState(BaseModel):
    """How far an upload is."""

    id: str = Field(examples=["upload_01m7zh3yyb7jg4snzgjr63djpt"])
    campaign: str = Field(examples=["campaign_01m7zh3yyb7jg4snzgjr63djpt"])
    name: str = Field(examples=["teaser.mp4"])
    length: int = Field(description="Bytes that the file has.", examples=[734_003_200])
    offset: int = Field(description="Bytes of it that have arrived.", examples=[209_715_200])
    asset: str | None = Field(description="What became of it.", examples=["asset_01m7zh3yyb7jg4snzgjr63djpt"])
    created_at: datetime
    expires_at: datetime = Field(description="When it is given up unless somebody goes on with it.")


@router.options("", status_code=HTTPStatus.NO_CONTENT)
async def describe_uploads(studio: StudioHere) -> Response:
    """What is spoken here."""
    headers = {
        "Tus-Resumable": _VERSION,
        "Tus-Version": _VERSION,
        "Tus-Extension": "creation,termination,expiration,checksum",
        "Tus-Checksum-Algorithm": ",".join(_ALGORITHMS),
        "Tus-Max-Size": str(studio.uploads.limit),
    }
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    dependencies=[TUS],
    responses={
        201: {"description": "`Location` says where its bytes go.", "headers": {"Location": {"schema": {"type": "string"}}}},
        **_PRECONDITION,
        **problems(NotFound, TooLarge),
    },
)
async def begin_upload(
    studio: StudioHere,
    upload_length: Annotated[str, Header(description="Bytes that the file has.", examples=["734003200"])] = "",
    upload_metadata: Annotated[
        str,
        Header(
            max_length=4000,
            description="Keys with values in base64: `campaign`, whose id it is for, and `filename` and `filetype` where known.",
            examples=["campaign Y2FtcGFpZ25fMDE=,filename dGVhc2VyLm1wNA==,filetype dmlkZW8vbXA0"],
        ),
    ] = "",
) -> Response:
    """Begins a long upload into a campaign. Its bytes follow with PATCH, over as many requests and connections as it takes."""
    if not upload_length.isascii() or not upload_length.isdigit() or len(upload_length) > _MOST_DIGITS:
        msg = "Upload-Length: say how many bytes the file has."
        raise InvalidInput(msg)
    known = _metadata(upload_metadata)
    campaign = known.get("campaign", "")
    if not ID_PATTERN.match(campaign):
        msg = "Upload-Metadata: `campaign` must name the campaign that the file is for."
        raise InvalidInput(msg)
    upload = await studio.uploads.begin(
        CampaignId(campaign),
        int(upload_length),
        name=known.get("filename", known.get("name", "")),
        declared=known.get("filetype", known.get("type", "")),
    )
    headers = {**_headers(upload), "Location": f"/api/v1/uploads/{upload.id}"}
    return Response(status_code=HTTPStatus.CREATED, headers=headers)


@router.head(
    "/{upload}",
    dependencies=[TUS],
    responses={200: {"description": "So far.", "headers": _SO_FAR}, **_PRECONDITION, **problems(NotFound)},
)
async def find_offset(upload: UploadHere, studio: StudioHere) -> Response:
    """How much has arrived: what a client asks before it goes on."""
    found = await _finished(studio, await studio.uploads.get(upload))
    return Response(headers={**_headers(found), "Upload-Length": str(found.length), "Cache-Control": "no-store"})


@router.get("/{upload}", responses=problems(NotFound, InvalidMedia, StorageError, RenderError))
async def get_upload(upload: UploadHere, studio: StudioHere) -> UploadState:
    """How far it is, and what became of it."""
    found = await _finished(studio, await studio.uploads.get(upload))
    return UploadState(
        id=found.id,
        campaign=found.campaign_id,
        name=found.name,
        length=found.length,
        offset=found.offset,
        asset=found.asset_id,
        created_at=found.created_at,
        expires_at=found.expires_at,
    )


@router.patch(
    "/{upload}",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=[TUS],
    responses={
        204: {"description": "They have arrived. After the last one `Reelwright-Asset` names the asset.", "headers": _SO_FAR},
        415: {"description": f"The body is not `{_BYTES}`."},
        460: {"description": "The bytes do not have the announced checksum, and were dropped."},
        **_PRECONDITION,
        **problems(NotFound, Conflict, InvalidMedia, StorageError, RenderError),
    },
    openapi_extra={"requestBody": {"required": True, "content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def append_to_upload(
    upload: UploadHere,
    studio: StudioHere,
    request: Request,
    upload_offset: Annotated[str, Header(description="How much has arrived, as far as the client knows.", examples=["0"])] = "",
    upload_checksum: Annotated[
        str, Header(max_length=200, description="`sha1` or `sha256` and the digest of this body in base64.")
    ] = "",
    content_type: Annotated[str, Header()] = "",
) -> Response:
    """The next bytes. What arrives before a connection breaks counts; with a checksum all of it counts, or nothing."""
    if content_type.partition(";")[0].strip().lower() != _BYTES:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body must be {_BYTES}.")
    if not upload_offset.isascii() or not upload_offset.isdigit() or len(upload_offset) > _MOST_DIGITS:
        msg = "Upload-Offset: say how much has arrived; HEAD tells."
        raise InvalidInput(msg)
    checksum = _Checksum(upload_checksum) if upload_checksum else None
    try:
        found = await studio.uploads.append(upload, int(upload_offset), body_of(request), checksum)
    except ContentMismatch as error:
        return Response(error.message, status_code=_MISMATCH, media_type="text/plain", headers={"Tus-Resumable": _VERSION})
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=_headers(await _finished(studio, found)))


@router.delete(
    "/{upload}",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=[TUS],
    responses={**_PRECONDITION, **problems(NotFound, StorageError)},
)
async def end_upload(upload: UploadHere, studio: StudioHere) -> Response:
    """Gives it up. An asset that it became stays."""
    await studio.uploads.end(upload)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Tus-Resumable": _VERSION})


async def _finished(studio: StudioHere, upload: Upload) -> Upload:
    """The upload, made an asset where all of it has arrived: also by a request that comes after a crash in that moment."""
    if not upload.is_whole or upload.asset_id is not None:
        return upload
    await studio.uploads.finish(upload.id)
    return await studio.uploads.get(upload.id)


def _headers(upload: Upload) -> dict[str, str]:
    headers = {
        "Tus-Resumable": _VERSION,
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": format_datetime(upload.expires_at, usegmt=True),
    }
    return headers if upload.asset_id is None else {**headers, "Reelwright-Asset": upload.asset_id}


def _metadata(header: str) -> dict[str, str]:
    """What `Upload-Metadata` says: pairs by commas, values in base64."""
    found: dict[str, str] = {}
    for pair in filter(None, (each.strip() for each in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            msg = f"Upload-Metadata: the value of {key[:40]!r} is not base64 of UTF-8."
            raise InvalidInput(msg) from error
    return found


class _Checksum:
    """A digest of a body that is compared with what its sender has announced."""

    def __init__(self, header: str) -> None:
        name, _, value = header.partition(" ")
        if name not in _ALGORITHMS:
            msg = f"Upload-Checksum: {name[:20]!r} is not known here; use {' or '.join(_ALGORITHMS)}."
            raise InvalidInput(msg)
        try:
            self._wanted = base64.b64decode(value.strip(), validate=True)
        except binascii.Error as error:
            msg = "Upload-Checksum: the digest is not base64."
            raise InvalidInput(msg) from error
        self._found = hashlib.new(name, usedforsecurity=False)

    def update(self, data: bytes, /) -> None:
        """See `Digest.update`."""
        self._found.update(data)

    @property
    def is_met(self) -> bool:
        """See `Digest.is_met`."""
        return self._found.digest() == self._wanted
