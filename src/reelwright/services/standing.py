"""The standing of the whole studio: how much is under way, counted when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass

from reelwright.db import standing
from reelwright.db.engine import Database
from reelwright.db.fence import unfenced


@dataclass(frozen=True)
class Standing:
    """What there is to do, over everybody's campaigns."""

    productions: dict[str, int]
    """How many that have not ended, by state."""
    takes: dict[tuple[str, str], int]
    """How many that have not ended or are in doubt, by provider and state."""
    spooled: int
    """Assets whose bytes the store has not taken yet."""


class Standings:
    """Counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self) -> Standing:
        """The standing of this moment, in one transaction. It names nobody."""
        with unfenced():
            return await self._database.read(
                lambda session: Standing(standing.productions(session), standing.takes(session), standing.spooled(session))
            )
