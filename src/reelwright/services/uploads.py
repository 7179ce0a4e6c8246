"""Uploads: files that people send, at once or in parts over as many connections as it takes.

Each part is an object in the store before its row counts it, so any replica can go on, and whoever was killed has lost at most
the part that was on its way. A file that has arrived becomes an asset as any other does; its parts go last.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import unicodedata
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import PurePosixPath
from typing import Protocol
from weakref import WeakValueDictionary

import structlog

from reelwright.db import campaigns
from reelwright.db import uploads as rows
from reelwright.db.engine import Database, Session
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.campaign import Campaign
from reelwright.domain.ids import CampaignId
from reelwright.domain.upload import Part, Upload
from reelwright.errors import (
    Conflict,
    ContentMismatch,
    InvalidInput,
    InvalidMedia,
    NotFound,
    ReelwrightError,
    StorageError,
    TooLarge,
)
from reelwright.services.assets import Assets, Purpose
from reelwright.store.objects import ObjectStore

PARTS = "incoming"
"""The folder of the store in which parts lie until their file is whole. What lies there belongs to no asset."""
LIFETIME = timedelta(days=3)
"""After which an upload that nobody goes on with is given up."""
_PART = 16 << 20
"""Bytes of one part: as much as a killed process loses at most."""
_LOOK = 30.0
"""Seconds between two looks."""
_LOOKS_AN_HOUR = 120
_ALONE = timedelta(minutes=2)
"""For so long whoever has sent the last part is left to finish it."""
_LONGEST_NAME = 120
_log = structlog.get_logger()


@dataclass(frozen=True)
class Taken:
    """What became of a file."""

    asset: Asset
    is_new: bool
    """The campaign did not have these bytes before."""


class Digest(Protocol):
    """A checksum that the sender wants to be compared."""

    def update(self, data: bytes, /) -> None:
        """Counts the bytes in."""
        ...

    @property
    def is_met(self) -> bool:
        """Whether it is what the sender has announced."""
        ...


class Uploads:
    """Takes files."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        assets: Assets,
        *,
        limit: int,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._database = database
        self._store = store
        self._assets = assets
        self._now = now
        self._new_id = new_id
        self.limit = limit
        """The largest file, in bytes."""
        self._finishing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def take(self, campaign: CampaignId, chunks: AsyncIterable[bytes], *, name: str = "", declared: str = "") -> Taken:
        """Keeps a file that arrives at once. See `Assets.keep_upload`.

        Raises:
            NotFound: there is no such campaign.
            InvalidMedia: it is not media that we keep, or not what its sender says.
            StorageError: neither the store nor this machine takes it.
        """
        found = await self._database.read(lambda session: campaigns.get(session, campaign))
        begun = self._now()
        asset, _ = await self._assets.keep_upload(chunks, self._purpose(found, name), declared=declared)
        return Taken(asset, asset.created_at >= begun)

    async def begin(self, campaign: CampaignId, length: int, *, name: str = "", declared: str = "") -> Upload:
        """A new long upload, of which nothing has arrived.

        Raises:
            NotFound: there is no such campaign.
            TooLarge: the file will be larger than what is taken.
            InvalidInput: it will be empty.
        """
        if length < 1:
            msg = "The file is empty (0 bytes)."
            raise InvalidInput(msg)
        if length > self.limit:
            msg = f"The file is too large: at most {max(1, self.limit >> 20):,} MiB are taken."
            raise TooLarge(msg)
        now = self._now()

        def write(session: Session) -> Upload:
            user = campaigns.get(session, campaign).user_id
            upload = Upload(
                self._new_id("upload"), user, campaign, length, clean(name), clean_type(declared), now, now + LIFETIME
            )
            rows.insert(session, upload)
            return upload

        return await self._database.write(write)

    async def get(self, upload: str) -> Upload:
        """The upload.

        Raises:
            NotFound: there is none, or its time is over.
        """
        found = await self._database.read(lambda session: rows.find(session, upload))
        if found is None or found.expires_at < self._now():
            msg = f"There is no upload {upload!r}; one that nobody goes on with is given up after {LIFETIME.days} days."
            raise NotFound(msg)
        return found

    async def append(self, upload_id: str, offset: int, chunks: AsyncIterable[bytes], digest: Digest | None = None) -> Upload:
        """Adds bytes at the end, and answers how far it is then. What came before the sender hung up counts.

        With a digest they count only when all of them have come and are what was announced.

        Raises:
            NotFound: there is no such upload.
            Conflict: it has not `offset` bytes now, because others were faster, or it is whole.
            InvalidInput: there are more bytes than the file has.
            ContentMismatch: they are not what was announced, and were dropped.
            StorageError: the store does not take them; what it took before counts.
        """
        upload = await self.get(upload_id)
        if offset != upload.offset or upload.is_whole:
            raise _elsewhere(upload)
        stream = _Stream(chunks, upload.length - offset, digest)
        pending = upload
        try:
            while await stream.has_more():
                pending = replace(pending, parts=(*pending.parts, await self._store_part(pending, stream)))
                if digest is None:
                    upload = pending = await self._commit(pending, upload.offset)
            if digest is not None:
                if stream.is_cut or not digest.is_met:
                    msg = "The bytes do not have the announced checksum; they were dropped, send them again."
                    raise ContentMismatch(msg)
                upload = pending = await self._commit(pending, upload.offset)
        finally:
            await self._drop(pending.parts[len(upload.parts) :])
        return upload

    async def _store_part(self, upload: Upload, stream: _Stream) -> Part:
        key = f"{_folder(upload)}/{upload.offset:015d}-{secrets.token_hex(4)}"
        size = await self._store.put(key, stream.take(_PART), media_type="application/octet-stream", metadata={})
        return Part(key, size)

    async def _commit(self, upload: Upload, before: int) -> Upload:
        later = replace(upload, expires_at=self._now() + LIFETIME)
        if not await self._database.write(lambda session: rows.advance(session, later, before)):
            raise _elsewhere(await self.get(upload.id))
        return later

    async def _drop(self, parts: tuple[Part, ...]) -> None:
        for part in parts:
            with suppress(ReelwrightError):  # they go with the upload then
                await self._store.delete(part.key)

    async def finish(self, upload_id: str) -> Asset:
        """Makes an asset of a file that has arrived; answers it again when that was done. May be done again after a crash.

        Raises:
            NotFound: there is no such upload.
            Conflict: something is still missing.
            InvalidMedia: it is not media that we keep; the upload is given up with that.
            StorageError: the store does not answer; try again.
        """
        lock = self._finishing.setdefault(upload_id, asyncio.Lock())
        async with lock:
            upload = await self.get(upload_id)
            if upload.asset_id is not None:
                return await self._assets.get(upload.asset_id)
            if not upload.is_whole:
                raise _elsewhere(upload)
            campaign = await self._database.read(lambda session: campaigns.get(session, upload.campaign_id))
            purpose = self._purpose(campaign, upload.name, upload.id)
            try:
                asset, _ = await self._assets.keep_upload(
                    self._whole(upload), purpose, declared=upload.media_type, size=upload.length
                )
            except (InvalidMedia, ContentMismatch):
                await self.end(upload_id)
                raise
            await self._database.write(lambda session: rows.finish(session, upload_id, asset.id))
            await self._drop(upload.parts)
            return asset

    async def _whole(self, upload: Upload) -> AsyncIterator[bytes]:
        for part in upload.parts:
            try:
                async for chunk in self._store.read(part.key):
                    yield chunk
            except NotFound as error:
                # Another replica has finished it in the meantime, or somebody has cleaned up in the bucket.
                msg = "A part of the upload is not in the storage (any more); ask again how far it is."
                raise StorageError(msg) from error

    async def end(self, upload_id: str) -> None:
        """Gives the upload up and removes what has arrived. An asset that it became stays.

        Raises:
            NotFound: there is no such upload.
            StorageError: the store does not answer; try again.
        """
        await self._remove(await self.get(upload_id))

    async def _remove(self, upload: Upload) -> None:
        async for key in self._store.keys(_folder(upload)):
            await self._store.delete(key)
        await self._database.write(lambda session: rows.remove(session, upload.id))

    async def tidy(self) -> None:
        """Finishes what has arrived and was left at the last step, and gives up what nobody goes on with."""
        now = self._now()
        for upload in await self._database.read(lambda session: rows.left_whole(session, now + LIFETIME - _ALONE)):
            with suppress(InvalidMedia, NotFound):  # given up, by us or by somebody else
                await self.finish(upload.id)
        for upload in await self._database.read(lambda session: rows.expired(session, now)):
            await self._remove(upload)

    async def watch(self) -> None:
        """Tidies up again and again, until it is cancelled."""
        for look in count():
            try:
                await self.tidy()
                if look % _LOOKS_AN_HOUR == 0:
                    await self._assets.tidy()
            except StorageError as error:
                _log.warning("uploads.wait", reason=error.message)
            except Exception:  # noqa: BLE001 - the next look may be better
                _log.exception("uploads.broke")
            await asyncio.sleep(_LOOK)

    def _purpose(self, campaign: Campaign, name: str, maker: str = "") -> Purpose:
        known = clean(name)
        return Purpose(
            user=campaign.user_id,
            campaign=campaign.id,
            kind=AssetKind.UPLOAD,
            name=_slug(known),
            maker=maker or self._new_id("upload"),
            provenance={"file": known} if known else {},
        )


class _Stream:
    """Bytes that are cut into parts, and may end at any moment."""

    def __init__(self, chunks: AsyncIterable[bytes], room: int, digest: Digest | None) -> None:
        self._chunks = aiter(chunks)
        self._room = room
        self._digest = digest
        self._rest = b""
        self.is_cut = False
        """The sender hung up."""

    async def has_more(self) -> bool:
        """Whether there is at least one byte."""
        while not self._rest:
            try:
                chunk = await anext(self._chunks, None)
            except InvalidInput:  # what has come before the cut is as good as the rest
                self.is_cut = True
                return False
            if chunk is None:
                return False
            self._room -= len(chunk)
            if self._room < 0:
                msg = "More bytes arrive than the upload was announced to have."
                raise InvalidInput(msg)
            if self._digest is not None:
                self._digest.update(chunk)
            self._rest = chunk
        return True

    async def take(self, most: int) -> AsyncIterator[bytes]:
        """The next bytes, at most so many."""
        while most and await self.has_more():
            chunk, self._rest = self._rest[:most], self._rest[most:]
            most -= len(chunk)
            yield chunk


def _elsewhere(upload: Upload) -> Conflict:
    return Conflict(f"The upload has {upload.offset} of its {upload.length} bytes: ask how far it is, and go on from there.")


def _folder(upload: Upload) -> str:
    return f"{PARTS}/{upload.user_id}/{upload.id}"


def clean(name: str) -> str:
    """A file name that does no harm in a header, a list or a shell: no folders, no signs that cannot be seen."""
    last = PurePosixPath(name.replace("\\", "/")).name
    seen = "".join(sign for sign in unicodedata.normalize("NFC", last) if unicodedata.category(sign)[0] != "C")
    return seen.strip(" .")[:_LONGEST_NAME]


def clean_type(declared: str) -> str:
    """The media type that a sender says, without what else may stand there; empty where it is none."""
    found = re.match(r"\s*([\w.+-]{1,60}/[\w.+-]{1,60})", declared, re.ASCII)
    return found[1].lower() if found else ""


def _slug(name: str) -> str:
    """The readable part of the key, in letters that every store has."""
    plain = unicodedata.normalize("NFKD", name.rpartition(".")[0] or name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "file"
