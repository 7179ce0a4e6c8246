"""Passwords: what is taken as one, and its Argon2id hash, made a few at a time."""

from __future__ import annotations

import asyncio
import os
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from reelwright.errors import InvalidInput, TooManyTries

T = TypeVar("T")

SHORTEST, LONGEST = 10, 256
_FEWEST = 5
"""Different characters."""
_AT_ONCE = max(1, min(4, (os.cpu_count() or 1) // 2))
"""Hashes that are made at the same time: each takes 64 MiB and a fifth of a second of a core, and others want to be served."""
_IN_LINE = 64
"""Hashes that wait for their turn; whoever comes then is asked to come back."""


class Passwords:
    """Hashes passwords and compares them. Knows nobody, and keeps nothing."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """`hasher` sets the cost; that of RFC 9106 for a machine with little memory unless said."""
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="password")
        self._in_line = 0
        # No password has this hash, and comparing with it is as much work as with any other.
        self._nobodys = (
            f"$argon2id$v=19$m={self._hasher.memory_cost},t={self._hasher.time_cost},p={self._hasher.parallelism}"
            f"${_plain(bytes(self._hasher.salt_len))}${_plain(bytes(self._hasher.hash_len))}"
        )

    async def hash(self, password: str) -> str:
        """The hash to keep.

        Raises:
            TooManyTries: too many hashes are being made.
        """
        return await self._in_turn(lambda: self._hasher.hash(_normal(password)))

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether it is the password with that hash. With no hash it is not, and finding that out takes as long.

        Raises:
            TooManyTries: as for `hash`.
        """
        is_same = await self._in_turn(lambda: self._is_same(kept or self._nobodys, password))
        return is_same and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether the hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """Gives the threads back."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _is_same(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, _normal(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._in_line >= _IN_LINE:
            msg = "Too many people sign in at this moment: try again in a few seconds."
            raise TooManyTries(msg, 5)
        self._in_line += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._in_line -= 1


def check_password(password: str, *, known: str = "") -> None:
    """Refuses what others would guess first.

    Args:
        password: what was chosen.
        known: the person's address, which is no password.

    Raises:
        InvalidInput: it is too short, too long or too plain; the message says what is wanted, and never what was chosen.
    """
    normal = _normal(password)
    if not SHORTEST <= len(normal) <= LONGEST:
        msg = f"password: choose one of {SHORTEST} to {LONGEST} characters; a few words in a row are easy to remember."
        raise InvalidInput(msg)
    if len(set(normal)) < _FEWEST or (known and normal.lower() in {known, known.partition("@")[0]}):
        msg = "password: choose one that nobody would guess: no address, and not the same few characters again and again."
        raise InvalidInput(msg)


def _normal(password: str) -> str:
    """The same whichever keyboard wrote it."""
    return unicodedata.normalize("NFKC", password)


def _plain(content: bytes) -> str:
    return b64encode(content).decode().rstrip("=")
