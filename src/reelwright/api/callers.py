"""Who asks: found out before any route runs, with the fence put up for the whole request."""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from reelwright.bootstrap import Studio
from reelwright.db.fence import fenced
from reelwright.domain.account import Caller, Scope
from reelwright.domain.ids import UserId
from reelwright.errors import Forbidden, NotSignedIn

SESSION_COOKIE = "reelwright_session"
_NOBODY = UserId("")
"""Owns nothing: who did not say who they are sees nothing, even where a route forgot to ask."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Callers:
    """Finds the caller of every request and puts the fence around it."""

    def __init__(self, app: ASGIApp, studio: Studio) -> None:
        self._app = app
        self._studio = studio

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Passes the request on, with its caller in its state."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = await self._who(Headers(scope=scope))
        scope.setdefault("state", {})["caller"] = caller
        with fenced(caller.user.id if caller else _NOBODY):
            await self._app(scope, receive, send)

    async def _who(self, headers: Headers) -> Caller | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            # Whoever shows a token means that one: a session of the same browser does not help out.
            return await self._studio.accounts.by_token(token.strip())
        return None


def cookie_of(headers: Headers, name: str) -> str:
    """The cookie's value; empty where there is none."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def studio_of(request: Request) -> Studio:
    """The studio that is served."""
    studio: Studio = request.app.state.studio
    return studio


def caller_of(request: Request) -> Caller:
    """Who asks.

    Raises:
        NotSignedIn: nobody whom we know.
    """
    caller: Caller | None = request.state.caller
    if caller is None:
        msg = "Sign in first, or send a token: `Authorization: Bearer ...`; `reelwright token create` makes one."
        raise NotSignedIn(msg)
    return caller


def needs(scope: Scope) -> Any:
    """A dependency: the caller may do that."""

    def check(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        if not caller.can(scope):
            msg = f"This needs the scope {scope.value!r}, which your {'token' if caller.token else 'account'} does not have."
            raise Forbidden(msg)
        return caller

    return Depends(check)


def _fits_method(request: Request, caller: Annotated[Caller, Depends(caller_of)]) -> None:
    check: Callable[[Caller], Caller] = needs(Scope.READ if request.method in _SAFE else Scope.WRITE).dependency
    check(caller)


SIGNED_IN = Depends(_fits_method)
"""For every route that is not public: there is a caller, and who only may read does not change anything."""
StudioHere = Annotated[Studio, Depends(studio_of)]
CallerHere = Annotated[Caller, Depends(caller_of)]
