"""Frames: where the pictures of older clients are looked for."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.tables import AssetRow, CampaignRow
from reelwright.domain.asset import AssetKind
from reelwright.domain.ids import CampaignId, UserId


def newest_with_frames(session: Session, user: UserId) -> CampaignId | None:
    """The user's newest campaign that has frames and is not in the trash."""
    has_frames = sa.exists().where(
        AssetRow.campaign_id == CampaignRow.id,
        AssetRow.kind == AssetKind.FRAME.value,
        AssetRow.is_ready.is_(True),
        AssetRow.trashed_at.is_(None),
    )
    query = sa.select(CampaignRow.id).where(CampaignRow.user_id == user, CampaignRow.trashed_at.is_(None), has_frames)
    newest = query.order_by(CampaignRow.trashed_at.desc(), CampaignRow.created_at.desc(), CampaignRow.id.desc()).limit(1)
    found = session.execute(newest).scalar_one_or_none()
    return CampaignId(found) if found else None
