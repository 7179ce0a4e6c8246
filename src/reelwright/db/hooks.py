"""Addresses that want to hear of events. The secrets that sign are sealed."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.account_tables import DeliveryRow, HookRow, UserRow
from reelwright.domain.event import EventName
from reelwright.domain.hook import Hook
from reelwright.domain.ids import UserId
from reelwright.errors import NotFound


def _hook(row: HookRow) -> Hook:
    return Hook(
        id=row.id,
        user_id=UserId(row.user_id),
        url=row.url,
        names=tuple(EventName(name) for name in row.names.split()),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )


def insert(session: Session, hook: Hook, sealed: str) -> None:
    """Writes a new hook, with its secret."""
    session.add(
        HookRow(
            id=hook.id,
            user_id=hook.user_id,
            url=hook.url,
            sealed=sealed,
            names=" ".join(hook.names),
            created_at=hook.created_at,
            disabled_at=hook.disabled_at,
        )
    )
    session.flush()


def get(session: Session, hook: str, *, for_change: bool = False) -> Hook:
    """The hook.

    Raises:
        NotFound: there is none.
    """
    row = session.get(HookRow, hook, populate_existing=True, with_for_update=for_change or None)
    if row is None:
        msg = f"There is no hook {hook!r}."
        raise NotFound(msg)
    return _hook(row)


def of_user(session: Session, user: UserId) -> list[Hook]:
    """The user's hooks, oldest first."""
    query = sa.select(HookRow).where(HookRow.user_id == user).order_by(HookRow.created_at, HookRow.id)
    return [_hook(row) for row in session.scalars(query)]


def active(session: Session) -> list[Hook]:
    """The hooks of everybody that are told of events."""
    return [_hook(row) for row in session.scalars(sa.select(HookRow).where(*is_active()))]


def is_any_active(session: Session) -> bool:
    """Whether anybody is told of events."""
    return session.execute(sa.select(HookRow.id).where(*is_active()).limit(1)).first() is not None


def is_active() -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions: the hook is not disabled, and neither is its person."""
    is_persons_end = sa.exists().where(UserRow.id == HookRow.user_id, UserRow.disabled_at.is_not(None))
    return HookRow.disabled_at.is_(None), ~is_persons_end


def sealed(session: Session, hook: str) -> str:
    """Its secrets, sealed."""
    return session.execute(sa.select(HookRow.sealed).where(HookRow.id == hook)).scalar_one()


def every_sealed(session: Session) -> dict[str, str]:
    """The sealed secrets of all hooks, by id."""
    return {row.id: row.sealed for row in session.execute(sa.select(HookRow.id, HookRow.sealed))}


def change(session: Session, hook: str, **values: object) -> None:
    """Writes new values of a hook's `url`, `names`, `sealed` or `disabled_at`."""
    session.execute(sa.update(HookRow).where(HookRow.id == hook).values(**values).execution_options(synchronize_session=False))


def remove(session: Session, hook: str) -> None:
    """Forgets the hook and what was told to it."""
    for gone in (sa.delete(DeliveryRow).where(DeliveryRow.hook == hook), sa.delete(HookRow).where(HookRow.id == hook)):
        session.execute(gone.execution_options(synchronize_session=False))
