"""Landings: what lies in this machine's spool moves into the store as soon as the store answers."""

from __future__ import annotations

import asyncio

import structlog

from reelwright.db import assets
from reelwright.db.engine import Database
from reelwright.domain.ids import AssetId
from reelwright.errors import NotFound, ReelwrightError, StorageError
from reelwright.services.assets import Assets
from reelwright.services.spool import Spool
from reelwright.store.files import in_thread

_LOOK = 3.0
"""Seconds between two looks."""
_log = structlog.get_logger()


class Landings:
    """Empties the spool. Killed at any line, the next look goes on; two processes on one spool do not meet."""

    def __init__(self, database: Database, store: Assets, spool: Spool) -> None:
        self._database = database
        self._assets = store
        self._spool = spool

    async def watch(self) -> None:
        """Looks again and again, until it is cancelled. For every process that takes what people send."""
        await in_thread(self._spool.sweep)
        while True:
            try:
                await self.move()
            except Exception:  # noqa: BLE001 - the next look may be better, and nobody else moves these files
                _log.exception("spool.broke")
            await asyncio.sleep(_LOOK)

    async def move(self) -> int:
        """Moves what waits, oldest first, up to the first that the store does not take; answers how many have moved."""
        moved = 0
        for name in await in_thread(self._spool.waiting):
            try:
                moved += await self._land(name)
            except (StorageError, NotFound) as error:
                _log.warning("spool.waits", file=name, reason=error.message)
                break
            except ReelwrightError as error:  # this one only: the others need not wait for it
                _log.error("spool.stuck", file=name, reason=error.message)
        return moved

    async def _land(self, name: str) -> int:
        asset_id = AssetId(name.partition(".")[0].rpartition("-")[2])
        found = await self._database.read(lambda session: assets.look_up(session, asset_id))
        if found is None:
            if self._spool.is_forgotten(name):
                self._spool.remove(name)
            return 0
        asset, is_ready = found
        if not is_ready:
            return 0  # somebody is just keeping it, or was killed; then a sweep removes both
        with self._spool.claimed(asset.key) as is_ours:
            if not is_ours:
                return 0
            if asset.is_spooled:
                await self._assets.store_file(asset, self._spool.path(asset.key))
                await self._database.write(lambda session: assets.set_landed(session, asset.id))
                _log.info("spool.landed", asset=asset.id)
            self._spool.remove(asset.key)
        return 1
