"""Moves: everything from one store into another one, under the same keys, proven there by its digest.

Rows stay as they are, because keys do: once everything is there, only the setting changes. A move may be killed and begun again;
what was proven is written down, and what was only copied is proven then. It may run while the studio is at work, and once more,
for what came meanwhile, after the studio has stopped.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from reelwright.db import assets
from reelwright.db.engine import Database
from reelwright.errors import ContentMismatch, NotFound, ObjectExists, ReelwrightError, StorageError
from reelwright.services.uploads import PARTS
from reelwright.store.files import in_thread
from reelwright.store.objects import ObjectStore

_PAGE = 200
_AT_ONCE = 4


@dataclass(frozen=True)
class _Thing:
    """What is to be copied."""

    key: str
    size: int | None = None
    sha256: str = ""
    """Empty for the parts of long uploads, of which no row tells."""


@dataclass
class Progress:
    """How far it is."""

    total: int
    """Objects."""
    total_bytes: int
    copied: int = 0
    known: int = 0
    """Those that were there already."""
    bytes: int = 0
    """Of both."""
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Why, by key."""


class Moves:
    """Copies and proves."""

    def __init__(self, database: Database, *, folder: Path) -> None:
        """`folder` is where it is written down what was proven."""
        self._database = database
        self._folder = folder

    async def move(
        self, source: ObjectStore, target: ObjectStore, name: str, on_progress: Callable[[Progress], None] | None = None
    ) -> Progress:
        """Copies what the target does not have, and answers what was done. What cannot be copied is told, and the rest goes on.

        Args:
            source: where everything is now.
            target: where it shall be.
            name: of this move, for what is written down: the same for the same two stores.
            on_progress: is called after every object.

        Raises:
            StorageError: one of the stores does not answer at all.
        """
        count, size = await self._database.read(assets.sum_stored)
        progress = Progress(count, size)
        journal = _Journal(self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.txt")
        await in_thread(journal.open)
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(thing: _Thing) -> None:
            async with places:
                try:
                    await _copy(source, target, thing, journal, progress)
                except ReelwrightError as error:
                    progress.failed[thing.key] = error.message
                if on_progress is not None:
                    on_progress(progress)

        try:
            async for page in self._pages(source):
                async with asyncio.TaskGroup() as group:
                    for thing in page:
                        group.create_task(one(thing))
        finally:
            journal.close()
        return progress

    async def _pages(self, source: ObjectStore) -> AsyncIterator[list[_Thing]]:
        after = ""
        while page := await self._database.read(lambda session, after=after: assets.stored(session, after, _PAGE)):
            yield [_Thing(each.key, each.bytes, each.sha256) for each in page]
            after = page[-1].id
        parts = [key async for key in source.keys(PARTS)]
        for start in range(0, len(parts), _PAGE):
            yield [_Thing(key) for key in parts[start : start + _PAGE]]


async def _copy(source: ObjectStore, target: ObjectStore, thing: _Thing, journal: _Journal, progress: Progress) -> None:
    try:
        size: int | None = (await target.head(thing.key)).size
    except NotFound:
        size = None
    is_there = size is not None and thing.size in {None, size}
    if size is None or not is_there or (thing.key not in journal and not await _is_proven(source, target, thing)):
        if size is not None:
            await target.delete(thing.key)
        await _put(source, target, thing)
        progress.copied += 1
    else:
        progress.known += 1
    progress.bytes += thing.size or 0
    await in_thread(journal.add, thing.key)


async def _put(source: ObjectStore, target: ObjectStore, thing: _Thing) -> None:
    """Copies one object. Bytes that are not those of its row never become visible."""
    try:
        head = await source.head(thing.key)
    except NotFound as error:
        msg = "It is missing where everything is now; `reelwright verify` tells more."
        raise StorageError(msg) from error
    digest = hashlib.sha256()

    async def checked() -> AsyncIterator[bytes]:
        async for chunk in source.read(thing.key):
            digest.update(chunk)
            yield chunk
        if thing.sha256 not in {"", digest.hexdigest()}:
            msg = "It is damaged where everything is now: its bytes are not those that were kept."
            raise ContentMismatch(msg)

    with suppress(ObjectExists):  # another run was faster; it is proven below like our own
        await target.put(thing.key, checked(), media_type=head.media_type, metadata=head.metadata, size=head.size)
    found = await _digest_of(target, thing.key)
    if found != (thing.sha256 or digest.hexdigest()):
        await target.delete(thing.key)
        msg = "The new storage gave back other bytes than it was given; the object was removed there."
        raise StorageError(msg)


async def _is_proven(source: ObjectStore, target: ObjectStore, thing: _Thing) -> bool:
    """Whether what lies in the target is what it should be: for what an earlier run had copied and not yet proven."""
    wanted = thing.sha256 or await _digest_of(source, thing.key)
    return await _digest_of(target, thing.key) == wanted


async def _digest_of(store: ObjectStore, key: str) -> str:
    digest = hashlib.sha256()
    async for chunk in store.read(key):
        digest.update(chunk)
    return digest.hexdigest()


class _Journal:
    """The keys that were proven, a line each. A line that is lost with the power costs one more reading."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[str] = set()

    def open(self) -> None:
        """Reads what an earlier run has written."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a+", encoding="utf-8")
        self._file.seek(0)
        self._known = set(self._file.read().splitlines())

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def add(self, key: str) -> None:
        """Writes one more down."""
        if key not in self._known:
            self._known.add(key)
            self._file.write(f"{key}\n")
            self._file.flush()

    def close(self) -> None:
        """Done."""
        self._file.close()
