"""Turns: how many shots of one run are worked on at the same time, where whoever asked for it has set a limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from reelwright.db import takes
from reelwright.db.engine import Database
from reelwright.domain.ids import ProductionId, ShotId


class _Room:
    """The shots of one run that are worked on."""

    def __init__(self) -> None:
        self.inside: set[ShotId] = set()
        self.changed = asyncio.Condition()


class Turns:
    """Lets a run's shots in. Of the process that leads: nobody else works on productions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rooms: WeakValueDictionary[ProductionId, _Room] = WeakValueDictionary()

    @asynccontextmanager
    async def taken(self, production: ProductionId, shot: ShotId, at_once: int) -> AsyncGenerator[None]:
        """Waits until fewer than `at_once` shots of the run are worked on; 0 never waits.

        A shot whose take an earlier process has sent, or was about to, is worked on already, so it comes before all others.
        """
        if not at_once:
            yield
            return
        room = self._rooms.setdefault(production, _Room())
        async with room.changed:
            while not await self._enter(room, production, shot, at_once):
                await room.changed.wait()
        try:
            yield
        finally:
            room.inside.discard(shot)
            async with room.changed:
                room.changed.notify_all()

    async def _enter(self, room: _Room, production: ProductionId, shot: ShotId, at_once: int) -> bool:
        under_way = await self._database.read(lambda session: takes.shots_under_way(session, production))
        at_work = room.inside | under_way
        is_in = shot in at_work or len(at_work) < at_once
        if is_in:
            room.inside.add(shot)
        return is_in
