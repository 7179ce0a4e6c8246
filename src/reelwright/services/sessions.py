"""Sessions: browsers that have signed in. A cookie holds chance, the database its digest."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reelwright.db import accounts, sessions
from reelwright.db.engine import Database, Session
from reelwright.db.fence import unfenced
from reelwright.domain.account import BrowserSession, Caller, User
from reelwright.domain.ids import UserId
from reelwright.errors import NotFound
from reelwright.services.accounts import digest_of

IDLE = timedelta(days=30)
"""A session that is not used for so long ends."""
LONGEST = timedelta(days=180)
"""And after so long every one does."""
_TOUCH = timedelta(minutes=5)
"""How exactly the last use is known: not every request has to write."""
_DEVICE = 200
"""Characters of a browser's own name."""


@dataclass(frozen=True)
class Visitor:
    """Whoever stands at the door."""

    client: str = ""
    """The address that they come from."""
    device: str = ""
    """What their browser calls itself."""
    session: str = ""
    """The session that they come with: it ends when another one begins, so that nobody can be given one to sign in to."""


class Sessions:
    """Sessions of browsers. All of it looks over the fence: whose a cookie is, is what has to be found out."""

    def __init__(self, database: Database, *, now: Callable[[], datetime], new_id: Callable[[str], str]) -> None:
        self._database = database
        self._now = now
        self._new_id = new_id

    def begin_in(self, session: Session, user: UserId, visitor: Visitor) -> str:
        """Within a transaction: begins a session, ends the one that the visitor came with, and returns what the cookie holds."""
        at = self._now()
        secret = secrets.token_urlsafe(32)
        device = "".join(sign for sign in visitor.device if sign.isprintable())[:_DEVICE]
        if visitor.session:
            before = sessions.by_digest(session, digest_of(visitor.session))
            if before is not None:
                sessions.end(session, before.user_id, before.id)
        browser = BrowserSession(self._new_id("session"), user, device, created_at=at, seen_at=at, expires_at=at + IDLE)
        sessions.insert(session, browser, digest_of(secret))
        return secret

    async def by_cookie(self, secret: str) -> Caller | None:
        """Who comes with that cookie; None where it does not hold (any more)."""
        at = self._now()

        def look(session: Session) -> tuple[User, BrowserSession] | None:
            browser = sessions.by_digest(session, digest_of(secret))
            user = accounts.find(session, browser.user_id) if browser else None
            return (user, browser) if user and browser else None

        with unfenced():
            found = await self._database.read(look)
            if found is None:
                return None
            user, browser = found
            if user.disabled_at or browser.expires_at <= at:
                return None
            if at - browser.seen_at > _TOUCH:
                until = min(at + IDLE, browser.created_at + LONGEST)
                await self._database.write(lambda session: sessions.touch(session, browser.id, at, until))
            return Caller(user, user.role.scopes, session=browser.id)

    async def of(self, user: UserId) -> list[BrowserSession]:
        """The person's sessions, the one that was used last first."""
        with unfenced():
            return await self._database.read(lambda session: sessions.of(session, user, self._now()))

    async def end(self, user: UserId, browser: str) -> None:
        """Ends one of the person's sessions at once.

        Raises:
            NotFound: they have none of that id.
        """
        with unfenced():
            is_id = browser.isprintable()
            if not is_id or not await self._database.write(lambda session: sessions.end(session, user, browser)):
                msg = f"There is no session {browser!r}."
                raise NotFound(msg)

    async def end_others(self, user: UserId, browser: str) -> None:
        """Ends all of the person's sessions but that one."""
        with unfenced():
            await self._database.write(lambda session: sessions.end_all(session, user, but=browser))
