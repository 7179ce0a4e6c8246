"""Handing bytes over: whole or in part, from wherever they lie, in constant memory, and never cut without notice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import quote

import structlog
from fastapi import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from reelwright.api.ranges import Unsatisfiable, has_already, span_of
from reelwright.bootstrap import Studio
from reelwright.domain.asset import Asset
from reelwright.errors import ReelwrightError
from reelwright.media.sniff import kind_of
from reelwright.store.objects import Reading

_FOR_EVER = "private, max-age=31536000, immutable"
_SIGNED_FOR = timedelta(minutes=15)
"""How long a signed URL of the bucket works; a player that seeks later asks us again."""
_SHOWN = {"image", "video", "audio"}
_log = structlog.get_logger()


async def deliver(
    studio: Studio, request: Request, asset: Asset, *, is_download: bool = False, may_redirect: bool = True
) -> Response:
    """The answer to a GET or HEAD for the asset. Whether the caller may have it was decided before.

    Args:
        studio: the studio.
        request: it says which bytes are wanted.
        asset: what is wanted.
        is_download: as a file to be saved.
        may_redirect: whether the bucket may hand it over, by an address that works whatever becomes of the caller's rights.

    Raises:
        StorageError: the bytes are not all there, or the store does not answer.
    """
    tag = f'"{asset.sha256}"'
    headers = headers_of(asset, tag, is_download=is_download)
    if has_already(request.headers, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    is_head = request.method == "HEAD"
    if may_redirect and not (is_head or is_download) and kind_of(asset.media_type) in _SHOWN:
        elsewhere = await _redirect(studio, asset)
        if elsewhere is not None:
            return elsewhere
    try:
        span = None if is_head else span_of(request.headers, asset.bytes, tag)
    except Unsatisfiable:
        more = {**headers, "Content-Range": f"bytes */{asset.bytes}", "Content-Length": "0", "Cache-Control": "no-store"}
        return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=more)
    if span is None:
        reading = await studio.assets.open(asset, 0, 0 if is_head else asset.bytes)
        return Delivery(reading, {**headers, "Content-Length": str(asset.bytes)})
    reading = await studio.assets.open(asset, span.start, span.end)
    more = {"Content-Range": f"bytes {span.start}-{span.end - 1}/{asset.bytes}", "Content-Length": str(span.end - span.start)}
    return Delivery(reading, {**headers, **more}, HTTPStatus.PARTIAL_CONTENT)


def headers_of(asset: Asset, tag: str, *, is_download: bool) -> dict[str, str]:
    """What every answer about the asset says. Nothing but media is ever shown in a page of ours."""
    is_shown = kind_of(asset.media_type) in _SHOWN
    headers = {
        "Content-Type": asset.media_type,
        "Content-Disposition": disposition("attachment" if is_download or not is_shown else "inline", asset.file_name),
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": _FOR_EVER,
        "Vary": "Cookie, Authorization",
        "X-Content-Type-Options": "nosniff",
    }
    return headers if is_shown else {**headers, "Content-Security-Policy": "sandbox; default-src 'none'"}


def disposition(how: str, name: str) -> str:
    """The header for a file of that name, in letters that every program reads and in its own (RFC 6266)."""
    plain = "".join(sign if " " <= sign <= "~" and sign not in '"\\%;/:*?<>|' else "_" for sign in name)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def _redirect(studio: Studio, asset: Asset) -> Response | None:
    """To the bucket, where the operator wants that and the bucket can be asked."""
    if studio.settings.media_redirect != "signed":
        return None
    url = await studio.assets.signed_url(asset, _SIGNED_FOR)
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(url, status_code=HTTPStatus.FOUND, headers=headers) if url else None


class Delivery(Response):
    """Bytes on their way out, read as fast as they are taken and no faster."""

    def __init__(self, reading: Reading, headers: Mapping[str, str], status: HTTPStatus = HTTPStatus.OK) -> None:
        super().__init__(status_code=status, headers=headers)
        self._chunks = reading.chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends them, until the client hangs up.

        Raises:
            ReelwrightError: the store broke off; the server closes the connection, so the client knows that bytes are missing.
        """
        leaving = asyncio.create_task(_left(receive))
        try:
            async with aclosing(self._chunks) as chunks:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                async for chunk in chunks:
                    if leaving.done():
                        return
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except ReelwrightError as error:
            _log.error("media.cut", path=scope["path"], reason=error.message)
            raise
        finally:
            leaving.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
