"""What Replicate's API says: predictions, models, files, and refusals (RFC 7807)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, JsonValue, ValidationError

from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Kind, Output
from reelwright.domain.ids import JobId
from reelwright.errors import (
    CreditsUsedUp,
    InputRefused,
    JobUnknown,
    KeyRefused,
    ProviderError,
    Throttled,
)
from reelwright.net import Answer
from reelwright.providers.kit import Row, plain

_STATES = {
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "canceled": JobState.FAILED,
    "aborted": JobState.FAILED,
}
"""Those that are an end; every other one, also one that is not known yet, is running.
Source: replicate.com/docs/topics/predictions/lifecycle, 2026-11-20."""
_TELLING = ("video", "videos", "audio", "image", "images", "output", "url")
"""The keys of an output that is an object, the most telling first."""
_SUFFIXES = {
    **dict.fromkeys(("png", "jpg", "jpeg", "webp", "gif", "avif"), Kind.FRAME),
    **dict.fromkeys(("mp4", "webm", "mov", "mkv"), Kind.CLIP),
    **dict.fromkeys(("mp3", "wav", "flac", "ogg", "m4a"), Kind.VOICE),
}
_PERCENT = re.compile(r"(\d{1,3})%\|")
"""How a progress bar begins in a model's log."""
_LOG_END = 2000
_WAIT = re.compile(r"resets in ~?(\d+(?:\.\d+)?)\s*s")

_MODERATED = re.compile(
    r"nsfw|sensitive|flagged|moderat|safety|content polic|prohibited|violat|inappropriate|copyright|\(E005\)", re.IGNORECASE
)
_INPUT = re.compile(
    r"invalid|unsupported|must be|too (?:large|small|long|short)|cannot identify image|required|not allowed", re.IGNORECASE
)
_BROKE = re.compile(
    r"out of memory|cuda|timed? ?out|high demand|unavailable|try again|queue is full|overloaded|rate limit|internal"
    r"|interrupted|connection|\((?:E00[1346]|PA)\)|50[0234]",
    re.IGNORECASE,
)
_FAILURES: tuple[tuple[re.Pattern[str], FailureKind, bool, str], ...] = (
    (_MODERATED, FailureKind.MODERATION, False, "Say it in other words, or use another picture."),
    (_BROKE, FailureKind.INTERNAL, True, "Ask again."),
    (_INPUT, FailureKind.INPUT, False, "Change what the message names, or choose another model."),
)
"""What a model's own words mean: it has no codes. Which kind, whether asking again can help, and what a person can do."""


def _or_nothing(value: object) -> object:
    return {} if value is None else value


class Prediction(BaseModel):
    """A job as Replicate tells it."""

    id: str
    status: str
    model: str = ""
    input: Annotated[dict[str, JsonValue], BeforeValidator(_or_nothing)] = {}
    output: JsonValue = None
    error: JsonValue = None
    logs: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    data_removed: bool = False
    """Input, output and log are deleted an hour after the end."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Where what it made lies."""
        return tuple(_urls(self.output))

    @property
    def job(self) -> Job:
        """As the rest of the house knows it."""
        state = _STATES.get(self.status, JobState.RUNNING)
        match state:
            case JobState.SUCCEEDED if self.urls:
                return Job(JobId(self.id), state, outputs=tuple(map(Output, self.urls)))
            case JobState.SUCCEEDED:
                return Job(JobId(self.id), JobState.FAILED, failure=self._nothing_left())
            case JobState.FAILED:
                return Job(JobId(self.id), state, failure=self._failure())
            case JobState.RUNNING:
                return Job(JobId(self.id), state, self._progress())

    @property
    def kind(self) -> Kind:
        """What it makes, by what it made, else by what was asked for."""
        suffixes = (url.partition("?")[0].rpartition(".")[2].lower() for url in self.urls)
        made = next((_SUFFIXES[suffix] for suffix in suffixes if suffix in _SUFFIXES), None)
        if made is not None:
            return made
        if {"duration", "num_frames", "fps", "start_image", "first_frame_image"} & set(self.input):
            return Kind.CLIP
        return Kind.VOICE if {"voice", "voice_id", "speaker"} & set(self.input) else Kind.FRAME

    def _nothing_left(self) -> Failure:
        if self.data_removed:
            return Failure(
                "Replicate has deleted what this made: it keeps it for an hour.", is_charged=True, kind=FailureKind.LOST
            )
        return Failure("Replicate says that it is ready and names no file.", is_charged=True, kind=FailureKind.UNUSABLE)

    def _failure(self) -> Failure:
        if self.status == "aborted":
            return Failure("Replicate ended it before it began.", is_retryable=True, kind=FailureKind.CANCELLED)
        if self.status == "canceled":
            # Charged for what ran until then. Source: replicate.com/changelog/2025-10-16-prediction-deadlines, 2026-11-21.
            return Failure("It was cancelled at Replicate.", is_charged=self.started_at is not None, kind=FailureKind.CANCELLED)
        words = plain(str(self.error or ""))
        reason = f"The model failed: {words}" if words else "The model failed and gives no reason."
        for pattern, kind, is_retryable, advice in _FAILURES:
            if pattern.search(words):
                return Failure(reason, is_retryable=is_retryable, kind=kind, advice=advice)
        return Failure(reason, is_retryable=not words, kind=FailureKind.UNKNOWN)

    def _progress(self) -> Fraction | None:
        found = _PERCENT.findall((self.logs or "")[-_LOG_END:])
        return min(Fraction(int(found[-1]), 100), Fraction(1)) if found else None


class _Row(Row, Prediction):
    """A prediction in the list."""

    id: str = ""
    status: str = ""


class Page(BaseModel):
    """A part of the list of predictions, newest first."""

    next: str | None = None
    results: list[_Row]
    """Without an id where even that cannot be read."""


class Version(BaseModel):
    """One version of a model."""

    id: str
    openapi_schema: JsonValue = None


class Model(BaseModel):
    """A model."""

    owner: str
    name: str
    description: str | None = None
    is_official: bool | None = None
    """It always runs, and is asked for by its name alone."""
    latest_version: Version | None = None
    default_example: Prediction | None = None


class _Urls(BaseModel):
    get: str


class File(BaseModel):
    """An uploaded file; it lives for a day."""

    urls: _Urls


class Secret(BaseModel):
    """What webhooks are signed with."""

    key: str


class _Field(BaseModel):
    field: str = ""
    description: str = ""


class _Problem(BaseModel):
    title: str = ""
    detail: str = ""
    invalid_fields: list[_Field] = []
    retry_after: float | None = None

    @property
    def words(self) -> str:
        """For people: the fields first, because they say what to change."""
        fields = "; ".join(f"{each.field}: {each.description}" for each in self.invalid_fields)
        return plain(fields or self.detail or self.title)


def explain(answer: Answer) -> ProviderError | None:
    """Replicate's own reading of a refusal; None where the status says it all."""
    try:
        problem = _Problem.model_validate(answer.body)
    except ValidationError:
        return None
    words = problem.words
    match answer.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return KeyRefused(f"Replicate does not take the token in REPLICATE_API_TOKEN: {words}.")
        case HTTPStatus.PAYMENT_REQUIRED:
            return CreditsUsedUp(f"The account at Replicate has no credit left: {words}.")
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Throttled(f"Replicate asks to wait: {words}.", answer.retry_after or problem.retry_after or _wait_in(words))
        case HTTPStatus.NOT_FOUND:
            return JobUnknown(f"Replicate does not know it: {words}.")
        case HTTPStatus.BAD_REQUEST | HTTPStatus.REQUEST_ENTITY_TOO_LARGE | HTTPStatus.UNPROCESSABLE_ENTITY:
            return InputRefused(f"Replicate does not take it: {words}.")
        case _:
            return None


def _wait_in(words: str) -> float | None:
    match = _WAIT.search(words)
    return float(match[1]) if match else None


def _urls(output: JsonValue) -> Iterator[str]:
    """All URLs in an output, which may be one, a list, or an object of them."""
    match output:
        case str():
            if output.startswith(("https://", "http://")):
                yield output
        case list():
            for each in output:
                yield from _urls(each)
        case dict():
            yield from _urls_of(output)
        case _:
            pass


def _urls_of(output: Mapping[str, JsonValue]) -> Iterator[str]:
    ranks = {name: rank for rank, name in enumerate(_TELLING)}
    for name in sorted(output, key=lambda name: ranks.get(name, len(ranks))):
        yield from _urls(output[name])
