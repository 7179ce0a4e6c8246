"""Copies: an asset as a file of a person's own, whole or not there at all.

The bytes are written under a temporary name, which is then changed for the wanted one. A process that is killed in between leaves
its temporary file, and the next copy into that folder removes it: writers hold a lock, which the kernel drops with the process.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import AsyncIterable, Iterator
from contextlib import suppress
from pathlib import Path

from reelwright.domain.asset import Asset
from reelwright.errors import Conflict, ContentMismatch
from reelwright.files import create_locked, remove_if_dead
from reelwright.store.files import in_thread

_PREFIX, _SUFFIX = ".reelwright-", ".part"
_READABLE = 0o644
"""The mode of files that are handed over to a person."""
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""Not every file system has hard links."""
_MOST = 10_000
"""So many files of one name may stand beside each other."""


async def copy(asset: Asset, content: AsyncIterable[bytes], target: Path) -> Path:
    """Writes the asset's bytes to `target`, or beside it where that is taken, and returns where they are.

    No existing file is changed. A file that holds these very bytes already, such as one of a life that was killed before it could
    write the next one, is the copy.

    Raises:
        Conflict: too many files have that name.
        ContentMismatch: the store gave other bytes than were kept.
    """
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    await in_thread(_remove_dead_parts, folder)
    known = await in_thread(_find, asset, target)
    if known is not None:
        return known
    part, digest = new_part(folder), hashlib.sha256()
    try:
        # Locked until it has its name: unlocked, it would be taken for a dead one's.
        with os.fdopen(create_locked(part), "wb") as file:
            os.fchmod(file.fileno(), _READABLE)
            async for chunk in content:
                digest.update(chunk)
                file.write(chunk)
            if digest.hexdigest() != asset.sha256:
                msg = f"Asset {asset.id} is damaged in storage: its bytes are not those that were kept."
                raise ContentMismatch(msg)
            file.flush()
            await in_thread(os.fsync, file.fileno())
            return _place(part, target)
    finally:
        part.unlink(missing_ok=True)


def new_part(folder: Path) -> Path:
    """A temporary name in a person's folder. Whatever has one and no living writer is removed with the next copy."""
    return folder / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"


def _remove_dead_parts(folder: Path) -> None:
    for part in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):  # another user's
            remove_if_dead(part)


def _names(target: Path) -> Iterator[Path]:
    """`film.mp4`, `film-2.mp4`, `film-3.mp4`, ..."""
    yield target
    for number in range(2, _MOST):
        yield target.with_name(f"{target.stem}-{number}{target.suffix}")


def _find(asset: Asset, target: Path) -> Path | None:
    """The file that is a copy of the asset, before the first free name."""
    for name in _names(target):
        if not os.path.lexists(name):
            break
        if name.is_file() and name.stat().st_size == asset.bytes:
            with suppress(PermissionError), name.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == asset.sha256:
                    return name
    return None


def _place(part: Path, target: Path) -> Path:
    """Gives the finished file its name, or the next free one."""
    for name in _names(target):
        try:
            os.link(part, name)
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # The name is taken first then, and filled at once.
            try:
                name.touch(exist_ok=False)
            except FileExistsError:
                continue
            part.replace(name)
        return name
    msg = f"{target.parent} holds too many files called {target.stem}."
    raise Conflict(msg)
