"""The ledger page by page: every movement of money with what it was for."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

from reelwright.db import budgets, campaigns
from reelwright.db.engine import Database, Session
from reelwright.db.fence import unfenced
from reelwright.domain.budget import Entry
from reelwright.domain.ids import CampaignId


@dataclass(frozen=True)
class LedgerLine:
    """One movement, under the key by which the page after it is found."""

    key: str
    entry: Entry


class Ledger:
    """Shows movements of money."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, campaign: CampaignId | None, *, before: str = "", limit: int = 50) -> list[LedgerLine]:
        """The movements of a campaign, or with None of the whole studio, newest first, after the one with the key `before`.

        Raises:
            NotFound: there is no such campaign, or no movement `before`.
        """

        def look(session: Session) -> list[LedgerLine]:
            if campaign is not None:
                campaigns.get(session, campaign)
            return [LedgerLine(key, entry) for key, entry in budgets.page(session, campaign, before=before, limit=limit)]

        with unfenced() if campaign is None else nullcontext():
            return await self._database.read(look)
