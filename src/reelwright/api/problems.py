"""Errors as answers: one table from our errors to RFC 9457 problems, and nothing else knows both."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from reelwright import errors
from reelwright.net import redact

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger()

STATUSES: Mapping[type[errors.ReelwrightError], HTTPStatus] = {
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.VersionMissing: HTTPStatus.PRECONDITION_REQUIRED,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.NotSignedIn: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.TooManyTries: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.VersionConflict: HTTPStatus.PRECONDITION_FAILED,
    errors.BudgetExceeded: HTTPStatus.PAYMENT_REQUIRED,
    errors.ConfigurationError: HTTPStatus.CONFLICT,
    errors.Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ProviderError: HTTPStatus.BAD_GATEWAY,
    errors.Throttled: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.InputRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Moderated: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.DownloadError: HTTPStatus.BAD_GATEWAY,
    errors.AddressRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UrlExpired: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ContentMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.RenderError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The status of each error; of one that is not here, that of the nearest one above it in the tree."""


class WrongField(BaseModel):
    """One field of a request that is wrong."""

    path: str = Field(description="Where it is, such as `body.brief.seconds`.", examples=["body.brief.seconds"])
    message: str = Field(
        description="What is wrong and what is allowed.", examples=["4000 is too long; a film may last 2 to 600 s"]
    )


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/not_found",
                    "title": "Not found",
                    "status": 404,
                    "code": "not_found",
                    "detail": "There is no campaign 'campaign_01m7zh'.",
                }
            ]
        }
    )

    type: str = Field(description="Names the kind of problem; leads to a page about it.", examples=["/problems/not_found"])
    title: str = Field(description="The kind in words, always the same for one type.", examples=["Not found"])
    status: int = Field(description="The HTTP status, again.", examples=[404])
    code: str = Field(description="The kind for programs.", examples=["not_found"])
    detail: str = Field(description="One sentence: what is wrong and what to do.")
    errors: list[WrongField] | None = Field(default=None, description="Every wrong field, where fields are wrong.")
    current: dict[str, Any] | None = Field(default=None, description="The document as it is now, on a version conflict.")


def status_of(error: errors.ReelwrightError) -> HTTPStatus:
    """The status that tells of that error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem_of(error: errors.ReelwrightError) -> Problem:
    """The error as a problem."""
    status = status_of(error)
    named = error.errors if isinstance(error, errors.InvalidDraft) else ()
    wrong = [WrongField(path=path, message=message) for path, message in named] or None
    current = dict(error.current) if isinstance(error, errors.VersionConflict) and error.current is not None else None
    return Problem(
        type=f"/problems/{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=status,
        code=error.code,
        detail=redact(error.message),
        errors=wrong,
        current=current,
    )


def headers_of(error: errors.ReelwrightError) -> dict[str, str]:
    """What else the answer says."""
    if isinstance(error, errors.NotSignedIn):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, errors.TooManyTries | errors.Throttled):
        return {"Retry-After": str(max(1, round(error.retry_after or 1)))}
    if isinstance(error, errors.VersionConflict) and error.current is not None and "version" in error.current:
        return {"ETag": f'"{error.current["version"]}"'}
    return {"Retry-After": "2"} if error.retryable else {}


def _answer(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    content = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, status_code=problem.status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def refusal(error: errors.ReelwrightError) -> JSONResponse:
    """The answer to a request that comes to no route."""
    return _answer(problem_of(error), headers_of(error))


async def _on_ours(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, errors.ReelwrightError):
        raise error
    return _answer(problem_of(error), headers_of(error))


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    wrong = [WrongField(path=".".join(map(str, each["loc"])), message=str(each["msg"])) for each in error.errors()]
    first = wrong[0]
    detail = f"{first.path}: {first.message}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "")
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = errors.InvalidInput.code
    return _answer(
        Problem(type=f"/problems/{code}", title="Invalid input", status=status, code=code, detail=detail, errors=wrong)
    )


async def _on_http(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _answer(problem_of(errors.TooLarge(str(error.detail))), error.headers)
    if status is HTTPStatus.BAD_REQUEST:
        return _answer(problem_of(errors.InvalidInput("body: it cannot be read as what its Content-Type says.")))
    code = status.phrase.lower().replace(" ", "_").replace("-", "_")
    problem = Problem(
        type=f"/problems/{code}", title=status.phrase.capitalize(), status=status, code=code, detail=str(error.detail)
    )
    return _answer(problem, error.headers)


async def _on_unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("request.broke", path=request.url.path, exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "Something unexpected happened here; the log of the server tells what."
    return _answer(Problem(type="/problems/unexpected", title="Unexpected", status=status, code="unexpected", detail=detail))


def answer_with_problems(app: FastAPI) -> None:
    """From now on whatever goes wrong is answered as a problem."""
    app.add_exception_handler(errors.ReelwrightError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_unexpected)


_ALWAYS = (errors.NotSignedIn, errors.Forbidden, errors.InvalidInput, errors.TooManyTries)


def problems(*kinds: type[errors.ReelwrightError]) -> dict[int | str, dict[str, Any]]:
    """What a route declares for those errors, besides those that every route may answer with."""
    by_status: dict[int, list[str]] = {}
    for kind in (*_ALWAYS, *kinds):
        status = next(STATUSES[each] for each in kind.__mro__ if each in STATUSES)
        by_status.setdefault(int(status), []).append(kind.code)
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": " or ".join(f"`{code}`" for code in dict.fromkeys(codes)), "content": content}
        for status, codes in by_status.items()
    }
