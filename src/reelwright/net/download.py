"""One download that does not give up: it resumes, renews its URL, and proves that the bytes belong together.

HTTP cannot tell everything. A body that ends early without an announced length, and a length announced too small, both look
whole: only the provider's digest or decoding the media finds them.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Protocol, Self, TypeAlias

import aiohttp
from yarl import URL

from reelwright.errors import ContentMismatch, DownloadError, UrlExpired
from reelwright.net.answers import seconds_asked
from reelwright.net.guard import origin_of, parse
from reelwright.net.redaction import redact

Origins: TypeAlias = frozenset[str] | Callable[[], frozenset[str]]
Headers: TypeAlias = Mapping[str, str] | Callable[[str], Mapping[str, str]]


class SessionFor(Protocol):
    """Gives the guarded session for a URL, and raises `AddressRefused` where it may not be opened."""

    def __call__(self, target: URL, *, is_trusted: bool) -> aiohttp.ClientSession:
        """`is_trusted`: the provider itself serves this URL."""
        ...


_EXPIRED = frozenset({401, 403, 404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
_BUSY = frozenset({408, 425, 429})
_MAX_WAIT = 60.0
_OVERLAP = 4096
"""Bytes read again on a resume without a strong ETag: other bytes behind the same URL show there."""
_PROGRESS = 256 << 10
"""Bytes that must have come before the attempts are counted anew: a server that drips is given up."""


@dataclass
class _Repeat:
    """The bytes that a resumed response has to repeat before new ones come."""

    count: int
    expected: bytes
    """Their SHA-256."""

    def __post_init__(self) -> None:
        self._digest = hashlib.sha256()

    def strip(self, chunk: bytes) -> bytes:
        """The new bytes of a chunk, once all that had to be repeated has been, and was the same."""
        if not self.count:
            return chunk
        old, new = chunk[: self.count], chunk[self.count :]
        self._digest.update(old)
        self.count -= len(old)
        if not self.count and self._digest.digest() != self.expected:
            msg = "The bytes behind the URL changed while downloading."
            raise ContentMismatch(msg)
        return new


class _Pace:
    """Notices a server that is alive but too slow; the time that the reader takes is not counted."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._waited = 0.0
        self._bytes = 0

    def add(self, size: int, waited: float) -> None:
        self._waited += waited
        self._bytes += size
        if self._waited > self._patience.stall:
            if self._bytes < self._patience.slowest * self._waited:
                msg = "too slow"
                raise _Broken(msg)
            self._waited, self._bytes = 0.0, 0


@dataclass(frozen=True)
class Patience:
    """How long a download waits, in seconds, and how often it tries."""

    attempts: int = 6
    """Failures in a row, without progress in between."""
    backoff: float = 0.5
    """The first wait; each one doubles, up to a minute, with jitter."""
    connect: float = 10
    stall: float = 30
    """Without a byte for so long, the connection is given up."""
    slowest: int = 4096
    """Bytes a second over a window of `stall` seconds."""


class _Broken(Exception):
    """The connection failed in a way that another attempt may heal."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.wait = wait


class Download:
    """An async iterator over the bytes behind a URL, to be used once, in `async with` so that the connection is given back.

    Entering opens the connection, so that `length` and `content_type` are known before the first byte. Iterating raises:

    - `AddressRefused`: the URL or a redirect leads into a private network, or has a scheme that is not allowed;
    - `UrlExpired`: it answered 401, 403, 404 or 410, and `refresh` could not help;
    - `ContentMismatch`: other bytes, another or a forbidden length, an encoding nobody asked for;
    - `DownloadError`: it failed too often.
    """

    def __init__(
        self,
        url: str,
        *,
        session: SessionFor,
        refresh: Callable[[], Awaitable[str]] | None,
        headers: Headers,
        limit: int,
        trusted_origins: Origins,
        patience: Patience,
    ) -> None:
        """Made by `Net.download`, which explains the arguments."""
        self.length: int | None = None
        """Bytes, as announced."""
        self.etag: str | None = None
        """A strong one, or None."""
        self.content_type: str = ""
        """As announced; never believed."""
        self.received = 0
        """Bytes so far."""
        self.resumes = 0
        """How often the connection had to be opened again."""
        self._url = parse(url)
        self._session = session
        self._refresh = refresh
        self._headers = headers
        self._limit = limit
        self._trusted_origins = trusted_origins
        self._patience = patience
        self._response: aiohttp.ClientResponse | None = None
        self._digest = hashlib.sha256()
        self._tail = b""
        self._failures = 0
        self._mark = 0
        """What had been received at the last failure."""
        self._repeat = _Repeat(0, b"")
        self._is_complete = False

    @property
    def sha256(self) -> str:
        """Of the bytes received so far, in hex."""
        return self._digest.hexdigest()

    async def __aenter__(self) -> Self:
        """Opens the connection."""
        await self._connect()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Gives the connection back."""
        self._close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes, in pieces of at most half a MiB."""
        try:
            while not self._is_complete:
                await self._connect()
                try:
                    async for chunk in self._receive():
                        yield chunk
                except (_Broken, aiohttp.ClientError, TimeoutError, OSError) as error:
                    await self._recover(error)
        finally:
            self._close()

    def _close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    async def _connect(self) -> None:
        """Makes sure that a response is open which continues where we are."""
        while self._response is None and not self._is_complete:
            try:
                self._response = await self._request()
                if not self._is_at_end(self._response):
                    self._examine(self._response)
            except UrlExpired as error:
                self._close()
                await self._renew(error)
            except (_Broken, aiohttp.ClientError, TimeoutError, OSError) as error:
                await self._recover(error)
            except BaseException:
                self._close()
                raise

    async def _recover(self, error: Exception) -> None:
        """Waits before the next attempt, or gives up."""
        self._close()
        if isinstance(error, aiohttp.ClientConnectorError) and self._is_trusted(self._url):
            # The provider itself serves this URL and does not answer: it has been started again, elsewhere.
            await self._renew(UrlExpired("The provider does not serve this URL any more."))
        else:
            await self._pause(error)

    async def _renew(self, error: UrlExpired) -> None:
        if self._refresh is None:
            raise error
        if self._failures:  # the first fresh URL is asked for at once
            await self._pause(error)
        else:
            self._count_failure(error)
        self._url = parse(await self._refresh())

    async def _pause(self, error: Exception) -> None:
        self._count_failure(error)
        asked = error.wait if isinstance(error, _Broken) else 0
        jitter = 0.5 + random.random() / 2  # noqa: S311 - nobody gains by guessing it
        await asyncio.sleep(min(_MAX_WAIT, max(asked, self._patience.backoff * 2 ** (self._failures - 1) * jitter)))

    def _count_failure(self, error: Exception) -> None:
        if self.received >= self._mark + _PROGRESS:
            self._failures = 0
        self._mark = self.received
        self._failures += 1
        if self._failures >= self._patience.attempts:
            if isinstance(error, UrlExpired):
                raise error
            reason = redact(str(error)) or type(error).__name__
            msg = f"The download from {self._url.host} failed {self._failures} times without progress, last: {reason}."
            raise DownloadError(msg) from error
        self.resumes += 1

    def _is_trusted(self, url: URL) -> bool:
        origins = self._trusted_origins() if callable(self._trusted_origins) else self._trusted_origins
        return origin_of(url) in origins

    async def _request(self) -> aiohttp.ClientResponse:
        """Asks for the bytes from where we are, and follows redirects one by one."""
        own = self._headers(str(self._url)) if callable(self._headers) else self._headers
        url, headers = self._url, {**own, **self._range(), "Accept-Encoding": "identity"}
        is_trusted = True
        for _ in range(_MAX_REDIRECTS + 1):
            is_trusted = is_trusted and self._is_trusted(url)  # nobody else may lead us to a trusted origin
            response = await self._session(url, is_trusted=is_trusted).get(
                url,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect, sock_read=self._patience.stall),
            )
            if response.status not in _REDIRECTS:
                return response
            location = response.headers.get("Location", "")
            response.close()
            target = _joined(url, location)
            if origin_of(target) != origin_of(url):
                headers = {**self._range(), "Accept-Encoding": "identity"}
            url = target
        msg = f"{self._url.host} redirects more than {_MAX_REDIRECTS} times."
        raise DownloadError(msg)

    def _range(self) -> dict[str, str]:
        if not self.received:
            return {}
        if self.etag:
            return {"Range": f"bytes={self.received}-", "If-Range": self.etag}
        return {"Range": f"bytes={self.received - len(self._tail)}-"}

    def _is_at_end(self, response: aiohttp.ClientResponse) -> bool:
        """Whether the connection had broken just after the last byte of a body without announced length."""
        is_end = (
            response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            and response.headers.get("Content-Range") == f"bytes */{self.received}"
        )
        self._is_complete = self._is_complete or is_end
        return is_end

    def _examine(self, response: aiohttp.ClientResponse) -> None:
        """Decides what a response means for the bytes that we already have."""
        status, headers = response.status, response.headers
        self._refuse_status(response)
        if headers.get("Content-Encoding", "identity") != "identity":
            msg = "The bytes come encoded, although nobody asked for that."
            raise ContentMismatch(msg)
        etag = headers.get("ETag", "")
        etag = "" if etag.startswith("W/") else etag
        if status == HTTPStatus.PARTIAL_CONTENT:
            start, total = _content_range(headers.get("Content-Range", ""))
        else:
            start, total = 0, response.content_length
        if status == HTTPStatus.PARTIAL_CONTENT and self.received:
            self._refuse_change(total, etag)
        else:
            # From the first byte on. If some had come before, they are compared, so what results is this very file.
            self.length, self.etag, self.content_type = total, etag or None, headers.get("Content-Type", "")
        if self.length is not None and self.length > self._limit:
            msg = f"The file has {self.length:,} bytes; at most {self._limit:,} are allowed."
            raise ContentMismatch(msg)
        match self.received - start:
            case 0:
                self._repeat = _Repeat(0, b"")
            case self.received:
                self._repeat = _Repeat(self.received, self._digest.digest())
            case count if count == len(self._tail):
                self._repeat = _Repeat(count, hashlib.sha256(self._tail).digest())
            case _:
                msg = "The server continues at another place than it was asked for."
                raise ContentMismatch(msg)

    def _refuse_status(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        if status in _EXPIRED:
            msg = f"{self._url.host} answered HTTP {status}: the URL has expired."
            raise UrlExpired(msg)
        if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            msg = f"HTTP {status}"
            raise _Broken(msg, seconds_asked(response.headers.get("Retry-After", "")) or 0)
        if status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            msg = f"{self._url.host} answered HTTP {status}."
            raise DownloadError(msg)

    def _refuse_change(self, total: int | None, etag: str) -> None:
        if self.length is not None and total is not None and total != self.length:
            msg = f"The length changed from {self.length:,} to {total:,} bytes while downloading."
            raise ContentMismatch(msg)
        if self.etag and etag and etag != self.etag:
            msg = "The bytes behind the URL changed while downloading."
            raise ContentMismatch(msg)

    async def _receive(self) -> AsyncIterator[bytes]:
        """The new bytes of the open response, checked and counted."""
        if self._response is None:
            return
        content, pace = self._response.content, _Pace(self._patience)
        while not content.at_eof():
            asked = time.monotonic()
            chunk = await content.readany()
            pace.add(len(chunk), time.monotonic() - asked)
            if new := self._repeat.strip(chunk):
                self._take(new)
                yield new
        if self._repeat.count or (self.length is not None and self.received > self.length):
            msg = "The file is shorter now than what had come of it before."
            raise ContentMismatch(msg)
        if self.length is not None and self.received < self.length:
            msg = f"{self.received:,} of {self.length:,} bytes came"
            raise _Broken(msg)
        self._is_complete = True

    def _take(self, new: bytes) -> None:
        self.received += len(new)
        if self.received > self._limit:
            msg = f"The file is too large: at most {self._limit:,} bytes are allowed."
            raise ContentMismatch(msg)
        if self.length is not None and self.received > self.length:
            msg = "More bytes came than were announced."
            raise ContentMismatch(msg)
        self._digest.update(new)
        self._tail = new[-_OVERLAP:] if len(new) >= _OVERLAP else (self._tail + new)[-_OVERLAP:]


def _joined(url: URL, location: str) -> URL:
    try:
        return parse(str(url.join(URL(location, encoded=True))))
    except ValueError as error:
        msg = f"{url.host} redirects to something that is not a URL."
        raise DownloadError(msg) from error


def _content_range(value: str) -> tuple[int, int | None]:
    """First byte and whole length of a `Content-Range`."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", value)
    if match is None:
        msg = "The server sent a part of the file without saying which one."
        raise ContentMismatch(msg)
    return int(match[1]), None if match[2] == "*" else int(match[2])
