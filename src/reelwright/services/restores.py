"""Restores: a backup becomes a studio again, in a place where there is none.

The objects come first and the database last, in one step: until then there is no studio, and whatever interrupts a restore, it
can be done again. A mark in the data folder lets nobody open it in between.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from tarfile import TarFile, TarInfo
from tempfile import TemporaryDirectory

from reelwright.db import snapshots
from reelwright.db.engine import Database
from reelwright.db.leadership import Leadership
from reelwright.errors import Busy, Conflict, InvalidInput, ObjectExists, StorageError
from reelwright.files import make_folders, sync_folder, write
from reelwright.services import archives, backups
from reelwright.services.archives import DATABASE, HOME, OBJECTS, Contents, Entry
from reelwright.services.data_folder import RESTORING, WORK
from reelwright.services.sealing import FILE as SECRET
from reelwright.store.files import in_thread
from reelwright.store.objects import ObjectStore

_BLOCK = 1 << 20


@dataclass
class Restored:
    """How far it is, and what came back."""

    total: int
    """Files in the backup."""
    total_bytes: int
    files: int = 0
    bytes: int = 0
    needs_key: bool = False
    """Secrets in it are sealed with a secret key that is neither in the backup nor here."""


class Restores:
    """Puts a backup into an empty studio, whose database is migrated and whose data folder is there."""

    def __init__(self, database: Database, store: ObjectStore, *, home: Path, has_key: bool) -> None:
        """`has_key` says whether REELWRIGHT_SECRET_KEY is set."""
        self._database = database
        self._store = store
        self._home = home
        self._has_key = has_key

    async def restore(self, path: Path, on_progress: Callable[[Restored], None] | None = None) -> Restored:
        """Reads the backup twice: to prove it, and to put it back.

        Raises:
            Busy: a process works on this data folder.
            ConfigurationError: the backup is of another kind of database, or of another version.
            Conflict: there is a studio here already.
            InvalidInput: the backup is not whole.
            StorageError: the store does not take an object, or has another one under its key.
        """
        leadership = Leadership(self._database)
        if not leadership.take():
            msg = "A process works on this studio: stop it, and restore into an empty one."
            raise Busy(msg)
        try:
            if not await asyncio.to_thread(snapshots.is_empty, self._database):
                msg = "There is a studio here already: restore into an empty data folder, with a database of its own."
                raise Conflict(msg)
            contents = await asyncio.to_thread(backups.read, path)
            snapshots.check_revision(str(contents.header["database"]), str(contents.header["revision"]), self._database)
            return await self._put_back(path, contents, on_progress)
        finally:
            leadership.give()

    async def aclose(self) -> None:
        """Gives the store's connections back."""
        await self._store.aclose()

    async def _put_back(self, path: Path, contents: Contents, on_progress: Callable[[Restored], None] | None) -> Restored:
        done = Restored(len(contents.entries), contents.bytes)
        mark = self._home / RESTORING
        await in_thread(write, mark, f"{path}\n".encode())
        with TemporaryDirectory(dir=self._home / WORK, prefix=f"copy-{os.getpid()}-") as folder:
            tables = Path(folder)
            with archives.reading(path) as tar:
                while (member := await in_thread(tar.next)) is not None:
                    if member.name in contents.entries:
                        await self._place(tar, member, contents.entries[member.name], tables)
                        done.files, done.bytes = done.files + 1, done.bytes + member.size
                        if on_progress is not None:
                            on_progress(done)
            await in_thread(snapshots.put_back, self._database, tables)
            await in_thread(self._database.migrate)
            await in_thread(snapshots.forget_uploads, self._database, lambda key: f"{OBJECTS}{key}" in contents.entries)
        mark.unlink()
        sync_folder(self._home)
        is_here = self._has_key or (self._home / SECRET).exists()
        done.needs_key = bool(contents.header["sealed"]) and not is_here
        return done

    async def _place(self, tar: TarFile, member: TarInfo, entry: Entry, tables: Path) -> None:
        file = tar.extractfile(member)
        if file is None:
            msg = f"The backup holds {member.name}, which is no file."
            raise InvalidInput(msg)
        chunks = archives.blocks_of(file)
        if member.name.startswith(OBJECTS):
            await self._put_object(member.name.removeprefix(OBJECTS), entry, chunks)
        elif member.name.startswith(DATABASE):
            await _write(tables / member.name.removeprefix(DATABASE), chunks)
        elif member.name.startswith(HOME):
            target = self._home / member.name.removeprefix(HOME)
            await in_thread(make_folders, target.parent)
            await _write(target, chunks)

    async def _put_object(self, key: str, entry: Entry, chunks: AsyncIterator[bytes]) -> None:
        facts = entry.facts
        try:
            await self._store.put(key, chunks, media_type=facts["media_type"], metadata=facts["metadata"], size=entry.size)
        except ObjectExists as error:  # an earlier restore that was interrupted has put it there
            if await archives.digest_of(self._store.read(key)) != entry.sha256:
                msg = f"The storage has another object under {key}: restore into a storage of its own."
                raise StorageError(msg) from error


async def _write(target: Path, chunks: AsyncIterator[bytes]) -> None:
    """A file of the data folder, for nobody else to read."""
    part = target.with_name(f".{target.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        async for chunk in chunks:
            await in_thread(file.write, chunk)
        file.flush()
        await in_thread(os.fsync, file.fileno())
    part.replace(target)
