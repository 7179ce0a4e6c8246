"""Campaigns: documents with a version."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db import drafts
from reelwright.db.documents import dump, load
from reelwright.db.tables import CampaignRow
from reelwright.domain.campaign import Campaign, CampaignStatus, Document
from reelwright.domain.draft import Draft, absorb, decompile
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
        name=row.name,
    )


def insert(session: Session, campaign: Campaign, draft: Draft | None = None) -> None:
    """Writes a new campaign; without a draft it is one that nobody has edited."""
    typed = {} if draft is None else {"draft": draft}
    session.add(
        CampaignRow(
            id=campaign.id,
            user_id=campaign.user_id,
            status=campaign.status.value,
            version=campaign.version,
            document=dump(campaign.document),
            cap_micro_usd=campaign.cap_micro_usd,
            event_count=0,
            created_at=campaign.created_at,
            updated_at=campaign.created_at,
            **drafts.said(decompile(campaign.document) if draft is None else draft),
            **typed,
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
    """Replaces the document that has `version` and returns the new version. What was typed follows, and is kept as it was.

    Raises:
        VersionConflict: somebody saved in between.
    """
    old = drafts.read(session, campaign, for_change=True)
    if old.version != version:
        msg = f"Campaign {campaign!r} has changed since version {version}; read it again."
        raise VersionConflict(msg)
    draft = absorb(old.draft, old.document, document) if old.is_typed else decompile(document)
    if old.is_typed and draft != old.draft:
        return drafts.replace_typed(session, old, draft, document=dump(document))
    return drafts.replace(session, old, document=dump(document), **drafts.said(draft))


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


def set_trashed(session: Session, campaign: CampaignId, at: datetime | None) -> None:
    """Puts the campaign into the trash, or with None takes it out."""
    session.execute(
        sa.update(CampaignRow)
        .where(CampaignRow.id == campaign)
        .values(trashed_at=at)
        .execution_options(synchronize_session=False)
    )
