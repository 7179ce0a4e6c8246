"""People: who they are, what they may do, and how they proved it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from reelwright.domain.ids import UserId


class Scope(StrEnum):
    """What a caller may do. Nobody sees what belongs to somebody else, whatever the scope."""

    READ = "read"
    """See and download."""
    WRITE = "write"
    """Make and change, without paying."""
    PRODUCE = "produce"
    """Ask for what may cost money."""
    ADMIN = "admin"
    """People, vendors' keys, budgets and storage of the whole studio; and to act for somebody else, by naming them."""


class Role(StrEnum):
    """What a person is in the studio."""

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"

    @property
    def scopes(self) -> frozenset[Scope]:
        """What a person of that role may do."""
        match self:
            case Role.OWNER:
                return frozenset(Scope)
            case Role.MEMBER:
                return frozenset({Scope.READ, Scope.WRITE, Scope.PRODUCE})
            case Role.VIEWER:
                return frozenset({Scope.READ})


@dataclass(frozen=True)
class User:
    """A person."""

    id: UserId
    email: str
    """In small letters; empty for the owner of a studio that was never set up."""
    name: str
    role: Role
    created_at: datetime
    has_password: bool = False
    disabled_at: datetime | None = None


class Purpose(StrEnum):
    """What a link that works once is for."""

    SETUP = "setup"
    """To become the owner of a studio that nobody has set up."""
    PASSWORD = "password"  # noqa: S105 - a purpose
    """To choose a password, for the first time or anew."""


@dataclass(frozen=True)
class Token:
    """A key to the API, as it is shown after the one time that it was told."""

    id: str
    user_id: UserId
    name: str
    ending: str
    """Its last four characters."""
    scopes: frozenset[Scope]
    created_at: datetime
    used_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class BrowserSession:
    """A browser that has signed in, as it is shown to whom it belongs to."""

    id: str
    user_id: UserId
    device: str
    """What the browser calls itself."""
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Caller:
    """Who asks, and what they may ask for: the scopes of the role, narrowed by those of the token."""

    user: User
    """Whose things are asked for."""
    scopes: frozenset[Scope]
    session: str = ""
    """The id of the browser's session, for who came with a cookie."""
    token: str = ""
    """The id of the token, for who came with one."""
    expires_at: datetime | None = None
    """When the token ends, where it does."""
    acting: UserId | None = None
    """Who really asks, where it is an owner who acts for `user`."""

    def can(self, scope: Scope) -> bool:
        """Whether that is among what they may do."""
        return scope in self.scopes

    def acting_for(self, user: User) -> Caller:
        """The same caller with the things of somebody else."""
        return replace(self, user=user, acting=self.user.id)
