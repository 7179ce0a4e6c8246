"""The built-in voice: espeak-ng says each shot's words, on this machine, for nothing. It is a scratch voice and is called one.

Its package is an extra, because it is under the GPL-3.0. Where it is missing there is no card, and `why_absent` says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Job, Kind, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import ProviderError, RenderError
from reelwright.media import front
from reelwright.media.facts import Spoken
from reelwright.media.scratch_voice import WHY_ABSENT, is_available
from reelwright.ports import Attachments, Workshop
from reelwright.providers import load_cards
from reelwright.providers.local import Format, LocalJobs, Made, Work

NAME = "espeak"
_FORMATS = {Kind.VOICE: Format("wav", "audio/wav")}


def provider(workshop: Workshop) -> Espeak:
    """The entry point."""
    return Espeak(workshop)


class Espeak:
    """Speaks a shot's words (`espeak:scratch`), in the voice of the film's language."""

    def __init__(self, workshop: Workshop) -> None:
        """Starts nothing yet."""
        self._workshop = workshop
        self._cards = load_cards(NAME) if is_available() else ()
        self._jobs = LocalJobs(NAME, workshop.folder, _FORMATS, self._make)

    @property
    def name(self) -> str:
        """`espeak`."""
        return NAME

    @property
    def why_absent(self) -> str:
        """Why there is no voice, in a sentence; empty where there is one."""
        return "" if self._cards else WHY_ABSENT

    @property
    def account(self) -> str:
        """None: it works on this machine."""
        return ""

    @property
    def trusted_origins(self) -> frozenset[str]:
        """Its own loopback server, once that has handed out a URL."""
        return self._jobs.trusted_origins

    def cards(self) -> Sequence[ModelCard]:
        """One voice, or none."""
        return self._cards

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """Writes the job down and starts it; the same intent is the same job.

        Raises:
            NotSubmitted: the folder could not be written; nothing was started.
            ProviderError: espeak-ng is not installed, it was asked for something else than a voice, or the intent was
                used for another request.
        """
        if not self._cards:
            raise ProviderError(WHY_ABSENT)
        if not any(card.model == request.model and card.kind == request.kind for card in self._cards):
            known = ", ".join(card.model for card in self._cards)
            msg = f"The scratch voice is {known} and makes voices, not {request.model} ({request.kind})."
            raise ProviderError(msg)
        return await self._jobs.submit(request, intent=intent, attachments=attachments)

    async def poll(self, job: JobId) -> Job:
        """Where the job stands. A job that a stopped process left unfinished starts again.

        Raises:
            JobUnknown: there is no such job (any more).
        """
        return await self._jobs.poll(job)

    async def cancel(self, job: JobId) -> None:
        """Stops the work; does nothing when it has ended or was never known."""
        await self._jobs.cancel(job)

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        """The job that this intent made, by its record."""
        return await self._jobs.find(request, intent=intent, since=since)

    async def aclose(self) -> None:
        """Stops work and server. Unfinished jobs start again when they are next asked for."""
        await self._jobs.aclose()

    async def _make(self, work: Work) -> Made:
        request = work.request
        made = await self._workshop.media(front.speak, request.prompt, request.language, request.seconds, work.target)
        if not isinstance(made, Spoken):
            msg = "The worker answered something else than a voice."
            raise RenderError(msg)
        return made
