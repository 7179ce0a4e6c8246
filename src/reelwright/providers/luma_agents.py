"""Luma Agents: pictures (uni-1) and clips with a first and a last frame (ray-3.2), through Luma's official SDK.

It is not the older Dream Machine API (`luma`): another host, another key, other models. What a model is asked for beside the
request stands in its card's `settings`: `type`, and for clips `resolution`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Kind, Output, Request
from reelwright.domain.ids import AssetId, IntentKey, JobId
from reelwright.errors import CreditsUsedUp, InputRefused, KeyRefused, ProviderError, Throttled
from reelwright.net import Answer, redact
from reelwright.net.clients import Clients
from reelwright.net.sdk import asked, httpx_client
from reelwright.ports import Attachments, Workshop
from reelwright.providers.kit import Account, Vendor, pasted, picture_for

if TYPE_CHECKING:
    from luma_agents import AsyncLuma
    from luma_agents.types import Generation

NAME = "luma-agents"
_BASE_URL = "https://agents.lumalabs.ai/v1"
_SECONDS = 120.0
"""How long one request may take: pictures travel inside it."""
_PICTURE_BYTES = 10_000_000
"""Luma takes 50 MB; two of these and what base64 adds are well below that."""
_LONG = 10
"""Seconds of a clip that takes no `start_frame` and no `end_frame`, but the same pictures as keyframes."""
_KEYFRAMES_PER_SECOND = 24
_JOB = re.compile(r"[\w-]{1,100}")


def provider(workshop: Workshop) -> LumaAgents:
    """The entry point."""
    return LumaAgents(workshop)


class LumaAgents(Vendor):
    """Generations of the Luma Agents API. It has no list of them, and no way to stop one."""

    def __init__(self, workshop: Workshop) -> None:
        """Connects to nothing yet."""
        super().__init__(NAME, Account("Luma Agents", workshop, ("LUMA_AGENTS_API_KEY",), "LUMA_BASE_URL", _BASE_URL))
        self._clients = Clients(_open)

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """One POST. Luma knows no idempotency key, so it is never sent again.

        Raises:
            NotSubmitted: a picture could not be read, or Luma could not be reached.
            Throttled: too many requests in a minute, or too many jobs at once; it took nothing.
            KeyRefused: there is no key, or Luma does not take it.
            CreditsUsedUp: the account is empty.
            InputRefused: there is no such model, or it does not take what was asked.
            InDoubt: it may have arrived.
        """
        card = self._card(request)
        client = await self._clients.get(self._account.key, self._account.base)
        arguments = await self._arguments(request, card, attachments)
        return await asked(_create(client, arguments), pays=True)

    async def poll(self, job: JobId) -> Job:
        """Where the generation stands. Its URLs are fresh, and live for an hour.

        Raises:
            NotSubmitted: Luma could not be reached, or its answer was not understood.
            Throttled: it asks to wait.
            KeyRefused: there is no key, or Luma does not take it.
            JobUnknown: there is no such generation (any more).
        """
        known = pasted(job, _JOB, "Luma Agents has no generation")
        client = await self._clients.get(self._account.key, self._account.base)
        return await asked(self._look(client, known), pays=False)

    async def cancel(self, job: JobId) -> None:
        """Nothing: Luma has no way to stop a generation."""

    async def aclose(self) -> None:
        """Closes the running loop's connections."""
        await self._clients.aclose()

    async def _arguments(self, request: Request, card: ModelCard, attachments: Attachments) -> dict[str, Any]:
        """What the SDK is called with."""
        arguments: dict[str, Any] = {
            "model": request.model.partition(":")[2],
            "prompt": request.prompt,
            "type": card.settings["type"],
            "aspect_ratio": request.shape,
        }
        first = await self._inline(request.picture, attachments)
        last = await self._inline(request.last_picture, attachments)
        if request.kind is Kind.CLIP:
            arguments["video"] = _video(request, card, first, last)
        elif first is not None:
            # An edit, and not a reference: only so its answers tell that it had a picture, which has a price of its own.
            arguments |= {"type": "image_edit", "source": first}
        return arguments

    async def _inline(self, asset: AssetId | None, attachments: Attachments) -> dict[str, str] | None:
        """A picture as Luma takes it inside a request."""
        if asset is None:
            return None
        picture = await picture_for(self._workshop, attachments, asset, limit=_PICTURE_BYTES)
        return {"data": picture.base64, "media_type": picture.media_type}

    async def _look(self, client: AsyncLuma, typed: JobId) -> Job:
        made = await client.generations.get(typed)
        job = JobId(_Receipt.model_validate({"id": made.id}).id)  # as Luma writes it, whatever a person has typed
        match made.state:
            case "completed":
                outputs = tuple(Output(output.url) for output in made.output or ())
                return Job(job, JobState.SUCCEEDED, outputs=outputs, charged_micro_usd=self._price(made))
            case "failed":
                failure = _failure(made.failure_code or "", made.failure_reason or "")
                return Job(job, JobState.FAILED, failure=failure, charged_micro_usd=0)
            case _:
                return Job(job, JobState.RUNNING)

    def _price(self, made: Generation) -> int | None:
        """What it cost, where the type of what was made tells it: Luma itself names no price."""
        card = next((card for card in self._cards if card.model.partition(":")[2] == made.model), None)
        price = card.settings.get(f"micro_usd_of_{made.type}") if card else None
        return int(price) if price else None


def _video(request: Request, card: ModelCard, first: dict[str, str] | None, last: dict[str, str] | None) -> dict[str, Any]:
    """The part of a request that is about a clip."""
    video: dict[str, Any] = {"duration": f"{request.seconds}s", "resolution": card.settings["resolution"]}
    if request.seconds < _LONG:
        return video | {name: frame for name, frame in (("start_frame", first), ("end_frame", last)) if frame is not None}
    placed = [(0, first), (int(request.seconds * _KEYFRAMES_PER_SECOND), last)]
    keyframes = [(place, frame) for place, frame in placed if frame is not None]
    if keyframes:
        video["keyframes"] = [frame for _, frame in keyframes]
        video["keyframe_indexes"] = [place for place, _ in keyframes]
    return video


class _Receipt(BaseModel):
    """What must be in the answer to a create: without the id nobody finds the generation again."""

    id: str = Field(min_length=1)


def _open(key: str, base: str) -> AsyncLuma:
    from luma_agents import AsyncLuma

    client = AsyncLuma(auth_token=key, base_url=base, max_retries=0, timeout=_SECONDS, http_client=httpx_client(_explain))
    _ = client.generations  # here, in a thread: it imports its modules at its first use
    return client


async def _create(client: AsyncLuma, arguments: dict[str, Any]) -> Job:
    answer = await client.generations.with_raw_response.create(**arguments)
    receipt = _Receipt.model_validate_json(answer.http_response.content)
    return Job(JobId(receipt.id), JobState.RUNNING)


# -- what a refusal and a failure mean ---------------------------------------------------------------------------------


class _Refusal(BaseModel):
    detail: str


def _explain(answer: Answer) -> ProviderError | None:
    try:
        detail = redact(_Refusal.model_validate(answer.body).detail)
    except ValidationError:
        return None
    match answer.status:
        case 400 | 413 | 422:
            return InputRefused(f"Luma does not take the request: {detail}")
        case 401 | 403:
            return KeyRefused(f"Luma does not take the key in LUMA_AGENTS_API_KEY: {detail}")
        case 402:
            return CreditsUsedUp("The Luma Agents account is empty: add money at platform.lumalabs.ai, then ask again.")
        case 429:
            return Throttled(f"Luma asks to wait: {detail}", answer.retry_after)
        case _:
            return None


@dataclass(frozen=True)
class _Meaning:
    kind: FailureKind
    words: str
    advice: str
    is_retryable: bool = False


_LATER = "Retake it later."
_OTHER_PICTURE = "Start from another picture."
_MEANINGS = {
    "content_moderated": _Meaning(
        FailureKind.MODERATION, "Luma's rules forbid it", "Say it in other words, or start from another picture."
    ),
    "generation_failed": _Meaning(FailureKind.INTERNAL, "Luma broke while it worked", _LATER, is_retryable=True),
    "output_not_found": _Meaning(FailureKind.INTERNAL, "Luma lost what it made", _LATER, is_retryable=True),
    "rate_limited": _Meaning(FailureKind.INTERNAL, "Luma had too much to do", _LATER, is_retryable=True),
    "budget_exhausted": _Meaning(
        FailureKind.CREDITS, "The Luma Agents account ran empty", "Add money at platform.lumalabs.ai, then retake it."
    ),
    "image_too_large": _Meaning(FailureKind.INPUT, "Luma finds the picture too large", _OTHER_PICTURE),
    "unsupported_format": _Meaning(FailureKind.INPUT, "Luma does not know the picture's format", _OTHER_PICTURE),
    "corrupt_input": _Meaning(FailureKind.INPUT, "Luma cannot read the picture", _OTHER_PICTURE),
    "invalid_request": _Meaning(FailureKind.INPUT, "Luma does not take the request", "Change what is asked for."),
}
"""Source: docs.agents.lumalabs.ai/guides/error-handling, 2026-11-20."""
_UNKNOWN = _Meaning(FailureKind.UNKNOWN, "Luma failed for a reason that is not known here", "Look into the generation at Luma.")


def _failure(code: str, words: str) -> Failure:
    meaning = _MEANINGS.get(code, _UNKNOWN)
    reason = f"{meaning.words} ({code or 'no code'}): {redact(words) or 'no reason given'}"
    return Failure(reason, meaning.is_retryable, is_charged=False, kind=meaning.kind, advice=meaning.advice)
