"""Drafts that nobody touches: told of, and put into the trash when their time is over.

Whatever happens to a campaign takes its time away again, in the statement that writes it down.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.tables import CampaignRow
from reelwright.domain.campaign import CampaignStatus
from reelwright.domain.ids import CampaignId

_AT_ONCE = 200
_PLAIN = {"synchronize_session": False}
_IS_DRAFT = (CampaignRow.status == CampaignStatus.DRAFT.value, CampaignRow.trashed_at.is_(None))


def untouched(session: Session, since: datetime) -> list[tuple[CampaignId, datetime]]:
    """Some drafts that nobody has touched since then and was told of, with when somebody last did."""
    query = sa.select(CampaignRow.id, CampaignRow.updated_at).where(
        *_IS_DRAFT, CampaignRow.expires_at.is_(None), CampaignRow.updated_at <= since
    )
    rows = session.execute(query.order_by(CampaignRow.updated_at, CampaignRow.id).limit(_AT_ONCE))
    return [(CampaignId(campaign), at) for campaign, at in rows]


def is_untouched(session: Session, campaign: CampaignId, touched_at: datetime) -> bool:
    """Whether it is a draft still that was last touched then; nobody touches it until the transaction ends."""
    query = sa.select(CampaignRow.updated_at).where(CampaignRow.id == campaign, *_IS_DRAFT).with_for_update()
    return session.execute(query).scalar_one_or_none() == touched_at


def set_time(session: Session, campaign: CampaignId, touched_at: datetime, until: datetime) -> None:
    """Writes down until when it stays. Telling its person is not touching it."""
    change = sa.update(CampaignRow).where(CampaignRow.id == campaign)
    session.execute(change.values(expires_at=until, updated_at=touched_at), execution_options=_PLAIN)


def expired(session: Session, at: datetime) -> list[CampaignId]:
    """Drafts whose time is over."""
    query = sa.select(CampaignRow.id).where(*_IS_DRAFT, CampaignRow.expires_at <= at).order_by(CampaignRow.expires_at)
    return [CampaignId(each) for each in session.scalars(query)]


def is_expired(session: Session, campaign: CampaignId, at: datetime) -> bool:
    """Whether it still is; then nobody touches it until the transaction ends."""
    query = sa.select(CampaignRow.id).where(CampaignRow.id == campaign, *_IS_DRAFT, CampaignRow.expires_at <= at)
    return session.execute(query.with_for_update()).scalar_one_or_none() is not None


def lift(session: Session) -> None:
    """Every draft stays for as long as it may."""
    change = sa.update(CampaignRow).where(CampaignRow.expires_at.is_not(None))
    session.execute(change.values(expires_at=None), execution_options=_PLAIN)
