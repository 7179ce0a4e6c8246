"""Who one is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from reelwright.api.callers import CallerHere, PersonHere, StudioHere
from reelwright.api.problems import problems
from reelwright.domain.account import Role, Scope, User
from reelwright.services.accounts import LONGEST_NAME

router = APIRouter(tags=["accounts"])

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, description="What people call them.", examples=["Ann"])]


class Me(BaseModel):
    """Who asks."""

    id: str = Field(examples=["user_01m7zh3yyb7jg4snzgjr63djpt"])
    email: str = Field(description="Empty for the owner of a studio that was never set up.", examples=["ann@example.com"])
    name: str = Field(examples=["Ann"])
    role: Role
    scopes: list[Scope] = Field(description="What this session or token may do.")
    has_password: bool = Field(description="False for who signs in through an issuer, and before the studio is set up.")


class MyChanges(BaseModel):
    """What a person changes of themselves."""

    name: Name


def shown(user: User, scopes: frozenset[Scope]) -> Me:
    """A person as they see themselves."""
    return Me(id=user.id, email=user.email, name=user.name, role=user.role, scopes=sorted(scopes), has_password=user.has_password)


@router.get("/me")
async def show_me(caller: CallerHere) -> Me:
    """Who the caller is."""
    return shown(caller.user, caller.scopes)


@router.patch("/me", responses=problems())
async def change_me(studio: StudioHere, caller: PersonHere, wanted: MyChanges) -> Me:
    """Change the caller's own name."""
    user = await studio.accounts.change(caller.user.id, name=wanted.name)
    return shown(user, caller.scopes)
