"""Events on their way to hooks: written with the mark that says how far was read, so that none is lost and none written twice."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from reelwright.db import hooks
from reelwright.db.account_tables import DeliveryRow, HookRow
from reelwright.domain.hook import Delivery
from reelwright.domain.ids import UserId
from reelwright.errors import NotFound


class Due(NamedTuple):
    """What is to be sent now, and where to."""

    delivery: Delivery
    url: str
    sealed: str


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(
        id=row.id,
        hook=row.hook,
        user_id=UserId(row.user_id),
        serial=row.serial,
        name=row.name,
        body=row.body,
        created_at=row.created_at,
        tries=row.tries,
        status=row.status,
        trouble=row.trouble,
        next_at=row.next_at,
        delivered_at=row.delivered_at,
    )


def insert(session: Session, delivery: Delivery) -> None:
    """Writes a new one; the same event for the same hook once more changes nothing."""
    insert_into = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values = {
        "id": delivery.id,
        "hook": delivery.hook,
        "user_id": delivery.user_id,
        "serial": delivery.serial,
        "name": delivery.name,
        "body": dict(delivery.body),
        "tries": 0,
        "trouble": "",
        "created_at": delivery.created_at,
        "next_at": delivery.next_at,
    }
    session.execute(insert_into(DeliveryRow).values(values).on_conflict_do_nothing())


def get(session: Session, delivery: str, *, for_change: bool = False) -> Delivery:
    """The delivery.

    Raises:
        NotFound: there is none.
    """
    row = session.get(DeliveryRow, delivery, populate_existing=True, with_for_update=for_change or None)
    if row is None:
        msg = f"There is no delivery {delivery!r}."
        raise NotFound(msg)
    return _delivery(row)


def page(session: Session, hook: str, *, before: str, limit: int) -> list[Delivery]:
    """What was told to the hook, newest first, from behind the one with the id `before`.

    Raises:
        NotFound: there is no delivery `before`.
    """
    query = sa.select(DeliveryRow).where(DeliveryRow.hook == hook)
    if before:
        edge = get(session, before)
        query = query.where(sa.tuple_(DeliveryRow.created_at, DeliveryRow.id) < sa.tuple_(edge.created_at, edge.id))
    rows = session.scalars(query.order_by(DeliveryRow.created_at.desc(), DeliveryRow.id.desc()).limit(limit))
    return [_delivery(row) for row in rows]


def due(session: Session, at: datetime, each: int) -> list[Due]:
    """What is to be sent by now, the longest waiting first, at most `each` for one hook: a slow one holds up no other."""
    place = sa.func.row_number().over(partition_by=DeliveryRow.hook, order_by=(DeliveryRow.next_at, DeliveryRow.id))
    ranked = sa.select(DeliveryRow.id, place.label("place")).where(DeliveryRow.next_at <= at).subquery()
    query = (
        sa.select(DeliveryRow, HookRow.url, HookRow.sealed)
        .join(ranked, ranked.c.id == DeliveryRow.id)
        .join(HookRow, HookRow.id == DeliveryRow.hook)
        .where(ranked.c.place <= each, *hooks.is_active())
        .order_by(DeliveryRow.next_at, DeliveryRow.id)
    )
    return [Due(_delivery(row), url, sealed) for row, url, sealed in session.execute(query)]


def write(session: Session, delivery: Delivery) -> None:
    """Keeps what became of it."""
    _change(
        session,
        DeliveryRow.id == delivery.id,
        tries=delivery.tries,
        status=delivery.status,
        trouble=delivery.trouble,
        next_at=delivery.next_at,
        delivered_at=delivery.delivered_at,
    )


def give_up(session: Session, hook: str, trouble: str) -> None:
    """Nothing more is sent to that hook of what waits."""
    _change(session, sa.and_(DeliveryRow.hook == hook, DeliveryRow.next_at.is_not(None)), next_at=None, trouble=trouble)


def _change(session: Session, which: sa.ColumnElement[bool], **values: object) -> None:
    session.execute(sa.update(DeliveryRow).where(which).values(**values).execution_options(synchronize_session=False))


def next_test(session: Session, hook: str) -> int:
    """A number for what is sent on request: below zero, so that it is no event's."""
    query = sa.select(sa.func.coalesce(sa.func.min(DeliveryRow.serial), 0)).where(DeliveryRow.hook == hook)
    return min(0, session.execute(query).scalar_one()) - 1


def fails_since(session: Session, hook: str, at: datetime) -> bool:
    """Whether something of before that moment never arrived, and nothing of after it did."""
    of_hook = sa.select(DeliveryRow.id).where(DeliveryRow.hook == hook, DeliveryRow.tries > 0)
    older = of_hook.where(DeliveryRow.created_at <= at, DeliveryRow.delivered_at.is_(None)).limit(1)
    newer = of_hook.where(DeliveryRow.created_at > at, DeliveryRow.delivered_at.is_not(None)).limit(1)
    return session.execute(older).first() is not None and session.execute(newer).first() is None


def sweep(session: Session, before: datetime) -> None:
    """Forgets what was settled and is older than that."""
    gone = sa.delete(DeliveryRow).where(DeliveryRow.created_at < before, DeliveryRow.next_at.is_(None))
    session.execute(gone.execution_options(synchronize_session=False))
