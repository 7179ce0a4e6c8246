"""Lists of campaigns: pages by key, counts, the search, and what a card shows. None of it reads a document or a draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.tables import CampaignRow, FilmRow, LedgerRow, ProductionRow, SelectionRow, TakeRow
from reelwright.domain.budget import EntryKind
from reelwright.domain.campaign import CampaignStatus
from reelwright.domain.generation import Kind
from reelwright.domain.ids import AssetId, CampaignId, UserId
from reelwright.errors import NotFound

COUNTED = 1000
"""Counting stops there, so that it takes as long for a million campaigns."""
_MOSAIC = 4


class Sort(StrEnum):
    """In which order; always the latest first."""

    NEWEST = "newest"
    CHANGED = "changed"


@dataclass(frozen=True)
class Summary:
    """A line of the list of campaigns."""

    id: CampaignId
    name: str
    status: CampaignStatus
    step: int
    version: int
    created_at: datetime
    updated_at: datetime
    trashed_at: datetime | None = None
    expires_at: datetime | None = None
    """When it goes to the trash, if nobody touches it until then."""
    pictures: tuple[AssetId, ...] = ()
    """The poster of the newest film; else the frames of the first shots."""
    charged_micro_usd: int = 0
    error: str = ""
    """Why it failed."""

    def key(self, by: Sort) -> tuple[datetime, CampaignId]:
        """Where it stands in a list of that order."""
        return (self.created_at if by is Sort.NEWEST else self.updated_at), self.id


_COLUMNS = (
    CampaignRow.id,
    CampaignRow.name,
    CampaignRow.status,
    CampaignRow.step,
    CampaignRow.version,
    CampaignRow.created_at,
    CampaignRow.updated_at,
    CampaignRow.trashed_at,
    CampaignRow.expires_at,
)
_COLUMN = {Sort.NEWEST: CampaignRow.created_at, Sort.CHANGED: CampaignRow.updated_at}


def _summaries(session: Session, query: sa.Select[*tuple[Any, ...]]) -> list[Summary]:
    return [
        Summary(
            id=CampaignId(row.id),
            name=row.name,
            status=CampaignStatus(row.status),
            step=row.step,
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
            trashed_at=row.trashed_at,
            expires_at=row.expires_at,
        )
        for row in session.execute(query)
    ]


def page(session: Session, user: UserId, *, before: str = "", limit: int = 50) -> list[Summary]:
    """The user's campaigns, newest first, after the one with the id `before`.

    Raises:
        NotFound: there is no campaign `before`.
    """
    edge = None
    if before:
        query = sa.select(CampaignRow.created_at).where(CampaignRow.id == before)
        created = session.execute(query).scalar_one_or_none()
        if created is None:
            msg = f"There is no campaign {before!r}; `reelwright campaigns` lists them."
            raise NotFound(msg)
        edge = created, CampaignId(before)
    return listed(session, user, after=edge, limit=limit)


def listed(
    session: Session,
    user: UserId,
    *,
    status: CampaignStatus | None = None,
    by: Sort = Sort.NEWEST,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[Summary]:
    """The user's campaigns that are not in the trash, the latest first, from behind the one with the key `after`."""
    column = _COLUMN[by]
    query = sa.select(*_COLUMNS).where(CampaignRow.user_id == user, CampaignRow.trashed_at.is_(None))
    if status is not None:
        query = query.where(CampaignRow.status == status.value)
    if after is not None:
        query = query.where(sa.tuple_(column, CampaignRow.id) < sa.tuple_(*after))
    # `trashed_at` is the same for all, but only where it is named does PostgreSQL see that the index has this order already.
    order = (CampaignRow.trashed_at.desc(), column.desc(), CampaignRow.id.desc())
    return _summaries(session, query.order_by(*order).limit(limit))


def trashed(session: Session, user: UserId, *, after: tuple[datetime, str] | None = None, limit: int = 50) -> list[Summary]:
    """The user's campaigns in the trash, the last one thrown away first."""
    query = sa.select(*_COLUMNS).where(CampaignRow.user_id == user, CampaignRow.trashed_at.is_not(None))
    if after is not None:
        query = query.where(sa.tuple_(CampaignRow.trashed_at, CampaignRow.id) < sa.tuple_(*after))
    return _summaries(session, query.order_by(CampaignRow.trashed_at.desc(), CampaignRow.id.desc()).limit(limit))


def counts(session: Session, user: UserId) -> dict[CampaignStatus, int]:
    """How many there are of each status, outside the trash; `COUNTED` where there are as many or more."""
    found: dict[CampaignStatus, int] = {}
    for status in CampaignStatus:
        some = sa.select(CampaignRow.id).where(
            CampaignRow.user_id == user, CampaignRow.trashed_at.is_(None), CampaignRow.status == status.value
        )
        found[status] = session.execute(sa.select(sa.func.count()).select_from(some.limit(COUNTED).subquery())).scalar_one()
    return found


def search(session: Session, user: UserId, words: Sequence[str], *, limit: int) -> list[Summary]:
    """The user's campaigns that have every one of the words, or parts of words, the last changed ones first."""
    query = sa.select(*_COLUMNS).where(CampaignRow.user_id == user, CampaignRow.trashed_at.is_(None))
    for word in words:
        query = query.where(CampaignRow.words.contains(word, autoescape=True))
    order = (CampaignRow.trashed_at.desc(), CampaignRow.updated_at.desc(), CampaignRow.id.desc())
    return _summaries(session, query.order_by(*order).limit(limit))


def with_cards(session: Session, found: Sequence[Summary]) -> list[Summary]:
    """The lines with what their cards show: a picture, what they cost so far, and why one failed."""
    ids = [each.id for each in found]
    pictures = _frames(session, ids) | _posters(session, ids)
    spent = sa.select(LedgerRow.campaign_id, sa.func.sum(LedgerRow.micro_usd)).where(
        LedgerRow.campaign_id.in_(ids), LedgerRow.kind == EntryKind.CHARGE.value
    )
    charged = {campaign: int(micro) for campaign, micro in session.execute(spent.group_by(LedgerRow.campaign_id))}
    errors = _errors(session, [each.id for each in found if each.status is CampaignStatus.FAILED])
    return [
        replace(
            each,
            pictures=tuple(pictures.get(each.id, ())),
            charged_micro_usd=charged.get(each.id, 0),
            error=errors.get(each.id, ""),
        )
        for each in found
    ]


def _posters(session: Session, ids: Sequence[CampaignId]) -> dict[str, list[AssetId]]:
    query = sa.select(FilmRow.campaign_id, FilmRow.assets).where(FilmRow.campaign_id.in_(ids)).order_by(FilmRow.number)
    return {campaign: [AssetId(assets["poster"])] for campaign, assets in session.execute(query) if assets.get("poster")}


def _frames(session: Session, ids: Sequence[CampaignId]) -> dict[str, list[AssetId]]:
    query = (
        sa.select(SelectionRow.campaign_id, TakeRow.asset_id)
        .join(TakeRow, TakeRow.id == SelectionRow.take_id)
        .where(SelectionRow.campaign_id.in_(ids), SelectionRow.kind == Kind.FRAME.value)
        .order_by(SelectionRow.campaign_id, SelectionRow.shot_id)
    )
    found: dict[str, list[AssetId]] = {}
    for campaign, asset in session.execute(query):
        frames = found.setdefault(campaign, [])
        if asset is not None and len(frames) < _MOSAIC:
            frames.append(AssetId(asset))
    return found


def _errors(session: Session, ids: Sequence[CampaignId]) -> dict[str, str]:
    query = sa.select(ProductionRow.campaign_id, ProductionRow.error).where(ProductionRow.campaign_id.in_(ids))
    rows = session.execute(query.order_by(ProductionRow.created_at, ProductionRow.id))
    return {row.campaign_id: row.error for row in rows}
