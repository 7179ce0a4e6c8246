"""Cookies: what a browser keeps for us, and who reads it."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from reelwright.api.origins import is_secure
from reelwright.bootstrap import Studio
from reelwright.services.sessions import LONGEST, Visitor

SESSION_COOKIE = "reelwright_session"
_DEVICE = "user-agent"


def full_name(name: str, *, is_safe: bool) -> str:
    """The cookie's name. With https it has a prefix that browsers accept from the very host only, never from a neighbour."""
    return f"__Host-{name}" if is_safe else name


def cookie_of(headers: Headers, name: str) -> str:
    """The cookie's value; empty where there is none."""
    return cookie_parser(headers.get("cookie", "")).get(name, "")


def secret_in(scope: Any, headers: Headers, studio: Studio, name: str = SESSION_COOKIE) -> str:
    """What the browser keeps under that name for this way of speaking; empty where there is none."""
    return cookie_of(headers, full_name(name, is_safe=is_secure(scope, headers, studio.settings.public_url)))


def keep(request: Request, response: Response, studio: Studio, value: str, name: str = SESSION_COOKIE, age: int = 0) -> None:
    """Has the browser keep a secret: for no script to read, and not sent along by other people's forms.

    Args:
        request: the one that is answered.
        response: the answer.
        studio: the studio.
        value: what to keep; empty forgets it.
        name: what it is called.
        age: seconds; as long as any session holds unless said.
    """
    is_safe = is_secure(request.scope, request.headers, studio.settings.public_url)
    response.set_cookie(
        full_name(name, is_safe=is_safe),
        value,
        max_age=(age or int(LONGEST.total_seconds())) if value else 0,
        path="/",
        secure=is_safe,
        httponly=True,
        samesite="lax",
    )
    response.headers["Cache-Control"] = "no-store"


def visitor_of(request: Request, studio: Studio) -> Visitor:
    """Whoever stands at the door."""
    return Visitor(
        client=request.client.host if request.client else "",
        device=request.headers.get(_DEVICE, ""),
        session=secret_in(request.scope, request.headers, studio),
    )
