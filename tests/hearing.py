"""An address that hooks lead to: in a thread of its own, it remembers what it heard and answers as it is told to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Heard:
    """One call."""

    headers: dict[str, str]
    """Names in small letters."""
    content: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def body(self) -> Any:
        return json.loads(self.content)


@dataclass
class Ear:
    """Where it can be called, what it heard, and what it answers."""

    port: int = 0
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict[str, str])
    heard: list[Heard] = field(default_factory=list[Heard])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def names(self) -> list[str]:
        """The events that it heard of, in the order in which they came."""
        return [each.body["type"] for each in self.heard]

    async def hear(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append(Heard(headers, await request.read()))
        return web.Response(status=self.status, headers=self.headers)


@contextmanager
def hearing() -> Generator[Ear]:
    """Listens inside the block."""
    ear = Ear()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def begin() -> web.AppRunner:
        app = web.Application()
        app.add_routes([web.post("/{rest:.*}", ear.hear)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ear.port = runner.addresses[0][1]
        return runner

    runner = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    try:
        yield ear
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
