"""Reports: what the studio last found out about itself, kept where every process of it finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from reelwright.db.account_tables import ReportRow


@dataclass(frozen=True)
class Report:
    """The last one, and the next one."""

    document: Mapping[str, Any] | None = None
    """None before the first."""
    at: datetime | None = None
    wish: Mapping[str, Any] | None = None
    """How the next one is wanted, where somebody waits for one."""
    wished_at: datetime | None = None


def get(session: Session, name: str) -> Report:
    """What there is of that name."""
    row = session.get(ReportRow, name, populate_existing=True)
    return Report(row.document, row.at, row.wish, row.wished_at) if row else Report()


def ask(session: Session, name: str, wish: Mapping[str, Any], at: datetime) -> bool:
    """Writes down that a new one is wanted; False where somebody waits for one already."""
    row = session.get(ReportRow, name, populate_existing=True, with_for_update=True)
    if row is None:
        session.add(ReportRow(name=name, wish=dict(wish), wished_at=at))
    elif row.wish is not None:
        return False
    else:
        row.wish, row.wished_at = dict(wish), at
    session.flush()
    return True


def keep(session: Session, name: str, document: Mapping[str, Any], at: datetime, *, answers: bool) -> None:
    """Keeps a new one in the place of the last; `answers` that it is the one that was wanted."""
    row = session.get(ReportRow, name, populate_existing=True, with_for_update=True)
    if row is None:
        row = ReportRow(name=name)
        session.add(row)
    row.document, row.at = dict(document), at
    if answers:
        row.wish = row.wished_at = None
    session.flush()
