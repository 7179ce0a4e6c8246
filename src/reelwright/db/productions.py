"""Productions: at most one of a campaign runs at a time, which the database itself enforces."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.documents import dump, load
from reelwright.db.tables import ProductionRow
from reelwright.domain.aim import WHOLE, Aim
from reelwright.domain.ids import CampaignId, ProductionId
from reelwright.domain.production import Models, Production, ProductionState
from reelwright.errors import NotFound
from reelwright.net.redaction import conceal

OWN_PREFIX = "production-own."
"""Of the runs that a person's own takes hang on. The point keeps them apart from every id that a person can choose."""


def _production(row: ProductionRow) -> Production:
    return Production(
        id=ProductionId(row.id),
        campaign_id=CampaignId(row.campaign_id),
        state=ProductionState(row.state),
        models=load(Models, row.models),
        created_at=row.created_at,
        ended_at=row.ended_at,
        error=row.error,
        aim=load(Aim, row.aim) if row.aim else WHOLE,
    )


def insert(session: Session, production: Production) -> None:
    """Writes a new run."""
    session.add(
        ProductionRow(
            id=production.id,
            campaign_id=production.campaign_id,
            state=production.state.value,
            models=dump(production.models),
            created_at=production.created_at,
            ended_at=production.ended_at,
            error=production.error,
            aim=None if production.aim == WHOLE else dump(production.aim),
            is_beside=production.is_beside,
        )
    )
    session.flush()


def find(session: Session, production: ProductionId) -> Production | None:
    """The run, where there is one."""
    row = session.get(ProductionRow, production, populate_existing=True)
    return _production(row) if row else None


def get(session: Session, production: ProductionId) -> Production:
    """The run.

    Raises:
        NotFound: there is none.
    """
    found = find(session, production)
    if found is None:
        msg = f"There is no production {production!r}."
        raise NotFound(msg)
    return found


def newest(session: Session, campaign: CampaignId) -> Production | None:
    """The campaign's newest run to a film; the one that runs, when one does. What runs beside it is none."""
    query = (
        sa.select(ProductionRow)
        .where(ProductionRow.campaign_id == campaign, ProductionRow.is_beside.is_(False))
        .order_by(ProductionRow.created_at.desc(), ProductionRow.id.desc())
        .limit(1)
    )
    row = session.scalars(query).first()
    return _production(row) if row else None


def page(session: Session, campaign: CampaignId, *, before: str, limit: int) -> list[Production]:
    """The campaign's runs, those beside it among them, newest first, after the one with the id `before`.

    Raises:
        NotFound: there is no run `before`.
    """
    query = sa.select(ProductionRow).where(ProductionRow.campaign_id == campaign, ProductionRow.id.not_like(f"{OWN_PREFIX}%"))
    if before:
        edge = get(session, ProductionId(before))
        query = query.where(sa.tuple_(ProductionRow.created_at, ProductionRow.id) < sa.tuple_(edge.created_at, edge.id))
    rows = session.scalars(query.order_by(ProductionRow.created_at.desc(), ProductionRow.id.desc()).limit(limit))
    return [_production(row) for row in rows]


def active(session: Session) -> list[Production]:
    """Every run that has not ended, oldest first."""
    query = sa.select(ProductionRow).where(ProductionRow.ended_at.is_(None)).order_by(ProductionRow.created_at)
    return [_production(row) for row in session.scalars(query)]


def has_active(session: Session, campaign: CampaignId) -> bool:
    """Whether one of the campaign's runs has not ended, be it beside."""
    query = sa.select(ProductionRow.id).where(ProductionRow.campaign_id == campaign, ProductionRow.ended_at.is_(None)).limit(1)
    return session.execute(query).scalar_one_or_none() is not None


def active_ids(session: Session) -> frozenset[ProductionId]:
    """The ids of the runs that have not ended."""
    query = sa.select(ProductionRow.id).where(ProductionRow.ended_at.is_(None))
    return frozenset(ProductionId(each) for each in session.scalars(query))


def ended_ids(session: Session, campaign: CampaignId) -> list[ProductionId]:
    """The ids of the campaign's runs that have ended."""
    query = sa.select(ProductionRow.id).where(ProductionRow.campaign_id == campaign, ProductionRow.ended_at.is_not(None))
    return [ProductionId(each) for each in session.scalars(query)]


def move(
    session: Session,
    production: ProductionId,
    state: ProductionState,
    *,
    at: datetime,
    error: str = "",
    only_from: frozenset[ProductionState] = frozenset({ProductionState.RUNNING, ProductionState.PAUSED}),
) -> bool:
    """Moves the run to another state; False when it is in none of `only_from`."""
    change = (
        sa.update(ProductionRow)
        .where(ProductionRow.id == production, ProductionRow.state.in_([s.value for s in only_from]))
        .values(state=state.value, ended_at=at if state.is_ended else None, error=conceal(error))
        .returning(ProductionRow.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(change).scalar_one_or_none() is not None
