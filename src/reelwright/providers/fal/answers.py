"""What fal's queue says: receipts, states, results, and two kinds of errors: of the model, and of the way to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, Field, JsonValue, ValidationError

from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Output
from reelwright.domain.ids import JobId
from reelwright.errors import (
    CreditsUsedUp,
    InputRefused,
    JobUnknown,
    KeyRefused,
    Moderated,
    NotSubmitted,
    ProviderError,
    Throttled,
)
from reelwright.net import Answer
from reelwright.providers.kit import Row, plain

COMPLETED = "COMPLETED"
"""The one state that is an end, of failures too. `IN_QUEUE`, `IN_PROGRESS`, and whatever else there may be, go on."""
_MODERATED = "content_policy_violation"
_BROKE = frozenset({
    *("internal_server_error", "internal_error", "generation_timeout", "downstream_service_error"),
    *("downstream_service_unavailable", "no_media_generated", "request_timeout", "startup_timeout"),
    *("runner_scheduling_failure", "runner_connection_timeout", "runner_disconnected", "runner_connection_refused"),
    *("runner_connection_error", "runner_incomplete_response", "runner_server_error"),
})  # fmt: skip
"""The types of errors that are the vendor's. Source: docs.fal.ai, model errors and request errors, 2026-11-20."""
_STOPPED = frozenset({"client_cancelled", "client_disconnected"})
_NO_MONEY = re.compile(r"balance|exhausted|credit|billing|payment", re.IGNORECASE)
_NOT_YET = re.compile(r"in progress|in queue|not (?:yet )?(?:ready|complete)", re.IGNORECASE)
_OF_THE_ACCOUNT = frozenset({
    *(HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
    *(HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS),
})  # fmt: skip
"""What is refused to whoever asks, and says nothing about the request."""


class Receipt(BaseModel):
    """The answer to a submit."""

    request_id: Annotated[str, Field(pattern=r"^[\w-]+$")]
    status_url: str = ""


class Status(BaseModel):
    """Where a request stands."""

    status: str
    error: JsonValue = None
    error_type: str | None = None


class _File(BaseModel):
    url: str
    content_type: str | None = None


class Result(BaseModel):
    """What a model made: the field depends on the model."""

    video: _File | str | None = None
    videos: list[_File | str] | None = None
    image: _File | str | None = None
    images: list[_File | str] | None = None
    audio: _File | str | None = None
    audio_url: _File | str | None = None
    audio_file: _File | str | None = None

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The files, a film before its stills."""
        return tuple(self._files())

    def _files(self) -> Iterator[Output]:
        voices = (self.audio, self.audio_url, self.audio_file)
        for file in (self.video, *(self.videos or ()), *voices, *(self.images or ()), self.image):
            url = file.url if isinstance(file, _File) else file
            if url and url.startswith(("https://", "http://")):
                yield Output(url, media_type=(file.content_type or "") if isinstance(file, _File) else "")


class Past(Row):
    """A request in the list of those that have ended."""

    request_id: Annotated[str, Field(pattern=r"^[\w-]+$")] = ""
    endpoint_id: str = ""
    sent_at: datetime | None = None
    status_code: int | None = None
    json_input: Mapping[str, JsonValue] = {}
    json_output: JsonValue = None

    def job(self, job: JobId) -> Job:
        """How it ended, as far as the list tells it."""
        if self.status_code is not None and self.status_code >= HTTPStatus.BAD_REQUEST:
            ended = explain_result(Answer(self.status_code, self.json_output, is_free=True), Status(status=COMPLETED))
            return Job(job, JobState.FAILED, failure=ended.failure) if isinstance(ended, Ended) else Job(job, JobState.RUNNING)
        try:
            outputs = Result.model_validate(self.json_output).outputs
        except ValidationError:
            outputs = ()
        return Job(job, JobState.SUCCEEDED if outputs else JobState.RUNNING, outputs=outputs)


class Page(BaseModel):
    """A part of that list."""

    items: list[Past]
    next_cursor: str | None = None


class Call(BaseModel):
    """The body of a webhook, as far as it is read."""

    request_id: str


class Key(BaseModel):
    """One of the keys that webhooks are signed with."""

    x: str


class Keys(BaseModel):
    """All of them (JWKS)."""

    keys: list[Key]


class _Wrong(BaseModel):
    loc: list[str | int] = []
    msg: str = ""
    type: str = ""


class _Trouble(BaseModel):
    """The body of a refusal: a list of what is wrong is the model's word, a sentence is the queue's."""

    detail: list[_Wrong] | str = ""
    error_type: str = ""

    @property
    def is_of_model(self) -> bool:
        return isinstance(self.detail, list)

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(each.type for each in self.detail) if isinstance(self.detail, list) else (self.error_type,)

    @property
    def words(self) -> str:
        if isinstance(self.detail, str):
            return plain(self.detail)
        told = (f"{'.'.join(map(str, each.loc[1:]))}: {each.msg}" if each.loc[1:] else each.msg for each in self.detail)
        return plain("; ".join(told))


class Ended(ProviderError):
    """A request that has ended without a result."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def explain(answer: Answer) -> ProviderError | None:
    """The queue's own reading of a refusal; None where the status says it all.

    A 5xx says nothing about whether the queue took the request: its own client cannot tell either, and sends it again.
    """
    trouble = _trouble(answer)
    words = trouble.words if trouble else ""
    match answer.status:
        case HTTPStatus.UNAUTHORIZED:
            return KeyRefused(f"fal does not take the key in FAL_KEY: {words}.")
        case HTTPStatus.PAYMENT_REQUIRED:
            return CreditsUsedUp(f"The account at fal is empty: {words}.")
        case HTTPStatus.FORBIDDEN if _NO_MONEY.search(words):
            return CreditsUsedUp(f"The account at fal is empty: {words}.")
        case HTTPStatus.FORBIDDEN:
            return KeyRefused(f"The key in FAL_KEY may not do this at fal: {words}.")
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Throttled(f"fal asks to wait: {words}.", answer.retry_after)
        case HTTPStatus.NOT_FOUND:
            return JobUnknown(f"fal does not know it: {words}.")
        case HTTPStatus.BAD_REQUEST | HTTPStatus.REQUEST_ENTITY_TOO_LARGE | HTTPStatus.UNPROCESSABLE_ENTITY:
            is_moderated = trouble is not None and _MODERATED in trouble.types
            return (Moderated if is_moderated else InputRefused)(f"fal does not take it: {words}.")
        case _:
            return None


def explain_result(answer: Answer, status: Status) -> ProviderError | None:
    """A refusal of a result: how the request ended, or, where it is not the request's own, as `explain` has it."""
    trouble = _trouble(answer)
    told = answer.headers.get("x-fal-error-type", "")
    if trouble is not None and (trouble.is_of_model or trouble.error_type or told):
        types = trouble.types if trouble.is_of_model else (trouble.error_type or told,)
        return Ended(_failure(types, trouble.words, answer))
    if answer.status in _OF_THE_ACCOUNT:
        return explain(answer)
    if status.error is not None:
        return Ended(failure_of(status, answer))
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    words = trouble.words if trouble else ""
    if _NOT_YET.search(words):
        return NotSubmitted(f"fal says that it is ready, and then: {words}.")
    # Some apps word their refusals in their own way.
    return Ended(_failure((), words, answer))


def failure_of(status: Status, answer: Answer | None = None) -> Failure:
    """Why a request failed, by its state alone."""
    return _failure((status.error_type or "",), plain(str(status.error or "")), answer)


def _failure(types: tuple[str, ...], words: str, answer: Answer | None) -> Failure:
    """What a failed request means. Server errors are never charged; what the rules forbid may be, so it counts as charged.

    Source: docs.fal.ai, FAQ, 2026-11-21.
    """
    reason = f"The model failed: {words}" if words else "The model failed and gives no reason."
    hint = answer.headers.get("x-fal-retryable", "").lower() if answer else ""
    is_broken = answer is not None and answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if _MODERATED in types:
        advice = "Say it in other words, or use another picture."
        return Failure(reason, is_charged=not is_broken, kind=FailureKind.MODERATION, advice=advice)
    if _STOPPED & set(types):
        return Failure("It was cancelled at fal.", is_retryable=True, kind=FailureKind.CANCELLED)
    if is_broken or _BROKE & set(types):
        return Failure(reason, is_retryable=hint not in {"false", "0"}, kind=FailureKind.INTERNAL, advice="Ask again.")
    if any(types) or answer is not None:
        advice = "Change what the message names, or choose another model."
        return Failure(reason, is_retryable=hint in {"true", "1"}, kind=FailureKind.INPUT, advice=advice)
    return Failure(reason, is_retryable=hint in {"true", "1"}, kind=FailureKind.UNKNOWN)


def _trouble(answer: Answer) -> _Trouble | None:
    try:
        return _Trouble.model_validate(answer.body)
    except ValidationError:
        return None
