"""Requests that named a key: what became of each is written in the transaction that did it, so it is done once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.account_tables import IdempotencyRow
from reelwright.domain.ids import UserId


def lock(session: Session, user: UserId, key: str) -> None:
    """Nobody else asks under that key until this transaction ends. On SQLite a transaction that writes is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"idempotency/{user}/{key}"})


def find(session: Session, user: UserId, key: str) -> tuple[str, dict[str, Any]] | None:
    """The digest of the request that the person made under that key, and what it was answered."""
    row = session.get(IdempotencyRow, (user, key), populate_existing=True)
    return (row.digest, row.answer or {}) if row else None


def forget(session: Session, before: datetime) -> None:
    """Removes what was answered before that moment."""
    session.execute(sa.delete(IdempotencyRow).where(IdempotencyRow.at < before).execution_options(synchronize_session=False))


def insert(session: Session, user: UserId, key: str, digest: str, status: int, answer: Mapping[str, Any], at: datetime) -> None:
    """Writes down what was answered."""
    session.add(IdempotencyRow(user_id=user, key=key, digest=digest, status=status, answer=dict(answer), at=at))
    session.flush()
