"""Selections: which take of a shot a person wants. The others stay, and no run puts another one in its place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from reelwright.db import campaigns, events, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.event import EventName
from reelwright.domain.ids import CampaignId, TakeId
from reelwright.domain.take import Take, TakeState
from reelwright.errors import Conflict
from reelwright.services.takes import facts


class Selections:
    """Chooses takes, and tells which are chosen."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def select(self, take_id: TakeId) -> Take:
        """Chooses the take for its shot. Done again it changes nothing.

        Raises:
            Conflict: it is not kept, so there is nothing to show.
            NotFound: there is no such take.
        """
        return await self._database.write(lambda session: choose(session, takes.get(session, take_id), self._now()))

    async def of_campaign(self, campaign: CampaignId) -> dict[TakeId, bool]:
        """The takes that are used, and whether a person has chosen them.

        Raises:
            NotFound: there is no such campaign.
        """

        def look(session: Session) -> dict[TakeId, bool]:
            campaigns.get(session, campaign)
            chosen = {take.id for take in takes.chosen(session, campaign).values()}
            return {take.id: take.id in chosen for take in takes.selected(session, campaign).values()}

        return await self._database.read(look)


def choose(session: Session, take: Take, at: datetime) -> Take:
    """Chooses the take for its shot, in the caller's transaction.

    Raises:
        Conflict: it is not kept.
    """
    campaigns.get(session, take.campaign_id, for_change=True)
    if take.state is not TakeState.KEPT:
        msg = f"Take {take.id} is {take.state.value}: only what is kept can be used."
        raise Conflict(msg)
    known = takes.chosen(session, take.campaign_id).get((take.shot_id, take.kind))
    if known is None or known.id != take.id:
        takes.select(session, take, is_chosen=True)
        events.append(session, take.campaign_id, EventName.TAKE_SELECTED, at, **facts(take))
    return take
