"""Generations: the cards of the older contract's library. What they show are assets; no address of anybody else's is in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.account_tables import GenerationRow
from reelwright.domain.ids import UserId
from reelwright.errors import NotFound


@dataclass(frozen=True)
class Card:
    """One card."""

    id: str
    type: str
    snapshot: dict[str, Any]
    thumbnail: str
    created_at: datetime


def _card(row: GenerationRow) -> Card:
    return Card(row.id, row.type, row.snapshot, row.thumbnail, row.created_at)


def put(session: Session, user: UserId, card: Card) -> Card:
    """Writes the card; one that has its id says the new things from then on, and keeps its age."""
    row = session.get(GenerationRow, card.id, populate_existing=True)
    if row is None:
        row = GenerationRow(id=card.id, user_id=user, created_at=card.created_at)
        session.add(row)
    row.type, row.snapshot, row.thumbnail, row.trashed_at = card.type, card.snapshot, card.thumbnail, None
    session.flush()
    return _card(row)


def page(session: Session, user: UserId, *, kind: str = "", before: str = "", limit: int = 50) -> list[Card]:
    """The user's cards, newest first, after the one with the id `before`.

    Raises:
        NotFound: there is no card `before`.
    """
    query = sa.select(GenerationRow).where(GenerationRow.user_id == user, GenerationRow.trashed_at.is_(None))
    if kind:
        query = query.where(GenerationRow.type == kind)
    if before:
        edge = session.get(GenerationRow, before, populate_existing=True)
        if edge is None:
            msg = f"There is no card {before!r}."
            raise NotFound(msg)
        query = query.where(sa.tuple_(GenerationRow.created_at, GenerationRow.id) < sa.tuple_(edge.created_at, edge.id))
    rows = session.scalars(query.order_by(GenerationRow.created_at.desc(), GenerationRow.id.desc()).limit(limit))
    return [_card(row) for row in rows]
