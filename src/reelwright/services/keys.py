"""Keys: what the vendors know us by, kept sealed in the database or set in the environment, and never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from reelwright.db import hooks, keys
from reelwright.db.engine import Database, Session
from reelwright.db.keys import SealedKey
from reelwright.errors import ConfigurationError, InvalidInput, NotFound
from reelwright.net.redaction import remember
from reelwright.services.environment import KeyEnvironment
from reelwright.services.hooks import sealing_name
from reelwright.services.sealing import Safe, key_id_of

_log = structlog.get_logger()

VENDORS: Mapping[str, str] = {
    "ANTHROPIC_API_KEY": "Anthropic",
    "ELEVENLABS_API_KEY": "ElevenLabs",
    "FAL_KEY": "fal",
    "GEMINI_API_KEY": "Google",
    "GOOGLE_API_KEY": "Google",
    "LUMAAI_API_KEY": "Luma Dream Machine",
    "LUMA_AGENTS_API_KEY": "Luma Agents",
    "OPENAI_API_KEY": "OpenAI",
    "REPLICATE_API_TOKEN": "Replicate",
    "RUNWAYML_API_SECRET": "Runway",
}
"""The variables that hold keys, by the vendors' own names, and whose each is."""

_SHOWN = 4
_SHORTEST, _LONGEST = 16, 4096
"""Characters of a key; of a shorter one the last four would tell too much."""


@dataclass(frozen=True)
class KnownKey:
    """What may be told about a key."""

    name: str
    """The vendor's own variable."""
    vendor: str
    source: str = ""
    """`environment`, `database`, or nothing where there is none."""
    ending: str = ""
    """The last four characters, and never more."""
    changed_at: datetime | None = None
    """When the one in the database was set."""
    is_kept: bool = False
    """There is one in the database, be it used or not: the environment wins."""
    problem: str = ""
    """Why the one in the database cannot be used."""


class Keys:
    """The vendors' keys of a studio. `environment` is how providers and writers get at them."""

    def __init__(self, database: Database, safe: Safe, outer: Mapping[str, str], *, now: Callable[[], datetime]) -> None:
        """Reads nothing yet.

        Args:
            database: where the sealed ones are.
            safe: what seals them.
            outer: the process's environment.
            now: the clock.
        """
        self._database = database
        self._safe = safe
        self._outer = outer
        self._now = now
        self._opened: dict[tuple[str, str], str] = {}
        """By name and by what was sealed: what has not changed is not opened again."""
        self._refused: set[str] = set()
        """What could not be opened, and was told."""
        self.environment = KeyEnvironment(outer, self._read)

    def check(self) -> None:
        """Makes sure that every key of the database can be used.

        Raises:
            ConfigurationError: the secret key is missing, another one, or in danger; the message says what to do.
        """
        for key in self._database.read_now(keys.every):
            self._safe.open(key.name, key.sealed)
        self._safe.keys()

    async def known(self) -> list[KnownKey]:
        """What there is, by variable; those that nobody has set as well."""
        kept = {key.name: key for key in await self._database.read(keys.every)}
        return [self._told(name, vendor, kept.get(name)) for name, vendor in VENDORS.items()]

    def _told(self, name: str, vendor: str, kept: SealedKey | None) -> KnownKey:
        value, problem = "", ""
        if kept is not None:
            try:
                value = self._open(kept)
            except ConfigurationError as error:
                problem = error.message
        outer = self._outer.get(name, "").strip()
        remember(outer)
        source = "environment" if outer else "database" if kept else ""
        changed_at = kept.changed_at if kept else None
        return KnownKey(name, vendor, source, _ending(outer or value), changed_at, kept is not None, problem)

    async def set(self, name: str, value: str) -> KnownKey:
        """Seals a key and keeps it, in the place of an older one. Every process uses it within seconds.

        Raises:
            InvalidInput: no vendor has that variable, or the value cannot be a key.
            ConfigurationError: there is no secret key to seal it with, although others are sealed; or it cannot be used.
        """
        vendor = vendor_of(name)
        plain = _checked(name, value)
        remember(plain)

        def put(session: Session) -> SealedKey:
            keys.lock(session)
            others = [key for key in keys.every(session) if key.name != name]
            if others and not self._safe.keys():
                self._safe.open(others[0].name, others[0].sealed)
            key = SealedKey(name, self._safe.make().seal(name, plain), self._now())
            keys.put(session, key)
            return key

        kept = await self._database.write(put)
        self.environment.forget()
        return self._told(name, vendor, kept)

    async def remove(self, name: str) -> None:
        """Forgets a key.

        Raises:
            InvalidInput: no vendor has that variable.
            NotFound: the database has none of that name.
        """
        vendor_of(name)
        if not await self._database.write(lambda session: keys.remove(session, name)):
            where = "; it is set in the environment, unset it there" if self._outer.get(name, "").strip() else ""
            msg = f"The database has no {name}{where}."
            raise NotFound(msg)
        self.environment.forget()

    async def rotate(self) -> int:
        """Seals every key anew and returns how many there are. May be called again after a crash at any line.

        With REELWRIGHT_SECRET_KEY the first of its keys seals from now on; else a new one is made. The old one is only
        forgotten when it seals nothing any more.

        Raises:
            ConfigurationError: a key cannot be opened; nothing has changed then.
        """

        def seal_anew(session: Session) -> int:
            keys.lock(session)
            opened = [(key, self._safe.open(key.name, key.sealed)) for key in keys.every(session)]
            signing = self._signing(session)
            secret = self._safe.make() if self._safe.is_set else self._safe.renew()
            for key, plain in opened:
                keys.put(session, SealedKey(key.name, secret.seal(key.name, plain), key.changed_at))
            for hook, plain in signing.items():
                hooks.change(session, hook, sealed=secret.seal(sealing_name(hook), plain))
            return len(opened)

        def forget_old(session: Session) -> None:
            keys.lock(session)
            kept = [*(key.sealed for key in keys.every(session)), *hooks.every_sealed(session).values()]
            self._safe.forget(but=[key_id_of(each) for each in kept])

        count = await self._database.write(seal_anew)
        await self._database.write(forget_old)
        return count

    def _signing(self, session: Session) -> dict[str, str]:
        """The secrets of the hooks, by id. One that does not open is of no use to anybody, and stays as it is."""
        found: dict[str, str] = {}
        for hook, kept in hooks.every_sealed(session).items():
            with suppress(ConfigurationError):
                found[hook] = self._safe.open(sealing_name(hook), kept)
        return found

    def _read(self) -> Mapping[str, str]:
        """The keys of the database, opened; those that cannot be opened are told to the log, once, and left out."""
        found: dict[str, str] = {}
        for key in self._database.read_now(keys.every):
            try:
                found[key.name] = self._open(key)
            except ConfigurationError as error:
                if key.sealed not in self._refused:
                    self._refused.add(key.sealed)
                    _log.error("keys.not_opened", name=key.name, reason=error.message)
        return found

    def _open(self, key: SealedKey) -> str:
        known = (key.name, key.sealed)
        if known not in self._opened:
            self._opened[known] = self._safe.open(*known)
            remember(self._opened[known])
        return self._opened[known]

    def close(self) -> None:
        """Gives its thread back."""
        self.environment.close()


def vendor_of(name: str) -> str:
    """Whose variable it is.

    Raises:
        InvalidInput: no vendor's that holds a key.
    """
    if name in VENDORS:
        return VENDORS[name]
    if name.endswith("_BASE_URL"):
        msg = f"{name} is no secret: set it in the environment."
        raise InvalidInput(msg)
    msg = f"No vendor has a key called {name!r}; known are {', '.join(VENDORS)}."
    raise InvalidInput(msg)


def _checked(name: str, value: str) -> str:
    """The key without what a terminal or a file put around it; the refusal never shows it."""
    plain = value.strip()
    if not plain.isascii() or not plain.isprintable() or " " in plain:
        msg = f"{name}: a key has no spaces and only plain characters; what was given is something else."
        raise InvalidInput(msg)
    if not _SHORTEST <= len(plain) <= _LONGEST:
        msg = f"{name}: a key has {_SHORTEST} to {_LONGEST} characters; what was given has {len(plain)}."
        raise InvalidInput(msg)
    return plain


def _ending(value: str) -> str:
    return value[-_SHOWN:] if len(value) >= _SHORTEST else ""
