"""Tickets: the same request, sent again because its answer was lost, is done once and answered the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reelwright.db import idempotency
from reelwright.db.engine import Database, Session
from reelwright.domain.ids import UserId
from reelwright.errors import Conflict

_DONE = 202


@dataclass(frozen=True)
class Ticket:
    """What tells one request from another."""

    user: UserId
    key: str
    """Of the client's own making, a new one for every wish."""
    digest: str
    """SHA-256 of what was asked."""


async def once(database: Database, ticket: Ticket, at: datetime, change: Callable[[Session], str]) -> str:
    """What `change` returns, now or the first time that the ticket was shown; both in one transaction.

    So nothing can happen in between: after a crash either both are there, or neither.

    Raises:
        Conflict: something else was asked under the same key.
    """

    def changed(session: Session) -> str:
        idempotency.lock(session, ticket.user, ticket.key)
        known = idempotency.find(session, ticket.user, ticket.key)
        if known is None:
            result = change(session)
            idempotency.insert(session, ticket.user, ticket.key, ticket.digest, _DONE, {"result": result}, at)
            return result
        digest, answer = known
        if digest != ticket.digest:
            msg = f"The Idempotency-Key {ticket.key!r} was used for another request: take a new one for every new wish."
            raise Conflict(msg)
        return str(answer["result"])

    return await database.write(changed)
