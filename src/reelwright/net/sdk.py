"""The vendors' own SDKs on our terms: every request is sent once, and an error says whether it may have arrived.

An SDK is given one of the clients made here and told to retry nothing. The client turns every refusal and every broken connection
into one of our errors before the SDK sees it; `asked` takes that error out of whatever the SDK wraps around it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

import httpx
import httpx2

from reelwright.errors import InDoubt, NotSubmitted, ProviderError, ReelwrightError
from reelwright.net.answers import SAFE_METHODS, Answer, Explain, refusal
from reelwright.net.redaction import conceal_bytes, redact

T = TypeVar("T")

_MAX_ANSWER = 96 << 20
"""Bytes of an answer; some vendors put pictures and sound into it."""


@dataclass
class _Flight:
    """Whether a request of one call may have left this machine."""

    has_left: bool = False


_flight: ContextVar[_Flight | None] = ContextVar("flight", default=None)


async def asked(call: Awaitable[T], *, pays: bool) -> T:
    """What an SDK's call returns.

    Args:
        call: the SDK's coroutine, over a client made here.
        pays: whether it can cost money.

    Raises:
        NotSubmitted: nothing left this machine, or asking again is free.
        InDoubt: the request left, and no clear answer came.
        ProviderError: the vendor refused it; its subclasses say why.
    """
    flight = _Flight()
    token = _flight.set(flight)
    try:
        result = await call
        if isinstance(result, str):
            # What is no JSON an SDK hands on as text, whatever type it promises.
            msg = "it is a text"
            raise TypeError(msg)
    except ReelwrightError:
        raise
    except Exception as error:
        if (meant := _inside(error)) is not None:
            raise meant from error
        reason = f"{type(error).__name__}: {redact(str(error))}"
        if not flight.has_left:
            message = f"The request could not be made ({reason})."
            # A question that is not even asked says nothing about the job that it is about.
            raise (ProviderError if pays else NotSubmitted)(message) from error
        message = f"The answer was not understood ({reason})."
        raise (InDoubt if pays else NotSubmitted)(message) from error
    else:
        return result
    finally:
        _flight.reset(token)


def _inside(error: BaseException) -> ReelwrightError | None:
    """Our own error at the root of the SDK's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ReelwrightError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


class _Request(Protocol):
    """What httpx and httpx2 have in common."""

    method: str
    extensions: Any

    @property
    def url(self) -> Any: ...


class _Response(Protocol):
    status_code: int
    headers: Any
    extensions: Any

    @property
    def content(self) -> bytes: ...

    def aiter_raw(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


R = TypeVar("R", bound=_Response)


async def _exchange(
    send: Callable[[], Awaitable[R]],
    request: _Request,
    explain: Explain | None,
    rebuild: Callable[[R, bytes], R],
) -> R:
    """One request and its whole answer, or one of our errors."""
    flight = _flight.get() or _Flight()
    own = _Flight()
    host, is_free = str(request.url.host), request.method.upper() in SAFE_METHODS

    async def trace(event: str, _: object) -> None:
        if event.endswith("send_request_headers.started"):
            own.has_left = flight.has_left = True

    request.extensions = {**request.extensions, "trace": trace}
    try:
        response = await send()
        content = await _whole(response, host)
    except ReelwrightError:
        raise
    except Exception as error:
        reason = redact(str(error)) or type(error).__name__
        if is_free or not own.has_left:
            message = f"{host} could not be reached ({reason}). It is safe to ask again."
            raise NotSubmitted(message) from error
        message = f"{host} got the request but gave no clear answer ({reason})."
        raise InDoubt(message) from error
    whole = rebuild(response, content)
    told = conceal_bytes(whole.content)
    if told != whole.content:
        response.headers.pop("content-encoding", None)  # it is unpacked by now
        whole = rebuild(response, told)
    if whole.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        raise refusal(_answer(whole, host, is_free=is_free), explain)
    if whole.headers.get("content-type", "").startswith("text/html"):
        # An SDK would hand the page on as if it were the answer.
        message = f"{host} answered HTTP {whole.status_code} with a web page."
        raise (NotSubmitted if is_free else InDoubt)(message)
    return whole


async def _whole(response: _Response, host: str) -> bytes:
    content = bytearray()
    try:
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > _MAX_ANSWER:
                message = f"{host} answers with more than {_MAX_ANSWER >> 20} MiB."
                raise ValueError(message)
    finally:
        await response.aclose()
    return bytes(content)


def _answer(response: Any, host: str, *, is_free: bool) -> Answer:
    text: str = response.text
    try:
        body: object = json.loads(text) if text.strip() else None
    except ValueError:
        body = text
    return Answer(
        response.status_code, body, {name.lower(): value for name, value in response.headers.items()}, host, is_free=is_free
    )


class _Transport(httpx.AsyncBaseTransport):
    """Requests that may pay have a connection of their own: on a used one the vendor may hang up just as we write."""

    def __init__(self, explain: Explain | None) -> None:
        self._explain = explain
        self._asking = httpx.AsyncHTTPTransport(trust_env=False, limits=httpx.Limits(max_connections=None))
        self._paying = httpx.AsyncHTTPTransport(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = self._asking if request.method.upper() in SAFE_METHODS else self._paying

        def rebuild(response: httpx.Response, content: bytes) -> httpx.Response:
            return httpx.Response(response.status_code, headers=response.headers, content=content, request=request)

        return await _exchange(lambda: transport.handle_async_request(request), request, self._explain, rebuild)

    async def aclose(self) -> None:
        await self._asking.aclose()
        await self._paying.aclose()


class _Transport2(httpx2.AsyncBaseTransport):
    """The same for SDKs that have moved to httpx2."""

    def __init__(self, explain: Explain | None) -> None:
        self._explain = explain
        self._asking = httpx2.AsyncHTTPTransport(trust_env=False, limits=httpx2.Limits(max_connections=None))
        self._paying = httpx2.AsyncHTTPTransport(trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        transport = self._asking if request.method.upper() in SAFE_METHODS else self._paying

        def rebuild(response: httpx2.Response, content: bytes) -> httpx2.Response:
            return httpx2.Response(response.status_code, headers=response.headers, content=content, request=request)

        return await _exchange(lambda: transport.handle_async_request(request), request, self._explain, rebuild)

    async def aclose(self) -> None:
        await self._asking.aclose()
        await self._paying.aclose()


def httpx_client(explain: Explain | None = None) -> httpx.AsyncClient:
    """For SDKs on httpx. No redirects, no proxy of the environment; `explain` is the vendor's own reading of a refusal."""
    return httpx.AsyncClient(transport=_Transport(explain), trust_env=False, follow_redirects=False)


def httpx2_client(explain: Explain | None = None) -> httpx2.AsyncClient:
    """For SDKs on httpx2."""
    return httpx2.AsyncClient(transport=_Transport2(explain), trust_env=False, follow_redirects=False)
