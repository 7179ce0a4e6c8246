"""Who asks: found out before any route runs, with the fence put up for the whole request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from reelwright.api.cookies import secret_in
from reelwright.api.origins import SAFE, is_foreign
from reelwright.api.problems import refusal
from reelwright.bootstrap import Studio
from reelwright.db.fence import fenced
from reelwright.domain.account import Caller, Scope
from reelwright.domain.ids import UserId
from reelwright.errors import Forbidden, NotSignedIn, ReelwrightError

ACT_FOR = "x-act-for"
"""The header by which an owner names somebody whose things they mean."""
_NOBODY = UserId("")
"""Owns nothing: who did not say who they are sees nothing, even where a route forgot to ask."""


class Callers:
    """Finds the caller of every request and puts the fence around it."""

    def __init__(self, app: ASGIApp, studio: Studio) -> None:
        self._app = app
        self._studio = studio

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Passes the request on, with its caller in its state; refuses one that somebody else's page has made."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._who(scope, Headers(scope=scope))
        except ReelwrightError as error:
            await refusal(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        with fenced(caller.user.id if caller else _NOBODY):
            await self._app(scope, receive, send)

    async def _who(self, scope: Connection, headers: Headers) -> Caller | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            # Whoever shows a token means that one: a session of the same browser does not help out.
            caller = await self._studio.accounts.by_token(token.strip())
        else:
            secret = secret_in(scope, headers, self._studio)
            if scope["method"] not in SAFE and is_foreign(headers, self._studio.settings.public_url, is_known=bool(secret)):
                msg = "Another site's page has made this request: open the studio itself."
                raise Forbidden(msg)
            caller = await self._studio.sessions.by_cookie(secret) if secret else None
        return await self._for_whom(caller, headers.get(ACT_FOR, ""))

    async def _for_whom(self, caller: Caller | None, user: str) -> Caller | None:
        if caller is None or not user:
            return caller
        if not caller.can(Scope.ADMIN):
            msg = "Only an owner may act for somebody else."
            raise Forbidden(msg)
        return caller.acting_for(await self._studio.accounts.get(user))


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
        msg = "Sign in first, or send a token as bearer; `reelwright token create` makes one."
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
    check: Callable[[Caller], Caller] = needs(Scope.READ if request.method in SAFE else Scope.WRITE).dependency
    check(caller)


def _in_person(request: Request, caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
    if caller.acting:
        msg = "That belongs to the person alone: nobody can do it for them."
        raise Forbidden(msg)
    if caller.token:
        _fits_method(request, caller)
    return caller


SIGNED_IN = Depends(_fits_method)
"""For every route that is not public: there is a caller, and who only may read does not change anything."""
StudioHere = Annotated[Studio, Depends(studio_of)]
CallerHere = Annotated[Caller, Depends(caller_of)]
PersonHere = Annotated[Caller, Depends(_in_person)]
"""For what is a person's own, such as sessions and tokens: also who may only look keeps these in order, but nobody for others."""
