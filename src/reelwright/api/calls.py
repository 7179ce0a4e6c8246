"""Calls of vendors: a job has moved, so whoever waits for it asks at once. Anybody may knock; only what is signed is believed."""

from __future__ import annotations

from fastapi import APIRouter, Request

from reelwright.api.callers import StudioHere
from reelwright.api.problems import problems
from reelwright.errors import InvalidInput, NotFound, ProviderError, TooLarge

router = APIRouter(tags=["calls"])
_MOST = 1 << 20
"""Bytes of a call. What vendors send is a page or two."""


@router.post("/webhooks/{provider}", status_code=204, responses=problems(NotFound, InvalidInput, TooLarge, ProviderError))
async def hear_call(provider: str, request: Request, studio: StudioHere) -> None:
    """Take a vendor's call. It changes nothing by itself, so it may come twice, or too late."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}
    await studio.hints.hear(provider, headers, await _body(request))


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST:
            msg = f"A call has at most {_MOST} bytes."
            raise TooLarge(msg)
    return body
