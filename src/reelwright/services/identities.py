"""Identities: who a person is at an issuer, and who of them may come in."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

from reelwright.db import accounts
from reelwright.db.engine import Database, IntegrityError, Session
from reelwright.db.fence import unfenced
from reelwright.domain.account import User
from reelwright.domain.ids import UserId
from reelwright.errors import Forbidden, InvalidInput, NotFound
from reelwright.net import Net
from reelwright.services.accounts import Accounts, address_of, name_of
from reelwright.services.openid import Claims, Issuer, OpenId


class Identities:
    """Sign-in through an issuer, where the settings name one."""

    def __init__(
        self,
        database: Database,
        people: Accounts,
        net: Net,
        issuer: Issuer | None,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._database = database
        self._people = people
        self._openid = OpenId(net, issuer) if issuer else None
        self._now = now
        self._new_id = new_id

    @property
    def name(self) -> str:
        """What the issuer is called on the button; empty where there is none."""
        return self._openid.issuer.name if self._openid else ""

    async def begin(self, back_to: str) -> tuple[str, str]:
        """Where to send a visitor, and the secret that their cookie keeps until they come back to `back_to`.

        Raises:
            NotFound: there is no issuer.
            NotSignedIn: it does not answer.
        """
        secret = secrets.token_urlsafe(32)
        return await self._asked.send_away(secret, back_to), secret

    async def finish(self, secret: str, back_to: str, answer: Mapping[str, str]) -> User:
        """The person who came back.

        They are who they were the last time; else whoever has the address that the issuer says is theirs; else somebody new,
        where the domain of that address may come.

        Raises:
            NotFound: there is no issuer.
            NotSignedIn: the issuer does not stand by it.
            Forbidden: nobody has invited them.
        """
        claims = await self._asked.who_came_back(secret, back_to, answer)
        await self._people.owner()
        with unfenced():
            try:
                return await self._database.write(lambda session: self._welcomed(session, claims))
            except IntegrityError:  # they came through two tabs at once
                return await self._database.write(lambda session: self._welcomed(session, claims))

    @property
    def _asked(self) -> OpenId:
        if self._openid is None:
            msg = "Nobody else vouches for people here: REELWRIGHT_OIDC_ISSUER is not set."
            raise NotFound(msg)
        return self._openid

    def _welcomed(self, session: Session, claims: Claims) -> User:
        known = accounts.find_by_identity(session, claims.issuer, claims.subject)
        if known is not None:
            return known
        if not claims.email:
            msg = f"{self.name} does not say that your address is really yours, so it cannot be told who you are here."
            raise Forbidden(msg)
        user = accounts.find_by_email(session, claims.email)
        if user is None:
            user = self._newcomer(claims)
            accounts.insert(session, user)
        elif accounts.has_identity(session, claims.issuer, user.id):
            # An address that was given to somebody else: what its first owner made is not the second one's.
            msg = f"{claims.email} belongs to another account of {self.name} here: ask the owner of the studio."
            raise Forbidden(msg)
        accounts.insert_identity(session, claims.issuer, claims.subject, user.id)
        return user

    def _newcomer(self, claims: Claims) -> User:
        issuer = self._asked.issuer
        if "*" not in issuer.domains and claims.email.rpartition("@")[2] not in issuer.domains:
            msg = f"Nobody has invited {claims.email}: ask the owner of the studio."
            raise Forbidden(msg)
        address = address_of(claims.email)
        try:
            name = name_of(claims.name)
        except InvalidInput:
            name = address.partition("@")[0]
        return User(UserId(self._new_id("user")), address, name, issuer.role, self._now())
