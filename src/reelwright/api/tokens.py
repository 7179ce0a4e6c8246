"""Tokens of one's programs: told once, listed by their last four characters, revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel, Field

from reelwright.api.accounts import Name
from reelwright.api.callers import PersonHere, StudioHere
from reelwright.api.problems import problems
from reelwright.domain.account import Scope, Token
from reelwright.errors import Conflict, NotFound

router = APIRouter(prefix="/tokens", tags=["tokens"])
_MOST_DAYS = 3650


class TokenLine(BaseModel):
    """A token as a list shows it."""

    id: str = Field(examples=["token_01m7zh3yyb7jg4snzgjr63djpt"])
    name: str = Field(examples=["nightly films"])
    last_four: str = Field(description="Its last four characters, to tell it from others.", examples=["x7Qa"])
    scopes: list[Scope]
    created_at: datetime
    used_at: datetime | None = Field(description="When it was last used, to a minute.")
    expires_at: datetime | None = Field(description="When it ends by itself; null for never.")
    revoked_at: datetime | None


class Tokens(BaseModel):
    """The caller's tokens."""

    items: list[TokenLine]


class NewToken(BaseModel):
    """What a new token is to be."""

    name: Name = Field(description="What it is for.", examples=["nightly films"])
    scopes: list[Scope] = Field(
        default_factory=list[Scope],
        max_length=len(Scope),
        description="What it may be used for; all that the caller may do when empty. Never more than that.",
        examples=[["read"]],
    )
    expires_in_days: int | None = Field(
        default=None, ge=1, le=_MOST_DAYS, description="After how many days it ends by itself; null for never.", examples=[90]
    )


class MadeToken(TokenLine):
    """A new token, with its text."""

    token: str = Field(description="Told this once. Send it as `Authorization: Bearer ...`.", examples=["reel_..."])


@router.get("", responses=problems())
async def list_tokens(studio: StudioHere, caller: PersonHere) -> Tokens:
    """The caller's tokens, newest first, ended ones among them."""
    return Tokens(items=[TokenLine.model_validate(_fields(each)) for each in await studio.accounts.tokens(caller.user.id)])


@router.post("", status_code=201, responses=problems(Conflict))
async def create_token(studio: StudioHere, caller: PersonHere, wanted: NewToken) -> MadeToken:
    """Make a token for a program. It can do no more than who makes it; one made by a token ends with that one at the latest."""
    days = wanted.expires_in_days
    ends = datetime.now(UTC) + timedelta(days=days) if days else None
    token, text = await studio.accounts.create_token(
        caller.user.id, wanted.name, scopes=wanted.scopes, expires_at=ends, by=caller
    )
    return MadeToken.model_validate({**_fields(token), "token": text})


@router.delete("/{token}", status_code=204, responses=problems(NotFound))
async def revoke_token(studio: StudioHere, caller: PersonHere, token: str) -> None:
    """End one of the caller's tokens at once, and every token that was made with it."""
    await studio.accounts.revoke_token(token, caller.user.id)


def _fields(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "last_four": token.ending,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
        "used_at": token.used_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
    }
