"""Thumbnails: small stills of pictures, clips and films, in few sizes, made once and kept as assets of their own.

Their rows have a kind of their own and name what they are a still of, so whoever looks through the store knows them, and nobody
takes them for originals. One that is lost or damaged is made again when it is asked for.
"""

from __future__ import annotations

import asyncio
import os
from enum import IntEnum, StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from weakref import WeakValueDictionary

from reelwright.db import assets as rows
from reelwright.db.engine import Database, Session
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.ids import AssetId
from reelwright.errors import NotFound, StorageError
from reelwright.media.front import thumbnail
from reelwright.media.sniff import kind_of
from reelwright.media.workers import Workers
from reelwright.services.assets import Assets, Purpose


class Width(IntEnum):
    """Pixels; any other width would be somebody's way to fill the store."""

    SMALL = 320
    MIDDLE = 640
    LARGE = 1280


class Format(StrEnum):
    """As which media type."""

    AVIF = "avif"
    WEBP = "webp"


class Thumbnails:
    """Finds stills, and makes them where there are none."""

    def __init__(self, database: Database, assets: Assets, workers: Workers, *, folder: Path) -> None:
        self._database = database
        self._assets = assets
        self._workers = workers
        self._folder = folder
        self._making: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, asset_id: AssetId, width: Width, wanted: Format) -> Asset:
        """The still, whose bytes are in the store.

        Raises:
            NotFound: there is no such asset, or it has no picture.
            InvalidMedia: the asset does not decode (any more).
            StorageError: the store does not answer.
        """
        asset = await self._assets.get(asset_id)
        if asset.kind is AssetKind.THUMBNAIL or kind_of(asset.media_type) not in {"image", "video"}:
            msg = f"Asset {asset_id} has no picture of which there could be a thumbnail."
            raise NotFound(msg)
        maker = f"{asset.id}/{width.value}.{wanted.value}"
        lock = self._making.setdefault(maker, asyncio.Lock())
        async with lock:  # whoever asks meanwhile gets the one that is being made
            known = await self._known(maker)
            return known or await self._make(asset, width, wanted, maker)

    async def _known(self, maker: str) -> Asset | None:
        found = await self._database.read(lambda session: rows.of_maker(session, maker))
        for each in found:
            try:
                reading = await self._assets.open(each, 0, 0)
            except StorageError:
                continue
            await reading.chunks.aclose()
            return each
        return None

    async def _make(self, asset: Asset, width: Width, wanted: Format, maker: str) -> Asset:
        source = await self._source(asset)
        with TemporaryDirectory(dir=self._folder, prefix=f"copy-{os.getpid()}-") as folder:
            target = Path(folder) / f"still.{wanted.value}"
            async with self._assets.file_of(source) as path:
                blur = await self._workers.run(thumbnail, str(path), str(target), width.value)
            purpose = Purpose(
                user=asset.user_id,
                campaign=asset.campaign_id,
                kind=AssetKind.THUMBNAIL,
                name=f"{asset.id}-{width.value}",
                maker=maker,
                provenance={"made_from": asset.id},
                media="image",
                is_alone=False,
            )
            still = await self._assets.keep_file(target, purpose)

        def adopt(session: Session) -> None:
            if not rows.make_ready(session, still):
                msg = "Somebody cleaned up what was being stored; try again."
                raise StorageError(msg)
            if not asset.thumbhash:
                rows.set_thumbhash(session, asset.id, blur)

        await self._database.write(adopt)
        return still

    async def _source(self, asset: Asset) -> Asset:
        """What the still is made of: a film has a poster, which was chosen with more care, and is smaller."""
        if asset.kind is not AssetKind.FILM:
            return asset
        poster = f"{asset.provenance.get('film')}/poster"
        posters = await self._database.read(lambda session: rows.of_maker(session, poster))
        return posters[0] if posters else asset
