"""The library: everything that a person has made or sent, with where it comes from, and its trash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from reelwright.db import assets, campaigns, takes
from reelwright.db.assets import Wish
from reelwright.db.engine import Database, Session
from reelwright.domain.asset import Asset
from reelwright.domain.ids import AssetId, UserId


@dataclass(frozen=True)
class Entry:
    """An asset with what other rows know of it."""

    asset: Asset
    campaign_name: str
    charged_micro_usd: int
    """What was paid for it; 0 for what nobody was paid for."""

    @property
    def is_verified(self) -> bool:
        """Its bytes were read back from storage, compared with their digest, and decoded from end to end."""
        return not self.asset.is_spooled


class Library:
    """Shows assets; puts them into the trash and takes them out."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def page(self, user: UserId, wish: Wish, *, before: str = "", limit: int = 50) -> list[Asset]:
        """The user's assets, newest first, after the one with the id `before`; stills of other assets are not among them.

        Raises:
            NotFound: there is no asset `before`.
        """
        return await self._database.read(lambda session: assets.page(session, user, wish, before=before, limit=limit))

    async def get(self, asset: AssetId) -> Entry:
        """The asset, be it in the trash.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda session: _entry(session, asset))

    async def trash(self, asset: AssetId) -> Entry:
        """Puts it into the trash. It plays there for its owner, and productions that use it go on.

        Raises:
            NotFound: there is none.
        """
        return await self._database.write(lambda session: _move(session, asset, self._now()))

    async def restore(self, asset: AssetId) -> Entry:
        """Takes it out of the trash.

        Raises:
            NotFound: there is none.
        """
        return await self._database.write(lambda session: _move(session, asset, None))


def _entry(session: Session, asset_id: AssetId) -> Entry:
    asset = assets.get(session, asset_id)
    charged = takes.get(session, asset.take_id).charged_micro_usd if asset.take_id else 0
    return Entry(asset, campaigns.get(session, asset.campaign_id).document.brief.name, charged)


def _move(session: Session, asset_id: AssetId, at: datetime | None) -> Entry:
    entry = _entry(session, asset_id)
    if (entry.asset.trashed_at is None) == (at is None):
        return entry
    assets.put_in_trash(session, asset_id, at)
    return replace(entry, asset=replace(entry.asset, trashed_at=at))
