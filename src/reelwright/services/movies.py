"""Movies: films that somebody has merged elsewhere and sends in one form, whose fields may stand behind the file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from reelwright.db import campaigns
from reelwright.db.engine import Database
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.ids import CampaignId
from reelwright.services.assets import Assets
from reelwright.services.merges import Merges
from reelwright.services.sources import Purpose, read_file
from reelwright.services.spool import Spool
from reelwright.services.uploads import clean


class Movies:
    """Takes them."""

    def __init__(self, database: Database, assets: Assets, merges: Merges, spool: Spool, *, new_id: Callable[[str], str]) -> None:
        self._database = database
        self._assets = assets
        self._merges = merges
        self._spool = spool
        self._new_id = new_id

    @asynccontextmanager
    async def received(self, chunks: AsyncIterable[bytes]) -> AsyncGenerator[Path]:
        """The bytes as a file of this machine, which goes with the block: whose it is may be said behind them.

        Raises:
            StorageError: the disk does not take them.
        """
        async with self._spool.received(chunks) as upload:
            yield upload.path

    async def keep(self, campaign: CampaignId, path: Path, *, name: str = "", declared: str = "") -> Asset:
        """Keeps the file as a film of the campaign. The same one again is the same film.

        Raises:
            InvalidMedia: it is no film, or not what its sender says.
            NotFound: there is no such campaign.
            StorageError: neither the store nor this machine takes it.
        """
        user = (await self._database.read(lambda session: campaigns.get(session, campaign))).user_id
        known = clean(name)
        purpose = Purpose(
            user=user,
            campaign=campaign,
            kind=AssetKind.FILM,
            name="movie",
            maker=self._new_id("upload"),
            provenance={"file": known} if known else {},
            media="video",
            is_alone=False,
        )
        asset, _ = await self._assets.keep_upload(read_file(path), purpose, declared=declared)
        await self._merges.file(campaign, asset)
        return asset
