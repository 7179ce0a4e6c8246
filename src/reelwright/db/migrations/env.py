"""Alembic's environment: runs on the connection that `Database.migrate` hands over, and sees only our tables."""

from __future__ import annotations

from typing import Any

from alembic import context

from reelwright.db.migrations import VERSION_TABLE
from reelwright.db.tables import Table


def _is_ours(name: str | None, kind: str, _: Any) -> bool:
    # Without this, autogenerate would drop the durable log's tables, which share the file on SQLite.
    return kind != "table" or name in Table.metadata.tables


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    include_name=_is_ours,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
