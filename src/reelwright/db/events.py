"""Events: appended in the transaction of the fact that they tell, numbered without a gap in the order of commit."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.tables import CampaignRow, EventRow
from reelwright.domain.event import Event, EventName, Value
from reelwright.domain.ids import CampaignId
from reelwright.net.redaction import conceal


def append(session: Session, campaign: CampaignId, name: EventName, at: datetime, /, **facts: Value) -> int:
    """Appends one event and returns its number.

    Counting up locks the campaign's row until the transaction ends, so a reader that has seen number n has seen all before it.
    """
    count_up = (
        sa.update(CampaignRow)
        .where(CampaignRow.id == campaign)
        .values(event_count=CampaignRow.event_count + 1, updated_at=at)
        .returning(CampaignRow.event_count)
        .execution_options(synchronize_session=False)
    )
    number = session.execute(count_up).scalar_one()
    told = {key: conceal(value) if isinstance(value, str) else value for key, value in facts.items()}
    session.add(EventRow(campaign_id=campaign, number=number, name=name.value, at=at, facts=told))
    return number


def notices(session: Session, campaign: CampaignId) -> frozenset[str]:
    """Everything that the person was told about the campaign, beside what happened to it."""
    query = sa.select(EventRow.facts).where(EventRow.campaign_id == campaign, EventRow.name == EventName.NOTICE_GIVEN.value)
    return frozenset(str(facts["text"]) for facts in session.scalars(query))


def after(session: Session, campaign: CampaignId, number: int, limit: int = 1000) -> list[Event]:
    """The events after that number, oldest first."""
    query = (
        sa.select(EventRow)
        .where(EventRow.campaign_id == campaign, EventRow.number > number)
        .order_by(EventRow.number)
        .limit(limit)
    )
    return [
        Event(CampaignId(row.campaign_id), row.number, EventName(row.name), row.at, row.facts) for row in session.scalars(query)
    ]
