"""Browsers that have signed in, by the digest of what their cookie holds."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.account_tables import SessionRow
from reelwright.domain.account import BrowserSession
from reelwright.domain.ids import UserId


def _session(row: SessionRow) -> BrowserSession:
    return BrowserSession(
        id=row.id,
        user_id=UserId(row.user_id),
        device=row.device,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
    )


def insert(session: Session, browser: BrowserSession, digest: str) -> None:
    """Writes a new session down, and forgets those of the person that are over."""
    is_over = sa.delete(SessionRow).where(SessionRow.user_id == browser.user_id, SessionRow.expires_at <= browser.created_at)
    session.execute(is_over.execution_options(synchronize_session=False))
    session.add(
        SessionRow(
            id=browser.id,
            digest=digest,
            user_id=browser.user_id,
            device=browser.device,
            created_at=browser.created_at,
            seen_at=browser.seen_at,
            expires_at=browser.expires_at,
        )
    )
    session.flush()


def by_digest(session: Session, digest: str) -> BrowserSession | None:
    """The session of that cookie, whether it still holds or not."""
    row = session.scalars(sa.select(SessionRow).where(SessionRow.digest == digest)).first()
    return _session(row) if row else None


def of(session: Session, user: UserId, at: datetime) -> list[BrowserSession]:
    """The person's sessions that hold, the one that was used last first."""
    query = sa.select(SessionRow).where(SessionRow.user_id == user, SessionRow.expires_at > at)
    return [_session(row) for row in session.scalars(query.order_by(SessionRow.seen_at.desc(), SessionRow.id.desc()))]


def touch(session: Session, browser: str, at: datetime, until: datetime) -> None:
    """Writes down that a session was used, and until when it holds now."""
    change = sa.update(SessionRow).where(SessionRow.id == browser).values(seen_at=at, expires_at=until)
    session.execute(change.execution_options(synchronize_session=False))


def end(session: Session, user: UserId, browser: str) -> bool:
    """Ends a session of the person; False where there is none."""
    change = sa.delete(SessionRow).where(SessionRow.id == browser, SessionRow.user_id == user).returning(SessionRow.id)
    return session.execute(change.execution_options(synchronize_session=False)).scalar_one_or_none() is not None


def end_all(session: Session, user: UserId, *, but: str = "") -> None:
    """Ends the person's sessions, except for one where that is named."""
    change = sa.delete(SessionRow).where(SessionRow.user_id == user, SessionRow.id != but)
    session.execute(change.execution_options(synchronize_session=False))
