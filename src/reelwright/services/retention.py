"""Retention: where the settings say so, drafts that nobody touches go to the trash after some days, never without a word before.

Nothing is ever removed by it: from the trash a campaign can be taken back, with all its time before it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from reelwright.db import campaigns, events, purging, retention
from reelwright.db.engine import Database, Session
from reelwright.domain.event import EventName
from reelwright.domain.ids import CampaignId

_log = structlog.get_logger()


class Retention:
    """Looks for such drafts."""

    def __init__(self, database: Database, *, days: int, warning_days: int, now: Callable[[], datetime]) -> None:
        """0 days: drafts stay for ever."""
        self._database = database
        self._days = timedelta(days=days)
        self._warning = timedelta(days=min(days, warning_days))
        self._now = now

    async def keep(self) -> None:
        """Tells of those whose time will soon be over, and puts those into the trash that were told of. For the leader."""
        if not self._days:
            await self._database.write(retention.lift)
            return
        now = self._now()
        for campaign in await self._database.read(lambda session: retention.expired(session, now)):
            await self._database.write(lambda session, campaign=campaign: self._throw_away(session, campaign, now))
        before = now - self._days + self._warning
        while found := await self._database.read(lambda session: retention.untouched(session, before)):
            for campaign, touched_at in found:
                await self._database.write(
                    lambda session, campaign=campaign, touched_at=touched_at: self._tell(session, campaign, touched_at, now)
                )

    def _tell(self, session: Session, campaign: CampaignId, touched_at: datetime, now: datetime) -> None:
        if not retention.is_untouched(session, campaign, touched_at):
            return
        # Whoever has switched this on today has all of the warning, however old the draft is.
        until = max(touched_at + self._days, now + self._warning)
        text = (
            f"Nobody has worked on this draft for a while: on {until:%Y-%m-%d} it goes to the trash, unless somebody does. "
            "From there it can be taken back."
        )
        events.append(session, campaign, EventName.NOTICE_GIVEN, now, text=text)
        retention.set_time(session, campaign, touched_at, until)

    def _throw_away(self, session: Session, campaign: CampaignId, now: datetime) -> None:
        if not retention.is_expired(session, campaign, now) or purging.busy_with(session, campaign):
            return
        events.append(session, campaign, EventName.CAMPAIGN_TRASHED, now, reason="untouched")
        campaigns.set_trashed(session, campaign, now)
        _log.info("draft.expired", campaign=campaign)
