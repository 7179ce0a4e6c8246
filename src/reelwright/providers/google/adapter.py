"""The provider `google`."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from reelwright.domain.generation import Job, JobState, Kind, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import InDoubt, InputRefused, JobUnknown, NotSubmitted
from reelwright.net import redact
from reelwright.net.clients import Clients
from reelwright.net.guard import origin_of, parse
from reelwright.net.sdk import asked
from reelwright.ports import Attachments, Workshop
from reelwright.providers.google.client import Client
from reelwright.providers.google.clips import failed, filmed, lying_at, taken, unfinished
from reelwright.providers.google.pictures import drawn
from reelwright.providers.kit import Account, Vendor, pasted, picture_for
from reelwright.providers.local import Answered, Shelf

NAME = "google"
_BASE_URL = "https://generativelanguage.googleapis.com"
_PICTURE_BYTES = 7_000_000
"""A whole request with its pictures may have 20 MB as text, and there are two at most."""
_JOB = re.compile(r"[\w.-]{1,400}")


def provider(workshop: Workshop) -> Google:
    """The entry point."""
    return Google(workshop)


class Google(Vendor):
    """Gemini and Omni. Google has no list of what they made: an answer that was lost on its way stays in doubt."""

    def __init__(self, workshop: Workshop) -> None:
        """Connects to nothing yet."""
        names = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
        super().__init__(NAME, Account("Google", workshop, names, "GOOGLE_GEMINI_BASE_URL", _BASE_URL))
        self._shelf = Shelf(NAME, workshop.folder)
        self._clients = Clients(Client)

    @property
    def trusted_origins(self) -> frozenset[str]:
        """The shelf's loopback server too, once that has handed out a URL."""
        return super().trusted_origins | self._shelf.trusted_origins

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
        card = self._card(request)
        client = await self._client()
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
        known = pasted(job, _JOB, "Google has no interaction")
        return await self._shelf.find(_key(known)) or await self._looked(known)

    async def cancel(self, job: JobId) -> None:
        """Asks Google to stop an interaction that has not ended. A picture has ended when it has an id."""
        if self._shelf.owns(job):
            return
        try:
            found = await self.poll(job)
            if found.state is JobState.RUNNING:
                client = await self._client()
                await asked(client.ask.interactions.cancel(found.id), pays=False)
        except (JobUnknown, InputRefused, InDoubt):
            return  # it has just ended, or Google will say at the next poll what became of it

    async def recall(self, request: Request, *, intent: IntentKey) -> Job | None:
        """The picture of this intent, if its answer reached the shelf."""
        return await self._shelf.find(intent, request)

    def permission(self, url: str) -> Mapping[str, str]:
        """The key, where Google's own file service has the clip.

        Raises:
            KeyRefused: there is no key.
        """
        return {"x-goog-api-key": self._account.key} if origin_of(parse(url)) in self._account.origins else {}

    async def aclose(self) -> None:
        """Closes the running loop's connections and the shelf."""
        await self._clients.aclose()
        await self._shelf.aclose()

    async def _client(self) -> Client:
        return await self._clients.get(self._account.key, self._account.base)

    async def _looked(self, job: JobId) -> Job:
        client = await self._client()
        interaction = await asked(client.ask.interactions.get(job), pays=False)
        job = JobId(interaction.id or job)  # as Google writes it, whatever a person has typed
        model = str(interaction.model or "")
        card = next((card for card in self._cards if card.model == f"{NAME}:{model}"), None)
        charged = taken(interaction, card) if card else None
        if interaction.status != "completed":
            return unfinished(job, interaction, charged)
        video = interaction.output_video
        if video is None or not (video.data or video.uri):
            told = redact(interaction.output_text or "") or "Google says that it is done, and has no clip."
            return Job(job, JobState.FAILED, failure=failed(told, is_charged=bool(charged)), charged_micro_usd=charged or 0)
        if video.data:
            return await self._kept(job, str(video.data), charged)
        outputs = await asked(lying_at(client, str(video.uri)), pays=False)
        if not outputs:
            return Job(job, JobState.RUNNING)
        return Job(job, JobState.SUCCEEDED, outputs=outputs, charged_micro_usd=charged)

    async def _kept(self, job: JobId, content: str, charged: int | None) -> Job:
        """A clip that came inside the answer, although it was asked for as a file."""
        try:
            answered = Answered.of(Kind.CLIP, base64.b64decode(content), vendor_id=job, charged_micro_usd=charged)
        except ValueError as error:
            msg = f"Google's answer was not understood: {error}."
            raise NotSubmitted(msg) from error
        return await self._shelf.put(_key(job), None, answered, name=job)


def _key(job: JobId) -> str:
    """Under which a clip lies on the shelf."""
    return f"interaction {job}"
