"""The seams: what a provider of media and a writer of text must be able to do.

A vendor is one file and one entry point (`reelwright.providers` or `reelwright.writers`); nothing imports it by name. A
provider's entry point names a callable that takes a `Workshop`; a writer's takes a `Workshop` and what follows the colon.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from reelwright.domain.brief import Brief
from reelwright.domain.concept import Concept
from reelwright.domain.generation import Job, ModelCard, ModelRef, Request
from reelwright.domain.ids import AssetId, IntentKey, JobId
from reelwright.domain.storyboard import Storyboard


class Attachments(Protocol):
    """How a provider gets at the pictures that a request names."""

    async def read(self, asset: AssetId) -> bytes:
        """The whole picture, verified against its recorded SHA-256.

        Raises:
            NotFound: there is no such asset.
            StorageError: the store does not give it, or gives other bytes.
        """
        ...


class Provider(Protocol):
    """Makes frames, clips or voices. Only `submit` can cost money."""

    @property
    def name(self) -> str:
        """The part of a model reference before the colon."""
        ...

    @property
    def trusted_origins(self) -> frozenset[str]:
        """Origins (`http://127.0.0.1:4711`) inside a private network from which this provider hands out its outputs."""
        ...

    def cards(self) -> Sequence[ModelCard]:
        """The models on offer."""
        ...

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """Sends one request, exactly once, and returns the receipt. This pays.

        Raises:
            NotSubmitted: it provably never arrived.
            Throttled: the vendor accepted nothing and asks to wait.
            ProviderError: the vendor refused it.
            InDoubt: it may have arrived.
        """
        ...

    async def poll(self, job: JobId) -> Job:
        """Where the job stands; asking is free. Output URLs are as fresh as the vendor makes them.

        Raises:
            NotSubmitted: the vendor could not be reached; ask again.
            ProviderError: the vendor does not know the job any more.
        """
        ...

    async def cancel(self, job: JobId) -> None:
        """Asks the vendor to stop; does nothing where the vendor cannot, or when it has ended."""
        ...

    async def aclose(self) -> None:
        """Gives connections and processes back."""
        ...


@runtime_checkable
class Findable(Protocol):
    """A provider whose jobs can be found again without their id: settles a submit whose answer was lost."""

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        """The job that this intent made at or after `since`, or None when the vendor surely has none."""
        ...


T = TypeVar("T")


@dataclass(frozen=True)
class Written(Generic[T]):
    """A text with who wrote it and what it cost."""

    value: T
    writer: ModelRef
    """Who really wrote it."""
    notice: str = ""
    """What the person should know: a template wrote it, or a model failed and the template stood in."""
    charged_micro_usd: int = 0


class Writer(Protocol):
    """Writes concepts and storyboards out of a brief."""

    @property
    def model(self) -> ModelRef:
        """Who writes."""
        ...

    @property
    def quote_micro_usd(self) -> int:
        """The most that one call can cost, in micro-dollars; 0 for one that is free."""
        ...

    async def concepts(self, brief: Brief, count: int) -> Written[tuple[Concept, ...]]:
        """`count` clearly different concepts.

        Raises:
            ProviderError: the model cannot be reached, or never answered in a usable form.
        """
        ...

    async def storyboard(self, brief: Brief, concept: Concept) -> Written[Storyboard]:
        """`brief.shots` shots whose lengths add up to `brief.seconds` to the frame.

        Raises:
            ProviderError: as for `concepts`.
        """
        ...


MediaCall: TypeAlias = Callable[..., Awaitable[object]]


@dataclass(frozen=True)
class Workshop:
    """What a provider is given to work with."""

    folder: Path
    """A folder of its own inside the data folder, made before it is handed over."""
    environment: dict[str, str]
    """The process's environment: the vendors' own variables for keys and base URLs."""
    media: MediaCall
    """`await media(function, *arguments)`: runs a function of `reelwright.media` in a worker process and returns its result."""
