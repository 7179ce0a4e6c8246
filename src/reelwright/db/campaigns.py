"""Campaigns: documents with a version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.documents import dump, load
from reelwright.db.tables import CampaignRow
from reelwright.domain.campaign import Campaign, CampaignStatus, Document
from reelwright.domain.ids import CampaignId, UserId
from reelwright.errors import NotFound, VersionConflict


def _campaign(row: CampaignRow) -> Campaign:
    return Campaign(
        id=CampaignId(row.id),
        user_id=UserId(row.user_id),
        status=CampaignStatus(row.status),
        version=row.version,
        document=load(Document, row.document),
        created_at=row.created_at,
        cap_micro_usd=row.cap_micro_usd,
    )


def insert(session: Session, campaign: Campaign) -> None:
    """Writes a new campaign."""
    session.add(
        CampaignRow(
            id=campaign.id,
            user_id=campaign.user_id,
            name=campaign.document.brief.name,
            status=campaign.status.value,
            version=campaign.version,
            document=dump(campaign.document),
            cap_micro_usd=campaign.cap_micro_usd,
            event_count=0,
            created_at=campaign.created_at,
            updated_at=campaign.created_at,
        )
    )
    session.flush()


def find(session: Session, campaign: CampaignId, *, for_change: bool = False) -> Campaign | None:
    """The campaign; with `for_change`, nobody else can change it until this transaction ends."""
    row = session.get(CampaignRow, campaign, with_for_update=for_change or None, populate_existing=for_change)
    return _campaign(row) if row else None


def get(session: Session, campaign: CampaignId, *, for_change: bool = False) -> Campaign:
    """As `find`.

    Raises:
        NotFound: there is none.
    """
    found = find(session, campaign, for_change=for_change)
    if found is None:
        msg = f"There is no campaign {campaign!r}; `reelwright campaigns` lists them."
        raise NotFound(msg)
    return found


def save(session: Session, campaign: CampaignId, document: Document, version: int) -> int:
    """Replaces the document that has `version` and returns the new version.

    Raises:
        VersionConflict: somebody saved in between.
    """
    change = (
        sa.update(CampaignRow)
        .where(CampaignRow.id == campaign, CampaignRow.version == version)
        .values(document=dump(document), name=document.brief.name, version=version + 1)
        .returning(CampaignRow.version)
        .execution_options(synchronize_session=False)
    )
    saved = session.execute(change).scalar_one_or_none()
    if saved is None:
        msg = f"Campaign {campaign!r} has changed since version {version}; read it again."
        raise VersionConflict(msg)
    session.expire_all()
    return saved


def set_status(session: Session, campaign: CampaignId, status: CampaignStatus) -> None:
    """Moves the campaign to another state."""
    session.execute(
        sa.update(CampaignRow)
        .where(CampaignRow.id == campaign)
        .values(status=status.value)
        .execution_options(synchronize_session=False)
    )


def set_cap(session: Session, campaign: CampaignId, cap_micro_usd: int | None) -> None:
    """Changes the most that the campaign may cost."""
    session.execute(
        sa.update(CampaignRow)
        .where(CampaignRow.id == campaign)
        .values(cap_micro_usd=cap_micro_usd)
        .execution_options(synchronize_session=False)
    )


@dataclass(frozen=True)
class Summary:
    """A line of the list of campaigns."""

    id: CampaignId
    name: str
    status: CampaignStatus
    created_at: datetime


def page(session: Session, user: UserId, *, before: str = "", limit: int = 50) -> list[Summary]:
    """The user's campaigns, newest first, after the one with the id `before`.

    Raises:
        NotFound: there is no campaign `before`.
    """
    query = sa.select(CampaignRow).where(CampaignRow.user_id == user, CampaignRow.trashed_at.is_(None))
    if before:
        edge = get(session, CampaignId(before))
        query = query.where(sa.tuple_(CampaignRow.created_at, CampaignRow.id) < sa.tuple_(edge.created_at, edge.id))
    rows = session.scalars(query.order_by(CampaignRow.created_at.desc(), CampaignRow.id.desc()).limit(limit))
    return [Summary(CampaignId(row.id), row.name, CampaignStatus(row.status), row.created_at) for row in rows]
