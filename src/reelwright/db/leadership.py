"""Leadership: at most one process at a time runs the workflows of a database.

The lock belongs to the process: the kernel (SQLite: flock on a file beside the database) or the server (PostgreSQL: a session's
advisory lock) gives it back however the process ends, kill -9 included.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError

from reelwright.db.engine import Database
from reelwright.errors import ConfigurationError

_LEADER_LOCK = 4_712_207
"""Key of the PostgreSQL advisory lock."""


class Leadership:
    """Try to `take` it; `give` it back."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file: IO[str] | None = None
        self._connection: sa.Connection | None = None

    @property
    def path(self) -> Path | None:
        """The lock file, beside a SQLite database."""
        path = self._database.path
        return path.with_name(f"{path.name}.leader") if path else None

    def take(self) -> bool:
        """Whether this process leads now. Asking again while it does is True.

        Raises:
            ConfigurationError: the file system knows no locks.
        """
        if self._file is not None or self._connection is not None:
            return True
        return self._take_file(self.path) if self.path else self._take_server()

    def _take_file(self, path: Path) -> bool:
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        except OSError as error:
            file.close()
            msg = f"{path} cannot be locked ({error.strerror}): the database must lie on a file system that knows locks."
            raise ConfigurationError(msg) from error
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        self._file = file
        return True

    def _take_server(self) -> bool:
        try:
            connection = self._database.connect()
        except (InterfaceError, OperationalError):
            return False  # a server that does not answer lets nobody lead
        try:
            is_ours = bool(connection.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": _LEADER_LOCK}).scalar_one())
            connection.commit()
        except BaseException as error:
            connection.invalidate()  # The session ends, and with it whatever it has locked.
            connection.close()
            if isinstance(error, InterfaceError | OperationalError):
                return False
            raise
        if is_ours:
            self._connection = connection
        else:
            connection.close()
        return is_ours

    def is_held(self) -> bool:
        """Whether this process still leads. A server that was started again, or has dropped us, has given the lock away."""
        if self._connection is None:
            return self._file is not None
        try:
            self._connection.execute(sa.text("SELECT 1"))
            self._connection.commit()
        except (InterfaceError, OperationalError):
            return False
        return True

    def leader(self) -> int | None:
        """The process id of who leads, where that is known."""
        try:
            return int(self.path.read_text()) if self.path else None
        except (OSError, ValueError):
            return None

    def give(self) -> None:
        """Lets another process lead."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
