"""The spool: bytes that people sent, on this machine's disk until the store has taken them.

Whatever arrives is first written to a locked file here and looked at. Where the store does not take it then, that file is made
durable and given the name of its key, before the row says that the asset is spooled: so a row that says so is never without
bytes, whenever the process is killed. A moved object is proven in the store before the row says so, and the file goes last.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from reelwright.errors import StorageError
from reelwright.files import make_folders, remove_if_dead, sync_folder
from reelwright.store.files import Upload, in_thread, open_file, refuse
from reelwright.store.objects import Reading

_PART = ".part"
_BLOCK = 1 << 20
_FORGOTTEN = timedelta(days=1)
"""After which a file that belongs to nothing in the database goes: it was never acknowledged."""


class Spool:
    """Files by the key of their asset."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def received(self, chunks: AsyncIterable[bytes], size: int | None = None) -> AsyncGenerator[Upload]:
        """The bytes as a file, which goes with the block unless it was kept. For `size` of them room is made first.

        Raises:
            StorageError: the disk does not take them.
        """
        upload = Upload(self._folder / f"{secrets.token_hex(12)}{_PART}")
        try:
            await in_thread(_begin, upload, size)
            block = bytearray()
            async for chunk in chunks:
                block += chunk
                if len(block) >= _BLOCK:
                    await in_thread(upload.write, block)
                    block = bytearray()
            await in_thread(upload.write, block)
            yield upload
        finally:
            await in_thread(upload.discard)

    async def keep(self, upload: Upload, key: str) -> None:
        """Makes the file durable under the name of its key. The lock on it stays until the block of `received` ends.

        Raises:
            StorageError: the disk does not take it.
        """
        await in_thread(_keep, upload, self.path(key))

    def path(self, key: str) -> Path:
        """Where the bytes of that key lie, if they do. The id of the asset in it makes it the only one of that name."""
        return self._folder / key.rpartition("/")[2]

    async def open(self, key: str, start: int = 0, end: int | None = None) -> Reading:
        """As `ObjectStore.open`."""
        return await open_file(self.path(key), key, start, end)

    def waiting(self) -> list[str]:
        """The names of the files that wait, oldest first. It blocks, for as long as a folder takes to be listed."""
        try:
            with os.scandir(self._folder) as entries:
                found = [(entry.stat().st_mtime, entry.name) for entry in entries if not entry.name.endswith(_PART)]
        except FileNotFoundError:
            return []
        return [name for _, name in sorted(found)]

    @contextmanager
    def claimed(self, key: str) -> Generator[bool]:
        """Whether nobody else, in this process or in another one, moves that file inside the block."""
        try:
            descriptor = os.open(self.path(key), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield False
            return
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(descriptor)

    def remove(self, key: str) -> None:
        """Removes the file, when nobody needs it any more."""
        self.path(key).unlink(missing_ok=True)

    def is_forgotten(self, name: str) -> bool:
        """Whether a file that nothing in the database knows has had its time."""
        try:
            return time.time() - (self._folder / name).stat().st_mtime > _FORGOTTEN.total_seconds()
        except FileNotFoundError:
            return False

    def sweep(self) -> None:
        """Removes what killed processes had not received to the end."""
        for part in self._folder.glob(f"*{_PART}"):
            remove_if_dead(part)


def _begin(upload: Upload, size: int | None) -> None:
    try:
        make_folders(upload.path.parent)
        upload.open(size)
    except OSError as error:
        refuse(error, "receiving a file")


def _keep(upload: Upload, target: Path) -> None:
    try:
        os.fsync(upload.descriptor)
        upload.path.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        msg = "Neither the storage nor the disk of this machine takes the file; try again."
        raise StorageError(msg) from error
