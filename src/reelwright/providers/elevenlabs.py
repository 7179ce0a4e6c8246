"""ElevenLabs: voices, through its official SDK. The answer is the sound, and the account's history keeps a copy of it.

So a voice whose answer was lost on its way can be found again by its words, and fetched. A card's `settings` name the `voice`;
with `language = "sent"` the model is told the language.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Job, JobState, Kind, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import CreditsUsedUp, InputRefused, KeyRefused, Moderated, ProviderError, Throttled
from reelwright.net import Answer, redact
from reelwright.net.clients import Clients
from reelwright.net.sdk import asked, httpx_client
from reelwright.ports import Attachments, Found, Workshop
from reelwright.providers.kit import Account, Vendor, pasted
from reelwright.providers.local import Answered, Shelf

if TYPE_CHECKING:
    from elevenlabs import SpeechHistoryItemResponse
    from elevenlabs.core.request_options import RequestOptions

NAME = "elevenlabs"
_BASE_URL = "https://api.elevenlabs.io"
_SECONDS = 240
"""How long one voice may take."""
_FORMAT = "mp3_44100_128"
"""The best that every plan may have. Source: elevenlabs 2.78, text_to_speech/client.py."""
_PAGE = 100
_OLD = "history-"
"""How the id of a job begins that we know from the history only; what follows is the history's own."""
_JOB = re.compile(r"[A-Za-z0-9_-]{1,100}")
_START = timedelta(seconds=4)
_SPOKEN_A_SECOND = 30
"""Characters, at least, once it has begun: a request that was cut off may be made to its end, and only then does it stand in the
history."""


def provider(workshop: Workshop) -> ElevenLabs:
    """The entry point."""
    return ElevenLabs(workshop)


class ElevenLabs(Vendor):
    """Speaks a shot's words."""

    def __init__(self, workshop: Workshop) -> None:
        """Connects to nothing yet."""
        super().__init__(NAME, Account("ElevenLabs", workshop, ("ELEVENLABS_API_KEY",), "ELEVENLABS_BASE_URL", _BASE_URL))
        self._shelf = Shelf(NAME, workshop.folder)
        self._clients = Clients(_Client)

    @property
    def trusted_origins(self) -> frozenset[str]:
        """The shelf's loopback server too, once that has handed out a URL."""
        return super().trusted_origins | self._shelf.trusted_origins

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """One POST, whose answer is on disk when this returns. An intent that has a job already asks for nothing.

        Raises:
            NotSubmitted: ElevenLabs could not be reached, or the disk is full.
            Throttled: it asks to wait.
            KeyRefused: there is no key, or ElevenLabs does not take it.
            CreditsUsedUp: the account's characters are used up.
            InputRefused: there is no such model or voice, or it does not take what was asked.
            Moderated: its rules forbid it.
            InDoubt: it may have made it; `find` tells.
        """
        card = self._card(request)
        client = await self._client()
        return await self._shelf.submitted(intent, request, lambda: asked(_spoken(client, card, request), pays=True))

    async def poll(self, job: JobId) -> Job:
        """The job, with a fresh URL; one that is known from the history only is fetched from there.

        A voice has one name: what was asked for from here keeps that of the shelf, however a person came by the history's.

        Raises:
            NotSubmitted: ElevenLabs could not be reached, or the job lies in another data folder.
            Throttled: it asks to wait.
            KeyRefused: there is no key, or ElevenLabs does not take it.
            JobUnknown: there is no such job (any more).
        """
        if self._shelf.owns(job):
            return await self._shelf.poll(job)
        item = pasted(job, _JOB, "ElevenLabs has no job").removeprefix(_OLD)
        name = JobId(f"{_OLD}{item}")
        if (kept := await self._shelf.find(name)) is not None:
            return kept
        client = await self._client()
        told = await asked(client.ask.history.get(item, request_options=client.once), pays=False)
        known = await self._shelf.by_vendor_id()
        if ours := known.get(told.request_id or "") or known.get(item):
            return await self._shelf.poll(ours)
        content = await asked(_heard(client, item), pays=False)
        return await self._shelf.put(name, None, Answered.of(Kind.VOICE, content, vendor_id=item), name=name)

    async def cancel(self, job: JobId) -> None:
        """Does nothing: what has an id has ended."""

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        """The job of this intent: from the shelf, else the first of the same words in the history that is not known here.

        Waits until what was cut off on its way must have been made, if it ever is.

        Raises:
            ProviderError: as for `poll`.
        """
        if (kept := await self._shelf.find(intent, request)) is not None:
            return kept
        card, client = self._card(request), await self._client()
        now = datetime.now(UTC)
        if since <= now:
            made_by = since + _START + timedelta(seconds=len(request.prompt) / _SPOKEN_A_SECOND)
            await asyncio.sleep(max(0.0, (made_by - now).total_seconds()))
        known = await self._shelf.by_vendor_id()
        items = [item async for item in _history(client, since) if not {item.request_id, item.history_item_id} & known.keys()]
        for item in reversed(items):
            if item.text == request.prompt and _is_of(item, card):
                content = await asked(_heard(client, item.history_item_id), pays=False)
                vendor_id = item.request_id or item.history_item_id
                return await self._shelf.put(intent, request, Answered.of(Kind.VOICE, content, vendor_id=vendor_id))
        return None

    async def jobs(self, since: datetime) -> AsyncIterator[Found]:
        """The account's history of spoken texts."""
        known = await self._shelf.by_vendor_id()
        async for item in _history(await self._client(), since):
            ours = known.get(item.request_id or "") or known.get(item.history_item_id)
            job = ours or JobId(f"{_OLD}{item.history_item_id}")
            at = datetime.fromtimestamp(item.date_unix, UTC)
            yield Found(Job(job, JobState.RUNNING), item.model_id or "", Kind.VOICE, item.text or "", at)

    async def aclose(self) -> None:
        """Closes the running loop's connections and the shelf."""
        await self._clients.aclose()
        await self._shelf.aclose()

    async def _client(self) -> _Client:
        return await self._clients.get(self._account.key, self._account.base)


class _Client:
    """The SDK over our own connections. It reads the key of the environment when it is imported, so it is told ours."""

    def __init__(self, key: str, base: str) -> None:
        from elevenlabs.client import AsyncElevenLabs

        self._http = httpx_client(_explain)
        self.ask = AsyncElevenLabs(base_url=base, api_key=key, timeout=_SECONDS, httpx_client=self._http)
        _ = self.ask.text_to_speech, self.ask.history  # here, in a thread: each imports its modules at its first use
        self.once: RequestOptions = {"max_retries": 0}
        """It sends a request up to three times unless each is told not to."""

    async def close(self) -> None:
        """Gives the connections back."""
        await self._http.aclose()


async def _spoken(client: _Client, card: ModelCard, request: Request) -> Answered:
    told: dict[str, Any] = {"language_code": request.language.partition("-")[0]} if "language" in card.settings else {}
    async with client.ask.text_to_speech.with_raw_response.convert(
        card.settings["voice"],
        text=request.prompt,
        model_id=request.model.partition(":")[2],
        output_format=_FORMAT,
        request_options=client.once,
        **told,
    ) as answer:
        content = b"".join([chunk async for chunk in answer.data])
        return Answered.of(Kind.VOICE, content, vendor_id=answer.headers.get("request-id", ""))


async def _heard(client: _Client, item: str) -> bytes:
    return b"".join([chunk async for chunk in client.ask.history.get_audio(item, request_options=client.once)])


async def _history(client: _Client, since: datetime) -> AsyncIterator[SpeechHistoryItemResponse]:
    """What was spoken at or after `since`, newest first. The history counts whole seconds."""
    after: str | None = None
    while True:
        page = await asked(
            client.ask.history.list(
                page_size=_PAGE, start_after_history_item_id=after, source="TTS", request_options=client.once
            ),
            pays=False,
        )
        for item in page.history:
            if item.date_unix < int(since.timestamp()):
                return
            yield item
        if not page.has_more or not page.history:
            return
        after = page.history[-1].history_item_id


def _is_of(item: SpeechHistoryItemResponse, card: ModelCard) -> bool:
    """Whether the item may have been made for the card's model; what the history does not tell speaks not against it."""
    return item.model_id in {None, card.model.partition(":")[2]} and item.voice_id in {None, card.settings["voice"]}


# -- what a refusal means -------------------------------------------------------------------------------------------------


class _Issue(BaseModel):
    loc: list[str | int] = []
    msg: str = ""


class _Detail(BaseModel):
    code: str = ""
    status: str = ""
    message: str = ""


class _Refusal(BaseModel):
    detail: _Detail | list[_Issue] | str


def _explain(answer: Answer) -> ProviderError | None:
    try:
        detail = _Refusal.model_validate(answer.body).detail
    except ValidationError:
        return None  # a server in between, not ElevenLabs
    if isinstance(detail, list):
        found = "; ".join(f"{'.'.join(map(str, issue.loc))}: {issue.msg}" for issue in detail[:5])
        return InputRefused(f"ElevenLabs does not take the request: {redact(found)}.")
    if isinstance(detail, str):
        detail = _Detail(message=detail)
    told, code = f"ElevenLabs says: {redact(detail.message)}", f"{detail.code} {detail.status}".lower()
    if "quota_exceeded" in code or "insufficient_credits" in code:
        return CreditsUsedUp(told)
    if any(word in code for word in ("policy", "terms", "moderation", "blocked")):
        return Moderated(told)
    match answer.status:
        case 401 | 403:
            return KeyRefused(told)
        case 429:
            return Throttled(told, answer.retry_after)
        case 400 | 404 if not answer.is_free:
            return InputRefused(told)
        case _:
            return None
