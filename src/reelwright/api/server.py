"""Serving: the application behind a socket, and the studio's work beside it in the same process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import structlog
import uvicorn

from reelwright.api.app import create_app
from reelwright.api.origins import is_loopback
from reelwright.bootstrap import Studio
from reelwright.errors import ConfigurationError
from reelwright.workflows.engine import spare_from_here

_log = structlog.get_logger()
_ASK_TO_LEAD = 1.0
"""Seconds between two tries to lead, and between two looks whether one still does."""
_LAST_ANSWERS = 10
"""Seconds that open requests have when the server stops."""


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0 takes a free one."""


def listen(address: Address) -> socket.socket:
    """The socket, listening.

    Raises:
        ConfigurationError: somebody else listens there, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listening = socket.create_server((address.host, address.port), family=family, backlog=2048)
        # asyncio does it only for sockets that name their protocol. Without it every answer on a connection that stays open waits
        # 40 ms for the client's word that its head has arrived.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        msg = f"Nobody can listen on {address.host} port {address.port}: {error.strerror}. Choose others with --host and --port."
        raise ConfigurationError(msg) from error
    return listening


class _Server(uvicorn.Server):
    """uvicorn that says when it answers, and leaves signals to whoever serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, and says so."""
        await super().startup(sockets)
        self.answers.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Listens to none."""
        yield


async def serve(
    studio: Studio, listening: socket.socket, stop: asyncio.Event, *, works: bool = True, ready: Callable[[], None] | None = None
) -> None:
    """Serves until `stop` is set; open requests are ended then, and the work goes on at the next start.

    Args:
        studio: open; it stays so.
        listening: where requests come in.
        stop: ends it.
        works: whether this process also leads, where no other does.
        ready: is called as soon as requests are answered.
    """
    await studio.accounts.owner()
    config = uvicorn.Config(
        create_app(studio, is_local=is_loopback(listening.getsockname()[0])),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_LAST_ANSWERS,
        lifespan="on",  # traces are set up with it
    )
    server = _Server(config)
    serving = asyncio.create_task(_answer(server, listening))
    tending = asyncio.create_task(_tend(studio))
    working = asyncio.create_task(_work(studio)) if works else None
    try:
        await _first(serving, server.answers)
        if ready is not None and not serving.done():
            ready()
        await _first(serving, stop)
    finally:
        studio.events.close()  # who listens would keep it open
        server.should_exit = True
        for beside in filter(None, (tending, working)):
            beside.cancel()
            with suppress(asyncio.CancelledError):
                await beside
        await serving


async def _first(serving: asyncio.Task[None], happening: asyncio.Event) -> None:
    """Waits until it happens, or until nothing is served any more."""
    waiting = asyncio.create_task(happening.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _answer(server: uvicorn.Server, listening: socket.socket) -> None:
    spare_from_here()  # a leader that is dropped stops working, not answering
    await server.serve(sockets=[listening])


async def _tend(studio: Studio) -> None:
    """Sees to what people send, on every machine that takes it: the spool is this machine's own. And to hooks, where it leads."""
    spare_from_here()
    async with asyncio.TaskGroup() as group:
        group.create_task(studio.landings.watch())
        group.create_task(studio.uploads.watch())
        group.create_task(studio.couriers.watch(lambda: studio.is_leading))


async def _work(studio: Studio) -> None:
    """Leads as long as no other process does."""
    while True:
        try:
            await studio.lead()
        except Exception:  # noqa: BLE001 - the next try may be better, and the pages are served meanwhile
            _log.exception("leading.broke")
        await asyncio.sleep(_ASK_TO_LEAD)
