"""Snapshots: the whole database at one moment, as files, and those files as the database again. The durable log is in it.

SQLite is copied by its own online backup, PostgreSQL by COPY inside of one REPEATABLE READ transaction: neither needs a program
beside us, and neither keeps anybody from writing meanwhile. All of it blocks, so it is for threads.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.orm import Session

from reelwright.db import assets
from reelwright.db.account_tables import HookRow, UploadRow, UserRow
from reelwright.db.engine import Database
from reelwright.db.migrations import VERSION_TABLE, newest
from reelwright.db.tables import AssetRow, CampaignRow, KeyRow, LedgerRow
from reelwright.domain.asset import Asset
from reelwright.errors import ConfigurationError
from reelwright.files import sync_folder

_FILE = "reelwright.sqlite"
_INDEX = "tables.json"
_LOG = "dbos"
"""The schema in which the durable log lives on PostgreSQL."""
_PAGE = 500
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Snapshot:
    """What was taken."""

    kind: str
    """`sqlite` or `postgresql`."""
    revision: str
    """The schema's."""
    files: tuple[Path, ...]
    sealed: int
    """How many secrets are in it, sealed with the studio's secret key."""


def take(database: Database, folder: Path, listing: Path) -> Snapshot:
    """Writes the database into files of that folder, and into `listing` what it needs of the store, a line each."""
    if database.path is not None:
        return _take_sqlite(database.path, folder, listing)
    with database.connect().execution_options(isolation_level="REPEATABLE READ") as connection, Session(connection) as session:
        session.execute(sa.text("SET TRANSACTION READ ONLY"))
        index = _index(session)
        raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        for number, table in enumerate(index["tables"]):
            question = sql.SQL("COPY {} ({}) TO STDOUT").format(_named(table), _columns(table))
            with (folder / f"{number:03d}.copy").open("wb") as file, raw.cursor() as cursor, cursor.copy(question) as copy:
                for block in copy:
                    file.write(block)
        (folder / _INDEX).write_text(json.dumps(index))
        return _described(session, "postgresql", folder, listing)


def _take_sqlite(path: Path, folder: Path, listing: Path) -> Snapshot:
    copy = folder / _FILE
    with closing(sqlite3.connect(path, timeout=30)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    database = Database(f"sqlite:///{copy}")
    try:
        snapshot = database.read_now(lambda session: _described(session, "sqlite", folder, listing))
    finally:
        database.close()
    with closing(sqlite3.connect(copy)) as target:
        target.execute("PRAGMA journal_mode=DELETE")  # one file, and nothing beside it
    return snapshot


def _described(session: Session, kind: str, folder: Path, listing: Path) -> Snapshot:
    with listing.open("w", encoding="utf-8") as file:
        for line in _needed(session):
            file.write(f"{json.dumps(line)}\n")
    revision = session.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one()  # noqa: S608 - our own table
    sealed = sum(session.execute(sa.select(sa.func.count()).select_from(each)).scalar_one() for each in (KeyRow, HookRow))
    files = tuple(sorted(each for each in folder.iterdir() if each.suffix in {".sqlite", ".copy", ".json"}))
    return Snapshot(kind, revision, files, sealed)


def _needed(session: Session) -> Iterator[Mapping[str, Any]]:
    after = ""
    while page := assets.every(session, after, _PAGE):
        for asset in page:
            yield {"asset": asset.id}
        after = page[-1].id
    for upload in session.scalars(sa.select(UploadRow).where(UploadRow.asset_id.is_(None))):
        for key, size in upload.metadata_["parts"]:
            yield {"upload": upload.id, "key": key, "size": size}


def _index(session: Session) -> dict[str, Any]:
    here = str(session.execute(sa.text("SELECT current_schema()")).scalar_one())
    which = "schemaname = :log OR (schemaname = :here AND starts_with({}, 'reel_'))"
    names = {"log": _LOG, "here": here}
    found = session.execute(
        sa.text(f"SELECT schemaname, tablename FROM pg_tables WHERE {which.format('tablename')} ORDER BY 1, 2"),  # noqa: S608 - our own words
        names,
    ).all()
    columns = session.execute(
        sa.text(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns "
            "WHERE table_schema IN (:log, :here) AND is_generated = 'NEVER' ORDER BY table_schema, table_name, ordinal_position"
        ),
        names,
    ).all()
    keys = session.execute(
        sa.text(
            "SELECT a.relnamespace::regnamespace::text, a.relname, b.relnamespace::regnamespace::text, b.relname "
            "FROM pg_constraint c JOIN pg_class a ON a.oid = c.conrelid JOIN pg_class b ON b.oid = c.confrelid "
            "WHERE c.contype = 'f'"
        )
    ).all()
    needs = {tuple(table): {(key[2], key[3]) for key in keys if (key[0], key[1]) == tuple(table)} for table in found}
    sequences = session.execute(
        sa.text(
            "SELECT schemaname, sequencename, last_value FROM pg_sequences "  # noqa: S608 - our own words
            f"WHERE last_value IS NOT NULL AND ({which.format('sequencename')})"
        ),
        names,
    ).all()
    return {
        "tables": [
            {
                "schema": "" if schema == here else schema,
                "name": name,
                "columns": [column for of, table, column in columns if (of, table) == (schema, name)],
            }
            for schema, name in _ordered(needs)
        ],
        "sequences": [["" if schema == here else schema, name, value] for schema, name, value in sequences],
    }


def _ordered(needs: Mapping[tuple[Any, ...], set[tuple[Any, Any]]]) -> Iterator[tuple[Any, ...]]:
    """Each table after those that it names."""
    left = dict(needs)
    while left:
        ready = [table for table, others in left.items() if not (others & left.keys()) - {table}]
        if not ready:
            msg = "The tables name each other in a circle."
            raise ConfigurationError(msg)
        yield from ready
        for table in ready:
            del left[table]


def _named(table: Mapping[str, Any]) -> sql.Composable:
    parts = [table["schema"], table["name"]] if table["schema"] else [table["name"]]
    return sql.Identifier(*parts)


def _columns(table: Mapping[str, Any]) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(column) for column in table["columns"])


def needed_asset(database: Database, line: Mapping[str, Any]) -> Asset | None:
    """The asset of a line of the listing, as it is now; None for one that is gone."""
    found = database.read_now(lambda session: assets.look_up(session, line["asset"]))
    return found[0] if found and found[1] else None


def is_empty(database: Database) -> bool:
    """Whether nobody has done anything here yet."""

    def look(session: Session) -> bool:
        used = [sa.exists().select_from(each) for each in (CampaignRow, AssetRow, LedgerRow, KeyRow)]
        used.append(sa.exists().where(UserRow.email.is_not(None)))
        return not session.execute(sa.select(sa.or_(*used))).scalar_one()

    return database.read_now(look)


def check_revision(kind: str, revision: str, database: Database) -> None:
    """Lets pass what can become this database.

    Raises:
        ConfigurationError: it is of the other kind, or of another version.
    """
    if (kind == "sqlite") != database.is_sqlite:
        msg = f"The backup is of a {kind} database, and REELWRIGHT_DATABASE_URL names another kind: name one of that kind."
        raise ConfigurationError(msg)
    if revision > newest():
        msg = "The backup was written by a newer version of Reelwright: use that one, or newer."
        raise ConfigurationError(msg)
    if revision != newest() and not database.is_sqlite:
        msg = f"The backup was written by an older Reelwright (schema {revision}): restore it with that one, then upgrade."
        raise ConfigurationError(msg)


def put_back(database: Database, folder: Path) -> None:
    """Makes the files of that folder the database, all at once or not at all. It is empty, and nobody else works on it."""
    if database.path is not None:
        database.close()
        _put_back_sqlite(folder / _FILE, database.path)
        return
    try:
        _put_back_server(database, folder, json.loads((folder / _INDEX).read_text()))
    except psycopg.DatabaseError as error:
        msg = (
            f"The backup does not fit the tables here ({error.diag.message_primary}): restore it with the version that wrote it."
        )
        raise ConfigurationError(msg) from error


def _put_back_server(database: Database, folder: Path, index: Mapping[str, Any]) -> None:
    with database.connect() as connection, connection.begin():
        raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        with raw.cursor() as cursor:
            tables = sql.SQL(", ").join(_named(table) for table in index["tables"])
            cursor.execute(sql.SQL("TRUNCATE {}").format(tables))
            for number, table in enumerate(index["tables"]):
                with (
                    (folder / f"{number:03d}.copy").open("rb") as file,
                    cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(_named(table), _columns(table))) as copy,
                ):
                    while block := file.read(_BLOCK):
                        copy.write(block)
            for schema, name, value in index["sequences"]:
                place = f'"{schema}"."{name}"' if schema else f'"{name}"'
                cursor.execute("SELECT setval(%s::regclass, %s)", (place, value))
        for statement in (*_LANDED, *_RENUMBERED):
            connection.execute(sa.text(statement))


def forget_uploads(database: Database, is_there: Callable[[str], bool]) -> None:
    """Forgets the long uploads of which a part did not come back: their senders begin again."""

    def forget(session: Session) -> None:
        for upload in session.scalars(sa.select(UploadRow).where(UploadRow.asset_id.is_(None))).all():
            if not all(is_there(key) for key, _ in upload.metadata_["parts"]):
                session.delete(upload)

    database.write_now(forget)


_LANDED = ("UPDATE reel_assets SET is_spooled = false WHERE is_spooled",)
"""A restore puts into the store what was in a spool."""
_RENUMBERED = (
    # Another server counts its transactions from elsewhere. What there is comes before all that will be; who reads events may
    # meet one again, and misses none.
    "UPDATE reel_marks m SET xact = 0, serial = COALESCE((SELECT min(e.serial) - 1 FROM reel_events e "
    "WHERE (e.xact, e.serial) > (m.xact, m.serial)), (SELECT max(serial) FROM reel_events), 0)",
    "UPDATE reel_events SET xact = 0",
)


def _put_back_sqlite(copy: Path, path: Path) -> None:
    with closing(sqlite3.connect(copy)) as target:
        for statement in _LANDED:
            target.execute(statement)
        target.commit()
    descriptor = os.open(copy, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    copy.replace(path)
    sync_folder(path.parent)
