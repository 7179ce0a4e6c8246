"""Lanes: the lines in which takes wait for one of the places that a provider gives an account.

Whether there is a place is decided in the database, in the transaction that marks the take as submitting, so the limit holds
across all processes. A lane only decides who asks next in this process (first come, first served) and wakes the first in line as
soon as a place is given back here; a place that another process gives back is noticed by asking again. A provider that asked to
wait closes its lane for so long: one who was put off is enough.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

from reelwright.domain.generation import ModelRef

_ASK_AGAIN = 1.0
"""Seconds after which the first in line asks again unasked."""
_FIRST_CLOSED = 0.25
_LONGEST_CLOSED = 30.0
"""Seconds for which a lane is closed, where the provider does not say how long."""
_LONGEST_ASKED = 900.0
"""The most where it does: asking a bit too early costs nothing."""


class _Lane:
    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.freed = asyncio.Event()
        self.opens = -math.inf
        """By `time.monotonic`: asked by threads, too."""
        self.refusals = 0


class Lanes:
    """One line for each set of models that share their places."""

    def __init__(self, ask_again: float = _ASK_AGAIN) -> None:
        self._ask_again = ask_again
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
                    await asyncio.wait_for(lane.freed.wait(), self._ask_again)
                except TimeoutError:
                    continue

    def leave(self, models: tuple[ModelRef, ...]) -> None:
        """Tells the first in line that a place is free."""
        self._lanes[models].freed.set()

    def close(self, models: tuple[ModelRef, ...], seconds: float) -> None:
        """Lets nobody in: the provider has asked to wait. For `seconds`, and longer each time that it asks again.

        Args:
            models: whose lane it is.
            seconds: how long the provider asks to wait; 0 where it does not say.
        """
        lane = self._lanes[models]
        lane.refusals += 1
        doubled = min(_LONGEST_CLOSED, _FIRST_CLOSED * 2 ** min(lane.refusals - 1, 16))
        rest = max(doubled, min(_LONGEST_ASKED, seconds)) * random.uniform(1.0, 1.1)  # noqa: S311 - jitter, not a secret
        lane.opens = max(lane.opens, time.monotonic() + rest)

    def reopen(self, models: tuple[ModelRef, ...]) -> None:
        """The provider has taken somebody in: the next refusal is a first one again."""
        self._lanes[models].refusals = 0

    def is_open(self, models: tuple[ModelRef, ...]) -> bool:
        """Whether the provider may be asked again."""
        return time.monotonic() >= self._lanes[models].opens
