"""Runway: pictures and clips of its own models and of its partners', through its official SDK.

What a model is asked for beside the request stands in its card's `settings`, by the SDK's names: `endpoint` is where it is made,
`text_endpoint` where a clip without a picture is made, and `text_ratios` the shapes that it has there; everything else is sent.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Kind, Output, Request
from reelwright.domain.ids import AssetId, IntentKey, JobId
from reelwright.errors import CreditsUsedUp, InputRefused, JobUnknown, KeyRefused, ProviderError, Throttled
from reelwright.net import Answer, redact
from reelwright.net.clients import Clients
from reelwright.net.sdk import asked, httpx_client
from reelwright.ports import Attachments, Workshop
from reelwright.providers.kit import Account, Vendor, pasted, picture_for

if TYPE_CHECKING:
    from runwayml import AsyncRunwayML

NAME = "runway"
_BASE_URL = "https://api.dev.runwayml.com"
_SECONDS = 60.0
"""How long one request may take."""
_PICTURE_BYTES = 3_300_000
"""A data URI may have 5 MB, counted as text. Source: docs.dev.runwayml.com/assets/inputs, 2026-11-20."""
_CREDIT = 10_000
"""Micro-dollars. Source: docs.dev.runwayml.com/guides/pricing, 2026-11-20."""
_QUOTA_SECONDS = 300.0
"""Between two tries while the daily quota is used up: it rolls, so places come back one by one."""
_ROUTES = frozenset({"endpoint", "text_endpoint", "text_ratios"})
"""Settings that say where to ask; the others are sent."""
_JOB = re.compile(r"[\w-]{1,100}")
_REFUNDED = frozenset({"PENDING", "THROTTLED"})
"""States in which a cancelled task is not paid."""


def provider(workshop: Workshop) -> Runway:
    """The entry point."""
    return Runway(workshop)


class Runway(Vendor):
    """Tasks of the Runway API. It has no list of them: one whose receipt was lost is found by a person only."""

    def __init__(self, workshop: Workshop) -> None:
        """Connects to nothing yet."""
        super().__init__(NAME, Account("Runway", workshop, ("RUNWAYML_API_SECRET",), "RUNWAYML_BASE_URL", _BASE_URL))
        self._clients = Clients(_open)

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """One POST. Runway knows no idempotency key, so it is never sent again.

        Raises:
            NotSubmitted: a picture could not be read, or Runway could not be reached.
            Throttled: the day's quota is used up.
            KeyRefused: there is no key, or Runway does not take it.
            CreditsUsedUp: the account is empty.
            InputRefused: there is no such model, or it does not take what was asked.
            InDoubt: it may have arrived.
        """
        endpoint, card = self._route(request)
        client = await self._client()
        arguments = await self._arguments(request, card, endpoint, attachments)
        return await asked(_create(client, endpoint, arguments), pays=True)

    async def poll(self, job: JobId) -> Job:
        """Where the task stands.

        Raises:
            NotSubmitted: Runway could not be reached, or its answer was not understood.
            Throttled: it asks to wait.
            KeyRefused: there is no key, or Runway does not take it.
            JobUnknown: there is no such task (any more).
        """
        known = pasted(job, _JOB, "Runway has no task")
        return await asked(_looked(await self._client(), known), pays=False)

    async def cancel(self, job: JobId) -> None:
        """Takes back a task that waits. One that runs is paid either way, so it is let go on and brought home.

        A task that has ended is never touched, because the same call would erase what it made.
        """
        try:
            known = pasted(job, _JOB, "Runway has no task")
            client = await self._client()
            stand, _ = await asked(_task(client, known), pays=False)
            if stand.status in _REFUNDED:
                await asked(client.tasks.delete(stand.id), pays=False)
        except JobUnknown:
            return

    async def aclose(self) -> None:
        """Closes the running loop's connections."""
        await self._clients.aclose()

    async def _client(self) -> AsyncRunwayML:
        return await self._clients.get(self._account.key, self._account.base)

    def _route(self, request: Request) -> tuple[str, ModelCard]:
        """Where the request goes, and the model's card."""
        card = self._card(request)
        if "endpoint" not in card.settings:
            msg = f"Runway makes no {request.kind} with {request.model} since {card.retired_on}."
            raise InputRefused(msg)
        if request.kind is not Kind.CLIP or request.picture is not None:
            return card.settings["endpoint"], card
        if "text_endpoint" not in card.settings:
            msg = f"{request.model} films a picture: give it a first frame."
            raise InputRefused(msg)
        ratios = card.settings.get("text_ratios", "").split()
        if ratios and request.shape not in ratios:
            msg = f"{request.model} makes {request.shape} only out of a picture; without one it makes {', '.join(ratios)}."
            raise InputRefused(msg)
        return card.settings["text_endpoint"], card

    async def _arguments(self, request: Request, card: ModelCard, endpoint: str, attachments: Attachments) -> dict[str, Any]:
        """What the SDK is called with."""
        arguments: dict[str, Any] = {"model": request.model.partition(":")[2], "ratio": request.shape}
        arguments |= {name: _value(text) for name, text in card.settings.items() if name not in _ROUTES}
        if request.prompt:
            arguments["prompt_text"] = request.prompt
        if request.kind is Kind.CLIP:
            if request.seconds.denominator != 1:
                msg = f"Runway makes clips of whole seconds, not of {float(request.seconds):g}."
                raise InputRefused(msg)
            arguments["duration"] = int(request.seconds)
        first = await self._data_uri(request.picture, attachments)
        last = await self._data_uri(request.last_picture, attachments)
        if endpoint == "text_to_image":
            if first is not None:
                arguments["reference_images"] = [{"uri": first}]
        elif first is not None and last is not None:
            arguments["prompt_image"] = [{"uri": first, "position": "first"}, {"uri": last, "position": "last"}]
        elif first is not None:
            arguments["prompt_image"] = first
        elif last is not None:
            msg = "Runway takes a last frame only together with a first one."
            raise InputRefused(msg)
        return arguments

    async def _data_uri(self, asset: AssetId | None, attachments: Attachments) -> str | None:
        if asset is None:
            return None
        return (await picture_for(self._workshop, attachments, asset, limit=_PICTURE_BYTES)).data_uri


class _Stand(BaseModel):
    """What every answer about a task has, also in a state that the SDK does not know yet."""

    id: Annotated[JobId, Field(min_length=1)]
    """As Runway writes it, whatever a person has typed."""
    status: str


class _Cost(BaseModel):
    credits: float


class _Done(BaseModel):
    """What a finished task must have. Its price is not of that: without it the clip comes home at the price of its card."""

    output: list[str]
    cost: _Cost | None = None


class _Receipt(BaseModel):
    """What must be in the answer to a create: without the id nobody finds the task again."""

    id: str = Field(min_length=1)


def _open(key: str, base: str) -> AsyncRunwayML:
    from runwayml import AsyncRunwayML

    client = AsyncRunwayML(api_key=key, base_url=base, max_retries=0, timeout=_SECONDS, http_client=httpx_client(_explain))
    _ = client.tasks  # here, in a thread: it imports its modules at its first use
    return client


async def _task(client: AsyncRunwayML, job: JobId) -> tuple[_Stand, bytes]:
    """Where the task stands, and the whole answer."""
    answer = await client.tasks.with_raw_response.retrieve(job)
    content = answer.http_response.content
    return _Stand.model_validate_json(content), content


async def _looked(client: AsyncRunwayML, job: JobId) -> Job:
    return _read(*await _task(client, job))


async def _create(client: AsyncRunwayML, endpoint: str, arguments: dict[str, Any]) -> Job:
    # The card's settings decide which of the SDK's 70 overloads it is, so no type checker can.
    routes: dict[str, Any] = {
        "image_to_video": client.image_to_video,
        "text_to_video": client.text_to_video,
        "text_to_image": client.text_to_image,
    }
    answer = await routes[endpoint].with_raw_response.create(**arguments)
    content: bytes = answer.http_response.content
    receipt = _Receipt.model_validate_json(content)
    return Job(JobId(receipt.id), JobState.RUNNING, estimated_micro_usd=_estimate(content))


def _estimate(content: bytes) -> int | None:
    """The most that the task may cost. A receipt is one with or without it."""
    from runwayml.types import ImageToVideoCreateResponse

    try:
        return _micro_usd(ImageToVideoCreateResponse.model_validate_json(content).estimated_cost.credits)
    except ValidationError:
        return None


def _read(stand: _Stand, content: bytes) -> Job:
    """The task as the rest of the house knows it. A state that nobody knows is a running one."""
    from runwayml.types import task_retrieve_response as types

    job = stand.id
    match stand.status:
        case "SUCCEEDED":
            done = _Done.model_validate_json(content)
            charged = _micro_usd(done.cost.credits) if done.cost else None
            return Job(job, JobState.SUCCEEDED, outputs=tuple(Output(url) for url in done.output), charged_micro_usd=charged)
        case "FAILED":
            failed = types.Failed.model_validate_json(content)
            charged = _micro_usd(failed.cost.credits)
            failure = _failure(failed.failure_code, failed.failure, is_charged=charged > 0)
            return Job(job, JobState.FAILED, failure=failure, charged_micro_usd=charged)
        case "CANCELLED":
            charged = _micro_usd(types.Cancelled.model_validate_json(content).cost.credits)
            failure = Failure(
                "The task was cancelled at Runway.",
                is_retryable=True,
                is_charged=charged > 0,
                kind=FailureKind.CANCELLED,
                advice="Retake it if you still want it.",
            )
            return Job(job, JobState.FAILED, failure=failure, charged_micro_usd=charged)
        case "RUNNING":
            running = types.Running.model_validate_json(content)
            progress = Fraction(min(1.0, max(0.0, running.progress))).limit_denominator(1000)
            return Job(job, JobState.RUNNING, progress, estimated_micro_usd=_micro_usd(running.estimated_cost.credits))
        case _:
            return Job(job, JobState.RUNNING)


def _micro_usd(amount: float) -> int:
    """Credits in micro-dollars."""
    return round(Fraction(str(amount)) * _CREDIT)


def _value(text: str) -> object:
    """A setting as it is sent: `false` and `5` are JSON, `720p` is a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


# -- what a refusal and a failure mean ---------------------------------------------------------------------------------


class _Issue(BaseModel):
    message: str
    path: list[str | int] = []


class _Refusal(BaseModel):
    error: str = ""
    issues: list[_Issue] = []


def _explain(answer: Answer) -> ProviderError | None:
    try:
        told = _Refusal.model_validate(answer.body)
    except ValidationError:
        told = _Refusal()
    match answer.status:
        case 400 if "credits" in told.error.lower():
            msg = "The Runway account has not enough credits for this: buy some at dev.runwayml.com, then ask again."
            return CreditsUsedUp(msg)
        case 400 if told.issues:
            found = "; ".join(f"{'.'.join(map(str, issue.path)) or 'body'}: {issue.message}" for issue in told.issues[:5])
            return InputRefused(f"Runway does not take the request: {redact(found)}.")
        case 401:
            return KeyRefused("Runway does not take the key in RUNWAYML_API_SECRET: it is wrong, or was disabled.")
        case 429 if not answer.is_free:
            msg = "Runway takes no more generations of this model for now: the account's quota of a day is used up."
            return Throttled(msg, answer.retry_after or _QUOTA_SECONDS)
        case _:
            return None


@dataclass(frozen=True)
class _Meaning:
    """What a failure code means, by how it begins."""

    start: str
    kind: FailureKind
    words: str
    advice: str
    is_retryable: bool = False


_OTHER_WORDS = "Say it in other words or start from another picture: the same would be refused, and paid, again."
_LATER = "Retake it later."
_MEANINGS = (
    _Meaning("SAFETY.INPUT", FailureKind.MODERATION, "Runway's rules forbid what was asked for", _OTHER_WORDS),
    _Meaning("SAFETY.OUTPUT", FailureKind.MODERATION, "Runway's rules forbid what came out", _OTHER_WORDS),
    _Meaning("SAFETY", FailureKind.MODERATION, "Runway's rules forbid it", _OTHER_WORDS),
    _Meaning("INPUT_PREPROCESSING.SAFETY", FailureKind.MODERATION, "Runway's rules forbid the words", _OTHER_WORDS),
    _Meaning("INPUT_PREPROCESSING", FailureKind.INTERNAL, "Runway broke while it read what was asked", _LATER, is_retryable=True),
    _Meaning("ASSET.INVALID", FailureKind.INPUT, "Runway cannot use the picture", "Start from another picture."),
    _Meaning(
        "INTERNAL.BAD_OUTPUT",
        FailureKind.INTERNAL,
        "Runway threw away what came out",
        "Take lettering and graphics out of the picture that it starts from, then retake it.",
    ),
    _Meaning("THIRD_PARTY", FailureKind.INTERNAL, "The partner behind this model is away", _LATER, is_retryable=True),
    _Meaning("INTERNAL", FailureKind.INTERNAL, "Runway broke", _LATER, is_retryable=True),
    _Meaning("", FailureKind.UNKNOWN, "Runway failed for a reason that is not known here", "Look into the task at Runway."),
)
"""The first that fits. Source: docs.dev.runwayml.com/errors/task-failures, 2026-11-20."""


def _failure(code: str | None, words: str, *, is_charged: bool) -> Failure:
    # Without a code it is an error inside Runway.
    meaning = next(meaning for meaning in _MEANINGS if (code or "INTERNAL").startswith(meaning.start))
    reason = f"{meaning.words} ({code or 'no code'}): {redact(words)}"
    return Failure(reason, meaning.is_retryable, is_charged, meaning.kind, meaning.advice)
