"""What the providers do alike that work on this machine, for nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Job, Kind, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import ProviderError
from reelwright.ports import Attachments, Workshop
from reelwright.providers.local.jobs import Format, LocalJobs, Made, Work


class BuiltIn(ABC):
    """All of `Provider` but for the making. Free, and the same intent is the same job."""

    def __init__(self, name: str, workshop: Workshop, cards: Sequence[ModelCard], formats: Mapping[Kind, Format]) -> None:
        """Starts nothing yet.

        Args:
            name: the part of a model reference before the colon.
            workshop: what it works with.
            cards: its models; none where something is missing on this machine.
            formats: what its outputs are, by kind.
        """
        self._name = name
        self._workshop = workshop
        self._cards = tuple(cards)
        self._jobs = LocalJobs(name, workshop.folder, formats, self._make)

    @property
    def name(self) -> str:
        """The part of a model reference before the colon."""
        return self._name

    @property
    def account(self) -> str:
        """None: it works on this machine."""
        return ""

    @property
    def trusted_origins(self) -> frozenset[str]:
        """Its own loopback server, once that has handed out a URL."""
        return self._jobs.trusted_origins

    def cards(self) -> Sequence[ModelCard]:
        """Its models."""
        return self._cards

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """Writes the job down and starts it; the same intent is the same job.

        Raises:
            NotSubmitted: a picture could not be read, or the folder could not be written; nothing was started.
            ProviderError: it has no such model, or the intent was used for another request.
        """
        if not any(card.model == request.model and card.kind == request.kind for card in self._cards):
            known = ", ".join(f"{card.model} ({card.kind})" for card in self._cards)
            msg = f"{self._name} makes {known}, not {request.model} ({request.kind})."
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

    @abstractmethod
    async def _make(self, work: Work) -> Made:
        """Makes one output, in a worker process; what it raises of our own errors is told as the job's failure."""
