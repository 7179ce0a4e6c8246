"""Assets: a row that is not ready names an attempt; only the compare-and-swap to ready makes an asset."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.tables import AssetRow
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.ids import AssetId, CampaignId, TakeId, UserId
from reelwright.domain.timing import Size
from reelwright.errors import NotFound


def _asset(row: AssetRow) -> Asset:
    return Asset(
        id=AssetId(row.id),
        user_id=UserId(row.user_id),
        campaign_id=CampaignId(row.campaign_id),
        kind=AssetKind(row.kind),
        key=row.key,
        bytes=row.bytes or 0,
        sha256=row.sha256 or "",
        media_type=row.media_type or "",
        created_at=row.created_at,
        size=Size(row.width, row.height) if row.width and row.height else None,
        seconds=Fraction(row.seconds) if row.seconds else None,
        take_id=TakeId(row.maker) if row.maker.startswith("take_") else None,
        provenance=row.provenance,
    )


def open_attempt(
    session: Session,
    asset: AssetId,
    *,
    user: UserId,
    campaign: CampaignId,
    kind: AssetKind,
    key: str,
    maker: str,
    at: datetime,
) -> None:
    """Writes down that an object is about to be stored under `key`, so that a sweep can find it after a crash."""
    session.add(
        AssetRow(
            id=asset,
            user_id=user,
            campaign_id=campaign,
            kind=kind.value,
            key=key,
            is_ready=False,
            is_doomed=False,
            maker=maker,
            provenance={},
            created_at=at,
        )
    )
    session.flush()


def make_ready(session: Session, asset: Asset) -> bool:
    """Turns the attempt into an asset; False when the attempt is doomed or gone, or was made ready before."""
    change = (
        sa.update(AssetRow)
        .where(AssetRow.id == asset.id, AssetRow.is_ready.is_(False), AssetRow.is_doomed.is_(False))
        .values(
            is_ready=True,
            bytes=asset.bytes,
            sha256=asset.sha256,
            media_type=asset.media_type,
            width=asset.size.width if asset.size else None,
            height=asset.size.height if asset.size else None,
            seconds=str(asset.seconds) if asset.seconds is not None else None,
            provenance=dict(asset.provenance),
        )
        .returning(AssetRow.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(change).scalar_one_or_none() is not None


def get(session: Session, asset: AssetId) -> Asset:
    """The asset.

    Raises:
        NotFound: there is none, or it is an attempt that never became one.
    """
    row = session.get(AssetRow, asset, populate_existing=True)
    if row is None or not row.is_ready:
        msg = f"There is no asset {asset!r}."
        raise NotFound(msg)
    return _asset(row)


def of_maker(session: Session, maker: str) -> list[Asset]:
    """The assets that were made for one take or film, oldest first."""
    query = sa.select(AssetRow).where(AssetRow.maker == maker, AssetRow.is_ready.is_(True)).order_by(AssetRow.created_at)
    return [_asset(row) for row in session.scalars(query)]


def of_campaign(session: Session, campaign: CampaignId) -> list[Asset]:
    """All of a campaign's assets, oldest first."""
    query = sa.select(AssetRow).where(AssetRow.campaign_id == campaign, AssetRow.is_ready.is_(True)).order_by(AssetRow.created_at)
    return [_asset(row) for row in session.scalars(query)]


def open_attempts(session: Session, maker: str, kind: AssetKind) -> list[tuple[AssetId, str]]:
    """Ids and keys of one maker's attempts at one kind that did not become assets (yet)."""
    query = sa.select(AssetRow.id, AssetRow.key).where(
        AssetRow.is_ready.is_(False), AssetRow.maker == maker, AssetRow.kind == kind.value
    )
    return [(AssetId(asset), key) for asset, key in session.execute(query)]


def dead_attempts(session: Session, uploads_before: datetime) -> list[tuple[AssetId, str]]:
    """Ids and keys of attempts that never became assets: all of takes and films, and uploads begun before that moment."""
    query = sa.select(AssetRow.id, AssetRow.key).where(
        AssetRow.is_ready.is_(False),
        sa.or_(AssetRow.kind != AssetKind.UPLOAD.value, AssetRow.created_at < uploads_before),
    )
    return [(AssetId(asset), key) for asset, key in session.execute(query)]


def doom(session: Session, asset: AssetId) -> bool:
    """Claims the attempt for removal, so that nobody can make it ready any more; False when it is an asset, or gone."""
    change = (
        sa.update(AssetRow)
        .where(AssetRow.id == asset, AssetRow.is_ready.is_(False))
        .values(is_doomed=True)
        .returning(AssetRow.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(change).scalar_one_or_none() is not None


def forget_attempt(session: Session, asset: AssetId) -> None:
    """Removes the row of a doomed attempt whose object is gone."""
    session.execute(
        sa.delete(AssetRow).where(AssetRow.id == asset, AssetRow.is_doomed.is_(True)).execution_options(synchronize_session=False)
    )


def known_keys(session: Session, keys: list[str]) -> set[str]:
    """Those of the keys that belong to an asset or to an attempt."""
    return set(session.scalars(sa.select(AssetRow.key).where(AssetRow.key.in_(keys))))
