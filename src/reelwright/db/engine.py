"""The database: one engine, short transactions in threads, migrations that run by themselves.

A function that is given to `read` or `write` is one transaction. Services never commit: leaving the function does, and an
exception undoes all of it. Nothing is awaited inside, so a transaction never outlives a network call.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from reelwright.db.fence import keep_inside
from reelwright.db.migrations import VERSION_TABLE, newest
from reelwright.errors import ConfigurationError, InvalidInput, StorageError

__all__ = ["Database", "IntegrityError", "Session"]

T = TypeVar("T")
event.listen(Session, "do_orm_execute", keep_inside)
_log = structlog.get_logger()
_SERVER_SECONDS = 60.0
"""How long a server that does not answer is waited for by a process that does not have to."""
_SERVER_LOOK = 0.5
_CONNECT_SECONDS = 10
"""How long one attempt to connect to a server may take; `?connect_timeout=` in the URL says otherwise."""
_MIGRATION_LOCK = 4_712_206
"""Key of the PostgreSQL advisory lock under which migrations run, so that two starting processes take turns."""


def _driver_url(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        msg = "REELWRIGHT_DATABASE_URL is not a database URL: use sqlite:////path/to/file or postgresql://user@host/name."
        raise ConfigurationError(msg) from error
    match parsed.get_backend_name():
        case "sqlite":
            return parsed
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            msg = f"REELWRIGHT_DATABASE_URL names {other!r}; allowed are sqlite and postgresql."
            raise ConfigurationError(msg)


def _tune_sqlite(engine: sa.Engine, *, isolation: str | None) -> None:
    # WAL lets readers and one writer work side by side; FULL, because a lost last commit can be a lost job id, and that
    # would be a job paid for twice.
    def on_connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = isolation
        cursor = connection.cursor()
        for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", on_connect)


def _close_what_comes_late(engine: sa.Engine) -> None:
    # A thread may bring a connection back after the end, when no pool keeps it any more: nobody but the collector would close it.
    pool, is_over = engine.pool, Event()

    def on_end(_: sa.Engine) -> None:
        is_over.set()
        pool.dispose()  # what came back between the pool's end and this line

    def on_return(_: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        if is_over.is_set():
            entry.invalidate()

    event.listen(engine, "engine_disposed", on_end)
    event.listen(engine, "checkin", on_return)


class Database:
    """SQLite or PostgreSQL behind one face."""

    def __init__(self, url: str) -> None:
        self.url = _driver_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if not self.url.database or self.url.database == ":memory:":
                msg = "REELWRIGHT_DATABASE_URL must name a file: a database in memory would lose paid work."
                raise ConfigurationError(msg)
            try:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                msg = f"REELWRIGHT_DATABASE_URL: {self.url.database} cannot be made: {error.strerror}."
                raise ConfigurationError(msg) from error
        self.waits_for_room = False
        """Whether a write waits, for as long as it takes, until a full disk has room again: for whoever leads. Others refuse."""
        self.is_full = False
        """Whether a write is waiting for that now."""
        self.waits_for_server = False
        """Whether a server that does not answer is waited for, for as long as it takes: by whoever is at work on productions."""
        self.is_away = False
        """Whether somebody is waiting for the server now."""
        self._engine = self._make_engine(isolation=None)
        if self.is_sqlite:
            event.listen(self._engine, "begin", _begin_sqlite)

    def _make_engine(self, *, isolation: str | None) -> sa.Engine:
        if not self.is_sqlite:
            waits = {} if "connect_timeout" in self.url.query else {"connect_timeout": _CONNECT_SECONDS}
            engine = sa.create_engine(self.url, pool_size=16, max_overflow=0, pool_pre_ping=True, connect_args=waits)
            _close_what_comes_late(engine)
            return engine
        engine = sa.create_engine(self.url, pool_size=16, max_overflow=0, pool_timeout=30)
        _tune_sqlite(engine, isolation=isolation)
        _close_what_comes_late(engine)
        event.listen(engine, "handle_error", _call_full_lost)
        return engine

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    def engine_for_log(self) -> sa.Engine:
        """An engine on the same database for the durable log, which brings its own way to begin transactions."""
        return self._make_engine(isolation="IMMEDIATE" if self.is_sqlite else None)

    def connect(self) -> sa.Connection:
        """A connection of one's own, for what must outlive a transaction."""
        return self._engine.connect()

    async def read(self, query: Callable[[Session], T]) -> T:
        """Runs `query` in a thread, in one read transaction."""
        return await self._patiently(self.read_now, query)

    async def write(self, change: Callable[[Session], T]) -> T:
        """Runs `change` in a thread, in one transaction that is committed when it returns.

        It may run again, so whatever must not happen twice hangs on a compare-and-swap or on a key.

        Raises:
            StorageError: the disk is full, and this process does not wait for room.
        """
        result = await self._patiently(self.write_now, change)
        self.is_full = False
        return result

    async def _patiently(self, run: Callable[[Callable[[Session], T]], T], function: Callable[[Session], T]) -> T:
        """Runs it in a thread. A server that is started again, or has dropped us, is waited for, and so is room on the disk."""
        gives_up = time.monotonic() + (0 if self.is_sqlite else _SERVER_SECONDS)
        while True:
            try:
                result = await asyncio.to_thread(run, function)
            except DataError as error:
                if "NUL" not in str(error.orig):
                    raise
                msg = "A text holds a character that cannot be kept: leave NUL (U+0000) out."
                raise InvalidInput(msg) from error
            except (InterfaceError, OperationalError) as error:
                if _is_full(error.orig):
                    self._expect_room(error)
                elif time.monotonic() > gives_up and not self._expects_server:
                    raise
                else:
                    self._tell_away()
            else:
                self.is_away = False
                return result
            await asyncio.sleep(_SERVER_LOOK)

    @property
    def _expects_server(self) -> bool:
        return self.waits_for_server and not self.is_sqlite

    def _tell_away(self) -> None:
        if not self.is_away:
            self.is_away = True
            _log.warning("database.away", server=self.url.render_as_string(hide_password=True))

    def _expect_room(self, error: Exception) -> None:
        if not self.waits_for_room:
            msg = f"The disk of {self.path} is full, so nothing was written down: free some space and try again."
            raise StorageError(msg) from error
        if not self.is_full:
            self.is_full = True
            _log.warning("database.full", path=str(self.path))

    def read_now(self, query: Callable[[Session], T]) -> T:
        """As `read`, in this thread."""
        with (
            self._engine.connect().execution_options(reelwright_reads=True) as connection,
            Session(connection) as session,
        ):
            return query(session)

    def write_now(self, change: Callable[[Session], T]) -> T:
        """As `write`, in this thread."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            return change(session)

    def migrate(self) -> None:
        """Brings the schema up to date. Doing it twice, or in two processes at once, is harmless.

        Raises:
            ConfigurationError: a newer version of Reelwright has changed the schema already.
        """
        if self.read_now(_revision) == newest():
            return
        # Importing it takes a tenth of a second of a command's start, and almost always there is nothing to do.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "reelwright:db/migrations")
        with self._engine.begin() as connection:
            if not self.is_sqlite:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                msg = "A newer version of Reelwright has changed the database of REELWRIGHT_DATABASE_URL: use that one, or newer."
                raise ConfigurationError(msg) from error

    def ping(self) -> str:
        """The server's or library's version, when it answers.

        Raises:
            ConfigurationError: it does not.
        """
        try:
            with self._engine.connect() as connection:
                question = "SELECT sqlite_version()" if self.is_sqlite else "SHOW server_version"
                return str(connection.execute(sa.text(question)).scalar_one())
        except DatabaseError as error:
            lost = "does not answer; check that it runs and that the URL is right"
            how = f"cannot be used: {self.path}: {error.orig}" if self.is_sqlite else lost
            msg = f"The database of REELWRIGHT_DATABASE_URL {how}."
            raise ConfigurationError(msg) from error

    def close(self) -> None:
        """Closes every connection."""
        self._engine.dispose()


def _revision(session: Session) -> str | None:
    """The schema's revision; None where there is no schema yet."""
    if not sa.inspect(session.connection()).has_table(VERSION_TABLE):
        return None
    return session.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - our own table


def _is_full(error: BaseException | None) -> bool:
    """Whether SQLite found no room on the disk, which passes as soon as somebody frees some."""
    codes = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) in codes


def _call_full_lost(context: sa.ExceptionContext) -> None:
    # The durable log goes on after a lost connection, and gives a run up for any other error.
    if _is_full(context.original_exception):
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that may write takes the write lock at once: a check and the change that relies on it are then one.
    is_reading = connection.get_execution_options().get("reelwright_reads", False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")
