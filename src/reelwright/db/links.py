"""Links that work once, by the digest of their key."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.account_tables import LinkRow
from reelwright.domain.account import Purpose
from reelwright.domain.ids import UserId


def insert(session: Session, digest: str, user: UserId, purpose: Purpose, expires_at: datetime) -> None:
    """Writes a new link down."""
    session.add(LinkRow(digest=digest, person=user, purpose=purpose.value, expires_at=expires_at))
    session.flush()


def sweep(session: Session, at: datetime) -> None:
    """Forgets those that are over."""
    session.execute(sa.delete(LinkRow).where(LinkRow.expires_at <= at).execution_options(synchronize_session=False))


def find(session: Session, digest: str, purpose: Purpose, at: datetime) -> UserId | None:
    """Whose link that is, while it can be used."""
    query = sa.select(LinkRow.person).where(
        LinkRow.digest == digest, LinkRow.purpose == purpose.value, LinkRow.used_at.is_(None), LinkRow.expires_at > at
    )
    found = session.execute(query).scalar_one_or_none()
    return None if found is None else UserId(found)


def use(session: Session, digest: str, purpose: Purpose, at: datetime) -> UserId | None:
    """Uses the link up, and says whose it is; None where it was used, is over, or never was."""
    change = (
        sa.update(LinkRow)
        .where(LinkRow.digest == digest, LinkRow.purpose == purpose.value, LinkRow.used_at.is_(None), LinkRow.expires_at > at)
        .values(used_at=at)
        .returning(LinkRow.person)
        .execution_options(synchronize_session=False)
    )
    found = session.execute(change).scalar_one_or_none()
    return None if found is None else UserId(found)


def forget(session: Session, user: UserId) -> None:
    """Forgets every link of a person that was not used."""
    change = sa.delete(LinkRow).where(LinkRow.person == user, LinkRow.used_at.is_(None))
    session.execute(change.execution_options(synchronize_session=False))
