"""Writing files so that they survive a power cut, from an event loop that must not wait for a disk."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

from reelwright.errors import StorageError

P = ParamSpec("P")
T = TypeVar("T")

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs blocking work; when cancelled, waits for its end: a file must not be closed under a running write."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({work})
        if not work.cancelled():
            work.exception()  # marks it as seen
        raise


def refuse(error: OSError, doing: str) -> NoReturn:
    """Raises the error for a person that a failed call of the operating system means."""
    if error.errno in _FULL:
        msg = f"The disk is full: {doing} failed. Free some space and try again."
        raise StorageError(msg) from error
    msg = f"The storage folder does not work: {doing} failed ({error.strerror})."
    raise StorageError(msg) from error


def sync_folder(folder: Path) -> None:
    """Makes names in a folder durable: an fsynced file in a folder that was not may be gone after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: Path) -> None:
    """Makes a folder and those above it, each durable."""
    missing: list[Path] = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(mode=0o700, exist_ok=True)
        sync_folder(new.parent)


def create_locked(path: Path) -> int:
    """A new file, locked for as long as its descriptor is open."""
    while True:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # before it was locked somebody took it for a dead one's and removed it


def write_all(descriptor: int, data: bytes | bytearray) -> None:
    """Writes it all: one `write` may take less than it is given."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


async def finished(work: asyncio.Task[None]) -> bool:
    """Waits for the end of work that cannot be stopped, and says whether it did what it should."""
    while not work.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({work})
    return not work.cancelled() and work.exception() is None


@dataclass
class Upload:
    """One temporary file on its way to a key. Its methods block; one of them runs at a time."""

    path: Path
    descriptor: int = -1
    written: int = 0
    is_visible: bool = False
    """It stands under its key."""

    def open(self, size: int | None) -> None:
        """Makes the file, and room for so many bytes."""
        self.descriptor = create_locked(self.path)
        if size and hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(self.descriptor, 0, size)
            except OSError as error:
                if error.errno in _FULL:  # else: a file system that cannot reserve room; writing will tell
                    raise

    def write(self, block: bytes | bytearray) -> None:
        """Appends to the file."""
        try:
            write_all(self.descriptor, block)
        except OSError as error:
            refuse(error, "writing")
        self.written += len(block)

    def discard(self) -> None:
        """Removes the temporary name; what stands under a key stays. Doing it twice is harmless."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
            self.path.unlink(missing_ok=True)


def remove_if_dead(temporary: Path) -> int:
    """Removes a temporary file that no living upload holds, and says how many that were."""
    try:
        descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another sweeper may have removed this file since it was opened, and a living upload may have the name by now.
        if not os.path.samestat(os.fstat(descriptor), temporary.stat()):
            return 0
        temporary.unlink()
    except (BlockingIOError, FileNotFoundError):
        return 0
    finally:
        os.close(descriptor)
    return 1
