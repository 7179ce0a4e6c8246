"""People of the studio, for its owner: added, listed, changed, let in no more."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from reelwright.api.accounts import Name
from reelwright.api.callers import CallerHere, StudioHere, needs
from reelwright.api.origins import own_origin
from reelwright.api.problems import problems
from reelwright.api.sign_in import Address
from reelwright.bootstrap import Studio
from reelwright.domain.account import Caller, Role, Scope, User
from reelwright.errors import Conflict, Forbidden, NotFound

router = APIRouter(prefix="/users", tags=["users"], dependencies=[needs(Scope.ADMIN)])


class Person(BaseModel):
    """A person of the studio."""

    id: str = Field(examples=["user_01m7zh3yyb7jg4snzgjr63djpt"])
    email: str = Field(description="Empty for the owner of a studio that was never set up.", examples=["ann@example.com"])
    name: str = Field(examples=["Ann"])
    role: Role
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None = Field(description="Since when they are let in no more; null for who may come.")


class People(BaseModel):
    """Everybody."""

    items: list[Person]


class NewPerson(BaseModel):
    """Somebody to be added."""

    email: Address
    name: str = Field(
        default="", max_length=100, description="What people call them; from the address when empty.", examples=["Ann"]
    )
    role: Role = Role.MEMBER


class Invited(Person):
    """Somebody with a link by which they choose their password."""

    link: str = Field(
        description="Works once, for a week. Told this once: hand it to them.",
        examples=["https://studio.example/password?key=..."],
    )


class PersonChanges(BaseModel):
    """What is to be different of a person; what is left out stays."""

    name: Name | None = None
    role: Role | None = None
    is_disabled: bool | None = Field(default=None, description="True ends their sessions, tokens and links at once.")


@router.get("")
async def list_users(studio: StudioHere) -> People:
    """Everybody, in the order in which they came."""
    return People(items=[Person.model_validate(_fields(each)) for each in await studio.accounts.everybody()])


@router.post("", status_code=201, responses=problems(Conflict))
async def add_user(studio: StudioHere, caller: CallerHere, request: Request, wanted: NewPerson) -> Invited:
    """Add a person. They choose their password by the link in the answer."""
    _check_power(caller, wanted.role)
    user = await studio.accounts.add(wanted.email, name=wanted.name, role=wanted.role)
    return await _invited(studio, request, user)


@router.get("/{user}", responses=problems(NotFound))
async def show_user(studio: StudioHere, user: str) -> Person:
    """One person, by id or address."""
    return Person.model_validate(_fields(await studio.accounts.get(user)))


@router.patch("/{user}", responses=problems(NotFound, Conflict))
async def change_user(studio: StudioHere, caller: CallerHere, user: str, wanted: PersonChanges) -> Person:
    """Change a person's name or role, or let them in no more (or again). The last owner stays one."""
    found = await studio.accounts.get(user)
    _check_power(caller, found.role)
    if wanted.role is not None:
        _check_power(caller, wanted.role)
    changed = await studio.accounts.change(found.id, name=wanted.name, role=wanted.role, is_disabled=wanted.is_disabled)
    return Person.model_validate(_fields(changed))


@router.post("/{user}/link", responses=problems(NotFound, Conflict))
async def invite_user(studio: StudioHere, caller: CallerHere, request: Request, user: str) -> Invited:
    """Make a new link by which a person chooses a password, for who lost the first one or has forgotten theirs."""
    found = await studio.accounts.get(user)
    _check_power(caller, found.role)
    return await _invited(studio, request, found)


async def _invited(studio: Studio, request: Request, user: User) -> Invited:
    origin = own_origin(request.scope, request.headers, studio.settings.public_url)
    return Invited.model_validate({**_fields(user), "link": origin + await studio.links.invite(user.id)})


def _check_power(caller: Caller, role: Role) -> None:
    """A token that may not do everything makes nobody who may, and changes nobody who does."""
    if not role.scopes <= caller.scopes:
        names = ", ".join(sorted(role.scopes - caller.scopes))
        msg = f"Somebody who is {role} may do what you may not here: {names}."
        raise Forbidden(msg)


def _fields(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "has_password": user.has_password,
        "created_at": user.created_at,
        "disabled_at": user.disabled_at,
    }
