"""A line to one studio, for its client. The address is the person's own word, so no guard stands here."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from reelwright.errors import InDoubt, NotSubmitted
from reelwright.net.answers import SAFE_METHODS
from reelwright.net.guard import parse
from reelwright.net.redaction import redact

_CONNECT = 10.0
"""Seconds to reach it."""
_SILENCE = 60.0
"""Seconds without a byte; a stream of events says something more often."""


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names in small letters."""
    content: bytes = b""

    def json(self) -> Any:
        """What it says; None where it says nothing, or something that is not JSON."""
        try:
            return json.loads(self.content) if self.content else None
        except ValueError:
            return None


class Wire:
    """Connections to one origin. The token goes nowhere else: no redirect is followed."""

    def __init__(self, origin: str, token: str) -> None:
        """Opens nothing yet.

        Raises:
            AddressRefused: the origin is no URL.
        """
        self._origin = parse(origin).origin()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request, and all of its answer.

        Args:
            method: in capitals.
            path: already escaped.
            query: what is asked beside.
            body: sent as JSON.
            content: sent as it is, in place of a body.
            headers: beside the token.

        Raises:
            NotSubmitted: it did not arrive, or asking again changes nothing.
            InDoubt: it left, and no answer came.
        """
        sent = content if body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if body is not None else {}
        async with self._asked(method, path, query, {**kind, **(headers or {})}, sent) as response:
            return Reply(response.status, _lower(response), await response.read())

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[tuple[Reply, AsyncIterator[bytes]]]:
        """An answer that is read as it comes: what it is, and its bytes.

        Raises:
            NotSubmitted: it broke off, or never began.
        """
        async with self._asked("GET", path, query, headers or {}, None) as response:
            yield Reply(response.status, _lower(response)), response.content.iter_any()

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, query: Mapping[str, str] | None, headers: Mapping[str, str], content: bytes | None
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        url = self._origin.join(URL(path, encoded=True))
        try:
            async with self._open().request(
                method,
                url.with_query(dict(query)) if query else url,
                headers={**self._headers, **headers},
                data=content,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_SILENCE),
            ) as response:
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = redact(str(error)) or type(error).__name__
            if method in SAFE_METHODS or isinstance(error, aiohttp.ClientConnectorError):
                msg = f"The studio at {self._origin} could not be reached ({reason}). It is safe to ask again."
                raise NotSubmitted(msg) from error
            msg = f"The studio at {self._origin} got the request but gave no answer ({reason})."
            raise InDoubt(msg) from error

    async def aclose(self) -> None:
        """Closes what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return self._session


def _lower(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
