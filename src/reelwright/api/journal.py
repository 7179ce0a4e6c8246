"""One line in the log for every request, and its time among the metrics: what was asked, by whom, how it went, how long it took.

A request has a number, its own or the one that a proxy gave it, which the answer repeats: so that who complains can say which.
"""

from __future__ import annotations

import re
import secrets
import time

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger("reelwright.requests")
_NUMBER = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines; logged only when they fail."""
_FAILED = 500
_NOBODY_WAITED = 499
"""The status of a request whose client hung up before there was an answer, as nginx counts it."""
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Counts:
    """How many requests there were, and how long they took, by operation and never by what is in the path."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "reelwright_http_requests", "Requests that were answered.", ("operation", "status"), registry=registry
        )
        self.seconds = Histogram(
            "reelwright_http_request_seconds",
            "Time to the end of the answer.",
            ("operation",),
            buckets=_BUCKETS,
            registry=registry,
        )


class Journal:
    """Writes the lines and counts."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and writes down how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), _NOBODY_WAITED
        given = Headers(scope=scope).get("x-request-id", "")
        number = given if _NUMBER.fullmatch(given) else secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(request=number)

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = number
            await send(message)

        try:
            await self._app(scope, receive, tell)
        except Exception:  # it goes on its way: only its status is written down
            status = _FAILED
            raise
        finally:
            structlog.contextvars.unbind_contextvars("request")
            self._write(scope, number, status, time.perf_counter() - began)

    def _write(self, scope: Scope, number: str, status: int, seconds: float) -> None:
        operation = str(getattr(scope.get("endpoint"), "__name__", "none"))
        self._counts.requests.labels(operation, str(status)).inc()
        self._counts.seconds.labels(operation).observe(seconds)
        if scope["path"] in _QUIET and status < _FAILED:
            return
        caller = scope.get("state", {}).get("caller")
        _log.info(
            "request.answered",
            request=number,
            method=scope["method"],
            operation=operation,
            status=status,
            ms=round(seconds * 1000, 1),
            user=caller.user.id if caller else "",
            client=(scope.get("client") or ("",))[0],
        )
