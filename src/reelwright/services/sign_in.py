"""Signing in: a password, a link that works once, or on a new studio of one's own machine nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from reelwright.db import accounts, links, sessions
from reelwright.db.engine import Database, IntegrityError, Session
from reelwright.db.fence import unfenced
from reelwright.domain.account import Caller, Purpose, Role, User
from reelwright.domain.ids import UserId
from reelwright.errors import Conflict, Forbidden, NotSignedIn
from reelwright.services.accounts import address_of, digest_of
from reelwright.services.attempts import Attempts, Try, network_of
from reelwright.services.links import Links, is_over
from reelwright.services.passwords import Passwords, check_password
from reelwright.services.sessions import Sessions, Visitor

_log = structlog.get_logger()
_FREE_OF_A_CLIENT, _LONGEST_OF_A_CLIENT = 20, timedelta(minutes=1)
"""People behind one address may all mistype; one machine that tries many people is slowed down all the same."""


@dataclass(frozen=True)
class Entry:
    """Somebody who has come in."""

    user: User
    secret: str
    """What their cookie holds from now on."""


class SignIn:
    """The doors of a studio. Each lets a visitor in with a session that did not exist before."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        attempts: Attempts,
        browsers: Sessions,
        keys: Links,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._attempts = attempts
        self._browsers = browsers
        self._links = keys
        self._now = now

    async def by_password(self, email: str, password: str, visitor: Visitor) -> Entry:
        """Lets in who knows the password of that address.

        Raises:
            NotSignedIn: they do not; it does not say, nor show by the time it takes, whether there is such an address.
            TooManyTries: for that address, or by that visitor.
        """
        address = email.strip().lower()
        # What was typed may be a password in the wrong field.
        by_address, by_client = Try(f"sign-in/{digest_of(address)}"), _by_client(visitor)
        await self._attempts.count(by_address, by_client)
        with unfenced():
            user, kept = await self._database.read(lambda session: _known(session, address))
            is_theirs = await self._passwords.matches(password, kept)
            if user is None or kept is None or not is_theirs:
                _log.info("sign_in.refused", user=user.id if user else None, client=visitor.client)
                msg = "The address or the password is wrong."
                raise NotSignedIn(msg)
            renewed = await self._passwords.hash(password) if self._passwords.is_outdated(kept) else None

            def enter(session: Session) -> str | None:
                # Whoever was disabled, or got another password, while this one was compared does not come in.
                accounts.lock(session, user.id)
                if _known(session, address) != (user, kept):
                    return None
                if renewed is not None:
                    accounts.set_password(session, user.id, renewed)
                return self._browsers.begin_in(session, user.id, visitor)

            secret = await self._database.write(enter)
        if secret is None:
            msg = "The password has just been changed: sign in with the new one."
            raise NotSignedIn(msg)
        await self._attempts.forget(by_address.subject)
        await self._attempts.take_back(by_client.subject)
        return _entered(user, secret, "password", visitor)

    async def enter(self, user: User, visitor: Visitor) -> Entry:
        """Lets in a person for whom somebody else vouches.

        Raises:
            NotSignedIn: they are disabled.
        """

        def begin(session: Session) -> str | None:
            known = accounts.find(session, user.id)
            return None if known is None or known.disabled_at else self._browsers.begin_in(session, user.id, visitor)

        with unfenced():
            secret = await self._database.write(begin)
        if secret is None:
            msg = "This account is disabled: ask the owner of the studio."
            raise NotSignedIn(msg)
        return _entered(user, secret, "issuer", visitor)

    async def without_ceremony(self, visitor: Visitor) -> Entry | None:
        """Lets the owner in while nobody can sign in at all; None as soon as somebody can.

        Only for a visitor who provably sits at this machine.
        """

        def begin(session: Session) -> tuple[User, str] | None:
            owners = accounts.active_owners(session)
            if accounts.is_anybody_known(session):
                return None
            return owners[0], self._browsers.begin_in(session, owners[0].id, visitor)

        with unfenced():
            if await self._database.read(accounts.is_anybody_known):
                return None
            found = await self._database.write(begin)
        return _entered(*found, "first page", visitor) if found else None

    async def set_up(self, key: str, caller: Caller | None, *, email: str, name: str, password: str, visitor: Visitor) -> Entry:
        """Gives the owner an address and a password, by a link or in the session that came without ceremony.

        Raises:
            NotFound: the link was used, or is over.
            Forbidden: there is no link, and the caller is no owner who has none of it yet.
            InvalidInput: what was chosen cannot be taken.
            Conflict: somebody has that address.
        """
        address = address_of(email)
        check_password(password, known=address)
        with unfenced():
            if key:
                await self._links.person_of(key, Purpose.SETUP)
            elif not _may_set_up(caller):
                msg = "The studio is set up already, or this needs the link that `reelwright serve` has printed."
                raise Forbidden(msg)
            hashed = await self._passwords.hash(password)

            def begin(session: Session) -> tuple[User, str] | None:
                person = links.use(session, digest_of(key), Purpose.SETUP, self._now()) if key else caller and caller.user.id
                if person is None or accounts.lock(session, person) is None:
                    return None
                if not key and accounts.password_of(session, person) is not None:
                    return None
                accounts.change(session, person, email=address, **({"name": name.strip()} if name.strip() else {}))
                return self._with_password(session, person, hashed, visitor)

            try:
                found = await self._database.write(begin)
            except IntegrityError as error:
                msg = f"There is somebody with the address {address} already."
                raise Conflict(msg) from error
        if found is None:
            raise is_over(Purpose.SETUP)
        return _entered(*found, "set-up", visitor)

    async def by_link(self, key: str, password: str, visitor: Visitor) -> Entry:
        """Lets in who has a link, with the password that they choose. Their other sessions end.

        Raises:
            NotFound: the link was used, or is over.
            InvalidInput: what was chosen cannot be taken.
        """
        with unfenced():
            person = await self._links.person_of(key, Purpose.PASSWORD)
            check_password(password, known=person.email)
            hashed = await self._passwords.hash(password)

            def begin(session: Session) -> tuple[User, str] | None:
                user = links.use(session, digest_of(key), Purpose.PASSWORD, self._now())
                return self._with_password(session, user, hashed, visitor) if user else None

            found = await self._database.write(begin)
        if found is None:
            raise is_over(Purpose.PASSWORD)
        return _entered(*found, "link", visitor)

    async def change_password(self, user: UserId, current: str, password: str, visitor: Visitor) -> Entry:
        """Gives the person another password. All their sessions end, and a new one begins.

        Raises:
            Conflict: they have none yet.
            Forbidden: the current one is wrong.
            TooManyTries: it was wrong too often.
            InvalidInput: what was chosen cannot be taken.
        """
        with unfenced():
            known, kept = await self._database.read(
                lambda session: (accounts.find(session, user), accounts.password_of(session, user))
            )
            if known is None or kept is None:
                msg = "You have no password yet: set the studio up, or ask its owner for a link."
                raise Conflict(msg)
            check_password(password, known=known.email)
            tried = Try(f"password/{user}")
            await self._attempts.count(tried)
            if not await self._passwords.matches(current, kept):
                msg = "The current password is wrong."
                raise Forbidden(msg)
            hashed = await self._passwords.hash(password)

            def begin(session: Session) -> tuple[User, str] | None:
                accounts.lock(session, user)
                is_same = accounts.password_of(session, user) == kept
                return self._with_password(session, user, hashed, visitor) if is_same else None

            found = await self._database.write(begin)
            if found is None:
                msg = "The password has just been changed somewhere else."
                raise Conflict(msg)
            await self._attempts.forget(tried.subject)
        return _entered(*found, "new password", visitor)

    def _with_password(self, session: Session, user: UserId, hashed: str, visitor: Visitor) -> tuple[User, str] | None:
        """Within a transaction: the new password, no session and no link from before, and a session that begins."""
        known = accounts.lock(session, user)
        if known is None or known.disabled_at:
            return None
        accounts.set_password(session, user, hashed)
        links.forget(session, user)
        sessions.end_all(session, user)
        return replace(known, has_password=True), self._browsers.begin_in(session, user, visitor)


def _entered(user: User, secret: str, door: str, visitor: Visitor) -> Entry:
    _log.info("sign_in.entered", user=user.id, door=door, client=visitor.client)
    return Entry(user, secret)


def _known(session: Session, address: str) -> tuple[User | None, str | None]:
    """Who has that address and is not disabled, and the hash of their password."""
    user = accounts.find_by_email(session, address) if address and address.isprintable() else None
    if user is None or user.disabled_at:
        return None, None
    return user, accounts.password_of(session, user.id)


def _may_set_up(caller: Caller | None) -> bool:
    return caller is not None and bool(caller.session) and caller.user.role is Role.OWNER and not caller.user.has_password


def _by_client(visitor: Visitor) -> Try:
    return Try(f"sign-in/from/{network_of(visitor.client)}", _FREE_OF_A_CLIENT, _LONGEST_OF_A_CLIENT)
