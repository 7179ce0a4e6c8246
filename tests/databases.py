"""Databases in which every table is there already: migrating each test's own anew would take a fifth of the whole run."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory


def migrate(url: str) -> None:
    """Makes all tables, those of the durable log among them."""
    from reelwright.db.engine import Database  # noqa: PLC0415 - half a second, and many tests need no database
    from reelwright.workflows.engine import migrate_log  # noqa: PLC0415 - as above

    database = Database(url)
    try:
        database.migrate()
        migrate_log(database)
    finally:
        database.close()


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder, "migrated.sqlite")
        migrate(f"sqlite:///{file}")
        return file.read_bytes()


def put_sqlite(file: Path) -> None:
    """A SQLite database at that place, unless there is one."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_migrated())
