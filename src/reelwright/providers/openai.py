"""OpenAI: pictures and voices, through its official SDK. Each answer is the output itself, and OpenAI keeps nothing of it.

What a model is asked for beside the request stands in its card's `settings`, by the API's names; those that begin with `usd_` are
what it takes for a million tokens, by which the usage that it tells is priced.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, JsonValue, ValidationError

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Job, Kind, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import CreditsUsedUp, InputRefused, InvalidInput, Moderated, ProviderError, Throttled
from reelwright.net import Answer, redact
from reelwright.net.clients import Clients
from reelwright.net.sdk import asked, httpx2_client
from reelwright.ports import Attachments, Found, Workshop
from reelwright.providers.kit import Account, Vendor, picture_for
from reelwright.providers.local import Answered, MadeNothing, Shelf, priced, sent

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types import ImagesResponse
    from openai.types.images_response import Usage

NAME = "openai"
_BASE_URL = "https://api.openai.com/v1"
_SECONDS = 540.0
"""How long one picture may take; the dearest take minutes."""
_PICTURE_BYTES = 45_000_000
"""A picture to start from may have 50 MB. Source: openai 3.52.0, types/image_edit_params.py."""
_NO_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_FORBIDDEN = frozenset({"moderation_blocked", "content_policy_violation"})


def provider(workshop: Workshop) -> OpenAI:
    """The entry point."""
    return OpenAI(workshop)


class OpenAI(Vendor):
    """GPT Image models and voices. There is no list of what they made: an answer that was lost on its way stays in doubt."""

    def __init__(self, workshop: Workshop, *, patience: float = _SECONDS) -> None:
        """Connects to nothing yet. `patience` is how long an answer is waited for, in seconds."""
        super().__init__(NAME, Account("OpenAI", workshop, ("OPENAI_API_KEY",), "OPENAI_BASE_URL", _BASE_URL))
        self._shelf = Shelf(NAME, workshop.folder)
        self._clients = Clients(partial(_open, patience))

    @property
    def trusted_origins(self) -> frozenset[str]:
        """The shelf's loopback server too, once that has handed out a URL."""
        return super().trusted_origins | self._shelf.trusted_origins

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """One POST, whose answer is on disk when this returns. An intent that has a job already asks for nothing.

        Raises:
            NotSubmitted: a picture could not be read, OpenAI could not be reached, or the disk is full.
            Throttled: OpenAI asks to wait.
            KeyRefused: there is no key, or OpenAI does not take it.
            CreditsUsedUp: the account is empty.
            InputRefused: there is no such model, or it does not take what was asked.
            Moderated: its rules forbid it.
            InDoubt: it may have made it.
        """
        card = self._card(request)
        client = await self._clients.get(self._account.key, self._account.base)
        pictures = await self._pictures(request, attachments)

        async def ask() -> Answered:
            make = _spoken(client, card, request) if request.kind is Kind.VOICE else _drawn(client, card, request, pictures)
            return await asked(make, pays=True)

        return await self._shelf.submitted(intent, request, ask)

    async def poll(self, job: JobId) -> Job:
        """The job from the shelf, with a fresh URL.

        Raises:
            NotSubmitted: it lies in another data folder.
            JobUnknown: there is no such job (any more).
        """
        return await self._shelf.poll(job)

    async def cancel(self, job: JobId) -> None:
        """Does nothing: what has an id has ended."""

    async def recall(self, request: Request, *, intent: IntentKey) -> Job | None:
        """The job of this intent, if its answer reached the shelf."""
        return await self._shelf.find(intent, request)

    async def jobs(self, since: datetime) -> AsyncIterator[Found]:
        """What is on the shelf."""
        for found in await self._shelf.jobs(since):
            yield found

    async def hint(self, headers: Mapping[str, str], body: bytes) -> JobId:
        """The id of the background response that a call is about. Pictures and voices have none: they are made while we wait.

        The secret of the webhook is in `OPENAI_WEBHOOK_SECRET`.

        Raises:
            InvalidInput: it is not from OpenAI, too old, or about something else.
        """
        secret = self._workshop.environment.get("OPENAI_WEBHOOK_SECRET", "").strip()
        if not secret:
            msg = "OPENAI_WEBHOOK_SECRET is not set, so nobody can tell whether the call is from OpenAI."
            raise InvalidInput(msg)
        return await asyncio.to_thread(_meant, headers, body, secret)  # the SDK may not be imported yet, which takes its time

    async def aclose(self) -> None:
        """Closes the running loop's connections and the shelf."""
        await self._clients.aclose()
        await self._shelf.aclose()

    async def _pictures(self, request: Request, attachments: Attachments) -> list[tuple[str, bytes, str]]:
        """Files for the SDK: the person's picture, then the logo."""
        files: list[tuple[str, bytes, str]] = []
        for name, asset in (("picture", request.picture), ("logo", request.logo)):
            if asset is not None and request.kind is Kind.FRAME:
                picture = await picture_for(self._workshop, attachments, asset, limit=_PICTURE_BYTES)
                files.append((f"{name}.{picture.media_type.partition('/')[2]}", picture.content, picture.media_type))
        return files


def _open(patience: float, key: str, base: str) -> AsyncOpenAI:
    from openai import AsyncOpenAI, Timeout

    timeout = Timeout(patience, connect=10.0)
    client = AsyncOpenAI(api_key=key, base_url=base, max_retries=0, timeout=timeout, http_client=httpx2_client(_explain))
    _ = client.images, client.audio.speech  # here, in a thread: each imports its modules at its first use
    return client


def _meant(headers: Mapping[str, str], body: bytes, secret: str) -> JobId:
    """The response that a signed call is about.

    Raises:
        InvalidInput: it is not from OpenAI, too old, or about something else.
    """
    from openai import InvalidWebhookSignatureError, OpenAIError
    from openai import OpenAI as Client
    from openai.types.webhooks import (
        ResponseCancelledWebhookEvent,
        ResponseCompletedWebhookEvent,
        ResponseFailedWebhookEvent,
        ResponseIncompleteWebhookEvent,
    )

    kinds = (
        ResponseCompletedWebhookEvent,
        ResponseFailedWebhookEvent,
        ResponseCancelledWebhookEvent,
        ResponseIncompleteWebhookEvent,
    )
    with Client(api_key="none, nothing is asked") as client:
        try:
            event = client.webhooks.unwrap(body, dict(headers), secret=secret)
        except (InvalidWebhookSignatureError, OpenAIError, ValueError) as error:
            msg = "The call is not signed by OpenAI, or too old."
            raise InvalidInput(msg) from error
    if not isinstance(event, kinds):
        msg = f"The call is about {event.type}, which is no job."
        raise InvalidInput(msg)
    return JobId(event.data.id)


async def _drawn(client: AsyncOpenAI, card: ModelCard, request: Request, pictures: list[tuple[str, bytes, str]]) -> Answered:
    arguments: dict[str, Any] = {
        "model": request.model.partition(":")[2],
        "prompt": request.prompt,
        "size": request.shape or "auto",
        "n": 1,
        "output_format": "png",
        **sent(card),
    }
    if request.logo is not None:
        arguments["prompt"] += f" The brand's logo is in picture {len(pictures)}: put it where the words ask for it."
    # The card's settings decide which of the SDK's overloads it is, so no type checker can.
    images: Any = client.images.with_raw_response
    raw = await (images.edit(image=pictures, **arguments) if pictures else images.generate(**arguments))
    answer: ImagesResponse = raw.parse()
    if not answer.data or not answer.data[0].b64_json:
        msg = "the answer has no picture"
        raise ValueError(msg)
    content = base64.b64decode(answer.data[0].b64_json, validate=True)
    charged = _charged(answer.usage, card) if answer.usage else None
    return Answered.of(Kind.FRAME, content, vendor_id=raw.request_id or "", charged_micro_usd=charged)


async def _spoken(client: AsyncOpenAI, card: ModelCard, request: Request) -> Answered:
    settings: dict[str, Any] = dict(sent(card))
    raw = await client.audio.speech.with_raw_response.create(
        model=request.model.partition(":")[2], input=request.prompt, response_format="mp3", **settings
    )
    if card.settings.get("stream_format") != "sse":
        return Answered.of(Kind.VOICE, raw.content, vendor_id=raw.request_id or "")
    content, charged = _heard(raw.text, card)
    return Answered.of(Kind.VOICE, content, vendor_id=raw.request_id or "", charged_micro_usd=charged)


class _Used(BaseModel):
    """What a voice took. A sound without tokens there is none, so a 0 is a figure that is missing."""

    input_tokens: Annotated[int, Field(ge=0)]
    output_tokens: Annotated[int, Field(gt=0)]


class _Event(BaseModel):
    """One event of a voice that is sent in pieces; the SDK has no type for it."""

    type: str
    audio: str | None = None
    usage: JsonValue = None
    """Read when all is at hand: the voice is worth more than its price."""


def _heard(stream: str, card: ModelCard) -> tuple[bytes, int | None]:
    """The sound that was sent in pieces, and what it costs: only so does OpenAI tell how many tokens a voice took."""
    told = [line.removeprefix("data:").strip() for line in stream.splitlines() if line.startswith("data:")]
    events = [_Event.model_validate_json(text) for text in told if text != "[DONE]"]
    if not events or events[-1].type != "speech.audio.done":
        msg = "the voice ends in the middle"
        raise ValueError(msg)
    sound = b"".join(base64.b64decode(event.audio, validate=True) for event in events if event.audio)
    return sound, _price_of_voice(events[-1].usage, card)


def _price_of_voice(usage: JsonValue, card: ModelCard) -> int | None:
    """What the tokens cost; None where they are not all told, because then the card's price is nearer than a part of them."""
    try:
        used = _Used.model_validate(usage)
    except ValidationError:
        return None
    return priced({"usd_text_in": used.input_tokens, "usd_audio_out": used.output_tokens}, card)


def _charged(usage: Usage, card: ModelCard) -> int | None:
    """What the tokens cost; None where they are not told as they should be, because the picture counts more than its price."""
    try:
        return _priced(usage, card)
    except (AttributeError, TypeError):
        return None


def _priced(usage: Usage, card: ModelCard) -> int | None:
    made = usage.output_tokens_details
    pictures, words = (made.image_tokens, made.text_tokens) if made else (usage.output_tokens, 0)
    tokens = {
        "usd_text_in": usage.input_tokens_details.text_tokens,
        "usd_image_in": usage.input_tokens_details.image_tokens,
        "usd_image_out": pictures,
        "usd_text_out": words,
    }
    return priced(tokens, card)


# -- what a refusal means -------------------------------------------------------------------------------------------------


class _Error(BaseModel):
    message: str = ""
    type: str | None = None
    code: str | int | None = None
    param: str | None = None


class _Refusal(BaseModel):
    error: _Error


def _explain(answer: Answer) -> ProviderError | None:
    try:
        error = _Refusal.model_validate(answer.body).error
    except ValidationError:
        return None  # a server in between, not OpenAI
    told, meant = f"OpenAI says: {redact(error.message)}", {str(error.code or ""), error.type or ""}
    if meant & _NO_MONEY:
        return CreditsUsedUp(told)
    if meant & _FORBIDDEN:
        return Moderated(told)
    match answer.status:
        case 429:
            return Throttled(told, answer.retry_after)
        case 400 | 404 | 413 | 422:
            return InputRefused(told)
        case 503:
            return MadeNothing(told, is_busy=True, retry_after=answer.retry_after)
        case 500:
            return MadeNothing(told)
        case _:
            return None
