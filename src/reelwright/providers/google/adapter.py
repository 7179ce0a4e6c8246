"""The provider `google`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Job, JobState, Kind, Output, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import InDoubt, InputRefused, JobUnknown
from reelwright.media.pictures import picture_for
from reelwright.net import redact
from reelwright.net.clients import Clients
from reelwright.net.sdk import asked
from reelwright.ports import Attachments, Workshop
from reelwright.providers import Account, load_cards
from reelwright.providers.google.client import Client
from reelwright.providers.google.clips import failed, fetched, filmed, taken, unfinished
from reelwright.providers.google.pictures import drawn
from reelwright.providers.google.refusals import Elsewhere
from reelwright.providers.local import Answered, Shelf

NAME = "google"
_BASE_URL = "https://generativelanguage.googleapis.com"
_PICTURE_BYTES = 7_000_000
"""A whole request with its pictures may have 20 MB as text, and there are two at most."""
_JOB = re.compile(r"[\w.-]{1,400}")


def provider(workshop: Workshop) -> Google:
    """The entry point."""
    return Google(workshop)


class Google:
    """Gemini and Omni. Google has no list of what they made: an answer that was lost on its way stays in doubt."""

    def __init__(self, workshop: Workshop) -> None:
        """Connects to nothing yet."""
        self._workshop = workshop
        names = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
        self._account = Account("Google", workshop, names, "GOOGLE_GEMINI_BASE_URL", _BASE_URL)
        self._cards = load_cards(NAME, workshop.cards)
        self._shelf = Shelf(NAME, workshop.folder)
        self._clients = Clients(Client)

    @property
    def name(self) -> str:
        """`google`."""
        return NAME

    @property
    def account(self) -> str:
        """The key's fingerprint."""
        return self._account.fingerprint

    @property
    def trusted_origins(self) -> frozenset[str]:
        """The shelf's loopback server, and the address that the operator has put in Google's place."""
        named = frozenset[str]() if self._account.base == _BASE_URL else self._account.origins
        return self._shelf.trusted_origins | named

    def cards(self) -> Sequence[ModelCard]:
        """The models, also where there is no key yet."""
        return self._cards

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """One POST. An intent whose picture is on the shelf already asks for nothing.

        Raises:
            NotSubmitted: a picture could not be read, Google could not be reached, or the disk is full.
            Throttled: Google asks to wait.
            KeyRefused: there is no key, or Google does not take it, or it may not do this.
            CreditsUsedUp: the day's quota or the money is used up.
            InputRefused: there is no such model, or it does not take what was asked.
            Moderated: its rules forbid it.
            InDoubt: it may have made it, or be making it.
        """
        card = next((card for card in self._cards if card.model == request.model and card.kind is request.kind), None)
        if card is None:
            msg = f"Google makes no {request.kind} with {request.model}."
            raise InputRefused(msg)
        client = self._client()
        named = (request.picture, request.logo) if request.kind is Kind.FRAME else (request.picture, request.last_picture)
        assets = [asset for asset in named if asset is not None]
        pictures = [await picture_for(self._workshop, attachments, asset, limit=_PICTURE_BYTES) for asset in assets]
        if request.kind is Kind.CLIP:
            return await asked(filmed(client, card, request, pictures), pays=True)

        async def ask() -> Answered:
            return await asked(drawn(client, card, request, pictures), pays=True)

        return await self._shelf.submitted(intent, request, ask)

    async def poll(self, job: JobId) -> Job:
        """Where the interaction stands; a picture from the shelf.

        Raises:
            NotSubmitted: Google could not be reached, or what it has lies in another data folder.
            Throttled: it asks to wait.
            KeyRefused: there is no key, or Google does not take it.
            JobUnknown: there is no such job (any more).
        """
        if self._shelf.owns(job):
            return await self._shelf.poll(job)
        if not _JOB.fullmatch(job):
            msg = f"Google has no interaction {job!r}."
            raise JobUnknown(msg)
        kept = await self._shelf.find(_key(job))
        return replace(kept, id=job) if kept else await self._looked(job)

    async def cancel(self, job: JobId) -> None:
        """Asks Google to stop an interaction that has not ended. A picture has ended when it has an id."""
        if self._shelf.owns(job) or not _JOB.fullmatch(job):
            return
        try:
            found = await self.poll(job)
            if found.state is JobState.RUNNING:
                await asked(self._client().ask.interactions.cancel(job), pays=False)
        except (JobUnknown, InputRefused, InDoubt):
            return  # it has just ended, or Google will say at the next poll what became of it

    async def recall(self, request: Request, *, intent: IntentKey) -> Job | None:
        """The picture of this intent, if its answer reached the shelf."""
        return await self._shelf.find(intent, request)

    async def aclose(self) -> None:
        """Closes the running loop's connections and the shelf."""
        await self._clients.aclose()
        await self._shelf.aclose()

    def _client(self) -> Client:
        return self._clients.get(self._account.key, self._account.base)

    async def _looked(self, job: JobId) -> Job:
        client = self._client()
        interaction = await asked(client.ask.interactions.get(job), pays=False)
        model = str(interaction.model or "")
        card = next((card for card in self._cards if card.model == f"{NAME}:{model}"), None)
        charged = taken(interaction, card) if card else None
        if interaction.status != "completed":
            return unfinished(job, interaction, charged)
        video = interaction.output_video
        if video is None or not (video.data or video.uri):
            told = redact(interaction.output_text or "") or "Google says that it is done, and has no clip."
            return Job(job, JobState.FAILED, failure=failed(told, is_charged=bool(charged)), charged_micro_usd=charged or 0)
        try:
            content = await asked(fetched(client, video), pays=False)
        except Elsewhere as error:
            return Job(job, JobState.SUCCEEDED, outputs=(Output(error.url),), charged_micro_usd=charged)
        if content is None:
            return Job(job, JobState.RUNNING)
        answered = replace(content, vendor_id=job, charged_micro_usd=charged)
        kept = await self._shelf.put(_key(job), None, answered)
        return replace(kept, id=job)


def _key(job: JobId) -> str:
    """Under which a clip lies on the shelf."""
    return f"interaction {job}"
