"""The dashboard: a person's campaigns in pages, counted, searched, and those in the trash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reelwright.db import listing
from reelwright.db.engine import Database, Session
from reelwright.db.listing import Sort, Summary
from reelwright.domain.campaign import CampaignStatus
from reelwright.domain.ids import UserId
from reelwright.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_WORDS = 8


@dataclass(frozen=True)
class Listed:
    """One page."""

    items: list[Summary]
    next_cursor: str | None


class Dashboard:
    """Lists campaigns. A page costs the same however many there are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        user: UserId,
        *,
        status: CampaignStatus | None = None,
        by: Sort = Sort.NEWEST,
        cursor: str = "",
        limit: int = 50,
    ) -> Listed:
        """The user's campaigns that are not in the trash, with what their cards show.

        Raises:
            InvalidInput: the cursor is none of ours.
        """
        after = _read_cursor(cursor)

        def look(session: Session) -> list[Summary]:
            return listing.with_cards(session, listing.listed(session, user, status=status, by=by, after=after, limit=limit + 1))

        found = await self._database.read(look)
        return _page(found, limit, [each.key(by) for each in found])

    async def counts(self, user: UserId) -> dict[CampaignStatus, int]:
        """How many there are of each status; `listing.COUNTED` where there are as many or more."""
        return await self._database.read(lambda session: listing.counts(session, user))

    async def trash(self, user: UserId, *, cursor: str = "", limit: int = 50) -> Listed:
        """What the user has thrown away, the last first.

        Raises:
            InvalidInput: the cursor is none of ours.
        """
        after = _read_cursor(cursor)
        found = await self._database.read(lambda session: listing.trashed(session, user, after=after, limit=limit + 1))
        return _page(found, limit, [(each.trashed_at or each.created_at, each.id) for each in found])

    async def search(self, user: UserId, text: str, *, limit: int = 20) -> list[Summary]:
        """The user's campaigns in whose name or brief every word of the text occurs, the last changed first."""
        words = text.casefold().split()[:_MOST_WORDS]
        if not words:
            return []
        return await self._database.read(
            lambda session: listing.with_cards(session, listing.search(session, user, words, limit=limit))
        )


def _page(found: list[Summary], limit: int, keys: Sequence[tuple[datetime, str]]) -> Listed:
    items = found[:limit]
    if len(found) <= limit:
        return Listed(items, None)
    at, identity = keys[limit - 1]
    return Listed(items, f"{(at - _EPOCH) // timedelta(microseconds=1)}-{identity}")


def _read_cursor(cursor: str) -> tuple[datetime, str] | None:
    if not cursor:
        return None
    moment, _, identity = cursor.partition("-")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 16 and identity):  # noqa: PLR2004 - until the year 2286
        msg = "cursor: is none that we gave; take `next_cursor` of the page before."
        raise InvalidInput(msg)
    return _EPOCH + timedelta(microseconds=int(moment)), identity
