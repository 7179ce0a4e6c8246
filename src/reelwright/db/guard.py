"""The guard of what is stored: whoever copies all of it holds it with others, whoever removes or replaces holds it alone.

Like leadership it is a lock that the kernel or the database server gives back however a process ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError

from reelwright.db.engine import Database
from reelwright.errors import Busy

_KEY = 4_712_208
"""Key of the PostgreSQL advisory lock."""
_PATIENCE = 20.0
"""Seconds that one waits for the others."""
_LOOK = 0.2
_TOLD = "A backup, a purge or a repair is at work on what is stored: try again when it is done."


class Guard:
    """Two ways to hold it; both wait a while for those who hold it otherwise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def shared(self, patience: float = _PATIENCE) -> AsyncGenerator[None]:
        """Inside of the block nothing that an asset's row names is removed.

        Raises:
            Busy: something is just being removed or mended.
        """
        async with self._held(is_alone=False, patience=patience):
            yield

    @asynccontextmanager
    async def alone(self, patience: float = _PATIENCE) -> AsyncGenerator[None]:
        """Inside of the block nobody copies what is removed, and nobody else removes.

        Raises:
            Busy: a backup is just being written, or somebody else removes something.
        """
        async with self._held(is_alone=True, patience=patience):
            yield

    @asynccontextmanager
    async def _held(self, *, is_alone: bool, patience: float) -> AsyncGenerator[None]:
        lock = _Lock(self._database, is_alone=is_alone)
        gives_up = time.monotonic() + patience
        try:
            while not await asyncio.to_thread(lock.take):
                if time.monotonic() > gives_up:
                    raise Busy(_TOLD)
                await asyncio.sleep(_LOOK)
            yield
        finally:
            lock.give()


class _Lock:
    def __init__(self, database: Database, *, is_alone: bool) -> None:
        self._database = database
        self._is_alone = is_alone
        self._descriptor = -1
        self._connection: sa.Connection | None = None

    def take(self) -> bool:
        return self._take_server() if self._database.path is None else self._take_file(self._database.path)

    def _take_file(self, path: Path) -> bool:
        if self._descriptor < 0:
            self._descriptor = os.open(path.with_name(f"{path.name}.guard"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, (fcntl.LOCK_EX if self._is_alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _take_server(self) -> bool:
        if self._connection is None:
            self._connection = self._database.connect()
        function = "pg_try_advisory_lock" if self._is_alone else "pg_try_advisory_lock_shared"
        is_ours = self._connection.execute(sa.text(f"SELECT {function}(:key)"), {"key": _KEY}).scalar_one()
        self._connection.commit()
        return bool(is_ours)

    def give(self) -> None:
        """Lets others have it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        if self._connection is not None:
            with suppress(InterfaceError, OperationalError):
                self._connection.invalidate()  # the session ends, and with it what it has locked
            self._connection.close()
