"""Assets: bytes from a temporary URL, or from this machine, to a verified object with a row.

The commit point is the row, not the object: every attempt has a key of its own that is written down before the first byte, and
only the transaction that records the fact (a take kept, a film rendered) turns the attempt into an asset.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from reelwright.db import assets, campaigns
from reelwright.db.engine import Database, Session
from reelwright.domain.asset import Asset, AssetKind, key_for
from reelwright.domain.generation import Output
from reelwright.domain.ids import AssetId, TakeId
from reelwright.errors import ContentMismatch, InvalidMedia, NotFound, ObjectExists, StorageError
from reelwright.media.facts import Probe
from reelwright.media.front import examine
from reelwright.media.sniff import check_declared
from reelwright.media.workers import Workers
from reelwright.net import Net
from reelwright.services.copies import copy
from reelwright.services.sources import Begun, Purpose, Source, media_type_by_name, read_file
from reelwright.services.spool import Spool
from reelwright.store.objects import ObjectStore, Reading

_log = structlog.get_logger()

_LIMIT = 16 << 30
"""The largest output that we take, in bytes."""
_REQUEST_TIME = timedelta(hours=6)
"""How long what somebody sends, or a thumbnail, may take to be stored: those who do that need not lead."""
_PATIENCE = 15.0
"""Seconds that a person who has sent a file waits for the store, and a second more for each of so many bytes:"""
_SLOWEST = 4 << 20


class Assets:
    """Puts bytes into the store and proves that they are what they should be."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        net: Net,
        workers: Workers,
        spool: Spool,
        lookers: Workers,
        *,
        folder: Path,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._database = database
        self._store = store
        self._net = net
        self._workers = workers
        self._spool = spool
        self._lookers = lookers
        self._folder = folder
        self._now = now
        self._new_id = new_id

    async def ingest(
        self,
        output: Output,
        purpose: Purpose,
        *,
        refresh: Callable[[], Awaitable[str]],
        trusted_origins: Callable[[], frozenset[str]],
        headers: Callable[[str], Mapping[str, str]] | None = None,
    ) -> Asset:
        """Streams a provider's output into the store and verifies it. The caller makes the attempt an asset.

        Memory is constant whatever the size. Done again after a crash it starts over under a new key and removes the old try.

        Raises:
            DownloadError: the provider does not give the bytes.
            InvalidMedia: they are not the media that they should be; nothing stays stored.
            StorageError: the store does not take them.
        """
        download = self._net.download(output.url, refresh=refresh, headers=headers, limit=_LIMIT, trusted_origins=trusted_origins)
        async with download:
            size = output.size if output.size is not None else download.length
            source = Source(download, expected=replace(output, size=size), hashed=lambda: download.sha256)
            await source.open()
            return await self._keep(source, purpose)

    async def keep_file(self, path: Path, purpose: Purpose) -> Asset:
        """Stores a file of this machine, as `ingest` does with a URL."""
        source = Source(read_file(path), expected=Output(""), media_type=media_type_by_name(path))
        await source.open()
        return await self._keep(source, purpose)

    async def keep_bytes(self, content: bytes, purpose: Purpose, media_type: str = "") -> Asset:
        """Stores bytes, as `ingest` does with a URL; text needs its media type said."""

        async def once() -> AsyncIterator[bytes]:
            yield content

        source = Source(once(), expected=Output("", size=len(content)), media_type=media_type)
        await source.open()
        return await self._keep(source, purpose)

    async def adopt(self, asset: Asset) -> Asset:
        """Makes a stored attempt an asset, for bytes that are a fact by themselves: uploads and the files of a film.

        Raises:
            StorageError: somebody cleaned it up in between.
        """
        if not await self._database.write(lambda session: assets.make_ready(session, asset)):
            msg = "Somebody cleaned up what was being stored; try again."
            raise StorageError(msg)
        return asset

    async def keep_upload(
        self, chunks: AsyncIterable[bytes], purpose: Purpose, *, declared: str = "", size: int | None = None
    ) -> tuple[Asset, bool]:
        """Keeps what a person sent, and answers the asset and whether it still lies in the spool of this machine.

        The bytes are looked at, in a worker, before the store sees them. The same bytes sent again for the same campaign answer
        the same asset, which comes out of the trash with that. Where the store does not take them they are an asset all the same:
        the spool has them, and they move as soon as the store answers.

        Args:
            chunks: the bytes; what they raise comes through, and nothing is kept then.
            purpose: whose and what for; its campaign exists.
            declared: the media type that the sender says it is; another one is refused.
            size: how many bytes were announced.

        Raises:
            InvalidMedia: it is not media that we keep, not what was declared, or damaged.
            NotFound: there is no such campaign.
            StorageError: neither the store nor this machine takes it.
        """
        source = Source(chunks, expected=Output("", size=size))
        await source.open()
        check_declared(declared, source.media_type)
        purpose.check(source.media_type)
        async with self._spool.received(source.checked(), size) as upload:
            _, probe = await self._lookers.run(examine, str(upload.path), True)  # noqa: FBT003 - by position, see `examine`
            known = await self._database.read(lambda session: _twin(session, purpose, source.sha256))
            if known is None:
                asset = self._described(await self._begin(purpose, source.media_type), purpose, source, probe)
                if not await self._is_stored(asset, upload.path):
                    await self._spool.keep(upload, asset.key)
                    asset = replace(asset, is_spooled=True)
                known = await self._database.write(lambda session: _adopt_or_find(session, asset))
                if known.id != asset.id:
                    with suppress(StorageError):  # a sweep will find it
                        await self._remove_attempt(asset.id, asset.key)
        return await self._out_of_trash(known), known.is_spooled

    async def _out_of_trash(self, asset: Asset) -> Asset:
        if asset.trashed_at is None:
            return asset
        await self._database.write(lambda session: assets.put_in_trash(session, asset.id, None))
        return replace(asset, trashed_at=None)

    async def _is_stored(self, asset: Asset, path: Path) -> bool:
        """Whether the store has taken the file, and gives it back as it was, within the time that somebody waits."""
        try:
            async with asyncio.timeout(_PATIENCE + asset.bytes / _SLOWEST):
                await self.store_file(asset, path)
        except (TimeoutError, StorageError, NotFound) as error:
            _log.warning("upload.spooled", asset=asset.id, reason=str(error) or "no answer in time")
            return False
        return True

    async def store_file(self, asset: Asset, path: Path) -> None:
        """Puts a file under the asset's key, and proves that it is there. What an earlier try left there is used, or replaced.

        Raises:
            StorageError: the store does not take it, or gives other bytes back.
            NotFound: the store does not give it back.
        """
        for _ in range(2):
            with suppress(ObjectExists):
                metadata = {"user": asset.user_id, "campaign": asset.campaign_id, "asset": asset.id}
                await self._store.put(
                    asset.key, read_file(path), media_type=asset.media_type, metadata=metadata, size=asset.bytes
                )
            async with self.file_of_key(asset.key) as stored:
                sha256, _ = await self._lookers.run(examine, str(stored), False)  # noqa: FBT003 - by position, see `examine`
            if sha256 == asset.sha256:
                return
            await self._store.delete(asset.key)
        msg = "The store gave back other bytes than it was given; the object was removed, try again."
        raise StorageError(msg)

    async def _keep(self, source: Source, purpose: Purpose) -> Asset:
        if purpose.is_alone:
            await self.forget_attempts(purpose.maker, purpose.kind)
        purpose.check(source.media_type)
        begun = await self._begin(purpose, source.media_type)
        metadata = {"user": purpose.user, "campaign": purpose.campaign, "maker": purpose.maker, "asset": begun.id}
        await self._store.put(begun.key, source.checked(), media_type=source.media_type, metadata=metadata, size=source.size)
        try:
            probe = await self._verify(begun.key, source, self._workers if purpose.is_alone else self._lookers)
        except (InvalidMedia, ContentMismatch, StorageError):
            await self._remove_attempt(begun.id, begun.key)
            raise
        return self._described(begun, purpose, source, probe)

    async def _begin(self, purpose: Purpose, media_type: str) -> Begun:
        """Writes down where an object is going to be, before there is any."""
        asset_id, at = AssetId(self._new_id("asset")), self._now()
        key = key_for(purpose.user, purpose.campaign, purpose.kind, purpose.name, asset_id, media_type)
        await self._database.write(
            lambda session: assets.open_attempt(
                session,
                asset_id,
                user=purpose.user,
                campaign=purpose.campaign,
                kind=purpose.kind,
                key=key,
                maker=purpose.maker,
                at=at,
            )
        )
        return Begun(asset_id, key, at)

    def _described(self, begun: Begun, purpose: Purpose, source: Source, probe: Probe | None) -> Asset:
        return Asset(
            id=begun.id,
            user_id=purpose.user,
            campaign_id=purpose.campaign,
            kind=purpose.kind,
            key=begun.key,
            bytes=source.count,
            sha256=source.sha256,
            media_type=source.media_type,
            created_at=begun.at,
            size=probe.size if probe else None,
            seconds=probe.seconds if probe else None,
            take_id=TakeId(purpose.maker) if purpose.maker.startswith("take_") else None,
            provenance=purpose.provenance,
        )

    async def _verify(self, key: str, source: Source, workers: Workers) -> Probe | None:
        """Reads the object back from the store, compares its digest and decodes all of it."""
        is_media = source.media_type.partition("/")[0] in {"image", "video", "audio"}
        async with self.file_of_key(key) as path:
            sha256, probe = await workers.run(examine, str(path), is_media)
        if sha256 != source.sha256:
            msg = "The store gave back other bytes than it was given; the object was removed, try again."
            raise StorageError(msg)
        return probe

    @asynccontextmanager
    async def file_of(self, asset: Asset) -> AsyncGenerator[Path]:
        """As `file_of_key`, also where the store has not taken it yet."""
        if not asset.is_spooled:
            async with self.file_of_key(asset.key) as path:
                yield path
            return
        with TemporaryDirectory(dir=self._folder, prefix=f"copy-{os.getpid()}-") as folder:
            link = Path(folder) / Path(asset.key).name
            with suppress(FileNotFoundError):
                link.hardlink_to(self._spool.path(asset.key))  # the file itself goes as soon as the store has it
            if link.exists():
                yield link
                return
        async with self.file_of_key(asset.key) as path:
            yield path

    @asynccontextmanager
    async def file_of_key(self, key: str) -> AsyncGenerator[Path]:
        """The object as a file on this machine: in place where it is one, else a copy that goes with the block."""
        path = self._store.local_path(key)
        if path is not None:
            yield path
            return
        with TemporaryDirectory(dir=self._folder, prefix=f"copy-{os.getpid()}-") as folder:
            copy = Path(folder) / Path(key).name
            with copy.open("wb") as file:
                async for chunk in self._store.read(key):
                    file.write(chunk)
            yield copy

    async def get(self, asset: AssetId) -> Asset:
        """The asset's row.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda session: assets.get(session, asset))

    async def read(self, asset: AssetId) -> bytes:
        """The whole asset in memory, for pictures; verified against its digest.

        Raises:
            NotFound: there is none.
            ContentMismatch: the store gives other bytes than were kept.
        """
        row = await self.get(asset)
        content = b"".join([chunk async for chunk in self._chunks(row)])
        if hashlib.sha256(content).hexdigest() != row.sha256:
            msg = f"Asset {asset} is damaged in storage: its bytes are not those that were kept."
            raise ContentMismatch(msg)
        return content

    async def copy_to(self, asset: AssetId, target: Path) -> Path:
        """Writes the asset to a file of the person's, never over another one, and returns where it is. See `copies.copy`."""
        row = await self.get(asset)
        return await copy(row, self._chunks(row), target)

    async def open(self, asset: Asset, start: int = 0, end: int | None = None) -> Reading:
        """Begins to read the asset, when all of its bytes are there: a cut answer helps nobody.

        Raises:
            StorageError: the store does not answer, has lost the object, or has one of another length.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                reading = await self._open(asset, start, end)
        except NotFound as error:
            where = "in the spool of another machine" if asset.is_spooled else "missing in storage"
            msg = f"The bytes of asset {asset.id} are {where}."
            raise StorageError(msg) from error
        except TimeoutError as error:
            msg = "The storage does not answer."
            raise StorageError(msg) from error
        if reading.size != asset.bytes:
            await reading.chunks.aclose()
            msg = f"Asset {asset.id} is damaged in storage: {reading.size} of its {asset.bytes} bytes are there."
            raise StorageError(msg)
        return reading

    async def _open(self, asset: Asset, start: int, end: int | None) -> Reading:
        if asset.is_spooled:
            with suppress(NotFound):  # it has moved since the row was read
                return await self._spool.open(asset.key, start, end)
        return await self._store.open(asset.key, start, end)

    async def _chunks(self, asset: Asset) -> AsyncIterator[bytes]:
        async with aclosing((await self._open(asset, 0, None)).chunks) as chunks:
            async for chunk in chunks:
                yield chunk

    async def signed_url(self, asset: Asset, lifetime: timedelta) -> str | None:
        """Where everybody may read the asset for so long; None where only we can read it."""
        return None if asset.is_spooled else await self._store.signed_url(asset.key, lifetime)

    async def forget_attempts(self, maker: str, kind: AssetKind) -> None:
        """Removes what interrupted attempts of one maker left, rows and objects. Nobody else may work on them."""
        for asset, key in await self._database.read(lambda session: assets.open_attempts(session, maker, kind)):
            await self._remove_attempt(asset, key)

    async def sweep(self) -> None:
        """Removes what killed processes left half stored. For the leader, before it begins.

        What people send, and thumbnails, are stored by processes that do not lead, so those have time to finish.
        """
        before = self._now() - _REQUEST_TIME
        for asset, key in await self._database.read(lambda session: assets.dead_attempts(session, before)):
            await self._remove_attempt(asset, key)

    async def tidy(self) -> None:
        """Removes what requests left half stored, long ago. For whoever serves, now and then."""
        before = self._now() - _REQUEST_TIME
        for asset, key in await self._database.read(lambda session: assets.old_attempts(session, before)):
            await self._remove_attempt(asset, key)

    async def _remove_attempt(self, asset: AssetId, key: str) -> None:
        # Claimed first: a leader that was dropped may be making it an asset at this moment, and then its object must stay.
        if await self._database.write(lambda session: assets.doom(session, asset)):
            # The object before the row: a row without an object is found again, an object without a row would stay for ever.
            await self._store.delete(key)
            self._spool.remove(key)
            await self._database.write(lambda session: assets.forget_attempt(session, asset))


def _twin(session: Session, purpose: Purpose, sha256: str) -> Asset | None:
    return assets.twin(session, purpose.user, purpose.campaign, purpose.kind, sha256)


def _adopt_or_find(session: Session, asset: Asset) -> Asset:
    """Makes the attempt an asset, unless the same bytes became one in the meantime."""
    campaigns.get(session, asset.campaign_id, for_change=True)
    known = assets.twin(session, asset.user_id, asset.campaign_id, asset.kind, asset.sha256)
    if known is not None:
        return known
    if not assets.make_ready(session, asset):
        msg = "Somebody cleaned up what was being stored; try again."
        raise StorageError(msg)
    return asset
