"""Rounds: what whoever leads looks after now and then, beside the productions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from reelwright.errors import Busy

_LOOK = 2.0
"""Seconds between two looks at what is due."""
_log = structlog.get_logger()


class Rounds:
    """Does each task when it is due, one after the other. A task may be done again after a crash at any line."""

    def __init__(self, tasks: Mapping[Callable[[], Awaitable[object]], float]) -> None:
        """The tasks, and how many seconds lie between two times that each is done."""
        self._tasks = tasks

    async def watch(self) -> None:
        """Goes round until it is cancelled, for the first time at once. For whoever leads."""
        due = dict.fromkeys(self._tasks, 0.0)
        loop = asyncio.get_running_loop()
        while True:
            for task, every in self._tasks.items():
                if loop.time() >= due[task]:
                    due[task] = loop.time() + every
                    await self._do(task)
            await asyncio.sleep(_LOOK)

    async def _do(self, task: Callable[[], Awaitable[object]]) -> None:
        try:
            await task()
        except Busy as error:
            _log.info("rounds.wait", reason=error.message)
        except Exception:  # noqa: BLE001 - the next time may be better, and nobody else does it
            _log.exception("rounds.broke")
