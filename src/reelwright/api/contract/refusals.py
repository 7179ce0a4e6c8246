"""Refusals as the older contract has them: what any part of the house says of a request below `/api/` is told in its form."""

from __future__ import annotations

import json
import re
from typing import Any

import structlog
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwright.api.problems import MEDIA_TYPE

_OLDER = re.compile(r"/api/(?!v1(?:/|$))|/api$")
_log = structlog.get_logger()
_START, _BODY = "http.response.start", "http.response.body"


class Refusal(BaseModel):
    """Why it was not done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"success": False, "error": "There is no campaign 'req_1'."}]})

    success: bool = Field(description="Always false.", examples=[False])
    error: str = Field(description="One sentence that says what to do.")


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route of the older contract declares, besides what every one may answer with."""
    every = (400, 401, 403, 404, 413, 422, 429, 503)
    return {status: {"model": Refusal, "description": "Not done"} for status in sorted({*every, *statuses})}


def as_refusal(problem: dict[str, Any]) -> dict[str, Any]:
    """A problem in the contract's form."""
    return {"success": False, "error": str(problem.get("detail") or problem.get("title") or "It could not be done.")}


class OlderForm:
    """Tells problems in the contract's form, on the contract's paths."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, and the answer back."""
        if scope["type"] != "http" or _OLDER.match(scope["path"]) is None:
            await self._app(scope, receive, send)
            return
        retelling = _Retelling(send)
        try:
            await self._app(scope, receive, retelling)
        except Exception:  # the outermost edge of these paths: the log gets the traceback, the client a sentence in its own form
            if retelling.has_begun:
                raise
            _log.exception("request.broke", path=scope["path"])
            broke = {"success": False, "error": "Something unexpected happened here; the log of the server tells what."}
            await JSONResponse(broke, 500)(scope, receive, send)


class _Retelling:
    """Holds a problem back until all of it is there."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False
        """Something was sent."""
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == _START and MutableHeaders(scope=message).get("content-type", "").startswith(MEDIA_TYPE):
            self._start = message
        elif self._start is None:
            self.has_begun = True
            await self._send(message)
        elif message["type"] == _BODY:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._tell(self._start)

    async def _tell(self, start: Message) -> None:
        body = json.dumps(as_refusal(json.loads(self._body)), ensure_ascii=False).encode()
        headers = MutableHeaders(scope=start)
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(body))
        self.has_begun = True
        await self._send(start)
        await self._send({"type": _BODY, "body": body})
