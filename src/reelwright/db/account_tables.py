"""The tables of people: who they are, how they prove it, and what they show to others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from reelwright.db.tables import Table


class UserRow(Table):
    """A person."""

    __tablename__ = "reel_users"
    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(unique=True)
    """In small letters; None for the owner of a studio that was never set up."""
    name: Mapped[str]
    role: Mapped[str]
    password: Mapped[str | None]
    """Its Argon2id hash; None for who has none."""
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class IdentityRow(Table):
    """Who a person is at an OpenID Connect issuer."""

    __tablename__ = "reel_identities"
    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(sa.ForeignKey("reel_users.id"), index=True)


class SessionRow(Table):
    """A browser that has signed in."""

    __tablename__ = "reel_sessions"
    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of what the cookie holds."""
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_users.id"), index=True)
    device: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class TokenRow(Table):
    """A key to the API."""

    __tablename__ = "reel_tokens"
    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of the token."""
    ending: Mapped[str]
    """Its last four characters, to tell it from others."""
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_users.id"), index=True)
    made_by: Mapped[str | None] = mapped_column(index=True)
    """The token that asked for it, which takes it along when it is revoked."""
    name: Mapped[str]
    scopes: Mapped[str]
    """By blanks."""
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class LinkRow(Table):
    """A link that works once: to set the studio up, or to choose a password."""

    __tablename__ = "reel_links"
    digest: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(sa.ForeignKey("reel_users.id"))
    purpose: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ShareRow(Table):
    """A link that shows a film to whoever has it."""

    __tablename__ = "reel_shares"
    id: Mapped[str] = mapped_column(primary_key=True)
    secret: Mapped[str] = mapped_column(unique=True)
    """What nobody can guess; kept as it is, so that the link can be copied again."""
    campaign_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_campaigns.id"), index=True)
    film_id: Mapped[str | None]
    """None for the newest film, whichever that is."""
    password: Mapped[str | None]
    """Its Argon2id hash."""
    can_download: Mapped[bool]
    views: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AttemptRow(Table):
    """Tries at a secret that failed, by whom or what was tried: so that guessing is slow on every replica."""

    __tablename__ = "reel_attempts"
    subject: Mapped[str] = mapped_column(primary_key=True)
    """Such as `sign-in/ann@example.com` or `share/share_01...`."""
    count: Mapped[int]
    since: Mapped[datetime]


class IdempotencyRow(Table):
    """What was answered to a request that named a key, so that the same request again is answered the same."""

    __tablename__ = "reel_idempotency"
    user_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    """SHA-256 of method, path and body: another request under the same key is refused."""
    status: Mapped[int | None]
    """None while the first one is at work."""
    answer: Mapped[dict[str, Any] | None]
    at: Mapped[datetime] = mapped_column(index=True)


class UploadRow(Table):
    """A long upload that can be interrupted and goes on."""

    __tablename__ = "reel_uploads"
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    campaign_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_campaigns.id"))
    length: Mapped[int]
    offset: Mapped[int]
    """Bytes that have arrived and are stored."""
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    asset_id: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class GenerationRow(Table):
    """A card of the published contract's library: one or more versions, every URL of them permanent."""

    __tablename__ = "reel_generations"
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    type: Mapped[str]
    snapshot: Mapped[dict[str, Any]]
    thumbnail: Mapped[str]
    created_at: Mapped[datetime]
    trashed_at: Mapped[datetime | None]
    __table_args__ = (sa.Index("reel_generations_newest", "user_id", "type", "created_at", "id"),)


class HookRow(Table):
    """An address that wants to hear of events."""

    __tablename__ = "reel_hooks"
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    url: Mapped[str]
    sealed: Mapped[str]
    """The secret that signs, sealed with the studio's own."""
    names: Mapped[str]
    """The events that it wants, by blanks; empty for all."""
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class DeliveryRow(Table):
    """One event on its way to one address."""

    __tablename__ = "reel_deliveries"
    id: Mapped[str] = mapped_column(primary_key=True)
    hook: Mapped[str] = mapped_column(sa.ForeignKey("reel_hooks.id"))
    user_id: Mapped[str]
    serial: Mapped[int]
    """The event's."""
    name: Mapped[str]
    body: Mapped[dict[str, Any]]
    tries: Mapped[int]
    status: Mapped[int | None]
    """The last answer's, None where none came."""
    trouble: Mapped[str]
    created_at: Mapped[datetime]
    next_at: Mapped[datetime | None] = mapped_column(index=True)
    """When it is tried next; None when it arrived or was given up."""
    delivered_at: Mapped[datetime | None]
    __table_args__ = (
        sa.UniqueConstraint("hook", "serial", name="reel_deliveries_once"),
        sa.Index("reel_deliveries_newest", "hook", "created_at", "id"),
    )


class MarkRow(Table):
    """How far somebody who reads all events has come."""

    __tablename__ = "reel_marks"
    reader: Mapped[str] = mapped_column(primary_key=True)
    xact: Mapped[int]
    serial: Mapped[int]


class ReportRow(Table):
    """What the studio last found out about itself, and whether somebody wants it looked at again."""

    __tablename__ = "reel_reports"
    name: Mapped[str] = mapped_column(primary_key=True)
    """Of what, such as `verify`."""
    wish: Mapped[dict[str, Any] | None]
    """How it is wanted; None where nobody waits for a new one."""
    wished_at: Mapped[datetime | None]
    document: Mapped[dict[str, Any] | None]
    """The last one; None before the first."""
    at: Mapped[datetime | None]
    """When the last one was finished."""
