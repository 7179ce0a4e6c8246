"""Assets: a row that is not ready names an attempt; only the compare-and-swap to ready makes an asset."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.tables import AssetRow, CampaignRow
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
        is_spooled=row.is_spooled,
        thumbhash=row.thumbhash or "",
        trashed_at=row.trashed_at,
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
            is_spooled=asset.is_spooled,
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


def by_keys(session: Session, keys: Collection[str]) -> Asset | None:
    """The asset whose object has one of these keys."""
    row = session.scalars(sa.select(AssetRow).where(AssetRow.key.in_(keys), AssetRow.is_ready.is_(True)).limit(1)).first()
    return _asset(row) if row else None


def open_attempts(session: Session, maker: str, kind: AssetKind) -> list[tuple[AssetId, str]]:
    """Ids and keys of one maker's attempts at one kind that did not become assets (yet)."""
    query = sa.select(AssetRow.id, AssetRow.key).where(
        AssetRow.is_ready.is_(False), AssetRow.maker == maker, AssetRow.kind == kind.value
    )
    return [(AssetId(asset), key) for asset, key in session.execute(query)]


def old_attempts(session: Session, before: datetime) -> list[tuple[AssetId, str]]:
    """Ids and keys of attempts that were begun before that moment by whoever answers requests, and never became assets."""
    is_of_request = AssetRow.kind.in_([AssetKind.UPLOAD.value, AssetKind.THUMBNAIL.value])
    query = sa.select(AssetRow.id, AssetRow.key).where(AssetRow.is_ready.is_(False), is_of_request, AssetRow.created_at < before)
    return [(AssetId(asset), key) for asset, key in session.execute(query)]


def dead_attempts(session: Session, uploads_before: datetime) -> list[tuple[AssetId, str]]:
    """Ids and keys of attempts that never became assets: all of takes and films, and of requests begun before that moment."""
    query = sa.select(AssetRow.id, AssetRow.key).where(
        AssetRow.is_ready.is_(False),
        sa.or_(
            sa.and_(
                AssetRow.kind.not_in([AssetKind.UPLOAD.value, AssetKind.THUMBNAIL.value]),
                sa.or_(*(AssetRow.maker.startswith(each, autoescape=True) for each in ("take_", "film_"))),
            ),
            AssetRow.created_at < uploads_before,
        ),
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


def twin(session: Session, user: UserId, campaign: CampaignId, kind: AssetKind, sha256: str) -> Asset | None:
    """The oldest asset of the campaign that is of that kind and has those bytes, in the trash or not."""
    query = sa.select(AssetRow).where(
        AssetRow.user_id == user,
        AssetRow.sha256 == sha256,
        AssetRow.campaign_id == campaign,
        AssetRow.kind == kind.value,
        AssetRow.is_ready.is_(True),
    )
    row = session.scalars(query.order_by(AssetRow.created_at, AssetRow.id).limit(1)).first()
    return _asset(row) if row else None


@dataclass(frozen=True)
class Wish:
    """Which assets a list shows."""

    kind: AssetKind | None = None
    campaign: CampaignId | None = None
    is_trashed: bool = False
    """Those in the trash, and no others."""


def page(session: Session, user: UserId, wish: Wish, *, before: str = "", limit: int = 50) -> list[Asset]:
    """The user's originals, newest first, after the one with the id `before`. What is in a campaign's trash is not shown.

    Raises:
        NotFound: there is no asset `before`.
    """
    is_there = AssetRow.trashed_at.is_not(None) if wish.is_trashed else AssetRow.trashed_at.is_(None)
    is_of_trash = sa.exists().where(CampaignRow.id == AssetRow.campaign_id, CampaignRow.trashed_at.is_not(None))
    query = sa.select(AssetRow).where(AssetRow.user_id == user, AssetRow.is_ready.is_(True), is_there, ~is_of_trash)
    kinds = [kind.value for kind in AssetKind if kind is not AssetKind.THUMBNAIL]
    query = query.where(AssetRow.kind == wish.kind.value if wish.kind else AssetRow.kind.in_(kinds))
    if wish.campaign:
        query = query.where(AssetRow.campaign_id == wish.campaign)
    if before:
        edge = get(session, AssetId(before))
        query = query.where(sa.tuple_(AssetRow.created_at, AssetRow.id) < sa.tuple_(edge.created_at, edge.id))
    rows = session.scalars(query.order_by(AssetRow.created_at.desc(), AssetRow.id.desc()).limit(limit))
    return [_asset(row) for row in rows]


def put_in_trash(session: Session, asset: AssetId, at: datetime | None) -> None:
    """Puts the asset into the trash, or takes it out for None."""
    _set(session, asset, trashed_at=at)


def set_thumbhash(session: Session, asset: AssetId, thumbhash: str) -> None:
    """Writes down the blur of it."""
    _set(session, asset, thumbhash=thumbhash)


def set_landed(session: Session, asset: AssetId) -> None:
    """The store has taken what lay in the spool."""
    _set(session, asset, is_spooled=False)


def _set(session: Session, asset: AssetId, **values: object) -> None:
    change = sa.update(AssetRow).where(AssetRow.id == asset, AssetRow.is_ready.is_(True)).values(**values)
    session.execute(change.execution_options(synchronize_session=False))


def look_up(session: Session, asset: AssetId) -> tuple[Asset, bool] | None:
    """What has that id, and whether it is an asset already or still an attempt."""
    row = session.get(AssetRow, asset, populate_existing=True)
    return (_asset(row), row.is_ready) if row else None


def stored(session: Session, after: str, limit: int) -> list[Asset]:
    """Everything whose bytes are in the store, thumbnails too, in the order of the ids, after that one."""
    query = sa.select(AssetRow).where(AssetRow.is_ready.is_(True), AssetRow.is_spooled.is_(False), AssetRow.id > after)
    return [_asset(row) for row in session.scalars(query.order_by(AssetRow.id).limit(limit))]


def sum_stored(session: Session) -> tuple[int, int]:
    """How many assets have their bytes in the store, thumbnails too, and how many bytes those are."""
    query = sa.select(sa.func.count(AssetRow.id), sa.func.sum(AssetRow.bytes))
    count, size = session.execute(query.where(AssetRow.is_ready.is_(True), AssetRow.is_spooled.is_(False))).one()
    return count, size or 0


def every(session: Session, after: str, limit: int) -> list[Asset]:
    """Everything that has bytes, in the store or in a spool, in the order of the ids, after that one."""
    query = sa.select(AssetRow).where(AssetRow.is_ready.is_(True), AssetRow.id > after)
    return [_asset(row) for row in session.scalars(query.order_by(AssetRow.id).limit(limit))]


def sum_all(session: Session) -> tuple[int, int]:
    """How many assets there are, thumbnails too, and how many bytes they have."""
    query = sa.select(sa.func.count(AssetRow.id), sa.func.sum(AssetRow.bytes)).where(AssetRow.is_ready.is_(True))
    count, size = session.execute(query).one()
    return count, int(size or 0)


def of_same_bytes(session: Session, asset: Asset) -> list[Asset]:
    """Other assets of the same person that have the same bytes."""
    query = sa.select(AssetRow).where(
        AssetRow.user_id == asset.user_id,
        AssetRow.sha256 == asset.sha256,
        AssetRow.id != asset.id,
        AssetRow.is_ready.is_(True),
    )
    return [_asset(row) for row in session.scalars(query)]


def give_up(session: Session, asset: AssetId) -> None:
    """Makes a doomed attempt of an asset, for what can be made again: its object is about to be removed."""
    _set(session, asset, is_ready=False, is_doomed=True)


def campaigns_among(session: Session, ids: Collection[str]) -> set[str]:
    """Those of the ids that are campaigns of this database."""
    return set(session.scalars(sa.select(CampaignRow.id).where(CampaignRow.id.in_(ids))))
