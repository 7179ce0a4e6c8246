"""Outputs at URLs that expire: a folder of files on a loopback server, for whoever was given a signed link."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

_URL_SECONDS = 3600
_MOST_DIGITS = 11
"""Of an expiry date: enough for three thousand years."""


class Outputs:
    """Serves the files of one folder. Lives in one event loop."""

    def __init__(self, folder: Path, types: Mapping[str, str], *, on_sent: Callable[[str], None] | None = None) -> None:
        """Serves nothing yet.

        Args:
            folder: where the files are.
            types: media types by ending.
            on_sent: told the name of each file that went out to its last byte.
        """
        self._folder = folder
        self._types = dict(types)
        self._on_sent = on_sent
        self._key = secrets.token_bytes(32)
        self._runner: web.AppRunner | None = None
        self._starting = asyncio.Lock()
        self.origin = ""
        """Where they are served, once a URL has been handed out."""

    async def url(self, name: str) -> str:
        """A fresh link to the file of that name; the first one starts the server."""
        async with self._starting:
            if self._runner is None:
                await self._start()
        expires = int(time.time()) + _URL_SECONDS
        return f"{self.origin}/outputs/{name}?expires={expires}&signature={self._sign(name, expires)}"

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_get("/outputs/{name}", self._send)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._runner = runner
        self.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def aclose(self) -> None:
        """Stops the server."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            self.origin = ""

    async def _send(self, request: web.Request) -> web.StreamResponse:
        name, given = request.match_info["name"], request.query.get("expires", "")
        expires = int(given) if given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS else 0
        is_ours = hmac.compare_digest(self._sign(name, expires).encode(), request.query.get("signature", "").encode())
        if not is_ours or expires < time.time():
            raise web.HTTPForbidden(text="The link is not ours, or has expired.")
        path = self._folder / name
        if not path.is_file():
            raise web.HTTPNotFound(text="The output is gone.")
        on_sent = None if self._on_sent is None or request.method != "GET" else partial(self._on_sent, name)
        return _File(path, self._types.get(path.suffix[1:], "application/octet-stream"), on_sent)

    def _sign(self, name: str, expires: int) -> str:
        return hmac.new(self._key, f"{name}?{expires}".encode(), hashlib.sha256).hexdigest()


class _File(web.FileResponse):
    """Tells when its last byte is out. A download that broke is resumed with a range, so the end may come in another answer."""

    def __init__(self, path: Path, media_type: str, on_sent: Callable[[], None] | None) -> None:
        super().__init__(path, headers={"Content-Type": media_type})
        self._on_sent = on_sent

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        writer = await super().prepare(request)
        if self._on_sent is not None and self._has_the_end():
            self._on_sent()
        return writer

    def _has_the_end(self) -> bool:
        if self.status == HTTPStatus.OK:
            return True
        sent, _, size = self.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        return self.status == HTTPStatus.PARTIAL_CONTENT and size.isdigit() and sent.partition("-")[2] == str(int(size) - 1)
