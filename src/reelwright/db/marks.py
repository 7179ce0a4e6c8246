"""Marks: how far somebody who reads all events has come."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from reelwright.db import events
from reelwright.db.account_tables import MarkRow
from reelwright.db.events import Position


def find(session: Session, reader: str) -> Position | None:
    """How far that reader has come."""
    row = session.get(MarkRow, reader, populate_existing=True)
    return Position(row.xact, row.serial) if row else None


def lock(session: Session, reader: str) -> Position:
    """How far that reader has come; a new one begins with what happens from now on. Nobody else moves on before this ends."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    start = events.newest(session)
    values = {"reader": reader, "xact": start.xact, "serial": start.serial}
    session.execute(insert(MarkRow).values(values).on_conflict_do_nothing())
    row = session.get_one(MarkRow, reader, populate_existing=True, with_for_update=True)
    return Position(row.xact, row.serial)


def to_newest(session: Session, reader: str) -> None:
    """The reader, whose mark is locked, has nothing to do with what has happened until now."""
    move(session, reader, events.newest(session))


def move(session: Session, reader: str, position: Position) -> None:
    """The reader has read up to there."""
    change = sa.update(MarkRow).where(MarkRow.reader == reader).values(xact=position.xact, serial=position.serial)
    session.execute(change.execution_options(synchronize_session=False))
