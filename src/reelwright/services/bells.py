"""Bells: whoever waits for a job sleeps beside one, and whoever knows that the job has moved may ring it.

Bells hang in this process only, on the event loop of those who wait. One that nobody rings is no loss: the sleeper looks for
itself when its time is over.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager, suppress

from reelwright.domain.ids import JobId

_BREATH = 0.2
"""Seconds that a sleeper sleeps at least: a bell that is rung without end must not make us ask without end."""


class Bell:
    """Wakes one sleeper."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wakes the sleeper; one who is awake sleeps only for a breath the next time."""
        self._rung.set()

    async def sleep(self, seconds: float) -> None:
        """Returns after that time, or as soon as somebody rings."""
        breath = min(_BREATH, seconds)
        await asyncio.sleep(breath)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds - breath)
        self._rung.clear()


class Bells:
    """The bells of those who wait, by provider and job."""

    def __init__(self) -> None:
        self._hung: defaultdict[tuple[str, JobId], set[Bell]] = defaultdict(set)

    @contextmanager
    def hung(self, provider: str, job: JobId) -> Generator[Bell]:
        """A bell that is rung for this job inside the block."""
        bell = Bell()
        self._hung[provider, job].add(bell)
        try:
            yield bell
        finally:
            self._hung[provider, job].discard(bell)
            if not self._hung[provider, job]:
                del self._hung[provider, job]

    def ring(self, provider: str, job: JobId) -> bool:
        """Wakes everybody who waits for the job; False when nobody does."""
        waiting = self._hung.get((provider, job), set())
        for bell in waiting:
            bell.ring()
        return bool(waiting)
