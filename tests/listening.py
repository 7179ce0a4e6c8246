"""Somebody on this machine who can be called, and remembers what they heard."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Listener:
    """Where they can be called, and each call's headers, in small letters, and body."""

    url: str = ""
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list[tuple[dict[str, str], bytes]])


@asynccontextmanager
async def listening() -> AsyncGenerator[Listener]:
    """Listens inside the block."""
    listener = Listener()

    async def hear(request: web.Request) -> web.Response:
        listener.heard.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/hook", hear)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?studio=one&more=%C3%A4"
        yield listener
    finally:
        await runner.cleanup()
