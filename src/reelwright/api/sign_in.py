"""Signing in and out, the sessions that come of it, and passwords."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, SecretStr

from reelwright.api.accounts import Me, Name, shown
from reelwright.api.callers import PersonHere, StudioHere
from reelwright.api.cookies import keep, visitor_of
from reelwright.api.problems import problems
from reelwright.bootstrap import Studio
from reelwright.domain.account import Caller
from reelwright.errors import Conflict, Forbidden, NotFound
from reelwright.services.accounts import LONGEST_ADDRESS
from reelwright.services.passwords import LONGEST, SHORTEST
from reelwright.services.sign_in import Entry

router = APIRouter(tags=["sign-in"])

Address = Annotated[str, Field(max_length=LONGEST_ADDRESS, description="An e-mail address.", examples=["ann@example.com"])]
Given = Annotated[SecretStr, Field(max_length=LONGEST, description="A password as it was typed.")]
Chosen = Annotated[
    SecretStr,
    Field(
        max_length=LONGEST, description=f"A new password of {SHORTEST} to {LONGEST} characters.", examples=["a lamp called Ember"]
    ),
]
Key = Annotated[str, Field(max_length=200, description="What follows `key=` in a link that works once.")]


class Credentials(BaseModel):
    """Who wants to come in, and how they prove it."""

    email: Address
    password: Given


class SetUp(BaseModel):
    """The first owner of a studio."""

    key: Key = Field(
        default="", description="Of the link that `reelwright serve` has printed; not needed in the owner's session."
    )
    email: Address
    name: Name = "Owner"
    password: Chosen


class NewPassword(BaseModel):
    """A password chosen by a link."""

    key: Key
    password: Chosen


class PasswordChange(BaseModel):
    """Another password."""

    current: Given
    password: Chosen


class SessionLine(BaseModel):
    """A browser that is signed in."""

    id: str = Field(examples=["session_01m7zh3yyb7jg4snzgjr63djpt"])
    device: str = Field(description="What the browser calls itself.", examples=["Mozilla/5.0 (X11; Linux x86_64) Firefox/152.0"])
    created_at: datetime
    seen_at: datetime = Field(description="When it was last used, to five minutes.")
    expires_at: datetime = Field(description="When it ends unless it is used before.")
    is_this: bool = Field(description="Whether it is the one that asks.")


class Sessions(BaseModel):
    """The caller's sessions."""

    items: list[SessionLine]


@router.post("/session", responses=problems())
async def sign_in(studio: StudioHere, request: Request, response: Response, given: Credentials) -> Me:
    """Sign in with a password. The answer sets a cookie; the session that the browser came with ends.

    Wrong tries get slower, by address and by client: a 429 says when the next one may be made.
    """
    visitor = visitor_of(request, studio)
    entry = await studio.sign_in.by_password(given.email, given.password.get_secret_value(), visitor)
    return _let_in(studio, request, response, entry)


@router.delete("/session", status_code=204, responses=problems())
async def sign_out(studio: StudioHere, request: Request, response: Response) -> None:
    """Sign out: end the session of this browser. Without one nothing happens."""
    await leave(studio, request)
    keep(request, response, studio, "")


@router.get("/sessions", responses=problems())
async def list_sessions(studio: StudioHere, caller: PersonHere) -> Sessions:
    """The browsers in which the caller is signed in, the one that was used last first."""
    found = await studio.sessions.of(caller.user.id)
    return Sessions(
        items=[
            SessionLine(
                id=each.id,
                device=each.device,
                created_at=each.created_at,
                seen_at=each.seen_at,
                expires_at=each.expires_at,
                is_this=each.id == caller.session,
            )
            for each in found
        ]
    )


@router.delete("/sessions/{session}", status_code=204, responses=problems(NotFound))
async def end_session(studio: StudioHere, caller: PersonHere, session: str) -> None:
    """End one of the caller's sessions at once."""
    await studio.sessions.end(caller.user.id, session)


@router.delete("/sessions", status_code=204, responses=problems())
async def end_other_sessions(studio: StudioHere, caller: PersonHere) -> None:
    """End all of the caller's sessions but the one that asks."""
    await studio.sessions.end_others(caller.user.id, caller.session)


@router.post("/setup", responses=problems(NotFound, Conflict))
async def set_up(studio: StudioHere, request: Request, response: Response, wanted: SetUp) -> Me:
    """Set a new studio up: give its owner an address and a password, by the link that the server has printed."""
    caller: Caller | None = request.state.caller
    visitor = visitor_of(request, studio)
    entry = await studio.sign_in.set_up(
        wanted.key,
        None if caller and caller.acting else caller,
        email=wanted.email,
        name=wanted.name,
        password=wanted.password.get_secret_value(),
        visitor=visitor,
    )
    return _let_in(studio, request, response, entry)


@router.post("/password", responses=problems(NotFound))
async def choose_password(studio: StudioHere, request: Request, response: Response, wanted: NewPassword) -> Me:
    """Choose a password by a link that works once, and sign in. The person's other sessions end."""
    entry = await studio.sign_in.by_link(wanted.key, wanted.password.get_secret_value(), visitor_of(request, studio))
    return _let_in(studio, request, response, entry)


@router.put("/me/password", responses=problems(Conflict))
async def change_password(
    studio: StudioHere, request: Request, response: Response, caller: PersonHere, wanted: PasswordChange
) -> Me:
    """Change the caller's password. All their sessions end, and this browser gets a new one."""
    if not caller.session:
        msg = "A token cannot change a password: sign in."
        raise Forbidden(msg)
    entry = await studio.sign_in.change_password(
        caller.user.id, wanted.current.get_secret_value(), wanted.password.get_secret_value(), visitor_of(request, studio)
    )
    return _let_in(studio, request, response, entry)


async def leave(studio: Studio, request: Request) -> None:
    """Ends the session with which the request came."""
    caller: Caller | None = request.state.caller
    if caller is not None and caller.session:
        await studio.sessions.end(caller.acting or caller.user.id, caller.session)


def _let_in(studio: Studio, request: Request, response: Response, entry: Entry) -> Me:
    keep(request, response, studio, entry.secret)
    return shown(entry.user, entry.user.role.scopes)
