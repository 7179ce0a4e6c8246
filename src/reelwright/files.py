"""Files of this machine that are whole or not there: after a kill, after a power cut, and for whoever looks in between."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from reelwright.errors import DiskFull

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_full(error: BaseException | None) -> bool:
    """Whether there was no room on the disk, be it for this error or for one that led to it."""
    while error is not None:
        if isinstance(error, DiskFull) or (isinstance(error, OSError) and error.errno in _FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def new_file(target: Path) -> Generator[BinaryIO]:
    """A file beside `target` that takes its name, and its place, when the block ends well; else none.

    After the block it outlives the process and the machine's power.
    """
    # A name of its own for every attempt: another process may be writing the same file.
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(target.parent)


def write(path: Path, data: bytes) -> None:
    """Writes a whole file as `new_file` does."""
    with new_file(path) as file:
        file.write(data)


def sha256_of(path: Path) -> str:
    """The digest of a whole file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
