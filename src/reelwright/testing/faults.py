"""What the networks between us and a provider really do to a file: each fault is one function that answers one request."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

_PIECE = 64 << 10
_ETAG = '"one"'


@dataclass
class Visit:
    """One request, and how to answer it."""

    number: int
    """From 1, for each path with its query."""
    start: int
    """The first byte asked for; 0 without a `Range`."""
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes = field(repr=False)
    other: bytes = field(repr=False)
    """As long as the body, and different."""
    origin: str
    writer: asyncio.StreamWriter = field(repr=False)

    def head(self, status: str, **headers: object) -> None:
        """Writes the status line and the headers; `content_length` becomes `content-length`."""
        lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())

    async def send(self, data: bytes, *, pause: float = 0) -> None:
        """Writes the body in pieces, with `pause` seconds after each."""
        for at in range(0, len(data), _PIECE):
            self.writer.write(data[at : at + _PIECE])
            await self.writer.drain()
            await asyncio.sleep(pause)

    def cut(self) -> None:
        """Breaks the connection."""
        self.writer.transport.abort()


Fault: TypeAlias = Callable[[Visit], Awaitable[None]]


def _begin(
    visit: Visit,
    *,
    body: bytes | None = None,
    etag: str = _ETAG,
    ranges: bool = True,
    lie: int = 0,
) -> int:
    """Writes an honest head (but for `lie`, which is added to the length), and returns the first byte to send."""
    size = len(visit.body if body is None else body)
    is_same = visit.headers.get("if-range", etag) == etag
    start = visit.start if ranges and is_same else 0
    shown: dict[str, object] = {"content_type": "video/mp4", "content_length": size - start + lie}
    if etag:
        shown["etag"] = etag
    if start:
        visit.head("206 Partial Content", **shown, content_range=f"bytes {start}-{size - 1}/{size}")
    else:
        visit.head("200 OK", **shown)
    return start


async def _ok(visit: Visit, etag: str = _ETAG) -> None:
    await visit.send(visit.body[_begin(visit, etag=etag) :])


async def _cut(visit: Visit, etag: str = _ETAG) -> None:
    """Every connection breaks after 40 percent."""
    start, step = _begin(visit, etag=etag), len(visit.body) * 2 // 5
    await visit.send(visit.body[start : start + step])
    if start + step < len(visit.body):
        visit.cut()


async def _cut_and_range_ignored(visit: Visit) -> None:
    _begin(visit, ranges=False)
    await visit.send(_half(visit.body) if visit.number == 1 else visit.body)
    if visit.number == 1:
        visit.cut()


async def _cut_and_retagged(visit: Visit) -> None:
    """Another server of the same network goes on: the same bytes under another ETag."""
    if visit.number == 1:
        await _half_then_cut(visit)
    else:
        await visit.send(visit.body[_begin(visit, etag='"elsewhere"') :])


async def _cut_and_changed(visit: Visit) -> None:
    if visit.number == 1:
        await _half_then_cut(visit)
    else:
        await visit.send(visit.other[_begin(visit, etag='"two"') :])


async def _cut_and_changed_without_etag(visit: Visit) -> None:
    start = _begin(visit, etag="", ranges="range" in visit.query)
    if visit.number == 1:
        await visit.send(_half(visit.body))
        visit.cut()
    else:
        await visit.send(visit.other[start:])


async def _cut_and_shorter(visit: Visit) -> None:
    if visit.number == 1:
        await _half_then_cut(visit)
    else:
        visit.head("200 OK", content_length=1000)
        await visit.send(visit.body[:1000])


async def _cut_and_expired(visit: Visit) -> None:
    """The signature runs out while we download."""
    if visit.number == 1:
        await _half_then_cut(visit)
    else:
        visit.head("403 Forbidden", content_length=0)


async def _cut_and_wrong_range(visit: Visit) -> None:
    if visit.number == 1:
        await _half_then_cut(visit)
    else:
        size = len(visit.body)
        visit.head("206 Partial Content", content_length=size - 77, content_range=f"bytes 77-{size - 1}/{size}")
        await visit.send(visit.body[77:])


async def _cut_always(visit: Visit) -> None:
    if not _begin(visit):
        await visit.send(visit.body[:_PIECE])
    visit.cut()


async def _length_too_long(visit: Visit) -> None:
    await visit.send(visit.body[_begin(visit, lie=1000) :])
    visit.writer.close()


async def _length_too_short(visit: Visit) -> None:
    await visit.send(visit.body[_begin(visit, lie=-1000) :])
    visit.writer.close()


async def _no_length(visit: Visit) -> None:
    visit.head("200 OK", content_type="video/mp4", connection="close")
    await visit.send(visit.body)
    visit.writer.close()


async def _no_length_and_cut(visit: Visit) -> None:
    """Half of the body, and then a proper goodbye: no client can see that something is missing."""
    visit.head("200 OK", content_type="video/mp4", connection="close")
    await visit.send(_half(visit.body))
    visit.writer.close()


async def _chunked(visit: Visit) -> None:
    visit.head("200 OK", content_type="video/mp4", transfer_encoding="chunked")
    await _send_chunks(visit, visit.body)
    visit.writer.write(b"0\r\n\r\n")


async def _chunked_and_cut(visit: Visit) -> None:
    visit.head("200 OK", content_type="video/mp4", transfer_encoding="chunked")
    await _send_chunks(visit, _half(visit.body))
    visit.cut()


async def _stall(visit: Visit) -> None:
    start = _begin(visit)
    if visit.number == 1:
        await visit.send(_half(visit.body))
        await asyncio.sleep(3600)
    await visit.send(visit.body[start:])


async def _silent(visit: Visit) -> None:
    """Takes the request, and never answers."""
    await visit.writer.drain()
    await asyncio.sleep(3600)


async def _drip(visit: Visit) -> None:
    """Never silent for long, and never done."""
    for byte in visit.body[_begin(visit) :]:
        visit.writer.write(bytes([byte]))
        await visit.writer.drain()
        await asyncio.sleep(0.05)


async def _slow(visit: Visit) -> None:
    """About 3 MiB a second."""
    await visit.send(visit.body[_begin(visit) :], pause=0.02)


async def _busy(visit: Visit) -> None:
    """Asks twice to come again."""
    if visit.number < 3:  # noqa: PLR2004 - twice
        visit.head("503 Slow Down", content_length=0, retry_after=0)
    else:
        await _ok(visit)


async def _status(visit: Visit) -> None:
    """Answers `code` from the query; with `wait`, and to come back after so many seconds."""
    body = b"<Error>no</Error>"
    wait = {"retry_after": visit.query["wait"]} if "wait" in visit.query else {}
    visit.head(f"{visit.query['code']} Status", content_length=len(body), **wait)
    await visit.send(body)


async def _redirect(visit: Visit) -> None:
    """Leads to `to` from the query, or to the honest file."""
    visit.head("302 Found", location=visit.query.get("to", f"{visit.origin}/ok"), content_length=0)


async def _redirect_loop(visit: Visit) -> None:
    visit.head("302 Found", location="/redirect-loop", content_length=0)


async def _html(visit: Visit) -> None:
    """An error page that calls itself a film."""
    page = b"<html>Error: link expired</html>" * 200
    visit.head("200 OK", content_type="video/mp4", content_length=len(page))
    await visit.send(page)


async def _empty(visit: Visit) -> None:
    visit.head("200 OK", content_type="video/mp4", content_length=0)


async def _encoded(visit: Visit) -> None:
    body = gzip.compress(visit.body[:10_000])
    visit.head("200 OK", content_type="video/mp4", content_encoding="gzip", content_length=len(body))
    await visit.send(body)


async def _huge(visit: Visit) -> None:
    """Announces a terabyte."""
    visit.head("200 OK", content_type="video/mp4", content_length=1 << 40)
    await visit.send(visit.body)


async def _endless(visit: Visit) -> None:
    visit.head("200 OK", content_type="video/mp4", connection="close")
    while True:
        await visit.send(visit.other)


async def _json(visit: Visit) -> None:
    body = b'{"id": "job_1", "state": "running"}'
    visit.head("200 OK", content_type="application/json", content_length=len(body))
    await visit.send(body)


async def _hang_up(visit: Visit) -> None:
    """Takes the request, and closes without an answer."""
    visit.cut()


async def missing(visit: Visit) -> None:
    """Answers that there is nothing."""
    visit.head("404 Not Found", content_length=0)


async def _half_then_cut(visit: Visit) -> None:
    _begin(visit)
    await visit.send(_half(visit.body))
    visit.cut()


async def _send_chunks(visit: Visit, body: bytes) -> None:
    for at in range(0, len(body), _PIECE):
        piece = body[at : at + _PIECE]
        await visit.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]


FAULTS: Mapping[str, Fault] = {
    "ok": _ok,
    "ok-without-etag": partial(_ok, etag=""),
    "redirect": _redirect,
    "redirect-loop": _redirect_loop,
    "cut": _cut,
    "cut-without-etag": partial(_cut, etag=""),
    "cut-and-range-ignored": _cut_and_range_ignored,
    "cut-and-retagged": _cut_and_retagged,
    "cut-and-changed": _cut_and_changed,
    "cut-and-changed-without-etag": _cut_and_changed_without_etag,
    "cut-and-shorter": _cut_and_shorter,
    "cut-and-expired": _cut_and_expired,
    "cut-and-wrong-range": _cut_and_wrong_range,
    "cut-always": _cut_always,
    "length-too-long": _length_too_long,
    "length-too-short": _length_too_short,
    "no-length": _no_length,
    "no-length-and-cut": _no_length_and_cut,
    "chunked": _chunked,
    "chunked-and-cut": _chunked_and_cut,
    "stall": _stall,
    "silent": _silent,
    "drip": _drip,
    "slow": _slow,
    "busy": _busy,
    "status": _status,
    "html": _html,
    "empty": _empty,
    "encoded": _encoded,
    "huge": _huge,
    "endless": _endless,
    "json": _json,
    "hang-up": _hang_up,
}
"""By the path under which they are served."""
