"""Objects as plain files in a folder of this machine, durable before they are acknowledged.

```text
<root>/<key>                               the bytes, with nothing around them
<root>/.reelwright/meta/<folder>/.<name>   media type and metadata, JSON
<root>/.reelwright/tmp/                    uploads under way
<root>/.reelwright/lock/                   64 lock files, a key's by its checksum
```

The order of a commit makes every kill harmless: bytes and side-car are fsynced as temporary files; the side-car takes its
place and its folder is fsynced; only then the bytes are linked (which fails if the key is taken) and their folder is
fsynced. A kill in between leaves a temporary file or a side-car without object, which `sweep` removes. Uploads under way
hold a lock on their temporary file, and the kernel drops it with the process, so `sweep` knows the dead from the living.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import time
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from reelwright.errors import StorageError
from reelwright.files import create_locked, make_folders, remove_if_dead, sync_folder, write_all
from reelwright.store.files import Upload, finished, in_thread, open_file, refuse, size_of
from reelwright.store.objects import (
    ObjectHead,
    Reading,
    check_key,
    check_length,
    check_metadata,
    check_prefix,
    check_range,
    missing,
    taken,
)

_MIB = 1 << 20
_BLOCK = 2 * _MIB
"""Bytes handed to a thread at once: below 1 MiB the hand-over costs more than the write."""
_RESERVE = 256 * _MIB
"""Bytes of the disk that an upload of known size leaves free, for the database and everything else."""
_LOCKS = 64


class FolderStore:
    """An `ObjectStore` in a local folder. Several processes may share the folder."""

    def __init__(self, root: Path, *, reserve: int = _RESERVE) -> None:
        """Makes the folder if it is not there.

        Args:
            root: the folder; everything in it belongs to the store.
            reserve: bytes of the disk that an upload of known size must leave free.

        Raises:
            StorageError: the folder cannot be made or written.
        """
        self.root = root.absolute()
        self._reserve = reserve
        own = self.root / ".reelwright"
        self._tmp, self._meta, self._lock = own / "tmp", own / "meta", own / "lock"
        try:
            for folder in (self._tmp, self._meta, self._lock):
                make_folders(folder)
        except OSError as error:
            refuse(error, f"making the folder {self.root}")

    async def put(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        media_type: str,
        metadata: Mapping[str, str],
        size: int | None = None,
    ) -> int:
        """See `ObjectStore.put`."""
        path = self._path(key)
        check_metadata(media_type, metadata)
        upload = Upload(self._tmp / f"{secrets.token_hex(12)}.part")
        try:
            await in_thread(self._begin, upload, key, path, size)
            await self._receive(upload, chunks)
            check_length(upload.written, size)
            side_car = {"media_type": media_type, "metadata": dict(metadata), "size": upload.written}
            await in_thread(self._commit, upload, key, path, side_car)
            await in_thread(upload.discard)
        except BaseException:
            if upload.is_visible:  # the caller will not learn that it worked, so it must not have worked
                await in_thread(self._delete, key, path)
            await in_thread(upload.discard)
            raise
        return upload.written

    async def head(self, key: str) -> ObjectHead:
        """See `ObjectStore.head`."""
        return await in_thread(self._head, key, self._path(key))

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """See `ObjectStore.read`."""
        reading = await self.open(key, start, end)
        async with aclosing(reading.chunks) as chunks:
            async for chunk in chunks:
                yield chunk

    async def open(self, key: str, start: int = 0, end: int | None = None) -> Reading:
        """See `ObjectStore.open`."""
        check_range(start, end)
        return await open_file(self._path(key), key, start, end)

    async def signed_url(self, key: str, lifetime: timedelta) -> str | None:
        """See `ObjectStore.signed_url`: nobody else can ask a folder."""
        check_key(key)
        return None

    async def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        await in_thread(self._delete, key, self._path(key))

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        """See `ObjectStore.keys`."""
        folders = [self.root / check_prefix(prefix)]
        while folders:
            files, below = await in_thread(_list, folders.pop())
            folders += below
            for file in files:
                yield file.relative_to(self.root).as_posix()

    async def sweep(self, older_than: timedelta) -> int:
        """See `ObjectStore.sweep`."""
        before = time.time() - older_than.total_seconds()
        return await in_thread(self._sweep, before)

    def local_path(self, key: str) -> Path | None:
        """See `ObjectStore.local_path`."""
        return self._path(key)

    async def aclose(self) -> None:
        """See `ObjectStore.aclose`: a folder holds nothing open."""

    def free(self) -> int:
        """Bytes that may still be written."""
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize

    async def _receive(self, upload: Upload, chunks: AsyncIterable[bytes]) -> None:
        """Gathers blocks and writes each one in a thread while the next one arrives."""
        writing: asyncio.Task[None] | None = None
        block = bytearray()
        try:
            async for chunk in chunks:
                block += chunk
                if len(block) >= _BLOCK:
                    if writing is not None:
                        await writing
                    writing = asyncio.create_task(in_thread(upload.write, block))
                    block = bytearray()
            if writing is not None:
                await writing
            await in_thread(upload.write, block)
        finally:
            if writing is not None:
                await finished(writing)

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _side_car(self, key: str) -> Path:
        folder, _, name = key.rpartition("/")
        # No part of a key starts with a dot, so a side-car can never stand where a folder has to be.
        return self._meta / folder / f".{name}"

    @contextmanager
    def _locked(self, key: str) -> Generator[None, None, None]:
        """Holds the key against other commits and deletes, in this process and in others."""
        name = f"{zlib.crc32(key.encode()) % _LOCKS:02x}"
        descriptor = os.open(self._lock / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _begin(self, upload: Upload, key: str, path: Path, size: int | None) -> None:
        try:
            if path.exists():
                raise taken(key)
            if size is not None and (free := self.free()) < size + self._reserve:
                msg = (
                    f"Not enough free space: {size // _MIB:,} MiB are to be stored, {free // _MIB:,} MiB are free, and "
                    f"{self._reserve // _MIB:,} MiB must stay free. Free some space and try again."
                )
                raise StorageError(msg)
            upload.open(size)
        except OSError as error:
            refuse(error, f"storing {key}")

    def _commit(self, upload: Upload, key: str, path: Path, side_car: Mapping[str, object]) -> None:
        try:
            os.ftruncate(upload.descriptor, upload.written)
            os.fsync(upload.descriptor)
            make_folders(path.parent)
            with self._locked(key):
                if path.exists():
                    raise taken(key)
                self._place_side_car(key, json.dumps(side_car).encode())
                os.link(upload.path, path)
                upload.is_visible = True
                sync_folder(path.parent)
        except FileExistsError:
            raise taken(key) from None
        except OSError as error:
            refuse(error, f"storing {key}")

    def _place_side_car(self, key: str, content: bytes) -> None:
        place = self._side_car(key)
        make_folders(place.parent)
        temporary = self._tmp / f"{secrets.token_hex(12)}.json"
        descriptor = create_locked(temporary)
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
            temporary.replace(place)
            sync_folder(place.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)

    def _delete(self, key: str, path: Path) -> None:
        try:
            with self._locked(key):
                with suppress(FileNotFoundError, NotADirectoryError):
                    path.unlink()
                    sync_folder(path.parent)
                with suppress(FileNotFoundError, NotADirectoryError):
                    self._side_car(key).unlink()
        except OSError as error:
            refuse(error, f"deleting {key}")

    def _head(self, key: str, path: Path) -> ObjectHead:
        try:
            size = size_of(path, key)
            side_car = json.loads(self._side_car(key).read_bytes())
        except FileNotFoundError:
            raise missing(key) from None
        except (OSError, ValueError) as error:
            msg = f"The description of {key} cannot be read."
            raise StorageError(msg) from error
        return ObjectHead(size, side_car["media_type"], side_car["metadata"])

    def _sweep(self, before: float) -> int:
        try:
            return sum(map(remove_if_dead, _older(self._tmp.iterdir(), before))) + sum(
                map(self._remove_if_orphan, _older(self._meta.rglob(".*"), before))
            )
        except OSError as error:
            refuse(error, "sweeping")

    def _remove_if_orphan(self, side_car: Path) -> int:
        key = side_car.relative_to(self._meta).with_name(side_car.name[1:]).as_posix()
        with self._locked(key):
            if self._path(key).exists():
                return 0
            side_car.unlink(missing_ok=True)
            return 1


def _older(files: Iterator[Path], before: float) -> Iterator[Path]:
    for file in files:
        with suppress(FileNotFoundError):
            if file.stat().st_mtime <= before:
                yield file


def _list(folder: Path) -> tuple[list[Path], list[Path]]:
    """Files and folders in a folder, without the hidden ones; nothing where there is no such folder."""
    files: list[Path] = []
    below: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    (below if entry.is_dir(follow_symlinks=False) else files).append(folder / entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    except OSError as error:
        refuse(error, "listing")
    return files, below
