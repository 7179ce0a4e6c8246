"""Signing in through an OpenID Connect issuer: away to it, and back."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from reelwright.api.callers import StudioHere
from reelwright.api.cookies import keep, secret_in, visitor_of
from reelwright.api.origins import is_loopback, own_origin
from reelwright.api.pages import path_within, trouble
from reelwright.bootstrap import Studio
from reelwright.errors import ConfigurationError, ReelwrightError

router = APIRouter(include_in_schema=False)
_COOKIE = "reelwright_oidc"
_AWAY = 600
"""Seconds that somebody may take at the issuer."""
_BACK = "/sign-in/oidc/callback"


@router.get("/sign-in/oidc")
async def go_to_issuer(studio: StudioHere, request: Request, next: str = "/") -> Response:  # noqa: A002 - as links say it
    """Sends the visitor to the issuer."""
    try:
        url, secret = await studio.identities.begin(_back_to(studio, request))
    except ReelwrightError as error:
        return trouble("Sign in", error)
    answer = RedirectResponse(url, 303)
    keep(request, answer, studio, f"{secret}.{path_within(next).encode().hex()}", _COOKIE, _AWAY)
    return answer


@router.get(_BACK)
async def come_back(studio: StudioHere, request: Request) -> Response:
    """Lets in whom the issuer vouches for."""
    secret, _, wanted = secret_in(request.scope, request.headers, studio, _COOKIE).partition(".")
    try:
        user = await studio.identities.finish(secret, _back_to(studio, request), dict(request.query_params))
        entry = await studio.sign_in.enter(user, visitor_of(request, studio))
    except ReelwrightError as error:
        answer = trouble("Sign in", error)
    else:
        answer = RedirectResponse(path_within(_path_in(wanted)), 303)
        keep(request, answer, studio, entry.secret)
    keep(request, answer, studio, "", _COOKIE)
    return answer


def _back_to(studio: Studio, request: Request) -> str:
    """Where the issuer sends people back to: never an address that whoever asks has made up.

    Raises:
        ConfigurationError: nobody has said where the outside reaches this studio.
    """
    host = request.url.hostname or ""
    if not studio.settings.public_url and not is_loopback(host):
        msg = "REELWRIGHT_PUBLIC_URL is missing: the issuer has to know where to send people back to."
        raise ConfigurationError(msg)
    return own_origin(request.scope, request.headers, studio.settings.public_url) + _BACK


def _path_in(text: str) -> str:
    try:
        return bytes.fromhex(text).decode()
    except ValueError:
        return "/"
