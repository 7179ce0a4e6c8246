"""A command that is at work until it is done: the studio opened for it, and interrupts heard in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from reelwright.bootstrap import Studio, open_studio
from reelwright.cli.exits import Exit
from reelwright.config import read_settings

T = TypeVar("T")

stop = asyncio.Event()
"""Set by Ctrl-C, and by whoever ends the process in an orderly way. One command is one process."""


def with_studio(run: Callable[[Studio], Awaitable[T]]) -> T:
    """What `run` makes of the studio, which is open meanwhile."""

    async def opened() -> T:
        studio = open_studio(read_settings())
        try:
            return await run(studio)
        finally:
            await studio.close()

    return asyncio.run(opened())


def listen() -> None:
    """From now on an interrupt ends the command in order. Not before the last question is answered: that would not hear it."""
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, _on_signal)


def _on_signal() -> None:
    if stop.is_set():
        if sys.stdout.isatty():
            os.write(sys.stdout.fileno(), b"\x1b[?25h")  # the live table has hidden the cursor
        os._exit(Exit.INTERRUPTED)  # a second Ctrl-C: at once; every line may be the last one anyway
    stop.set()
