"""How much a request may bring: refused by what it announces, or as soon as more arrives."""

from __future__ import annotations

import re
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwright.api.problems import refusal
from reelwright.errors import TooLarge

_MOST = 1 << 20
"""Bytes; a route that takes files says more."""
_PICTURE = 64 << 20
"""A picture inside of JSON, in base64."""
_LARGER: tuple[tuple[re.Pattern[str], int | None], ...] = (
    (re.compile(r"/api/v1/campaigns/[^/]+/assets"), None),
    (re.compile(r"/api/v1/uploads(/[^/]+)?"), None),
    (re.compile(r"/api/upload_movie"), None),
    (re.compile(r"/api/(upload_image_s3|save_frames|generations)"), _PICTURE),
)
"""Paths whose routes take more; None for those that stream, count for themselves and have a limit of their own."""


class BodyLimit:
    """Stops a body that is too large before it fills the memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on as long as it is small enough."""
        most = _most(scope["path"]) if scope["type"] == "http" else None
        if most is None:
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > most:
            await refusal(_too_large(most))(scope, receive, send)
            return
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > most:
                raise HTTPException(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large(most).message
                )  # the one kind that gets through
            return message

        await self._app(scope, counted, send)


def _most(path: str) -> int | None:
    return next((most for pattern, most in _LARGER if pattern.fullmatch(path)), _MOST)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The request is too large: at most {most >> 20} MiB are taken here.")
