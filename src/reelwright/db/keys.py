"""Keys of vendors, sealed: nothing in here can be read without the studio's secret key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.tables import KeyRow

_LOCK = 4_712_208
"""Key of the PostgreSQL advisory lock under which secret keys and what they sealed change together."""


@dataclass(frozen=True)
class SealedKey:
    """A key at rest."""

    name: str
    sealed: str
    changed_at: datetime


def lock(session: Session) -> None:
    """Whoever else wants to seal waits until this transaction ends. On SQLite a transaction that writes is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def every(session: Session) -> list[SealedKey]:
    """All of them, by name."""
    return [SealedKey(row.name, row.sealed, row.changed_at) for row in session.scalars(sa.select(KeyRow).order_by(KeyRow.name))]


def put(session: Session, key: SealedKey) -> None:
    """Writes it, in the place of an older one of that name."""
    session.merge(KeyRow(name=key.name, sealed=key.sealed, changed_at=key.changed_at))
    session.flush()


def remove(session: Session, name: str) -> bool:
    """Forgets it; False when there is none."""
    gone = sa.delete(KeyRow).where(KeyRow.name == name).returning(KeyRow.name)
    return session.execute(gone.execution_options(synchronize_session=False)).scalar_one_or_none() is not None
