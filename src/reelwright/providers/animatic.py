"""The built-in provider of pictures: draws every shot's still and films it, on this machine, for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Job, Kind, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import ProviderError, RenderError
from reelwright.media import front
from reelwright.media.facts import Made as Finished
from reelwright.ports import Attachments, Workshop
from reelwright.providers import load_cards
from reelwright.providers.local import Format, LocalJobs, Made, Work

NAME = "animatic"
_FORMATS = {Kind.FRAME: Format("png", "image/png"), Kind.CLIP: Format("mp4", "video/mp4")}


def provider(workshop: Workshop) -> Animatic:
    """The entry point."""
    return Animatic(workshop)


class Animatic:
    """Draws cards (`animatic:cards`) and films stills (`animatic:camera`). Free, and the same request gives the same bytes."""

    def __init__(self, workshop: Workshop) -> None:
        """Starts nothing yet."""
        self._workshop = workshop
        self._cards = load_cards(NAME)
        self._jobs = LocalJobs(NAME, workshop.folder, _FORMATS, self._make)

    @property
    def name(self) -> str:
        """`animatic`."""
        return NAME

    @property
    def account(self) -> str:
        """None: it works on this machine."""
        return ""

    @property
    def trusted_origins(self) -> frozenset[str]:
        """Its own loopback server, once that has handed out a URL."""
        return self._jobs.trusted_origins

    def cards(self) -> Sequence[ModelCard]:
        """One model for frames, one for clips."""
        return self._cards

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """Writes the job down and starts it; the same intent is the same job.

        Raises:
            NotSubmitted: a picture could not be read, or the folder could not be written; nothing was started.
            ProviderError: it has no such model, or the intent was used for another request.
        """
        if not any(card.model == request.model and card.kind == request.kind for card in self._cards):
            known = ", ".join(f"{card.model} ({card.kind})" for card in self._cards)
            msg = f"The animatic makes {known}, not {request.model} ({request.kind})."
            raise ProviderError(msg)
        return await self._jobs.submit(request, intent=intent, attachments=attachments)

    async def poll(self, job: JobId) -> Job:
        """Where the job stands. A job that a stopped process left unfinished starts again.

        Raises:
            JobUnknown: there is no such job (any more).
        """
        return await self._jobs.poll(job)

    async def cancel(self, job: JobId) -> None:
        """Stops the work and removes what was half made; does nothing when it has ended or was never known."""
        await self._jobs.cancel(job)

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        """The job that this intent made, by its record."""
        return await self._jobs.find(request, intent=intent, since=since)

    async def aclose(self) -> None:
        """Stops work and server. Unfinished jobs start again when they are next asked for."""
        await self._jobs.aclose()

    async def _make(self, work: Work) -> Made:
        function = front.draw if work.request.kind is Kind.FRAME else front.film
        made = await self._workshop.media(
            function, work.request, work.picture, work.logo, work.target, on_progress=work.on_progress
        )
        if not isinstance(made, Finished):
            msg = "The worker answered something else than a file."
            raise RenderError(msg)
        return made
