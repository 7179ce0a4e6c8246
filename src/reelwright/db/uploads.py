"""Long uploads: what has arrived is what the row says, whatever else lies in the store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.account_tables import UploadRow
from reelwright.domain.ids import AssetId, CampaignId, UserId
from reelwright.domain.upload import Part, Upload


def _upload(row: UploadRow) -> Upload:
    known: dict[str, Any] = row.metadata_
    return Upload(
        id=row.id,
        user_id=UserId(row.user_id),
        campaign_id=CampaignId(row.campaign_id),
        length=row.length,
        name=known["name"],
        media_type=known["media_type"],
        created_at=row.created_at,
        expires_at=row.expires_at,
        parts=tuple(Part(key, size) for key, size in known["parts"]),
        asset_id=AssetId(row.asset_id) if row.asset_id else None,
    )


def _metadata(upload: Upload) -> dict[str, Any]:
    return {"name": upload.name, "media_type": upload.media_type, "parts": [[part.key, part.size] for part in upload.parts]}


def insert(session: Session, upload: Upload) -> None:
    """Writes a new one."""
    session.add(
        UploadRow(
            id=upload.id,
            user_id=upload.user_id,
            campaign_id=upload.campaign_id,
            length=upload.length,
            offset=0,
            metadata_=_metadata(upload),
            created_at=upload.created_at,
            expires_at=upload.expires_at,
        )
    )
    session.flush()


def find(session: Session, upload: str) -> Upload | None:
    """The upload with that id."""
    row = session.get(UploadRow, upload, populate_existing=True)
    return _upload(row) if row else None


def advance(session: Session, upload: Upload, before: int) -> bool:
    """Writes down what has arrived since there were `before` bytes; False when somebody else has gone on from there."""
    change = (
        sa.update(UploadRow)
        .where(UploadRow.id == upload.id, UploadRow.offset == before, UploadRow.asset_id.is_(None))
        .values(offset=upload.offset, metadata_=_metadata(upload), expires_at=upload.expires_at)
        .returning(UploadRow.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(change).scalar_one_or_none() is not None


def finish(session: Session, upload: str, asset: AssetId) -> None:
    """Writes down what became of it."""
    change = sa.update(UploadRow).where(UploadRow.id == upload).values(asset_id=asset)
    session.execute(change.execution_options(synchronize_session=False))


def remove(session: Session, upload: str) -> None:
    """Forgets it. Its parts are gone already."""
    session.execute(sa.delete(UploadRow).where(UploadRow.id == upload).execution_options(synchronize_session=False))


def expired(session: Session, at: datetime) -> list[Upload]:
    """Those whose time is over."""
    return [_upload(row) for row in session.scalars(sa.select(UploadRow).where(UploadRow.expires_at < at))]


def left_whole(session: Session, expiring_before: datetime) -> list[Upload]:
    """Those that have arrived, of which nothing became yet, and that nobody has touched for a while, by when they expire."""
    query = sa.select(UploadRow).where(
        UploadRow.offset == UploadRow.length, UploadRow.asset_id.is_(None), UploadRow.expires_at < expiring_before
    )
    return [_upload(row) for row in session.scalars(query)]
