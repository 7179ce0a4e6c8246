"""Events: appended in the transaction of the fact that they tell, numbered without a gap in the order of commit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.tables import CampaignRow, EventRow
from reelwright.domain.event import TEXTS, Event, EventName, Value
from reelwright.domain.ids import CampaignId, UserId
from reelwright.net.redaction import conceal


class Position(NamedTuple):
    """A place in the order of all events of all campaigns. Whoever has read up to one never meets an earlier one again."""

    xact: int = 0
    serial: int = 0


def append(session: Session, campaign: CampaignId, name: EventName, at: datetime, /, **facts: Value) -> int:
    """Appends one event and returns its number.

    Counting up locks the campaign's row until the transaction ends, so a reader that has seen number n has seen all before it.
    """
    count_up = (
        sa.update(CampaignRow)
        .where(CampaignRow.id == campaign)
        .values(event_count=CampaignRow.event_count + 1, updated_at=at, expires_at=None)
        .returning(CampaignRow.event_count)
        .execution_options(synchronize_session=False)
    )
    number = session.execute(count_up).scalar_one()
    write(session, campaign, number, name, at, facts)
    return number


def write(session: Session, campaign: CampaignId, number: int, name: EventName, at: datetime, facts: Mapping[str, Value]) -> None:
    """Writes the event of that number, for who has counted up already, in the change that the event tells of."""
    told = {key: conceal(value) if isinstance(value, str) else value for key, value in facts.items()}
    row = {"campaign_id": campaign, "number": number, "name": name.value, "at": at, "facts": told}
    session.execute(sa.insert(EventRow).values(row))


def notices(session: Session, campaign: CampaignId) -> frozenset[str]:
    """Everything that the person was told about the campaign, beside what happened to it."""
    query = sa.select(EventRow.facts).where(EventRow.campaign_id == campaign, EventRow.name == EventName.NOTICE_GIVEN.value)
    return frozenset(str(facts["text"]) for facts in session.scalars(query))


def of_texts(session: Session, campaign: CampaignId, limit: int = 100) -> list[Event]:
    """The newest events about texts that were written on request, oldest first."""
    query = sa.select(EventRow).where(EventRow.campaign_id == campaign, EventRow.name.in_([name.value for name in TEXTS]))
    rows = session.scalars(query.order_by(EventRow.number.desc()).limit(limit)).all()
    return [_event(row) for row in reversed(rows)]


def after(session: Session, campaign: CampaignId, number: int, limit: int = 1000) -> list[Event]:
    """The events after that number, oldest first."""
    query = (
        sa.select(EventRow)
        .where(EventRow.campaign_id == campaign, EventRow.number > number)
        .order_by(EventRow.number)
        .limit(limit)
    )
    return [_event(row) for row in session.scalars(query)]


def since(session: Session, campaign: CampaignId, at: datetime) -> list[Event]:
    """The events from that moment on, oldest first."""
    query = sa.select(EventRow).where(EventRow.campaign_id == campaign, EventRow.at >= at).order_by(EventRow.number)
    return [_event(row) for row in session.scalars(query)]


def _event(row: EventRow) -> Event:
    return Event(CampaignId(row.campaign_id), row.number, EventName(row.name), row.at, row.facts)


def count(session: Session, campaign: CampaignId) -> int | None:
    """The number of the campaign's newest event; None where there is no such campaign."""
    return session.execute(sa.select(CampaignRow.event_count).where(CampaignRow.id == campaign)).scalar_one_or_none()


def of_user(session: Session, user: UserId, position: Position, limit: int = 1000) -> list[tuple[Position, Event]]:
    """What happened in the user's campaigns after that position, in the order of all events."""
    query = (
        sa.select(EventRow)
        .join(CampaignRow, CampaignRow.id == EventRow.campaign_id)
        .where(CampaignRow.user_id == user, *_after(session, position))
        .order_by(EventRow.xact, EventRow.serial)
        .limit(limit)
    )
    return [(Position(row.xact, row.serial), _event(row)) for row in session.scalars(query)]


def of_all(session: Session, position: Position, limit: int = 1000) -> list[tuple[Position, UserId, Event]]:
    """What happened in everybody's campaigns after that position, in the order of all events, and whose each campaign is."""
    query = (
        sa.select(EventRow, CampaignRow.user_id)
        .join(CampaignRow, CampaignRow.id == EventRow.campaign_id)
        .where(*_after(session, position))
        .order_by(EventRow.xact, EventRow.serial)
        .limit(limit)
    )
    return [(Position(row.xact, row.serial), UserId(user), _event(row)) for row, user in session.execute(query)]


def concerned(session: Session, position: Position, limit: int = 1000) -> list[tuple[Position, UserId]]:
    """Whose campaigns something has happened in after that position, in the order of all events."""
    query = (
        sa.select(EventRow.xact, EventRow.serial, CampaignRow.user_id)
        .join(CampaignRow, CampaignRow.id == EventRow.campaign_id)
        .where(*_after(session, position))
        .order_by(EventRow.xact, EventRow.serial)
        .limit(limit)
    )
    return [(Position(xact, serial), UserId(user)) for xact, serial, user in session.execute(query)]


def newest(session: Session) -> Position:
    """The position of the newest event that is sure to have none before it any more."""
    query = (
        sa.select(EventRow.xact, EventRow.serial)
        .where(*_after(session, Position()))
        .order_by(EventRow.xact.desc(), EventRow.serial.desc())
        .limit(1)
    )
    found = session.execute(query).first()
    return Position(*found) if found else Position()


def _after(session: Session, position: Position) -> tuple[sa.ColumnElement[bool], ...]:
    """After that position, and of transactions before which none is still running: one of those could commit an earlier event.

    On SQLite one transaction writes at a time, so events are numbered in the order in which they are committed.
    """
    is_later = sa.tuple_(EventRow.xact, EventRow.serial) > sa.tuple_(sa.literal(position.xact), sa.literal(position.serial))
    if session.get_bind().dialect.name != "postgresql":
        return (is_later,)
    horizon = sa.literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint", sa.BigInteger)
    return is_later, EventRow.xact < horizon
