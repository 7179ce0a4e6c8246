"""Who one is, and the tokens of one's programs."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from reelwright.api.callers import CallerHere
from reelwright.domain.account import Role, Scope

router = APIRouter(tags=["accounts"])


class Me(BaseModel):
    """Who asks."""

    id: str
    email: str = Field(examples=["ann@example.com"])
    name: str = Field(examples=["Ann"])
    role: Role
    scopes: list[Scope] = Field(description="What this session or token may do.")


@router.get("/me")
async def show_me(caller: CallerHere) -> Me:
    """Who the caller is."""
    user = caller.user
    return Me(id=user.id, email=user.email, name=user.name, role=user.role, scopes=sorted(caller.scopes))
