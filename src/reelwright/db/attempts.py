"""Tries at a secret, counted in one place for every replica."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from reelwright.db.account_tables import AttemptRow


def lock(session: Session, subject: str, at: datetime) -> tuple[int, datetime]:
    """How often it was tried, and when last. Nobody else counts before this transaction ends, also where it is the first try."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    session.execute(insert(AttemptRow).values(subject=subject, count=0, since=at).on_conflict_do_nothing())
    row = session.get_one(AttemptRow, subject, populate_existing=True, with_for_update=True)
    return row.count, row.since


def write(session: Session, subject: str, count: int, at: datetime) -> None:
    """Keeps the new count."""
    change = sa.update(AttemptRow).where(AttemptRow.subject == subject).values(count=count, since=at)
    session.execute(change.execution_options(synchronize_session=False))


def take_back(session: Session, subject: str) -> None:
    """Counts one try less."""
    change = sa.update(AttemptRow).where(AttemptRow.subject == subject, AttemptRow.count > 0)
    session.execute(change.values(count=AttemptRow.count - 1).execution_options(synchronize_session=False))


def forget(session: Session, subject: str) -> None:
    """As if it had never been tried."""
    session.execute(sa.delete(AttemptRow).where(AttemptRow.subject == subject).execution_options(synchronize_session=False))


def sweep(session: Session, before: datetime) -> None:
    """Forgets what was last tried before that."""
    session.execute(sa.delete(AttemptRow).where(AttemptRow.since < before).execution_options(synchronize_session=False))
