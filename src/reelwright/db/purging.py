"""Purging: what leaves the trash for good, claimed in one transaction before any object is touched.

A campaign that is purged stays as a row without a document, because its ledger is history: it belongs to nobody whom the fence
knows, so no list and no route shows it, and its id is never given to another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db import budgets, takes
from reelwright.db.account_tables import GenerationRow, ShareRow, UploadRow
from reelwright.db.documents import dump
from reelwright.db.tables import (
    AssetRow,
    BudgetRow,
    CampaignRow,
    DraftVersionRow,
    EventRow,
    FilmRow,
    ProductionRow,
    SelectionRow,
    TakeRow,
)
from reelwright.domain.brief import Brief
from reelwright.domain.campaign import CampaignStatus, Document
from reelwright.domain.generation import Failure, FailureKind
from reelwright.domain.ids import AssetId, CampaignId
from reelwright.domain.take import TakeState

NOBODY = "purged/"
"""Before the id of whose campaign it was."""
_ASSET = re.compile(r"asset_[0-9a-z]{26}")
_AT_ONCE = 200
_GONE = Failure("Its output was purged from the trash.", is_charged=True, kind=FailureKind.LOST)


@dataclass(frozen=True)
class Wish:
    """What of the trash is meant."""

    campaign: CampaignId | None = None
    """Only that campaign; else everything."""
    before: datetime | None = None
    """Only what was thrown away before that moment."""


@dataclass(frozen=True)
class Trashed:
    """A campaign in the trash."""

    id: CampaignId
    name: str
    assets: int
    bytes: int
    busy: str = ""
    """Why it cannot go yet."""


def campaigns_in_trash(session: Session, wish: Wish) -> list[Trashed]:
    """The campaigns that are meant, the first one thrown away first."""
    query = (
        sa.select(CampaignRow.id, CampaignRow.name, sa.func.count(AssetRow.id), sa.func.sum(AssetRow.bytes))
        .outerjoin(AssetRow, AssetRow.campaign_id == CampaignRow.id)
        .where(CampaignRow.trashed_at.is_not(None), ~CampaignRow.user_id.startswith(NOBODY))
        .group_by(CampaignRow.id, CampaignRow.name, CampaignRow.trashed_at)
        .order_by(CampaignRow.trashed_at, CampaignRow.id)
    )
    if wish.campaign is not None:
        query = query.where(CampaignRow.id == wish.campaign)
    if wish.before is not None:
        query = query.where(CampaignRow.trashed_at < wish.before)
    return [
        Trashed(CampaignId(campaign), name, count, int(much or 0), busy_with(session, CampaignId(campaign)))
        for campaign, name, count, much in session.execute(query).all()
    ]


def busy_with(session: Session, campaign: CampaignId) -> str:
    """What is still under way there, in words; empty where nothing is."""
    runs = sa.select(ProductionRow.id).where(ProductionRow.campaign_id == campaign, ProductionRow.ended_at.is_(None))
    if session.execute(runs.limit(1)).first():
        return "a production has not ended"
    if takes.count_unsettled(session, campaign):
        return "paid work is on its way home"
    if budgets.balance(session, campaign).reserved:
        return "money is still held for it: a take is in doubt, or a text is being written"
    return ""


def assets_in_trash(session: Session, wish: Wish) -> dict[AssetId, int]:
    """Assets that were thrown away by themselves, with their bytes; those of campaigns in the trash go with these."""
    if wish.campaign is not None:
        return {}
    is_alone = sa.exists().where(CampaignRow.id == AssetRow.campaign_id, CampaignRow.trashed_at.is_(None))
    query = sa.select(AssetRow.id, AssetRow.bytes).where(AssetRow.trashed_at.is_not(None), AssetRow.is_ready.is_(True), is_alone)
    if wish.before is not None:
        query = query.where(AssetRow.trashed_at < wish.before)
    return {AssetId(asset): size or 0 for asset, size in session.execute(query)}


def assets_of(session: Session, campaign: CampaignId) -> dict[AssetId, int]:
    """The campaign's assets, without thumbnails, with their bytes."""
    query = sa.select(AssetRow.id, AssetRow.bytes).where(
        AssetRow.campaign_id == campaign, AssetRow.is_ready.is_(True), ~_is_thumbnail()
    )
    return {AssetId(asset): size or 0 for asset, size in session.execute(query)}


def _is_thumbnail() -> sa.ColumnElement[bool]:
    return AssetRow.kind == "thumbnail"


def lock(session: Session) -> None:
    """Nobody begins to use an asset until this transaction ends, and who has begun is waited for. First in its transaction.

    Whoever does reads or changes a campaign for change, or writes a card. On SQLite a transaction that writes is alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("LOCK TABLE reel_campaigns, reel_generations IN EXCLUSIVE MODE"))


def used(session: Session, wanted: Mapping[AssetId, CampaignId | None], since: datetime | None = None) -> dict[AssetId, str]:
    """Those of the assets that something uses which stays, with the campaign that does; empty for a card of the library.

    Args:
        session: the transaction.
        wanted: the assets, each with the campaign that is purged with it: what that one uses does not count.
        since: look only at what was written after that moment.
    """
    found: dict[AssetId, str] = {}
    for campaign, text in _texts(session, since):
        for each in map(AssetId, _ASSET.findall(text)):
            if each in wanted and wanted[each] != campaign:
                found.setdefault(each, campaign)
    for some in _some(sorted(wanted)):
        is_selected = sa.exists().where(SelectionRow.take_id == TakeRow.id)
        query = (
            sa.select(TakeRow.asset_id, TakeRow.campaign_id)
            .join(AssetRow, AssetRow.id == TakeRow.asset_id)
            .where(TakeRow.asset_id.in_(some), sa.or_(is_selected, TakeRow.campaign_id != AssetRow.campaign_id))
        )
        for asset, campaign in session.execute(query):
            if asset is not None and campaign != wanted[AssetId(asset)]:
                found.setdefault(AssetId(asset), campaign)
    return found


def _texts(session: Session, since: datetime | None) -> Iterator[tuple[str, str]]:
    """Everything that may name an asset, with its campaign; a page at a time."""
    nothing = sa.literal("")
    places: tuple[tuple[Any, Any, Any], ...] = (
        (CampaignRow.id, CampaignRow.document, CampaignRow.updated_at),
        (CampaignRow.id, CampaignRow.draft, CampaignRow.updated_at),
        (TakeRow.campaign_id, TakeRow.request, TakeRow.created_at),
        (FilmRow.campaign_id, FilmRow.cut_list, FilmRow.created_at),
        (FilmRow.campaign_id, FilmRow.assets, None),
        (nothing, GenerationRow.snapshot, GenerationRow.created_at),
        (nothing, GenerationRow.thumbnail, GenerationRow.created_at),
    )
    for campaign, column, at in places:
        text = sa.cast(column, sa.Text)
        query = sa.select(campaign, text).where(text.contains("asset_", autoescape=True))
        if column.class_ is GenerationRow:
            query = query.where(GenerationRow.trashed_at.is_(None))
        if since is not None and at is not None:
            query = query.where(at > since)
        for name, content in session.execute(query.execution_options(yield_per=_AT_ONCE)):
            yield str(name), str(content)


def _some(ids: list[AssetId]) -> Iterator[list[AssetId]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def is_in_trash(session: Session, campaign: CampaignId) -> bool:
    """Whether it still is; then nobody takes it out until the transaction ends."""
    query = sa.select(CampaignRow.trashed_at).where(CampaignRow.id == campaign, ~CampaignRow.user_id.startswith(NOBODY))
    return session.execute(query.with_for_update()).scalar_one_or_none() is not None


def doom_campaign(session: Session, campaign: CampaignId, kept: dict[AssetId, str]) -> None:
    """Removes everything of it but its ledger, and dooms its assets; those that are kept go to the campaign that uses them."""
    for asset, user in kept.items():
        moved = sa.update(AssetRow).where(AssetRow.id == asset, AssetRow.campaign_id == campaign)
        values: dict[str, Any] = {"maker": sa.literal(NOBODY) + AssetRow.maker, "trashed_at": None}
        session.execute(moved.values(**values, **({"campaign_id": user} if user else {})), execution_options=_PLAIN)
    staying = [asset for asset, user in kept.items() if not user]
    doomed = sa.update(AssetRow).where(AssetRow.campaign_id == campaign, AssetRow.id.not_in(staying))
    session.execute(doomed.values(is_ready=False, is_doomed=True), execution_options=_PLAIN)
    # Parts of long uploads go with their rows, by whoever tidies up: to them it has no time left, and nothing has arrived.
    ended = sa.update(UploadRow).where(UploadRow.campaign_id == campaign)
    session.execute(ended.values(offset=0, expires_at=UploadRow.created_at), execution_options=_PLAIN)
    for table in (SelectionRow, ShareRow, DraftVersionRow, EventRow, FilmRow, TakeRow, ProductionRow):
        session.execute(sa.delete(table).where(table.campaign_id == campaign), execution_options=_PLAIN)
    session.execute(sa.delete(BudgetRow).where(BudgetRow.scope == f"campaign/{campaign}"), execution_options=_PLAIN)
    name = session.execute(sa.select(CampaignRow.name).where(CampaignRow.id == campaign)).scalar_one()
    document = dump(Document(Brief(product="", name=name)))
    gone: dict[str, Any] = {"document": document, "draft": sa.null(), "saved_by": sa.null(), "words": ""}
    stays = sa.update(CampaignRow).where(CampaignRow.id == campaign)
    session.execute(
        stays.values(**gone, user_id=sa.literal(NOBODY) + CampaignRow.user_id, status=CampaignStatus.DRAFT.value),
        execution_options=_PLAIN,
    )


_PLAIN = {"synchronize_session": False}


def doom_asset(session: Session, asset: AssetId) -> bool:
    """Dooms an asset that was thrown away, and its thumbnails; the take that it is the outcome of has none any more.

    False where somebody has taken it out of the trash.
    """
    change = sa.update(AssetRow).where(AssetRow.id == asset, AssetRow.is_ready.is_(True), AssetRow.trashed_at.is_not(None))
    gone = session.execute(change.values(is_ready=False, is_doomed=True).returning(AssetRow.id), execution_options=_PLAIN)
    if gone.scalar_one_or_none() is None:
        return False
    stills = sa.update(AssetRow).where(AssetRow.maker.startswith(f"{asset}/", autoescape=True), _is_thumbnail())
    session.execute(stills.values(is_ready=False, is_doomed=True), execution_options=_PLAIN)
    take = sa.update(TakeRow).where(TakeRow.asset_id == asset, TakeRow.state == TakeState.KEPT.value)
    session.execute(take.values(state=TakeState.FAILED.value, asset_id=None, failure=dump(_GONE)), execution_options=_PLAIN)
    return True


def doomed(session: Session) -> list[tuple[AssetId, str]]:
    """Ids and keys of what is claimed for removal and may still have its object."""
    query = sa.select(AssetRow.id, AssetRow.key).where(AssetRow.is_doomed.is_(True), AssetRow.is_ready.is_(False))
    return [(AssetId(asset), key) for asset, key in session.execute(query)]


def count_cards(session: Session, wish: Wish) -> int:
    """Cards of the library in the trash."""
    if wish.campaign is not None:
        return 0
    return session.execute(sa.select(sa.func.count(GenerationRow.id)).where(*_cards(wish))).scalar_one()


def remove_cards(session: Session, wish: Wish) -> None:
    """Removes them. The assets that they show stay where they are."""
    if wish.campaign is None:
        session.execute(sa.delete(GenerationRow).where(*_cards(wish)), execution_options=_PLAIN)


def _cards(wish: Wish) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [GenerationRow.trashed_at.is_not(None)]
    return found if wish.before is None else [*found, GenerationRow.trashed_at < wish.before]
