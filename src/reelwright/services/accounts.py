"""Accounts: people, and the tokens with which their programs ask."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError

from reelwright.db import accounts
from reelwright.db.engine import Database, Session
from reelwright.db.fence import unfenced
from reelwright.domain.account import Caller, Role, Scope, Token, User
from reelwright.domain.ids import OWNER, UserId
from reelwright.errors import Conflict, InvalidInput, NotFound

TOKEN_PREFIX = "reel_"  # noqa: S105 - tells a leaked one from other people's, so that scanners find it
_TOUCH = timedelta(minutes=1)
"""How exactly the last use of a token is known: not every request has to write."""


class Accounts:
    """Who there is, and who asks."""

    def __init__(self, database: Database, *, now: Callable[[], datetime], new_id: Callable[[str], str]) -> None:
        self._database = database
        self._now = now
        self._new_id = new_id

    async def owner(self) -> User:
        """The person whose studio it is; written down when they are asked for the first time."""
        found = await self._database.read(lambda session: accounts.find(session, OWNER))
        if found is not None:
            return found

        def begin(session: Session) -> User:
            known = accounts.find(session, OWNER)
            if known is None:
                known = User(OWNER, "", "Owner", Role.OWNER, self._now())
                accounts.insert(session, known)
            return known

        try:
            return await self._database.write(begin)
        except IntegrityError:  # another process was faster
            return await self.owner()

    async def add(self, email: str, *, name: str = "", role: Role = Role.MEMBER) -> User:
        """Writes a person down.

        Raises:
            Conflict: somebody has that address.
            InvalidInput: it is no address.
        """
        address = email.strip().lower()
        if "@" not in address[1:-1] or any(sign.isspace() for sign in address):
            msg = f"email: {email!r} is not an address."
            raise InvalidInput(msg)
        user = User(UserId(self._new_id("user")), address, name.strip() or address.partition("@")[0], role, self._now())
        await self.owner()
        try:
            await self._database.write(lambda session: accounts.insert(session, user))
        except IntegrityError as error:
            msg = f"There is somebody with the address {address} already."
            raise Conflict(msg) from error
        return user

    async def get(self, user: str) -> User:
        """The person with that id or that address.

        Raises:
            NotFound: there is none.
        """

        def look(session: Session) -> User | None:
            return accounts.find(session, UserId(user)) or accounts.find_by_email(session, user.strip().lower())

        await self.owner()
        found = await self._database.read(look)
        if found is None:
            msg = f"There is nobody called {user!r}; `reelwright user list` shows who there is."
            raise NotFound(msg)
        return found

    async def everybody(self) -> list[User]:
        """All people, in the order in which they came."""
        await self.owner()
        return await self._database.read(accounts.everybody)

    async def create_token(
        self, user: UserId, name: str, *, scopes: Iterable[Scope] = (), expires_at: datetime | None = None
    ) -> tuple[Token, str]:
        """A new token of the person, and its text, which is told this once.

        Args:
            user: whose it is.
            name: what it is for, in the person's words.
            scopes: what it may be used for; all that the person may do unless said.
            expires_at: when it ends by itself.
        """
        person = await self.get(user)
        text = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = Token(
            id=self._new_id("token"),
            user_id=user,
            name=name,
            ending=text[-4:],
            scopes=(frozenset(scopes) or frozenset(Scope)) & person.role.scopes,
            created_at=self._now(),
            expires_at=expires_at,
        )
        await self._database.write(lambda session: accounts.insert_token(session, token, digest_of(text)))
        return token, text

    async def tokens(self, user: UserId) -> list[Token]:
        """The person's tokens, newest first, ended ones among them."""
        return await self._database.read(lambda session: accounts.tokens(session, user))

    async def revoke_token(self, token: str, user: UserId) -> None:
        """Ends a token of the person at once.

        Raises:
            NotFound: there is none that holds.
        """
        if not await self._database.write(lambda session: accounts.revoke_token(session, token, user, self._now())):
            msg = f"There is no token {token!r} that could be revoked."
            raise NotFound(msg)

    async def by_token(self, text: str) -> Caller | None:
        """Who asks with that token; None where it does not hold."""
        if not text.startswith(TOKEN_PREFIX):
            return None
        with unfenced():
            found = await self._database.read(lambda session: accounts.by_token(session, digest_of(text)))
            if found is None:
                return None
            user, token = found
            now = self._now()
            if user.disabled_at or token.revoked_at or (token.expires_at and token.expires_at <= now):
                return None
            if token.used_at is None or now - token.used_at > _TOUCH:
                await self._database.write(lambda session: accounts.touch_token(session, token.id, now))
            return Caller(user, token.scopes & user.role.scopes, token=token.id)


def digest_of(secret: str) -> str:
    """What is kept of a secret with so much chance in it that nobody can try them all."""
    return hashlib.sha256(secret.encode()).hexdigest()
