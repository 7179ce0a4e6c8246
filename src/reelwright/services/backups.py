"""Backups: the whole studio in one file, as it was at one moment, written while it is at work.

First the database, then what it names: objects are written once and only a purge or a repair removes them, and both wait as long
as a backup holds the guard. The file has its name when every byte of it was read again and compared, and not before.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

from reelwright import __version__
from reelwright.db import snapshots
from reelwright.db.engine import Database
from reelwright.db.fence import unfenced
from reelwright.db.guard import Guard
from reelwright.db.snapshots import Snapshot
from reelwright.domain.asset import Asset
from reelwright.errors import InvalidInput, ReelwrightError
from reelwright.files import create_locked, remove_if_dead, sync_folder
from reelwright.services import archives
from reelwright.services.archives import DATABASE, FORM, HEADER, HOME, OBJECTS, Contents, Writing
from reelwright.services.assets import Assets
from reelwright.services.data_folder import WORK
from reelwright.services.sealing import FILE as SECRET
from reelwright.store.files import in_thread
from reelwright.store.objects import ObjectStore

_FOLDERS = ("providers", "cards")
"""Of the data folder: receipts and outputs of providers that work on this machine, and cards that a person has written."""
_SETTINGS = "reelwright.toml"
"""May hold secrets, so it goes with those."""


@dataclass
class Written:
    """What a backup holds."""

    path: Path
    files: int = 0
    bytes: int = 0
    sealed: int = 0
    """Secrets in the database, sealed with the studio's secret key."""
    has_secrets: bool = False
    """The secret key itself is in the file."""
    missing: dict[str, str] = field(default_factory=dict[str, str])
    """Assets that are not in it, because they were lost or damaged before: why, by id."""


class Backups:
    """Writes them."""

    def __init__(
        self, database: Database, store: ObjectStore, assets: Assets, guard: Guard, *, home: Path, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._store = store
        self._assets = assets
        self._guard = guard
        self._home = home
        self._now = now

    async def write(self, target: Path, *, with_secrets: bool, on_progress: Callable[[Written], None] | None = None) -> Written:
        """Writes a backup to that place, for nobody else to read, and proves it.

        Args:
            target: a new file.
            with_secrets: also the studio's secret key and its settings: whoever has the file then has the vendors' keys.
            on_progress: is called after every file.

        Raises:
            Busy: something is being purged or mended.
            InvalidInput: the target is there already, or its folder is not.
        """
        _check_new(target)
        done = Written(target, has_secrets=with_secrets and _exists(self._home / SECRET))
        with (
            unfenced(),
            TemporaryDirectory(dir=self._home / WORK, prefix=f"copy-{os.getpid()}-") as folder,
            _new_file(target) as (part, descriptor),
        ):
            async with self._guard.shared():
                await self._write(Path(folder), descriptor, done, with_secrets=with_secrets, on_progress=on_progress)
            contents = await asyncio.to_thread(archives.check, part)
            done.files, done.bytes = len(contents.entries), contents.bytes
        return done

    async def _write(
        self, folder: Path, descriptor: int, done: Written, *, with_secrets: bool, on_progress: Callable[[Written], None] | None
    ) -> None:
        tables, listing = folder / "database", folder / "listing"
        tables.mkdir()
        # Receipts of this machine's providers go away when their output is home: so both those from before and those from after.
        before, after = folder / "before", folder / "after"
        await in_thread(self._link, before)
        snapshot = await in_thread(snapshots.take, self._database, tables, listing)
        await in_thread(self._link, after)
        done.sealed = snapshot.sealed
        with os.fdopen(descriptor, "w+b", closefd=False) as file:
            writing = Writing(file)

            def told() -> None:
                done.files, done.bytes = len(writing.entries), sum(each.size for each in writing.entries[-1:]) + done.bytes
                if on_progress is not None:
                    on_progress(done)

            await writing.add_bytes(HEADER, json.dumps(self._header(snapshot, done)).encode())
            await self._write_home(writing, before, after, with_secrets=with_secrets)
            for each in snapshot.files:
                await writing.add_file(f"{DATABASE}{each.name}", each)
                told()
            with listing.open(encoding="utf-8") as lines:
                for line in lines:
                    await self._write_object(writing, json.loads(line), done)
                    told()
            writing.end()
            file.flush()
            await in_thread(os.fsync, file.fileno())

    def _header(self, snapshot: Snapshot, done: Written) -> dict[str, Any]:
        return {
            "form": FORM,
            "version": __version__,
            "at": self._now().isoformat(),
            "database": snapshot.kind,
            "revision": snapshot.revision,
            "sealed": snapshot.sealed,
            "has_secrets": done.has_secrets,
        }

    def _link(self, folder: Path) -> None:
        """The files of the data folder as they are now; they are never changed, only replaced and removed."""
        for name in _FOLDERS:
            for path in sorted((self._home / name).rglob("*")):
                target = folder / path.relative_to(self._home)
                with suppress(FileNotFoundError):
                    if path.is_file() and not path.is_symlink() and path.suffix != ".part":
                        target.parent.mkdir(parents=True, exist_ok=True)
                        try:
                            target.hardlink_to(path)
                        except PermissionError:
                            shutil.copyfile(path, target)

    async def _write_home(self, writing: Writing, before: Path, after: Path, *, with_secrets: bool) -> None:
        found = {path.relative_to(root): path for root in (before, after) for path in sorted(root.rglob("*")) if path.is_file()}
        if with_secrets:
            found |= {Path(name): path for name in (SECRET, _SETTINGS) if (path := self._home / name).exists()}
        for name, path in found.items():
            await writing.add_file(f"{HOME}{name.as_posix()}", path)

    async def _write_object(self, writing: Writing, line: dict[str, Any], done: Written) -> None:
        if "upload" in line:
            # The parts of one that has ended meanwhile are gone: a restore forgets it, and its sender begins again.
            with suppress(ReelwrightError):
                key = line["key"]
                await writing.add(f"{OBJECTS}{key}", line["size"], self._store.read(key), _facts("application/octet-stream"))
            return
        asset = await in_thread(snapshots.needed_asset, self._database, line)
        if asset is None:
            return  # a thumbnail that was made anew: nothing else goes while the guard is held
        facts = _facts(asset.media_type, user=asset.user_id, campaign=asset.campaign_id, asset=asset.id)
        try:
            await writing.add(f"{OBJECTS}{asset.key}", asset.bytes, self._chunks(asset), facts, asset.sha256)
        except ReelwrightError as error:
            done.missing[asset.id] = error.message

    async def _chunks(self, asset: Asset) -> AsyncIterator[bytes]:
        async with aclosing((await self._assets.open(asset)).chunks) as chunks:
            async for chunk in chunks:
                yield chunk


def _facts(media_type: str, **metadata: str) -> dict[str, Any]:
    """What the store is told of an object when it comes back."""
    return {"media_type": media_type, "metadata": metadata}


def _exists(path: Path) -> bool:
    return path.exists()


def _check_new(target: Path) -> None:
    if target.exists() or not target.absolute().parent.is_dir():
        msg = f"{target} must be a new file in a folder that is there; nothing is ever overwritten."
        raise InvalidInput(msg)


@contextmanager
def _new_file(target: Path) -> Generator[tuple[Path, int]]:
    """A file that only we can read, beside the target, which takes its name when the block ends well. Dead ones are removed."""
    for left in target.parent.glob(f".{target.name}.*.part"):
        remove_if_dead(left)
    part = target.with_name(f".{target.name}.{token_hex(4)}.part")
    lock = create_locked(part)
    descriptor = os.open(part, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield part, descriptor
        part.rename(target)
        sync_folder(target.absolute().parent)
    finally:
        part.unlink(missing_ok=True)
        os.close(descriptor)
        os.close(lock)


def read(path: Path) -> Contents:
    """What a backup holds, after every byte of it was compared. It blocks.

    Raises:
        InvalidInput: it is none, is cut off, or was changed.
    """
    if not path.is_file():
        msg = f"There is no file {path}."
        raise InvalidInput(msg)
    return archives.check(path)
