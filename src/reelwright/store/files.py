"""Writing files so that they survive a power cut, from an event loop that must not wait for a disk."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

from reelwright.errors import DiskFull, StorageError
from reelwright.files import create_locked, is_full, write_all
from reelwright.store.objects import Reading, missing

P = ParamSpec("P")
T = TypeVar("T")

_NOT_NOW = frozenset({errno.EAGAIN, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})
"""It is on the disk only; or this file system cannot tell."""
_BLOCK = 1 << 18
"""Bytes that are read at once."""


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
    if is_full(error):
        msg = f"The disk is full: {doing} failed. Free some space and try again."
        raise DiskFull(msg) from error
    msg = f"The storage folder does not work: {doing} failed ({error.strerror})."
    raise StorageError(msg) from error


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
                if is_full(error):  # else: a file system that cannot reserve room; writing will tell
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


def size_of(path: Path, key: str) -> int:
    """Bytes of the file that holds an object.

    Raises:
        NotFound: there is none.
        StorageError: the operating system does not say.
    """
    descriptor = _open(path, key)
    try:
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


async def open_file(path: Path, key: str, start: int = 0, end: int | None = None) -> Reading:
    """Reads the file that holds an object, from `start` up to `end`.

    Raises:
        NotFound: there is none.
        StorageError: it cannot be read.
    """
    descriptor = await in_thread(_open, path, key)
    chunks = _blocks(descriptor, key, start, end)
    await anext(chunks)  # from here on it closes the file, however it ends
    return Reading(os.fstat(descriptor).st_size, chunks)


async def _blocks(descriptor: int, key: str, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
    """First nothing, then the bytes."""
    try:
        yield b""
        while end is None or start < end:
            count = _BLOCK if end is None else min(_BLOCK, end - start)
            await asyncio.sleep(0)  # who reads fast from memory must not keep the others waiting
            try:
                block = _read_cached(descriptor, count, start) or await in_thread(os.pread, descriptor, count, start)
            except OSError as error:
                refuse(error, f"reading {key}")
            if not block:
                return
            start += len(block)
            yield block
    finally:
        os.close(descriptor)


def _read_cached(descriptor: int, count: int, start: int) -> bytes:
    """What the system has in memory, or nothing: for that much the way to a thread and back takes longer than the reading."""
    if not hasattr(os, "RWF_NOWAIT"):
        return b""
    room = bytearray(count)
    try:
        return bytes(memoryview(room)[: os.preadv(descriptor, [room], start, os.RWF_NOWAIT)])
    except OSError as error:
        if error.errno in _NOT_NOW:
            return b""
        raise


def _open(path: Path, key: str) -> int:
    try:
        if not path.is_file():
            raise missing(key)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise missing(key) from None
    except OSError as error:
        refuse(error, f"reading {key}")
