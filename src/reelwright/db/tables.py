"""The tables. Ours start with `reel_`, because on SQLite the durable log lives in the same file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement


class UtcTime(sa.TypeDecorator[datetime]):
    """A moment, always in UTC: SQLite keeps no time zone of its own."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuses a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a time without a time zone"
            raise ValueError(msg)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Gives every time back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    """All of our tables, and nothing of the durable log's."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcTime,
        dict[str, Any]: sa.JSON,
        int: sa.BigInteger().with_variant(sa.Integer, "sqlite"),
    }


class CampaignRow(Table):
    """A campaign: its document, what a person has typed of it, and the number of its newest event."""

    __tablename__ = "reel_campaigns"
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    name: Mapped[str]
    """As the draft says it, for lists."""
    words: Mapped[str] = mapped_column(default="")
    """What it can be found by, in small letters: its name and what its brief says. Before the documents, so that looking through
    all of them reads none of those."""
    step: Mapped[int] = mapped_column(default=1)
    """Of the seven: where the person was, as the draft says."""
    status: Mapped[str]
    version: Mapped[int]
    document: Mapped[dict[str, Any]]
    draft: Mapped[dict[str, Any] | None]
    """What was typed, complete or not; None for what nobody has edited yet: it is read from the document then."""
    saved_by: Mapped[dict[str, Any] | None]
    """Who saved the draft last: user, device, client."""
    cap_micro_usd: Mapped[int | None]
    event_count: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    trashed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    """When a draft that nobody touches goes to the trash, once its person was told."""
    __table_args__ = (
        sa.Index("reel_campaigns_newest", "user_id", "trashed_at", "created_at", "id"),
        sa.Index("reel_campaigns_by_status", "user_id", "trashed_at", "status", "created_at", "id"),
        sa.Index("reel_campaigns_changed", "user_id", "trashed_at", "updated_at", "id"),
        sa.Index("reel_campaigns_changed_by_status", "user_id", "trashed_at", "status", "updated_at", "id"),
    )


class DraftVersionRow(Table):
    """A draft as it was before it was saved again."""

    __tablename__ = "reel_draft_versions"
    campaign_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_campaigns.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    is_whole: Mapped[bool]
    draft: Mapped[dict[str, Any]]
    """The draft where it is whole; else the merge patch that makes it of the next newer one, which may be the campaign's own."""
    saved_by: Mapped[dict[str, Any] | None]
    saved_at: Mapped[datetime]


RUNNING = "ended_at IS NULL AND NOT is_beside"
"""The run of a campaign. Written out for the reason told at `UNENDED`."""


class ProductionRow(Table):
    """A run over a campaign. At most one run at a time works on the whole of it; single retakes run beside that."""

    __tablename__ = "reel_productions"
    id: Mapped[str] = mapped_column(primary_key=True)
    campaign_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_campaigns.id"), index=True)
    state: Mapped[str]
    models: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    error: Mapped[str]
    aim: Mapped[dict[str, Any] | None]
    """What it is to make, where that is not the whole film."""
    is_beside: Mapped[bool] = mapped_column(default=False)
    """A retake: it neither waits for the campaign's run nor changes the campaign's status."""
    __table_args__ = (
        sa.Index(
            "reel_productions_active",
            "campaign_id",
            unique=True,
            sqlite_where=sa.text(RUNNING),
            postgresql_where=sa.text(RUNNING),
        ),
    )


UNENDED = "state IN ('planned', 'submitting', 'submitted', 'storing')"
"""Takes that somebody has to see to. Written out, because SQLite uses a partial index only for the words it was made with."""


class TakeRow(Table):
    """One attempt, its intent and its job."""

    __tablename__ = "reel_takes"
    id: Mapped[str] = mapped_column(primary_key=True)
    campaign_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_campaigns.id"))
    production_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_productions.id"))
    shot_id: Mapped[str]
    kind: Mapped[str]
    number: Mapped[int]
    request: Mapped[dict[str, Any]]
    digest: Mapped[str]
    intent: Mapped[str] = mapped_column(unique=True)
    provider: Mapped[str]
    account: Mapped[str]
    """Whose places at the provider it occupies since it was submitted: `Provider.account`."""
    state: Mapped[str]
    quote_micro_usd: Mapped[int]
    charged_micro_usd: Mapped[int]
    created_at: Mapped[datetime]
    submitting_at: Mapped[datetime | None]
    job_id: Mapped[str | None]
    asset_id: Mapped[str | None]
    is_left: Mapped[bool]
    """Its production waits for it no longer."""
    failure: Mapped[dict[str, Any] | None]
    __table_args__ = (
        sa.UniqueConstraint("campaign_id", "shot_id", "kind", "number", name="reel_takes_number"),
        sa.Index("reel_takes_at_provider", "provider", "state"),
        sa.Index("reel_takes_job", "provider", "job_id"),
        sa.Index("reel_takes_submitting_at", "provider", "submitting_at"),
        sa.Index(
            "reel_takes_unended",
            "state",
            sqlite_where=sa.text(UNENDED),
            postgresql_where=sa.text(UNENDED),
        ),
    )


class SelectionRow(Table):
    """Which take of a shot is used; the others stay."""

    __tablename__ = "reel_selections"
    campaign_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_campaigns.id"), primary_key=True)
    shot_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    take_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_takes.id"))
    is_chosen: Mapped[bool] = mapped_column(default=False)
    """A person has chosen it, so no run puts another one in its place."""


class AssetRow(Table):
    """Bytes in storage. A row that is not ready names an attempt whose object may exist and belongs to nobody.

    A doomed attempt's object is about to be removed: it is never ready, and what is ready is never doomed.
    """

    __tablename__ = "reel_assets"
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    campaign_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_campaigns.id"), index=True)
    kind: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    is_ready: Mapped[bool]
    is_doomed: Mapped[bool]
    bytes: Mapped[int | None]
    sha256: Mapped[str | None]
    media_type: Mapped[str | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    seconds: Mapped[str | None]
    maker: Mapped[str]
    """The take or the film that it is made for; an upload's own id."""
    provenance: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    is_spooled: Mapped[bool] = mapped_column(default=False)
    """Its bytes lie in the spool of this machine until the store takes them."""
    thumbhash: Mapped[str | None]
    """A blur of it in base64, once somebody has asked for a thumbnail."""
    trashed_at: Mapped[datetime | None]
    __table_args__ = (
        sa.Index("reel_assets_maker", "maker", "is_ready"),
        sa.Index("reel_assets_newest", "user_id", "created_at", "id"),
        sa.Index("reel_assets_same", "user_id", "sha256"),
    )


class FilmRow(Table):
    """A rendered film and the cut list that it was rendered from."""

    __tablename__ = "reel_films"
    id: Mapped[str] = mapped_column(primary_key=True)
    campaign_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_campaigns.id"), index=True)
    production_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_productions.id"))
    number: Mapped[int]
    cut_list: Mapped[dict[str, Any]]
    assets: Mapped[dict[str, Any]]
    """Asset ids by kind; empty until the film is rendered."""
    report: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    __table_args__ = (sa.UniqueConstraint("campaign_id", "number", name="reel_films_number"),)


class LedgerRow(Table):
    """One movement of money. `key` makes writing it twice impossible."""

    __tablename__ = "reel_ledger"
    key: Mapped[str] = mapped_column(primary_key=True)
    campaign_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_campaigns.id"), index=True)
    subject: Mapped[str] = mapped_column(index=True)
    """The take, or the text step, that it is for."""
    kind: Mapped[str]
    micro_usd: Mapped[int]
    model: Mapped[str]
    """Who is paid; empty where nobody told."""
    month: Mapped[str]
    """The month, as `2026-11`, to whose budget all movements of the subject belong: that in which the first one was written."""
    note: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)


class SumRow(Table):
    """What a campaign's lines of one month add up to, written with each line: a cap is looked at under a lock, so it is quick."""

    __tablename__ = "reel_sums"
    month: Mapped[str] = mapped_column(primary_key=True)
    campaign_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_campaigns.id"), primary_key=True, index=True)
    held: Mapped[int]
    charged: Mapped[int]


class BudgetRow(Table):
    """What a month may cost over all campaigns, and when that or a campaign's cap is to be warned of."""

    __tablename__ = "reel_budgets"
    scope: Mapped[str] = mapped_column(primary_key=True)
    """`month`, or `campaign/` and its id."""
    cap_micro_usd: Mapped[int | None]
    """A campaign's own stands in its row, and here nothing."""
    warn_percent: Mapped[int]
    warned: Mapped[str]
    """What was warned of last, so that each crossing is told once."""


class KeyRow(Table):
    """A vendor's key, sealed with the studio's own secret key."""

    __tablename__ = "reel_keys"
    name: Mapped[str] = mapped_column(primary_key=True)
    """The vendor's own environment variable: `RUNWAYML_API_SECRET`."""
    sealed: Mapped[str]
    changed_at: Mapped[datetime]


class TransactionNumber(FunctionElement[int]):
    """The number of the running transaction where transactions commit in another order than they began; else 0."""

    inherit_cache = True
    type = sa.BigInteger()


@compiles(TransactionNumber, "sqlite")
def _no_number(*_: Any, **__: Any) -> str:
    return "0"


@compiles(TransactionNumber, "postgresql")
def _xact_number(*_: Any, **__: Any) -> str:
    return "pg_current_xact_id()::text::bigint"


class EventRow(Table):
    """One fact about a campaign, numbered without a gap; over all campaigns in the order of `xact` and `serial`."""

    __tablename__ = "reel_events"
    serial: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    xact: Mapped[int] = mapped_column(default=TransactionNumber())
    campaign_id: Mapped[str] = mapped_column(sa.ForeignKey("reel_campaigns.id"))
    number: Mapped[int]
    name: Mapped[str]
    at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]
    __table_args__ = (
        sa.UniqueConstraint("campaign_id", "number", name="reel_events_number"),
        sa.Index("reel_events_stream", "xact", "serial"),
    )
