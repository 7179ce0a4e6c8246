"""Lanes: the lines in which takes wait for one of the places that a provider gives an account.

Whether there is a place is decided in the database, in the transaction that marks the take as submitting, so the limit holds
across all processes. A lane only decides who asks next in this process (first come, first served) and wakes the first in line as
soon as a place is given back here; a place that another process gives back is noticed by asking again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

from reelwright.domain.generation import ModelRef

_ASK_AGAIN = 1.0
"""Seconds after which the first in line asks again unasked."""


class _Lane:
    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.freed = asyncio.Event()


class Lanes:
    """One line for each set of models that share their places."""

    def __init__(self) -> None:
        self._lanes: defaultdict[tuple[ModelRef, ...], _Lane] = defaultdict(_Lane)

    async def enter(self, models: tuple[ModelRef, ...], try_enter: Callable[[], Awaitable[bool]]) -> None:
        """Returns when it was this caller's turn and `try_enter` has answered True; what it raises ends the wait."""
        lane = self._lanes[models]
        async with lane.turn:
            while True:
                lane.freed.clear()
                if await try_enter():
                    return
                try:
                    await asyncio.wait_for(lane.freed.wait(), _ASK_AGAIN)
                except TimeoutError:
                    continue

    def leave(self, models: tuple[ModelRef, ...]) -> None:
        """Tells the first in line that a place is free."""
        self._lanes[models].freed.set()
