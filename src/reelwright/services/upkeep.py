"""Upkeep: what no production waits for (any more) is brought home all the same, because it is paid for."""

from __future__ import annotations

from reelwright.db import takes
from reelwright.db.engine import Database
from reelwright.domain.ids import TakeId
from reelwright.domain.take import Take, TakeState
from reelwright.services.harvests import Harvests
from reelwright.services.submits import Submits


class Upkeep:
    """Finds takes that nobody sees to, and sees to them."""

    def __init__(self, database: Database, submits: Submits, harvests: Harvests) -> None:
        self._database = database
        self._submits = submits
        self._harvests = harvests

    async def unattended(self) -> list[TakeId]:
        """The takes whose production has ended, or has stopped waiting, and that nobody in this process is at work on."""
        found = await self._database.read(takes.unattended)
        return [take for take in found if not self._harvests.is_at_work(take)]

    async def unsettled(self) -> list[Take]:
        """The takes of all campaigns that are at their provider, or on their way home, oldest first."""
        return await self._database.read(takes.unsettled)

    async def see_to(self, take_id: TakeId) -> None:
        """Brings the take to an end, however long its job takes. It may be done again after a crash at any line.

        One that was never sent is cancelled; one of which we do not know whether it was sent is looked up first.
        """
        take = await self._database.read(lambda session: takes.get(session, take_id))
        if take.state in {TakeState.PLANNED, TakeState.SUBMITTING}:
            await self._submits.settle(take_id)
        await self._harvests.bring_home(take_id)
