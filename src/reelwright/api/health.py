"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from pydantic import BaseModel

from reelwright.api.callers import StudioHere
from reelwright.errors import ReelwrightError

router = APIRouter(tags=["health"])
_PATIENCE = 5.0
"""Seconds after which a part that does not answer counts as broken."""


class Readiness(BaseModel):
    """Whether requests can be served, and which part cannot."""

    is_ready: bool
    database: str
    storage: str


@router.get("/healthz", include_in_schema=True)
async def healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(studio: StudioHere, response: Response) -> Readiness:
    """Database and storage answer."""
    found = {"database": "ok", "storage": "ok"}
    try:
        await asyncio.wait_for(asyncio.to_thread(studio.database.ping), _PATIENCE)
    except (ReelwrightError, TimeoutError):
        found["database"] = "does not answer"
    try:
        async with asyncio.timeout(_PATIENCE):
            async for _ in studio.store.keys("readiness"):
                break
    except (ReelwrightError, TimeoutError):
        found["storage"] = "does not answer"
    is_ready = set(found.values()) == {"ok"}
    if not is_ready:
        response.status_code = 503
    return Readiness(is_ready=is_ready, **found)
