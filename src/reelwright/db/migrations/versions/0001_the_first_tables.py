"""The first tables.

Revision: 0001
Before: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Forward; there is no way back but a backup."""
    op.create_table(
        "reel_campaigns",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("step", INTEGER, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", INTEGER, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("draft", sa.JSON(), nullable=True),
        sa.Column("saved_by", sa.JSON(), nullable=True),
        sa.Column("cap_micro_usd", INTEGER, nullable=True),
        sa.Column("event_count", INTEGER, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reel_campaigns_newest", "reel_campaigns", ["user_id", "trashed_at", "created_at", "id"], unique=False)
    op.create_index(
        "reel_campaigns_by_status", "reel_campaigns", ["user_id", "trashed_at", "status", "created_at", "id"], unique=False
    )
    op.create_index("reel_campaigns_changed", "reel_campaigns", ["user_id", "trashed_at", "updated_at", "id"], unique=False)
    op.create_index(
        "reel_campaigns_changed_by_status",
        "reel_campaigns",
        ["user_id", "trashed_at", "status", "updated_at", "id"],
        unique=False,
    )

    op.create_table(
        "reel_draft_versions",
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("version", INTEGER, nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("draft", sa.JSON(), nullable=False),
        sa.Column("saved_by", sa.JSON(), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["reel_campaigns.id"]),
        sa.PrimaryKeyConstraint("campaign_id", "version"),
    )

    op.create_table(
        "reel_assets",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("is_ready", sa.Boolean(), nullable=False),
        sa.Column("is_doomed", sa.Boolean(), nullable=False),
        sa.Column("bytes", INTEGER, nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("media_type", sa.String(), nullable=True),
        sa.Column("width", INTEGER, nullable=True),
        sa.Column("height", INTEGER, nullable=True),
        sa.Column("seconds", sa.String(), nullable=True),
        sa.Column("maker", sa.String(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_spooled", sa.Boolean(), nullable=False),
        sa.Column("thumbhash", sa.String(), nullable=True),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["reel_campaigns.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_reel_assets_campaign_id", "reel_assets", ["campaign_id"], unique=False)
    op.create_index("reel_assets_maker", "reel_assets", ["maker", "is_ready"], unique=False)
    op.create_index("reel_assets_newest", "reel_assets", ["user_id", "created_at", "id"], unique=False)
    op.create_index("reel_assets_same", "reel_assets", ["user_id", "sha256"], unique=False)

    op.create_table(
        "reel_events",
        sa.Column("serial", INTEGER, nullable=False, autoincrement=True),
        sa.Column("xact", INTEGER, nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("number", INTEGER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["reel_campaigns.id"],
        ),
        sa.PrimaryKeyConstraint("serial"),
        sa.UniqueConstraint("campaign_id", "number", name="reel_events_number"),
    )
    op.create_index("reel_events_stream", "reel_events", ["xact", "serial"], unique=False)
    op.create_table(
        "reel_ledger",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("micro_usd", INTEGER, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["reel_campaigns.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_reel_ledger_campaign_id", "reel_ledger", ["campaign_id"], unique=False)
    op.create_index("ix_reel_ledger_subject", "reel_ledger", ["subject"], unique=False)
    op.create_index("ix_reel_ledger_at", "reel_ledger", ["at"], unique=False)

    op.create_table(
        "reel_sums",
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("held", INTEGER, nullable=False),
        sa.Column("charged", INTEGER, nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["reel_campaigns.id"],
        ),
        sa.PrimaryKeyConstraint("month", "campaign_id"),
    )
    op.create_index("ix_reel_sums_campaign_id", "reel_sums", ["campaign_id"], unique=False)

    op.create_table(
        "reel_budgets",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("cap_micro_usd", INTEGER, nullable=True),
        sa.Column("warn_percent", INTEGER, nullable=False),
        sa.Column("warned", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.create_table(
        "reel_keys",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )

    op.create_table(
        "reel_productions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("aim", sa.JSON(), nullable=True),
        sa.Column("is_beside", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["reel_campaigns.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_reel_productions_campaign_id", "reel_productions", ["campaign_id"], unique=False)
    op.create_index(
        "reel_productions_active",
        "reel_productions",
        ["campaign_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL AND NOT is_beside"),
        postgresql_where=sa.text("ended_at IS NULL AND NOT is_beside"),
    )

    op.create_table(
        "reel_films",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("production_id", sa.String(), nullable=False),
        sa.Column("number", INTEGER, nullable=False),
        sa.Column("cut_list", sa.JSON(), nullable=False),
        sa.Column("assets", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["reel_campaigns.id"],
        ),
        sa.ForeignKeyConstraint(
            ["production_id"],
            ["reel_productions.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("campaign_id", "number", name="reel_films_number"),
    )
    op.create_index("ix_reel_films_campaign_id", "reel_films", ["campaign_id"], unique=False)

    op.create_table(
        "reel_takes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("production_id", sa.String(), nullable=False),
        sa.Column("shot_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", INTEGER, nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("intent", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("quote_micro_usd", INTEGER, nullable=False),
        sa.Column("charged_micro_usd", INTEGER, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitting_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("asset_id", sa.String(), nullable=True),
        sa.Column("is_left", sa.Boolean(), nullable=False),
        sa.Column("failure", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["reel_campaigns.id"],
        ),
        sa.ForeignKeyConstraint(
            ["production_id"],
            ["reel_productions.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("campaign_id", "shot_id", "kind", "number", name="reel_takes_number"),
        sa.UniqueConstraint("intent"),
    )
    op.create_index("reel_takes_at_provider", "reel_takes", ["provider", "state"], unique=False)
    op.create_index("reel_takes_job", "reel_takes", ["provider", "job_id"], unique=False)
    op.create_index("reel_takes_submitting_at", "reel_takes", ["provider", "submitting_at"], unique=False)
    op.create_index(
        "reel_takes_unended",
        "reel_takes",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state IN ('planned', 'submitting', 'submitted', 'storing')"),
        postgresql_where=sa.text("state IN ('planned', 'submitting', 'submitted', 'storing')"),
    )

    op.create_table(
        "reel_selections",
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("shot_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("take_id", sa.String(), nullable=False),
        sa.Column("is_chosen", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["reel_campaigns.id"],
        ),
        sa.ForeignKeyConstraint(
            ["take_id"],
            ["reel_takes.id"],
        ),
        sa.PrimaryKeyConstraint("campaign_id", "shot_id", "kind"),
    )
