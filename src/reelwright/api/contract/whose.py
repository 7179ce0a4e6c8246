"""Whose things a request of an older client is about: the caller's own, or with an administrator those of whom they name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from pydantic import Field

from reelwright.api.callers import CallerHere, StudioHere
from reelwright.api.drafts import editor
from reelwright.api.origins import own_origin
from reelwright.bootstrap import Studio
from reelwright.db.fence import fenced
from reelwright.domain.account import Caller, Scope
from reelwright.domain.asset import Asset
from reelwright.domain.ids import CampaignId, UserId
from reelwright.errors import Forbidden, NotFound
from reelwright.services.drafts import Editor
from reelwright.services.older_clients import OlderClients

ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
UserName = Annotated[str, Field(default="", max_length=200, description="The caller's own id; an owner may name somebody else.")]
OwnId = Annotated[
    str | None,
    Field(
        pattern=rf"{ID}|^$",
        description="The campaign's id; one of the client's own makes the campaign when it is first used.",
        examples=["req_1734567890123_ab12cd34e"],
    ),
]


@dataclass(frozen=True)
class Desk:
    """Where a request of an older client is answered: the studio, who asks, and under which address."""

    studio: Studio
    caller: Caller
    origin: str
    user_agent: str

    @property
    def older(self) -> OlderClients:
        """The services of the older contract."""
        return self.studio.older

    @property
    def by(self) -> Editor:
        """Who saves."""
        return editor(self.caller, "older client", self.user_agent)

    @property
    def origins(self) -> frozenset[str]:
        """Where this studio is reached, in small letters."""
        return frozenset({self.origin.lower()})

    @asynccontextmanager
    async def inside(self, user: str) -> AsyncGenerator[UserId]:
        """Everything in the block is about that person: the caller, where nobody is named.

        Raises:
            Forbidden: it is somebody else, and the caller may not act for others.
            NotFound: there is nobody of that id.
        """
        if user in {"", self.caller.user.id}:
            yield self.caller.user.id
            return
        if not self.caller.can(Scope.ADMIN):
            msg = "userId: is not yours; send your own, or leave it out."
            raise Forbidden(msg)
        person = await self.studio.accounts.get(user)
        with fenced(person.id):
            yield person.id

    async def home(self, user: UserId, wanted: str | None, urls: Sequence[str] = ()) -> CampaignId:
        """The campaign of the request."""
        return await self.older.frames.home(user, wanted or "", urls, self.origins)

    async def newest(self, user: UserId, wanted: str | None) -> CampaignId:
        """The campaign that is named, else the user's newest one with frames.

        Raises:
            NotFound: there is none.
        """
        found = CampaignId(wanted) if wanted else await self.older.frames.newest(user)
        if found is None:
            msg = "There are no frames yet: save some first, or name a sessionId."
            raise NotFound(msg)
        return found

    def url(self, asset: Asset | None) -> str | None:
        """The address under which the asset stays."""
        return None if asset is None else f"{self.origin}/media/{asset.id}"


def _desk(request: Request, studio: StudioHere, caller: CallerHere) -> Desk:
    origin = own_origin(request.scope, request.headers, studio.settings.public_url)
    return Desk(studio, caller, origin, request.headers.get("user-agent", ""))


DeskHere = Annotated[Desk, Depends(_desk)]
