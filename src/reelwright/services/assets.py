"""Assets: bytes from a temporary URL, or from this machine, to a verified object with a row.

The commit point is the row, not the object: every attempt has a key of its own that is written down before the first byte, and
only the transaction that records the fact (a take kept, a film rendered) turns the attempt into an asset.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from reelwright.db import assets
from reelwright.db.engine import Database
from reelwright.domain.asset import Asset, AssetKind, key_for
from reelwright.domain.generation import Output
from reelwright.domain.ids import AssetId, CampaignId, TakeId, UserId
from reelwright.errors import ContentMismatch, InvalidMedia, StorageError
from reelwright.media.facts import Probe
from reelwright.media.front import examine
from reelwright.media.sniff import sniff
from reelwright.media.workers import Workers
from reelwright.net import Net
from reelwright.services.copies import copy
from reelwright.store.objects import ObjectStore

_HEAD = 4096
_LIMIT = 16 << 30
"""The largest output that we take, in bytes."""
_CHUNK = 1 << 20
_UPLOAD_TIME = timedelta(minutes=10)
"""How long the pictures of a brief may take to be stored."""


@dataclass(frozen=True)
class Purpose:
    """What an object is for: decides its key and its row."""

    user: UserId
    campaign: CampaignId
    kind: AssetKind
    name: str
    """The readable part of its file name, such as `shot-03-take-02`."""
    maker: str
    """The id of the take or film that it is made for."""
    provenance: Mapping[str, str]
    media: str = ""
    """`image`, `video` or `audio`, where it must be that."""


class Assets:
    """Puts bytes into the store and proves that they are what they should be."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        net: Net,
        workers: Workers,
        *,
        folder: Path,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._database = database
        self._store = store
        self._net = net
        self._workers = workers
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
        download = self._net.download(
            output.url, refresh=refresh, headers=headers, limit=_LIMIT, trusted_origins=trusted_origins
        )
        async with download:
            size = output.size if output.size is not None else download.length
            source = _Source(download, expected=replace(output, size=size), hashed=lambda: download.sha256)
            await source.open()
            return await self._keep(source, purpose)

    async def keep_file(self, path: Path, purpose: Purpose) -> Asset:
        """Stores a file of this machine, as `ingest` does with a URL."""
        source = _Source(_read_file(path), expected=Output(""), media_type=_by_name(path))
        await source.open()
        return await self._keep(source, purpose)

    async def keep_bytes(self, content: bytes, purpose: Purpose, media_type: str = "") -> Asset:
        """Stores bytes, as `ingest` does with a URL; text needs its media type said."""

        async def once() -> AsyncIterator[bytes]:
            yield content

        source = _Source(once(), expected=Output("", size=len(content)), media_type=media_type)
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

    async def _keep(self, source: _Source, purpose: Purpose) -> Asset:
        await self.forget_attempts(purpose.maker, purpose.kind)
        if not source.media_type.startswith(purpose.media):
            msg = f"Something of the kind {purpose.media!r} is needed, and {source.media_type} arrived."
            raise InvalidMedia(msg)
        asset_id = AssetId(self._new_id("asset"))
        key = key_for(purpose.user, purpose.campaign, purpose.kind, purpose.name, asset_id, source.media_type)
        at = self._now()
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
        metadata = {"user": purpose.user, "campaign": purpose.campaign, "maker": purpose.maker, "asset": asset_id}
        size = await self._store.put(key, source.checked(), media_type=source.media_type, metadata=metadata, size=source.size)
        try:
            probe = await self._verify(key, source)
        except (InvalidMedia, ContentMismatch, StorageError):
            await self._remove_attempt(asset_id, key)
            raise
        return Asset(
            id=asset_id,
            user_id=purpose.user,
            campaign_id=purpose.campaign,
            kind=purpose.kind,
            key=key,
            bytes=size,
            sha256=source.sha256,
            media_type=source.media_type,
            created_at=at,
            size=probe.size if probe else None,
            seconds=probe.seconds if probe else None,
            take_id=TakeId(purpose.maker) if purpose.maker.startswith("take_") else None,
            provenance=purpose.provenance,
        )

    async def _verify(self, key: str, source: _Source) -> Probe | None:
        """Reads the object back from the store, compares its digest and decodes all of it."""
        is_media = source.media_type.partition("/")[0] in {"image", "video", "audio"}
        async with self.file_of_key(key) as path:
            sha256, probe = await self._workers.run(examine, str(path), is_media)
        if sha256 != source.sha256:
            msg = "The store gave back other bytes than it was given; the object was removed, try again."
            raise StorageError(msg)
        return probe

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
        content = b"".join([chunk async for chunk in self._store.read(row.key)])
        if hashlib.sha256(content).hexdigest() != row.sha256:
            msg = f"Asset {asset} is damaged in storage: its bytes are not those that were kept."
            raise ContentMismatch(msg)
        return content

    async def copy_to(self, asset: AssetId, target: Path) -> Path:
        """Writes the asset to a file of the person's, never over another one, and returns where it is. See `copies.copy`."""
        row = await self.get(asset)
        return await copy(row, self._store.read(row.key), target)

    async def forget_attempts(self, maker: str, kind: AssetKind) -> None:
        """Removes what interrupted attempts of one maker left, rows and objects. Nobody else may work on them."""
        for asset, key in await self._database.read(lambda session: assets.open_attempts(session, maker, kind)):
            await self._remove_attempt(asset, key)

    async def sweep(self) -> None:
        """Removes what killed processes left half stored. For the leader, before it begins.

        Pictures of a brief are stored by processes that do not lead, so those have time to finish.
        """
        before = self._now() - _UPLOAD_TIME
        for asset, key in await self._database.read(lambda session: assets.dead_attempts(session, before)):
            await self._remove_attempt(asset, key)

    async def _remove_attempt(self, asset: AssetId, key: str) -> None:
        # Claimed first: a leader that was dropped may be making it an asset at this moment, and then its object must stay.
        if await self._database.write(lambda session: assets.doom(session, asset)):
            # The object before the row: a row without an object is found again, an object without a row would stay for ever.
            await self._store.delete(key)
            await self._database.write(lambda session: assets.forget_attempt(session, asset))


class _Source:
    """Bytes on their way in: sniffed before the first one is stored, counted and hashed on the way.

    `hashed` tells the digest where somebody computes it already: hashing a gigabyte twice takes half a second of the event loop.
    """

    def __init__(
        self, chunks: AsyncIterable[bytes], expected: Output, media_type: str = "", hashed: Callable[[], str] | None = None
    ) -> None:
        self._chunks = aiter(chunks)
        self._expected = expected
        self._first: list[bytes] = []
        self._digest = hashlib.sha256()
        self._hashed = hashed
        self._count = 0
        self.media_type = media_type
        self.size = expected.size

    async def open(self) -> None:
        """Reads the head.

        Raises:
            InvalidMedia: it is none of the kinds of media that we keep.
        """
        head = b""
        async for chunk in self._chunks:
            self._first.append(chunk)
            head += chunk
            if len(head) >= _HEAD:
                break
        if self.media_type:
            return
        found = sniff(head[:_HEAD])
        if found is None:
            what = "nothing at all (0 bytes)" if not head else "not a picture, clip or sound"
            msg = f"What arrived is {what}."
            raise InvalidMedia(msg)
        self.media_type = found

    async def checked(self) -> AsyncIterator[bytes]:
        """The bytes. Raises at the end, while the upload is still open, when they are not what was announced."""
        for chunk in self._first:
            yield self._seen(chunk)
        self._first.clear()
        async for chunk in self._chunks:
            yield self._seen(chunk)
        if self._expected.size not in {None, self._count}:
            msg = f"{self._count} bytes arrived where {self._expected.size} were announced."
            raise ContentMismatch(msg)
        if self._expected.sha256 not in {None, self.sha256}:
            msg = "The bytes that arrived do not have the announced digest."
            raise ContentMismatch(msg)

    @property
    def sha256(self) -> str:
        """Of all that went through, in hex."""
        return self._hashed() if self._hashed else self._digest.hexdigest()

    def _seen(self, chunk: bytes) -> bytes:
        if self._hashed is None:
            self._digest.update(chunk)
        self._count += len(chunk)
        return chunk


async def _read_file(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _by_name(path: Path) -> str:
    return {".srt": "application/x-subrip", ".vtt": "text/vtt"}.get(path.suffix, "")
