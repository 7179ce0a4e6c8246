"""Accounts: people, and the tokens with which their programs ask."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from reelwright.db import accounts, links, sessions
from reelwright.db.engine import Database, IntegrityError, Session
from reelwright.db.fence import unfenced
from reelwright.domain.account import Caller, Role, Scope, Token, User
from reelwright.domain.ids import OWNER, UserId
from reelwright.errors import Conflict, Forbidden, InvalidInput, NotFound

TOKEN_PREFIX = "reel_"  # noqa: S105 - tells a leaked one from other people's, so that scanners find it
_TOUCH = timedelta(minutes=1)
"""How exactly the last use of a token is known: not every request has to write."""
_MOST_TOKENS = 200
"""Of one person, that hold."""
LONGEST_NAME, LONGEST_ADDRESS = 100, 254
"""Characters."""


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
        address = address_of(email)
        await self.owner()
        user = User(UserId(self._new_id("user")), address, name_of(name or address.partition("@")[0]), role, self._now())
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
        found = await self._database.read(look) if user.isprintable() else None
        if found is None:
            raise _nobody(user)
        return found

    async def everybody(self) -> list[User]:
        """All people, in the order in which they came."""
        await self.owner()
        return await self._database.read(accounts.everybody)

    async def change(
        self, user: UserId, *, name: str | None = None, role: Role | None = None, is_disabled: bool | None = None
    ) -> User:
        """Makes a person somebody else in the studio, from their next request on. What is None stays.

        Who is disabled is let in no more: their sessions, tokens and links end at once, and what is theirs stays. Enabled again,
        they have the password that they had; tokens stay ended.

        Raises:
            NotFound: there is no such person.
            InvalidInput: the name is empty or too long.
            Conflict: nobody else is an owner.
        """
        values: dict[str, object] = {}
        if name is not None:
            values["name"] = name_of(name)
        if role is not None:
            values["role"] = role.value
        if is_disabled is not None:
            values["disabled_at"] = self._now() if is_disabled else None

        def write(session: Session) -> User | None:
            owners = accounts.active_owners(session)
            if accounts.lock(session, user) is None:
                return None
            if values:
                accounts.change(session, user, **values)
            changed = accounts.find(session, user)
            if changed and [each.id for each in owners] == [user] and (changed.disabled_at or changed.role is not Role.OWNER):
                msg = f"{changed.email or changed.name} is the last owner: make somebody else one first."
                raise Conflict(msg)
            if changed and changed.disabled_at:
                sessions.end_all(session, user)
                links.forget(session, user)
                accounts.revoke_tokens(session, user, changed.disabled_at)
            return changed

        with unfenced():
            changed = await self._database.write(write)
        if changed is None:
            raise _nobody(user)
        return changed

    async def create_token(
        self,
        user: UserId,
        name: str,
        *,
        scopes: Iterable[Scope] = (),
        expires_at: datetime | None = None,
        by: Caller | None = None,
    ) -> tuple[Token, str]:
        """A new token of the person, and its text, which is told this once.

        Args:
            user: whose it is.
            name: what it is for, in the person's words.
            scopes: what it may be used for; all that the person may do unless said.
            expires_at: when it ends by itself.
            by: who asks for it, where somebody does: it can do no more than they can, and lives no longer than their own token.

        Raises:
            NotFound: there is no such person.
            Forbidden: who asks may not do all of that.
            InvalidInput: the name is empty or too long, or nothing could be done with it.
            Conflict: the person is disabled, or has too many.
        """
        person = await self.get(user)
        if person.disabled_at:
            msg = f"{person.email or person.name} is disabled: enable them first."
            raise Conflict(msg)
        given = self._scopes(person, frozenset(scopes), by)
        if by is not None and by.expires_at is not None:
            expires_at = min(expires_at or by.expires_at, by.expires_at)
        text = TOKEN_PREFIX + secrets.token_urlsafe(32)
        at = self._now()
        token = Token(
            id=self._new_id("token"),
            user_id=person.id,
            name=name_of(name),
            ending=text[-4:],
            scopes=given,
            created_at=at,
            expires_at=expires_at,
        )

        def write(session: Session) -> None:
            if accounts.count_tokens(session, person.id, at) >= _MOST_TOKENS:
                msg = f"There are {_MOST_TOKENS} tokens already: revoke those that are not used."
                raise Conflict(msg)
            accounts.insert_token(session, token, digest_of(text), made_by=by.token if by else "")

        await self._database.write(write)
        return token, text

    @staticmethod
    def _scopes(person: User, wanted: frozenset[Scope], by: Caller | None) -> frozenset[Scope]:
        allowed = person.role.scopes if by is None else person.role.scopes & by.scopes
        if by is not None and not wanted <= allowed:
            names = ", ".join(sorted(wanted - allowed))
            msg = f"A token can do no more than who makes it: {names} is not among what you may do here."
            raise Forbidden(msg)
        given = (wanted or allowed) & allowed
        if not given:
            msg = f"scopes: somebody who is a {person.role} could do nothing with that token."
            raise InvalidInput(msg)
        return given

    async def tokens(self, user: UserId | None) -> list[Token]:
        """The person's tokens, with None everybody's: newest first, ended ones among them."""
        return await self._database.read(lambda session: accounts.tokens(session, user))

    async def revoke_token(self, token: str, user: UserId | None) -> None:
        """Ends a token of the person, with None of anybody, at once, and every token that was made with it.

        Raises:
            NotFound: there is none that holds.
        """
        is_id = token.isprintable()
        if not is_id or not await self._database.write(lambda session: accounts.revoke_token(session, token, user, self._now())):
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
            return Caller(user, token.scopes & user.role.scopes, token=token.id, expires_at=token.expires_at)


def address_of(email: str) -> str:
    """The address as it is kept: in small letters.

    Raises:
        InvalidInput: it is none.
    """
    address = email.strip().lower()
    if "@" not in address[1:-1] or len(address) > LONGEST_ADDRESS or not address.isprintable() or " " in address:
        msg = f"email: {email[:LONGEST_ADDRESS]!r} is not an address."
        raise InvalidInput(msg)
    return address


def name_of(name: str) -> str:
    """The name as it is kept.

    Raises:
        InvalidInput: it is empty or too long, or has signs in it that cannot be seen.
    """
    text = name.strip()
    if not text or len(text) > LONGEST_NAME or not text.isprintable():
        msg = f"name: write 1 to {LONGEST_NAME} characters."
        raise InvalidInput(msg)
    return text


def _nobody(user: str) -> NotFound:
    return NotFound(f"There is nobody called {user!r}; `reelwright user list` shows who there is.")


def digest_of(secret: str) -> str:
    """What is kept of a secret with so much chance in it that nobody can try them all."""
    return hashlib.sha256(secret.encode()).hexdigest()
