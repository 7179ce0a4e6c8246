"""The one fence between people: inside of it a session sees, changes and removes only what belongs to one user.

Whatever has a `user_id` belongs to that user, whatever has a `campaign_id` to that campaign's; a new table with one of them is
fenced from its first day. The API sets the fence for a whole request before any route runs; workflows and the command line, which
work for the whole studio, have none. Rows that are added are not looked at: they name a campaign, which was read before.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria

from reelwright.db.account_tables import LinkRow, UserRow
from reelwright.db.tables import CampaignRow, LedgerRow, SumRow, Table
from reelwright.domain.ids import UserId

_inside: ContextVar[UserId | None] = ContextVar("fence", default=None)
_STUDIO_WIDE = {LedgerRow, LinkRow, SumRow, UserRow}
"""A month's budget counts what everybody spends: who shows a ledger reads its campaign first. People are shown to the owner."""


@contextmanager
def fenced(user: UserId) -> Generator[None]:
    """Everything that is read or written in the block, also in threads, is that user's."""
    token = _inside.set(user)
    try:
        yield
    finally:
        _inside.reset(token)


@contextmanager
def unfenced() -> Generator[None]:
    """Lifts the fence, for what the studio itself has to know: who has signed in, which link was followed."""
    token = _inside.set(None)
    try:
        yield
    finally:
        _inside.reset(token)


@cache
def _fenced_tables() -> tuple[tuple[type[Table], sa.Table], ...]:
    found: list[tuple[type[Table], sa.Table]] = []
    for mapper in Table.registry.mappers:
        table = cast("sa.Table", mapper.local_table)
        if mapper.class_ not in _STUDIO_WIDE and {"user_id", "campaign_id"} & set(table.c.keys()):
            found.append((mapper.class_, table))
    return tuple(found)


def _is_of(table: sa.Table, user: UserId) -> sa.ColumnElement[bool]:
    if "user_id" in table.c:
        return table.c.user_id == user
    campaigns = CampaignRow.__table__  # the plain table: around a mapped one its own fence would be put again
    return sa.exists().where(campaigns.c.id == table.c.campaign_id, campaigns.c.user_id == user).correlate(table)


def keep_inside(state: ORMExecuteState) -> None:
    """Narrows a statement to the one user; listens to every session."""
    user = _inside.get()
    if user is None or not (state.is_select or state.is_update or state.is_delete):
        return
    state.statement = state.statement.options(*_criteria(user))


@lru_cache(maxsize=1024)
def _criteria(user: UserId) -> tuple[Any, ...]:
    """The fence around one person; made once, because making it takes as long as a small statement."""
    return tuple(with_loader_criteria(kind, _is_of(table, user)) for kind, table in _fenced_tables())
