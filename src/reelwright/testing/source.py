"""A source of files that breaks, lies and stalls on command.

It speaks raw HTTP/1.1 over asyncio, because a well-behaved server library would refuse most of this.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from reelwright.testing.faults import FAULTS, Visit, missing

_MIB = 1 << 20


class FaultySource:
    """Serves `body` under `/<fault>` on a free port of 127.0.0.1, while in `async with`."""

    def __init__(self, body: bytes | None = None) -> None:
        """Without a body of yours it serves 2 MiB of its own, which look like an mp4 file."""
        self.body = body if body is not None else _like_mp4(2 * _MIB, 7)
        self.other = _like_mp4(len(self.body), 11)
        """As long as the body, and different."""
        self.visits: Counter[str] = Counter()
        """Requests by path and query."""
        self.connections = 0
        """Accepted so far."""
        self.headers_seen: list[Mapping[str, str]] = []
        """Of every request, names in small letters."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:port`."""
        if self._server is None:
            msg = "The source does not run: use it in `async with`."
            raise RuntimeError(msg)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def url(self, fault: str, **query: str) -> str:
        """Where a fault is served. Visits are counted for each query apart."""
        if fault not in FAULTS:
            msg = f"There is no fault {fault!r}, only {', '.join(sorted(FAULTS))}."
            raise ValueError(msg)
        return f"{self.origin}/{fault}?{urlencode(query)}"

    async def __aenter__(self) -> Self:
        """Starts to serve."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stops, and breaks what is still open."""
        if self._server is not None:
            self._server.close()
            await asyncio.sleep(0)  # what has just been accepted begins, so that it can be ended
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes what was aborted

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            while await self._answer(reader, writer):
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the other side has gone, or the test is over
        finally:
            writer.close()
            try:
                await writer.wait_closed()
            except (ConnectionError, asyncio.CancelledError):
                writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers one request, and says whether the connection may go on."""
        line = (await reader.readline()).decode()
        if not line.strip():
            return False
        headers: dict[str, str] = {}
        while header := (await reader.readline()).decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        await reader.readexactly(int(headers.get("content-length", "0")))
        _, target, _ = line.split(" ", 2)
        self.visits[target] += 1
        self.headers_seen.append(headers)
        wanted = re.match(r"bytes=(\d+)-", headers.get("range", ""))
        url = urlsplit(target)
        visit = Visit(
            number=self.visits[target],
            start=int(wanted[1]) if wanted else 0,
            headers=headers,
            query=dict(parse_qsl(url.query)),
            writer=writer,
            body=self.body,
            other=self.other,
            origin=self.origin,
        )
        fault = FAULTS.get(url.path.strip("/"), missing)
        await fault(visit)
        return not writer.transport.is_closing()


def _like_mp4(size: int, seed: int) -> bytes:
    return b"\x00\x00\x00\x20ftypisom" + random.Random(seed).randbytes(size - 12)  # noqa: S311 - not a secret
