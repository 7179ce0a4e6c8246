"""Hooks: which addresses are told of what, under which secret, and what was told to them."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from reelwright.db import deliveries, hooks, keys, marks
from reelwright.db.engine import Database, Session
from reelwright.domain.event import EventName
from reelwright.domain.hook import TEST, TOLD, Delivery, Hook
from reelwright.domain.ids import UserId
from reelwright.errors import AddressRefused, Conflict, InvalidInput, NotFound
from reelwright.net import Net
from reelwright.services.sealing import Safe

READER = "hooks"
"""Whose mark in the order of all events it is."""
MOST = 20
"""So many hooks one person may have."""
_LONGEST = 2000
_BOTH_SIGN = timedelta(days=1)
"""So long the secret before a new one signs as well, so that nobody has to change both ends at the same moment."""


class Hooks:
    """Keeps hooks. What is due is sent by `Couriers`."""

    def __init__(
        self, database: Database, safe: Safe, net: Net, *, now: Callable[[], datetime], new_id: Callable[[str], str]
    ) -> None:
        self._database = database
        self._safe = safe
        self._net = net
        self._now = now
        self._new_id = new_id

    async def create(self, user: UserId, url: str, names: Sequence[EventName] = ()) -> tuple[Hook, str]:
        """A new hook, and the secret that signs what it is told. It hears of what happens from now on.

        Raises:
            InvalidInput: it wants what no hook is told of, or the URL is too long.
            AddressRefused: the URL's scheme or address is not allowed.
            Conflict: the person has too many.
        """
        self._check(url)
        hook = Hook(self._new_id("hook"), user, url, _wanted(names), self._now())
        secret = _new_secret()

        def write(session: Session) -> None:
            self._wake(session)
            if len(hooks.of_user(session, user)) >= MOST:
                msg = f"There are {MOST} hooks already: remove one first."
                raise Conflict(msg)
            hooks.insert(session, hook, self._seal(session, hook.id, secret))

        await self._database.write(write)
        return hook, secret

    async def of_user(self, user: UserId) -> list[Hook]:
        """The user's hooks, oldest first."""
        return await self._database.read(lambda session: hooks.of_user(session, user))

    async def get(self, hook: str) -> Hook:
        """The hook.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda session: hooks.get(session, hook))

    async def change(
        self, hook: str, *, url: str | None = None, names: Sequence[EventName] | None = None, is_active: bool | None = None
    ) -> Hook:
        """Changes what is not None. One that is disabled hears of nothing, and what waits for it is given up.

        Raises:
            NotFound: there is no such hook.
            InvalidInput, AddressRefused: as for `create`.
        """
        values: dict[str, object] = {}
        if url is not None:
            self._check(url)
            values["url"] = url
        if names is not None:
            values["names"] = " ".join(_wanted(names))

        def write(session: Session) -> Hook:
            before = hooks.get(session, hook)
            more = dict(values)
            if is_active is True and before.disabled_at is not None:
                self._wake(session)
                more["disabled_at"] = None
            if is_active is False and before.disabled_at is None:
                more["disabled_at"] = self._now()
                deliveries.give_up(session, hook, "The hook was disabled.")
            if more:
                hooks.change(session, hook, **more)
            return hooks.get(session, hook)

        return await self._database.write(write)

    async def remove(self, hook: str) -> None:
        """Forgets the hook and what was told to it.

        Raises:
            NotFound: there is no such hook.
        """

        def write(session: Session) -> None:
            hooks.get(session, hook, for_change=True)
            hooks.remove(session, hook)

        await self._database.write(write)

    async def renew_secret(self, hook: str) -> str:
        """A new secret for the hook. The one before signs beside it for a day.

        Raises:
            NotFound: there is no such hook.
            ConfigurationError: the studio's secret key is another one than that which sealed the old secret.
        """
        secret = _new_secret()

        def write(session: Session) -> None:
            keys.lock(session)
            hooks.get(session, hook, for_change=True)
            before = self._safe.open(sealing_name(hook), hooks.sealed(session, hook)).split()[0]
            until = int((self._now() + _BOTH_SIGN).timestamp())
            hooks.change(session, hook, sealed=self._safe.make().seal(sealing_name(hook), f"{secret} {before} {until}"))

        await self._database.write(write)
        return secret

    async def test(self, hook: str) -> Delivery:
        """Has something sent to the hook, to see whether it arrives.

        Raises:
            NotFound: there is no such hook.
            Conflict: it is disabled.
        """

        def write(session: Session) -> Delivery:
            known = hooks.get(session, hook, for_change=True)
            if known.disabled_at is not None:
                msg = "The hook is disabled: enable it first."
                raise Conflict(msg)
            at = self._now()
            delivery = Delivery(
                id=self._new_id("delivery"),
                hook=hook,
                user_id=known.user_id,
                serial=deliveries.next_test(session, hook),
                name=TEST,
                body={"type": TEST, "timestamp": at.isoformat(), "data": {"hook": hook}},
                created_at=at,
                next_at=at,
            )
            deliveries.insert(session, delivery)
            return delivery

        return await self._database.write(write)

    async def deliveries(self, hook: str, *, before: str = "", limit: int = 50) -> list[Delivery]:
        """What was told to the hook in the last weeks, newest first, from behind the one with the id `before`.

        Raises:
            NotFound: there is no such hook, or no delivery `before`.
        """

        def look(session: Session) -> list[Delivery]:
            hooks.get(session, hook)
            return deliveries.page(session, hook, before=before, limit=limit)

        return await self._database.read(look)

    async def redeliver(self, hook: str, delivery: str) -> Delivery:
        """Has it sent again, whether it had arrived or not, under the same id.

        Raises:
            NotFound: there is no such delivery of that hook.
            Conflict: the hook is disabled.
        """

        def write(session: Session) -> Delivery:
            known = deliveries.get(session, delivery, for_change=True)
            if known.hook != hook:
                msg = f"There is no delivery {delivery!r}."
                raise NotFound(msg)
            if hooks.get(session, hook).disabled_at is not None:
                msg = "The hook is disabled: enable it first."
                raise Conflict(msg)
            again = replace(known, tries=0, next_at=self._now(), delivered_at=None, trouble="", status=None)
            deliveries.write(session, again)
            return again

        return await self._database.write(write)

    def _wake(self, session: Session) -> None:
        """Where nobody was told of anything until now, nobody is told of what happened before."""
        marks.lock(session, READER)
        if not hooks.is_any_active(session):
            marks.to_newest(session, READER)

    def _seal(self, session: Session, hook: str, secret: str) -> str:
        keys.lock(session)
        return self._safe.make().seal(sealing_name(hook), secret)

    def _check(self, url: str) -> None:
        if len(url) > _LONGEST or not url.isprintable() or " " in url:
            msg = f"url: at most {_LONGEST} characters, and no blanks among them."
            raise InvalidInput(msg)
        try:
            self._net.check(url)
        except AddressRefused as error:
            msg = f"url: {error.message} A hook's address is https, and public unless REELWRIGHT_ALLOW_PRIVATE_HOSTS names it."
            raise AddressRefused(msg) from error


def sealing_name(hook: str) -> str:
    """What the secrets of a hook are sealed as."""
    return f"hook {hook}"


def signing(opened: str, at: datetime) -> list[str]:
    """The secrets that sign at that moment, out of what was sealed: the newest one, and for a while the one before."""
    newest, *older = opened.split()
    if older and at.timestamp() < int(older[1]):
        return [newest, older[0]]
    return [newest]


def _new_secret() -> str:
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def _wanted(names: Sequence[EventName]) -> tuple[EventName, ...]:
    unknown = [name for name in names if name not in TOLD]
    if unknown:
        msg = f"events: no hook is told of {unknown[0]}; there are {', '.join(TOLD)}."
        raise InvalidInput(msg)
    return tuple(dict.fromkeys(names))
