"""Luma's older API, Dream Machine: pictures (Photon) and clips (Ray 2) out of words, through its official SDK.

It fetches pictures from public addresses only and takes none inside a request, so its clips start without one; Luma Agents is for
those. What a model is asked for beside the request stands in its card's `settings`: `resolution`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Kind, Output, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import CreditsUsedUp, InputRefused, KeyRefused, Moderated, ProviderError
from reelwright.net import Answer, redact
from reelwright.net.clients import Clients
from reelwright.net.sdk import asked, httpx_client
from reelwright.ports import Attachments, Found, Workshop
from reelwright.providers.kit import Account, Vendor, pasted

if TYPE_CHECKING:
    from lumaai import AsyncLumaAI
    from lumaai.types import Generation

NAME = "luma"
_BASE_URL = "https://api.lumalabs.ai/dream-machine/v1"
_SECONDS = 60.0
"""How long one request may take."""
_PAGE = 50
_PAGES = 400
"""Of the list of generations; beyond them nobody says what it holds."""
_EXACT = timedelta(seconds=3)
"""A difference of clocks below which the way of the answer explains it."""
_JOB = re.compile(r"[\w-]{1,100}")
_KINDS = {"video": Kind.CLIP, "image": Kind.FRAME}


def provider(workshop: Workshop) -> Luma:
    """The entry point."""
    return Luma(workshop)


class Luma(Vendor):
    """Generations of the Dream Machine API, which can be listed: one whose receipt was lost is found by its words."""

    def __init__(self, workshop: Workshop) -> None:
        """Connects to nothing yet."""
        super().__init__(NAME, Account("Luma", workshop, ("LUMAAI_API_KEY",), "LUMAAI_BASE_URL", _BASE_URL))
        self._clients = Clients(_open)

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """One POST. Luma knows no idempotency key, so it is never sent again.

        Raises:
            NotSubmitted: Luma could not be reached.
            Throttled: it took nothing and asks to wait.
            KeyRefused: there is no key, or Luma does not take it.
            CreditsUsedUp: the account is empty.
            InputRefused: there is no such model, it does not take what was asked, or there is a picture.
            Moderated: its rules forbid the words.
            InDoubt: it may have arrived.
        """
        arguments = self._arguments(request)
        return await asked(_create(await self._client(), request.kind, arguments), pays=True)

    async def poll(self, job: JobId) -> Job:
        """Where the generation stands.

        Raises:
            NotSubmitted: Luma could not be reached, or its answer was not understood.
            Throttled: it asks to wait.
            KeyRefused: there is no key, or Luma does not take it.
            JobUnknown: there is no such generation (any more).
        """
        known = pasted(job, _JOB, "Luma has no generation")
        return await asked(_look(await self._client(), known), pays=False)

    async def cancel(self, job: JobId) -> None:
        """Nothing: Luma cannot stop a generation, only remove it, and with it what was paid for."""

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        """The one generation since then of the same model and the same words.

        Raises:
            NotSubmitted: Luma could not be reached.
            ProviderError: its list leaves a doubt: several are alike, or one does not tell what it is.
        """
        model, prompt = _name(request), request.prompt.strip()
        made = [each for each in await self._list(since) if (each.model or model) == model]
        alike = [each for each in made if _prompt(each) == prompt]
        if len(alike) == 1 and alike[0].id and _at(alike[0]):
            return _job(alike[0])
        if alike or any(_prompt(each) is None for each in made):
            msg = "Luma's list does not tell for sure whether it has the generation: look into the account there."
            raise ProviderError(msg)
        return None

    async def jobs(self, since: datetime) -> AsyncIterator[Found]:
        """The account's generations since then, newest first.

        Raises:
            NotSubmitted: Luma could not be reached.
            ProviderError: as for `poll`.
        """
        dated = [(at, each) for each in await self._list(since) if (at := _at(each))]
        for at, each in sorted(dated, key=lambda pair: pair[0], reverse=True):
            if each.id and (kind := _KINDS.get(each.generation_type or "")):
                yield Found(_job(each), each.model or "", kind, _prompt(each) or "", at)

    async def aclose(self) -> None:
        """Closes the running loop's connections."""
        await self._clients.aclose()

    async def _client(self) -> AsyncLumaAI:
        return await self._clients.get(self._account.key, self._account.base)

    def _arguments(self, request: Request) -> dict[str, Any]:
        """What the SDK is called with."""
        card = self._card(request)
        if request.picture is not None or request.last_picture is not None:
            msg = (
                "Luma's Dream Machine fetches pictures from public addresses only, and yours is on this machine: choose "
                "luma-agents:ray-3.2 or another model that takes it."
            )
            raise InputRefused(msg)
        arguments: dict[str, Any] = {"model": _name(request), "prompt": request.prompt, "aspect_ratio": request.shape}
        if request.kind is Kind.CLIP:
            arguments |= {"duration": f"{request.seconds}s", "resolution": card.settings["resolution"]}
        return arguments

    async def _list(self, since: datetime) -> list[Generation]:
        return await asked(_list(await self._client(), since), pays=False)


def _ahead(date: str) -> timedelta:
    """How much Luma's clock is ahead of ours, by the date of its answer; seconds are as exact as a date is."""
    try:
        ahead = parsedate_to_datetime(date) - datetime.now(UTC)
    except (TypeError, ValueError):
        return timedelta(0)
    return ahead if abs(ahead) > _EXACT else timedelta(0)


class _Receipt(BaseModel):
    """What must be in the answer to a create: without the id nobody finds the generation again."""

    id: str = Field(min_length=1)


def _open(key: str, base: str) -> AsyncLumaAI:
    from lumaai import AsyncLumaAI

    client = AsyncLumaAI(auth_token=key, base_url=base, max_retries=0, timeout=_SECONDS, http_client=httpx_client(_explain))
    _ = client.generations  # here, in a thread: it imports its modules at its first use
    return client


async def _create(client: AsyncLumaAI, kind: Kind, arguments: dict[str, Any]) -> Job:
    made = client.generations.video if kind is Kind.CLIP else client.generations.image
    answer = await made.with_raw_response.create(**arguments)
    receipt = _Receipt.model_validate_json(answer.http_response.content)
    return Job(JobId(receipt.id), JobState.RUNNING)


async def _look(client: AsyncLumaAI, job: JobId) -> Job:
    return _job(await client.generations.get(job))


async def _list(client: AsyncLumaAI, since: datetime) -> list[Generation]:
    """All generations since then, and those that do not tell when they were made.

    That the newest come first is seen, and not taken for granted. Times are Luma's, so its clock is held against ours.
    """
    found: list[Generation] = []
    offset = 0
    for _ in range(_PAGES):
        answer = await client.generations.with_raw_response.list(limit=_PAGE, offset=offset)
        page = await answer.parse()
        offset += len(page.generations)
        start = since + _ahead(answer.headers.get("date", "")) - _EXACT
        found += [made for made in page.generations if (_at(made) or start) >= start]
        times = [_at(made) or start for made in page.generations]
        is_past = all(later >= earlier for later, earlier in pairwise(times)) and max(times, default=start) < start
        if is_past or not page.generations or page.has_more is False:
            return found
    msg = f"Luma lists more than {_PAGE * _PAGES} generations."
    raise ProviderError(msg)


def _job(made: Generation) -> Job:
    """The generation as the rest of the house knows it. A state that nobody knows is a running one."""
    job = JobId(_Receipt.model_validate({"id": made.id}).id)
    match made.state:
        case "completed":
            urls = (made.assets.video or made.assets.image,) if made.assets else ()
            return Job(job, JobState.SUCCEEDED, outputs=tuple(Output(url) for url in urls if url))
        case "failed":
            return Job(job, JobState.FAILED, failure=_failure(made.failure_reason or ""), charged_micro_usd=0)
        case _:
            return Job(job, JobState.RUNNING)


def _name(request: Request) -> str:
    return request.model.partition(":")[2]


def _at(made: Generation) -> datetime | None:
    """When it was made, by Luma's clock."""
    at = made.created_at
    if not isinstance(at, datetime):  # the SDK hands on what it could not read
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _prompt(made: Generation) -> str | None:
    """Its words; None where the list does not tell them."""
    prompt = getattr(made.request, "prompt", None)  # not every kind of request has one
    return prompt.strip() if isinstance(prompt, str) else None


# -- what a refusal and a failure mean ---------------------------------------------------------------------------------


_EMPTY = "The Luma account is empty: add credits at lumalabs.ai/api, then ask again."


class _Refusal(BaseModel):
    detail: str


def _is_moderation(words: str) -> bool:
    return any(sign in words.lower() for sign in ("moderat", "blacklist"))


def _explain(answer: Answer) -> ProviderError | None:
    try:
        detail = redact(_Refusal.model_validate(answer.body).detail)
    except ValidationError:
        return None
    match answer.status:
        case 401 | 403:
            return KeyRefused(f"Luma does not take the key in LUMAAI_API_KEY: {detail}")
        case 402:
            return CreditsUsedUp(_EMPTY)
        case 400 | 422 if "credit" in detail.lower():
            return CreditsUsedUp(_EMPTY)
        case 400 | 422 if _is_moderation(detail):
            return Moderated(f"Luma's rules forbid it: {detail}")
        case 400 | 422:
            return InputRefused(f"Luma does not take the request: {detail}")
        case _:
            return None


def _failure(words: str) -> Failure:
    """Luma gives a reason and no code, and money back for everything that failed.

    Source: docs.lumalabs.ai/docs/faq, 2026-11-20.
    """
    told = redact(words) or "no reason given"
    if _is_moderation(words):
        advice = "Say it in other words."
        return Failure(f"Luma's rules forbid it: {told}", kind=FailureKind.MODERATION, advice=advice)
    return Failure(f"Luma failed: {told}", is_retryable=True, kind=FailureKind.INTERNAL, advice="Retake it later.")
