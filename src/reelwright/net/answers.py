"""Answers: what a vendor said, and which of our errors a refusal is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeAlias

from reelwright.errors import (
    CreditsUsedUp,
    InDoubt,
    InputRefused,
    JobUnknown,
    KeyRefused,
    NotSubmitted,
    ProviderError,
    Throttled,
)
from reelwright.net.redaction import redact

SAFE_METHODS = frozenset({"GET", "HEAD", "DELETE"})
"""Sending one of these twice costs nothing, so they are never in doubt."""
_WORDS = 500
"""Characters of a vendor's own words that are shown."""


@dataclass(frozen=True)
class Answer:
    """A vendor's answer."""

    status: int
    body: object
    """Parsed JSON; the text where it is something else; None where it is empty."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names in small letters."""
    host: str = ""
    is_free: bool = False
    """The request cannot have cost anything."""

    @property
    def retry_after(self) -> float | None:
        """Seconds that the vendor asks to wait, where it says so in `Retry-After`, as a number or as a date."""
        return seconds_asked(self.headers.get("retry-after", ""))


def seconds_asked(retry_after: str) -> float | None:
    """How long the words of a `Retry-After` ask to wait; None where they are neither a number nor a date."""
    try:
        seconds = float(retry_after)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


Explain: TypeAlias = Callable[[Answer], ProviderError | None]
"""A vendor's own reading of an answer that is not a success; None where the status says it all."""


def refusal(answer: Answer, explain: Explain | None = None) -> ProviderError:
    """The error that an answer with a status of 300 or more is.

    A server that broke (5xx) while it was paid may have accepted the job first, whatever it says; only one that names a time to
    come back says with it that it took nothing.
    """
    explained = explain(answer) if explain else None
    if explained is not None:
        return explained
    words = redact(str(answer.body))[:_WORDS].strip() if answer.body is not None else ""
    message = (
        f"{answer.host} answered HTTP {answer.status}: {words}" if words else f"{answer.host} answered HTTP {answer.status}."
    )
    wait = answer.retry_after
    match answer.status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Throttled(message, wait)
        case HTTPStatus.SERVICE_UNAVAILABLE if answer.is_free or wait is not None:
            return Throttled(message, wait)
        case HTTPStatus.REQUEST_TIMEOUT:
            return NotSubmitted(message) if answer.is_free else InDoubt(message)
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return NotSubmitted(message) if answer.is_free else InDoubt(message)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return KeyRefused(message)
        case HTTPStatus.PAYMENT_REQUIRED:
            return CreditsUsedUp(message)
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE if answer.is_free:
            return JobUnknown(message)
        case HTTPStatus.BAD_REQUEST | HTTPStatus.REQUEST_ENTITY_TOO_LARGE | HTTPStatus.UNPROCESSABLE_ENTITY:
            return InputRefused(message)
        case _:
            return ProviderError(message)
