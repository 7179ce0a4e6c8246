"""Counts over the whole studio, each from an index that holds only what has not ended."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.tables import UNENDED, AssetRow, ProductionRow, TakeRow
from reelwright.domain.take import TakeState


def productions(session: Session) -> dict[str, int]:
    """How many productions have not ended, by state."""
    query = sa.select(ProductionRow.state, sa.func.count()).where(ProductionRow.ended_at.is_(None)).group_by(ProductionRow.state)
    return {row.state: row[1] for row in session.execute(query)}


def takes(session: Session) -> dict[tuple[str, str], int]:
    """How many takes have not ended, or wait for a person, by provider and state."""
    unended = sa.select(TakeRow.provider, TakeRow.state, sa.func.count()).where(sa.text(f"reel_takes.{UNENDED}"))
    doubted = sa.select(TakeRow.provider, TakeRow.state, sa.func.count()).where(TakeRow.state == TakeState.IN_DOUBT.value)
    found: dict[tuple[str, str], int] = {}
    for query in (unended, doubted):
        for provider, state, count in session.execute(query.group_by(TakeRow.provider, TakeRow.state)):
            found[provider, state] = count
    return found


def spooled(session: Session) -> int:
    """How many assets wait for the store."""
    return session.execute(sa.select(sa.func.count()).where(AssetRow.is_spooled.is_(True))).scalar_one()
