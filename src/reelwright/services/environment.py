"""The vendors' variables as providers and writers see them: the process's environment, else the keys kept in the database."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock

import structlog

from reelwright.net.redaction import remember

_log = structlog.get_logger()

_FRESH = 2.0
"""Seconds for which what was read holds: so long it takes until a key that another process has set is used here."""
_PATIENCE = 0.25
"""Seconds that a reader waits for the database; it may be the event loop, and what was read before is good enough."""
_SECRET_NAME = re.compile(r"(?:KEY|SECRET|TOKEN|PASSWORD)$")


class KeyEnvironment(Mapping[str, str]):
    """Live: a key that is set while the studio runs is there at the next use, or within seconds where another process set it.

    Every secret that it gives out is remembered, so that it is taken out of whatever is logged, shown or answered.
    """

    def __init__(self, outer: Mapping[str, str], read: Callable[[], Mapping[str, str]]) -> None:
        """Reads nothing yet.

        Args:
            outer: the process's environment; what is set there wins.
            read: the keys of the database, opened. Called in a thread of its own.
        """
        self._outer = outer
        self._read = read
        self._kept: Mapping[str, str] = {}
        self._read_at = -_FRESH
        self._reading: Future[Mapping[str, str]] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keys")
        self._lock = Lock()

    def __getitem__(self, name: str) -> str:
        found = self._outer.get(name, "")
        if not found.strip():
            found = self._fresh().get(name, found)
        if not found and name not in self._outer:
            raise KeyError(name)
        if _SECRET_NAME.search(name):
            remember(found.strip())
        return found

    def __iter__(self) -> Iterator[str]:
        return iter({*self._outer, *self._fresh()})

    def __len__(self) -> int:
        return len({*self._outer, *self._fresh()})

    def __repr__(self) -> str:
        return f"KeyEnvironment({len(self)} variables)"

    def forget(self) -> None:
        """The next use reads anew: a key has changed in this process."""
        with self._lock:
            self._read_at = -_FRESH
            self._reading = None

    def _fresh(self) -> Mapping[str, str]:
        with self._lock:
            is_due = self._reading is None and time.monotonic() - self._read_at >= _FRESH
            if is_due:
                self._reading = self._thread.submit(self._read)
            reading = self._reading
        if reading is not None:
            # Only who began it waits: with a database that hangs, everybody else goes on with what there is.
            wait([reading], _PATIENCE if is_due else 0)
            if reading.done():
                self._take(reading)
        return self._kept

    def _take(self, reading: Future[Mapping[str, str]]) -> None:
        with self._lock:
            if self._reading is not reading:
                return
            self._reading, self._read_at = None, time.monotonic()
            if (error := reading.exception()) is None:
                self._kept = reading.result()
            else:
                _log.warning("keys.not_read", reason=type(error).__name__)

    def close(self) -> None:
        """Gives the thread back. What was read last is still there."""
        with self._lock:
            self._read_at = math.inf
        self._thread.shutdown(wait=False, cancel_futures=True)
