"""Drafts: what was typed, replaced as a whole by whoever saw the version before, and every earlier one.

The draft and the document that is made of it stand in one row and have one version, so neither can be newer than the other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.documents import load
from reelwright.db.tables import AssetRow, CampaignRow, DraftVersionRow, SelectionRow
from reelwright.domain.budget import decimal_usd
from reelwright.domain.campaign import CampaignStatus, Document
from reelwright.domain.draft import Draft, decompile, merge_patch, name_of, patch_between, step_of, words_of
from reelwright.domain.ids import AssetId, CampaignId, TakeId, UserId
from reelwright.errors import NotFound, VersionConflict

KEPT = 200
"""So many of the newest drafts are kept, whatever their age."""
KEPT_FOR = timedelta(days=30)
"""So long one an hour is kept of those before."""
_WHOLE_EVERY = 10
_SWEEP_EVERY = 20
"""Versions between two looks for drafts that are not kept any longer."""


@dataclass(frozen=True)
class Stored:
    """A campaign's row, as far as drafts are concerned."""

    campaign: CampaignId
    user: UserId
    version: int
    status: CampaignStatus
    draft: Draft
    """What was typed, or, where nobody has edited yet, the document as somebody would have typed it."""
    is_typed: bool
    document: Document
    cap_micro_usd: int | None
    event_count: int
    saved_by: dict[str, Any] | None
    saved_at: datetime
    is_trashed: bool


def read(session: Session, campaign: CampaignId, *, for_change: bool = False) -> Stored:
    """The draft as it stands; with `for_change` nobody else changes it until the transaction ends.

    Raises:
        NotFound: there is no such campaign.
    """
    query = sa.select(
        CampaignRow.user_id,
        CampaignRow.version,
        CampaignRow.status,
        CampaignRow.draft,
        CampaignRow.document,
        CampaignRow.cap_micro_usd,
        CampaignRow.event_count,
        CampaignRow.saved_by,
        CampaignRow.created_at,
        CampaignRow.trashed_at,
    ).where(CampaignRow.id == campaign)
    row = session.execute(query.with_for_update() if for_change else query).one_or_none()
    if row is None:
        msg = f"There is no campaign {campaign!r}; `reelwright campaigns` lists them."
        raise NotFound(msg)
    document = load(Document, row.document)
    return Stored(
        campaign=campaign,
        user=UserId(row.user_id),
        version=row.version,
        status=CampaignStatus(row.status),
        draft=row.draft if row.draft is not None else decompiled(document, row.cap_micro_usd),
        is_typed=row.draft is not None,
        document=document,
        cap_micro_usd=row.cap_micro_usd,
        event_count=row.event_count,
        saved_by=row.saved_by,
        saved_at=datetime.fromisoformat(row.saved_by["at"]) if row.saved_by else row.created_at,
        is_trashed=row.trashed_at is not None,
    )


def decompiled(document: Document, cap_micro_usd: int | None) -> Draft:
    """The draft of a campaign that nobody has edited."""
    draft = decompile(document)
    return draft if cap_micro_usd is None else {**draft, "cap": decimal_usd(cap_micro_usd)}


def replace(session: Session, old: Stored, /, **columns: Any) -> int:
    """Changes columns of the row that has the version of `old`, and returns the new version.

    Raises:
        VersionConflict: somebody saved in between.
    """
    change = (
        sa.update(CampaignRow)
        .where(CampaignRow.id == old.campaign, CampaignRow.version == old.version)
        .values(version=old.version + 1, **columns)
        .returning(CampaignRow.version)
        .execution_options(synchronize_session=False)
    )
    saved = session.execute(change).scalar_one_or_none()
    if saved is None:
        msg = f"Campaign {old.campaign!r} has changed since version {old.version}; read it again."
        raise VersionConflict(msg)
    session.expire_all()
    return saved


def replace_typed(session: Session, old: Stored, draft: Draft, /, **columns: Any) -> int:
    """Replaces what was typed, keeps what was typed before, and returns the new version.

    Raises:
        VersionConflict: somebody saved in between.
    """
    keep(session, old, draft)
    return replace(session, old, draft=draft, **said(draft), **columns)


def said(draft: Draft) -> dict[str, Any]:
    """The columns that say of a draft what lists and the search need."""
    return {"name": name_of(draft), "words": words_of(draft), "step": step_of(draft)}


def keep(session: Session, old: Stored, new: Draft) -> None:
    """Writes down a draft that is about to be replaced by `new`. Whoever calls has read it for change.

    Most are kept as what makes them of the one after them, which is a thousandth of the size; every tenth is kept whole.
    """
    is_whole = old.version % _WHOLE_EVERY == 0
    row = {
        "campaign_id": old.campaign,
        "version": old.version,
        "is_whole": is_whole,
        "draft": old.draft if is_whole else patch_between(new, old.draft),
        "saved_at": old.saved_at,
        **({"saved_by": old.saved_by} if old.saved_by else {}),
    }
    session.execute(sa.insert(DraftVersionRow).values(row))


def sweep(session: Session, campaign: CampaignId, newest: int, at: datetime) -> None:
    """Removes drafts that are neither among the newest nor one of their hour in the last days; looks only now and then."""
    if newest % _SWEEP_EVERY:
        return
    old = sa.select(DraftVersionRow.version, DraftVersionRow.saved_at, DraftVersionRow.is_whole).where(
        DraftVersionRow.campaign_id == campaign, DraftVersionRow.version <= newest - KEPT
    )
    gone: list[int] = []
    hours = set[datetime]()
    for version, saved_at, is_whole in session.execute(old.order_by(DraftVersionRow.version)):
        hour = saved_at.replace(minute=0, second=0, microsecond=0)
        if at - saved_at > KEPT_FOR or hour in hours or not is_whole:
            gone.append(version)
        else:
            hours.add(hour)
    if gone:
        session.execute(
            sa.delete(DraftVersionRow)
            .where(DraftVersionRow.campaign_id == campaign, DraftVersionRow.version.in_(gone))
            .execution_options(synchronize_session=False)
        )


@dataclass(frozen=True)
class Version:
    """A draft as it was before it was saved again."""

    version: int
    draft: Draft
    saved_by: dict[str, Any] | None
    saved_at: datetime


def versions(session: Session, campaign: CampaignId, *, before: int | None, limit: int) -> list[Version]:
    """Earlier drafts, newest first, without what they say."""
    query = sa.select(DraftVersionRow.version, DraftVersionRow.saved_by, DraftVersionRow.saved_at).where(
        DraftVersionRow.campaign_id == campaign
    )
    if before is not None:
        query = query.where(DraftVersionRow.version < before)
    rows = session.execute(query.order_by(DraftVersionRow.version.desc()).limit(limit))
    return [Version(row.version, {}, row.saved_by, row.saved_at) for row in rows]


def version(session: Session, campaign: CampaignId, number: int) -> Version:
    """An earlier draft.

    Raises:
        NotFound: there is none of that number, or it is not kept any longer.
    """
    later = (DraftVersionRow.campaign_id == campaign, DraftVersionRow.version >= number)
    whole = session.scalar(sa.select(sa.func.min(DraftVersionRow.version)).where(*later, DraftVersionRow.is_whole))
    query = sa.select(DraftVersionRow).where(*later).order_by(DraftVersionRow.version)
    rows = session.scalars(query.where(DraftVersionRow.version <= whole) if whole else query).all()
    if not rows or rows[0].version != number:
        msg = f"Campaign {campaign!r} has no draft of version {number} in its history."
        raise NotFound(msg)
    draft: Draft = {} if rows[-1].is_whole else read(session, campaign).draft
    for row in reversed(rows):
        draft = row.draft if row.is_whole else cast("Draft", merge_patch(draft, row.draft))
    return Version(number, draft, rows[0].saved_by, rows[0].saved_at)


def used_takes(session: Session, campaign: CampaignId) -> dict[tuple[str, str], TakeId]:
    """The takes that are used, by shot and kind."""
    query = sa.select(SelectionRow.shot_id, SelectionRow.kind, SelectionRow.take_id).where(SelectionRow.campaign_id == campaign)
    return {(row.shot_id, row.kind): TakeId(row.take_id) for row in session.execute(query)}


def usable(session: Session, user: UserId, pictures: Collection[AssetId]) -> frozenset[AssetId]:
    """Those of the assets that the person may use, because they are theirs."""
    query = sa.select(AssetRow.id).where(AssetRow.id.in_(pictures), AssetRow.user_id == user, AssetRow.is_ready)
    return frozenset(AssetId(each) for each in session.scalars(query))
