"""`Net`: connections for the whole process, one set per event loop."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast
from weakref import WeakKeyDictionary

import aiohttp
from yarl import URL

from reelwright.errors import AddressRefused, InDoubt, NotSubmitted
from reelwright.net.answers import SAFE_METHODS, Answer, Explain, refusal
from reelwright.net.download import Download, Headers, Origins, Patience
from reelwright.net.guard import Reach, is_allowed, origin_of, parse, sockets
from reelwright.net.redaction import conceal_bytes, redact

_READ_BUFFER = 256 << 10
"""Bytes: large enough for full speed on one connection, small enough for a hundred of them."""
_MAX_ANSWER = 64 << 20
"""Bytes of a JSON answer; pictures come inside some of them."""


class _Use(Enum):
    """What connections are for."""

    PAY = "pay"
    """Every request has one of its own: on one that was used before the server may hang up just when we write, and a submit would
    then be in doubt."""
    ASK = "ask"
    """Free questions share connections: a thousand polls need no thousand handshakes."""
    FETCH = "fetch"
    """Downloads: bytes as they come."""


@dataclass
class _Sessions:
    """The sessions of one event loop."""

    by_reach: dict[tuple[Reach, _Use], aiohttp.ClientSession] = field(
        default_factory=dict[tuple[Reach, _Use], aiohttp.ClientSession]
    )


class Net:
    """The one HTTP client. May be used from several event loops; each must `aclose` what it used."""

    def __init__(self, *, allow_private: bool | Collection[str] = False, patience: Patience | None = None) -> None:
        """Opens nothing yet.

        Args:
            allow_private: whether plain HTTP and addresses of the local network are allowed, or the host names for which
                they are.
            patience: how long downloads wait and how often they try.
        """
        self._allows_all = allow_private is True
        self._private_hosts = frozenset[str]() if isinstance(allow_private, bool) else frozenset(allow_private)
        self._patience = patience or Patience()
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Sessions] = WeakKeyDictionary()

    def download(
        self,
        url: str,
        *,
        refresh: Callable[[], Awaitable[str]] | None = None,
        headers: Headers | None = None,
        limit: int,
        trusted_origins: Origins = frozenset(),
    ) -> Download:
        """The bytes behind a temporary URL, see `Download`.

        Args:
            url: where they are now.
            refresh: asks whoever gave the URL for a fresh one to the same bytes.
            headers: sent to the URL's own origin only. A callable is asked for those of each URL: most temporary URLs carry their
                own permission, and a key goes to nobody but its vendor.
            limit: the most bytes to accept.
            trusted_origins: origins inside a private network that the provider itself serves. A callable is asked at every
                connection, because a restart may change them.
        """

        def session(target: URL, *, is_trusted: bool) -> aiohttp.ClientSession:
            return self._session(self._reach(target, is_trusted=is_trusted), _Use.FETCH)

        return Download(
            url,
            session=session,
            refresh=refresh,
            headers=headers or {},
            limit=limit,
            trusted_origins=trusted_origins,
            patience=self._patience,
        )

    async def request_json(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
        timeout_seconds: float = 60,
        trusted_origins: Origins = frozenset(),
        explain: Explain | None = None,
    ) -> Answer:
        """One request to a vendor's API; no redirect is followed. One that may cost (POST) is sent at most once.

        Args:
            method: `GET`, `HEAD` and `DELETE` are free; every other one may cost.
            url: the whole URL.
            headers: with the key, where the vendor wants one.
            body: sent as JSON; an `aiohttp.FormData` as a form.
            form: sent as a form, in place of a body.
            timeout_seconds: for all of it.
            trusted_origins: as for `download`.
            explain: the vendor's own reading of a refusal.

        Raises:
            AddressRefused: the URL's scheme or address is not allowed.
            NotSubmitted: no byte of the request left this machine, or asking again is free.
            Throttled: the vendor accepted nothing and asks to wait.
            ProviderError: any other refusal, see `refusal`; the message holds the status and the vendor's own words.
            InDoubt: the request left, and no clear answer came.
        """
        target = parse(url)
        origins = trusted_origins() if callable(trusted_origins) else trusted_origins
        reach = self._reach(target, is_trusted=origin_of(target) in origins)
        sent = body if form is None else aiohttp.FormData(dict(form))
        answer, _ = await self._send(method, target, reach, headers=headers, body=sent, seconds=timeout_seconds, explain=explain)
        if isinstance(answer.body, str):
            message = f"{target.host} answered HTTP {answer.status} with something that is not JSON."
            raise (NotSubmitted if answer.is_free else InDoubt)(message)
        return answer

    def check(self, url: str) -> None:
        """Whether something may be sent there, as far as the URL alone tells; the guard at the socket decides.

        Raises:
            AddressRefused: its scheme is not allowed, or it names an address that is not.
        """
        target = parse(url)
        reach = self._reach(target, is_trusted=False)
        try:
            is_allowed_there = is_allowed(target.host or "", reach)
        except ValueError:
            return  # a name: only at the socket it is known where that leads
        if not is_allowed_there:
            msg = "The URL leads to an address that is not a public one."
            raise AddressRefused(msg)

    async def post(self, url: str, content: bytes, *, headers: Mapping[str, str], timeout_seconds: float) -> Answer:
        """Tells somebody something, once. Any answer is one, none is read beyond its headers, and no redirect is followed.

        Raises:
            AddressRefused: the URL's scheme or address is not allowed.
            NotSubmitted: no byte of the request left this machine.
            InDoubt: the request left, and no answer came.
        """
        target = parse(url)
        flight = _Flight()
        try:
            async with self._session(self._reach(target, is_trusted=False), _Use.PAY).post(
                target,
                headers=headers,
                data=content,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=min(10, timeout_seconds)),
                trace_request_ctx=flight,
            ) as response:
                told = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, None, told, target.host or "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _lost(target, flight, error) from error

    async def request_text(self, method: str, url: str, *, timeout_seconds: float = 60) -> str:
        """As `request_json`, for answers that are text. The URL carries its own permission."""
        target = parse(url)
        reach = self._reach(target, is_trusted=False)
        _, content = await self._send(method, target, reach, headers=None, body=None, seconds=timeout_seconds)
        return content.decode(errors="replace")

    async def _send(
        self,
        method: str,
        url: URL,
        reach: Reach,
        *,
        headers: Mapping[str, str] | None,
        body: object,
        seconds: float,
        explain: Explain | None = None,
    ) -> tuple[Answer, bytes]:
        flight = _Flight()
        is_free = method.upper() in SAFE_METHODS
        try:
            async with self._session(reach, _Use.ASK if is_free else _Use.PAY).request(
                method,
                url,
                headers=headers,
                data=body if body is None or isinstance(body, aiohttp.FormData) else _as_json(body),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=min(10, seconds)),
                trace_request_ctx=flight,
            ) as response:
                content = bytearray()
                while len(content) <= _MAX_ANSWER and (chunk := await response.content.readany()):
                    content += chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _lost(url, flight, error, is_free=is_free) from error
        told = {name.lower(): value for name, value in response.headers.items()}
        body_read = conceal_bytes(bytes(content))
        answer = Answer(response.status, _read(body_read), told, url.host or "", is_free=is_free)
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise refusal(answer, explain)
        return answer, body_read

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        sessions = self._loops.pop(asyncio.get_running_loop(), _Sessions())
        for session in sessions.by_reach.values():
            await session.close()

    def _reach(self, url: URL, *, is_trusted: bool) -> Reach:
        if is_trusted:
            return Reach.ANY
        is_private_ok = self._allows_all or url.host in self._private_hosts
        if url.scheme not in {"https", "http"} or (url.scheme == "http" and not is_private_ok):
            message = f"The URL's scheme {url.scheme!r} is not allowed: only https is."
            raise AddressRefused(message)
        if url.user or url.password:
            msg = "A URL with a user name or a password in it is not allowed."
            raise AddressRefused(msg)
        return Reach.PRIVATE if is_private_ok else Reach.PUBLIC

    def _session(self, reach: Reach, use: _Use) -> aiohttp.ClientSession:
        sessions = self._loops.setdefault(asyncio.get_running_loop(), _Sessions())
        session = sessions.by_reach.get((reach, use))
        if session is None:
            session = sessions.by_reach[reach, use] = _open_session(reach, use)
        return session


class _Flight(SimpleNamespace):
    """Whether a request may have left this machine."""

    has_left: bool = False


def _lost(url: URL, flight: _Flight, error: Exception, *, is_free: bool = False) -> NotSubmitted | InDoubt:
    """What it means that no answer came."""
    reason = redact(str(error)) or type(error).__name__
    if is_free or not flight.has_left:
        return NotSubmitted(f"{url.host} could not be reached ({reason}). It is safe to ask again.")
    return InDoubt(f"{url.host} got the request but gave no clear answer ({reason}).")


async def _connected(_session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
    context.trace_request_ctx.has_left = True


def _open_session(reach: Reach, use: _Use) -> aiohttp.ClientSession:
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(_connected)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=sockets(reach), limit=0, limit_per_host=0, force_close=use is _Use.PAY),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,  # a proxy from the environment would dial behind the guard's back
        auto_decompress=use is not _Use.FETCH,
        read_bufsize=_READ_BUFFER,
        timeout=aiohttp.ClientTimeout(total=None),
        trace_configs=[tracing] if use is not _Use.FETCH else [],
    )


def _as_json(body: object) -> aiohttp.Payload:
    """In a file in memory: pictures make some bodies so large that written at once they would hold up the event loop."""
    return aiohttp.BytesIOPayload(io.BytesIO(json.dumps(body).encode()), content_type="application/json")


def _read(content: bytes) -> object:
    """The JSON of an answer, None when it is empty, and its text when it is no object and no list, or too long."""
    if not content.strip():
        return None
    try:
        parsed: Any = json.loads(content) if len(content) <= _MAX_ANSWER else None
    except ValueError:
        parsed = None
    if isinstance(parsed, dict | list):
        return cast("object", parsed)
    return content.decode(errors="replace")
