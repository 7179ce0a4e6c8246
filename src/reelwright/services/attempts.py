"""Attempts: guessing at a secret gets slower with every guess, on all replicas together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from reelwright.db import attempts
from reelwright.db.engine import Database, Session
from reelwright.errors import TooManyTries

_FORGOTTEN = timedelta(days=1)
"""After so long without a try the count begins again."""
_FASTEST = 32
"""Doublings after which every wait is the longest one."""


@dataclass(frozen=True)
class Try:
    """One subject of a try: who tries, or what is tried."""

    subject: str
    """Such as `share/share_01...`. It is stored: what a person typed belongs into it as a digest only."""
    free: int = 5
    """Tries that wait for nothing. From then on each waits twice as long as the one before, starting with a second."""
    longest: timedelta = timedelta(minutes=5)


class Attempts:
    """Counts tries before they are made, so that a thousand at once are no better than a thousand in a row."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def count(self, *tries: Try) -> None:
        """Counts a try under each subject, or under none where one has to wait.

        Raises:
            TooManyTries: it comes too early; says when it may be made.
        """
        at = self._now()
        subjects = sorted(tries, key=lambda each: each.subject)  # in one order, so that two do not wait for each other

        def check(session: Session) -> float:
            waits = 0.0
            counts: list[int] = []
            for each in subjects:
                count, since = attempts.lock(session, each.subject, at)
                count = 0 if at - since > _FORGOTTEN else count
                waits = max(waits, (since + _wait(each, count) - at).total_seconds())
                counts.append(count)
            if waits <= 0:
                attempts.sweep(session, at - _FORGOTTEN)
                for each, count in zip(subjects, counts, strict=True):
                    attempts.write(session, each.subject, count + 1, at)
            return waits

        waits = await self._database.write(check)
        if waits > 0:
            msg = f"Too many tries: wait {_told(waits)} before the next one."
            raise TooManyTries(msg, waits)

    async def take_back(self, subject: str) -> None:
        """It was no guess: counts one less."""
        await self._database.write(lambda session: attempts.take_back(session, subject))

    async def forget(self, subject: str) -> None:
        """The secret was known: counts from the beginning."""
        await self._database.write(lambda session: attempts.forget(session, subject))


def _wait(each: Try, count: int) -> timedelta:
    """How long after the last try the next one may be made."""
    if count < each.free:
        return timedelta(0)
    return min(each.longest, timedelta(seconds=2 ** min(count - each.free, _FASTEST)))


def _told(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole} second{'s' if whole > 1 else ''}" if whole <= 90 else f"{round(whole / 60)} minutes"  # noqa: PLR2004 - as people say it


def network_of(client: str) -> str:
    """Whom an address belongs to: itself, or with IPv6 the network in which one machine may have as many as it likes."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client[:64]
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)
