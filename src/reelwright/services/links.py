"""Links that work once: they make somebody the owner of a new studio, or let them choose a password."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from reelwright.db import accounts, links
from reelwright.db.engine import Database, Session
from reelwright.domain.account import Purpose, User
from reelwright.domain.ids import UserId
from reelwright.errors import Conflict, NotFound
from reelwright.services.accounts import Accounts, digest_of

_HOLDS = {Purpose.SETUP: timedelta(days=1), Purpose.PASSWORD: timedelta(days=7)}
_PAGES = {Purpose.SETUP: "/setup", Purpose.PASSWORD: "/password"}


class Links:
    """Links, told once and kept as digests."""

    def __init__(self, database: Database, people: Accounts, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._people = people
        self._now = now

    async def welcome(self) -> str | None:
        """The path of a link with which the owner sets the studio up; None where an owner can sign in already.

        To be printed at every start on an address that others can reach. Links of earlier starts hold for their day; whichever is
        used first ends the others.
        """
        await self._people.owner()

        def waiting(session: Session) -> User | None:
            owners = accounts.active_owners(session)
            return None if any(accounts.can_sign_in(session, each.id) for each in owners) else owners[0]

        owner = await self._database.read(waiting)
        return None if owner is None else await self._new(owner.id, Purpose.SETUP)

    async def invite(self, user: UserId) -> str:
        """The path of a link with which the person chooses a password, for the first time or anew.

        Raises:
            NotFound: there is no such person.
            Conflict: they are disabled.
        """
        person = await self._people.get(user)
        if person.disabled_at:
            msg = f"{person.email or person.name} is disabled: enable them first."
            raise Conflict(msg)
        if not person.email:
            return await self._new(person.id, Purpose.SETUP)
        return await self._new(person.id, Purpose.PASSWORD)

    async def person_of(self, key: str, purpose: Purpose) -> User:
        """Whose link that is.

        Raises:
            NotFound: it was used, is over, or never was one.
        """

        def look(session: Session) -> User | None:
            person = links.find(session, digest_of(key), purpose, self._now())
            return accounts.find(session, person) if person else None

        found = await self._database.read(look)
        if found is None or found.disabled_at:
            raise is_over(purpose)
        return found

    async def _new(self, user: UserId, purpose: Purpose) -> str:
        key = secrets.token_urlsafe(32)
        at = self._now()

        def write(session: Session) -> None:
            links.sweep(session, at)
            links.insert(session, digest_of(key), user, purpose, at + _HOLDS[purpose])

        await self._database.write(write)
        return f"{_PAGES[purpose]}?key={key}"


def is_over(purpose: Purpose) -> NotFound:
    """What is said of a link that cannot be used."""
    anew = "start `reelwright serve` again for" if purpose is Purpose.SETUP else "ask the owner of the studio for"
    return NotFound(f"This link was used already, or its time is over: {anew} a new one.")
