"""The seams: what a provider of media and a writer of text must be able to do.

A vendor is one file and one entry point (`reelwright.providers` or `reelwright.writers`); nothing imports it by name. A
provider's entry point names a callable that takes a `Workshop`; a writer's takes a `Workshop` and what follows the colon.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from reelwright.domain.brief import Brief
from reelwright.domain.card import ModelCard, PromptUnit
from reelwright.domain.concept import Concept
from reelwright.domain.generation import Job, Kind, ModelRef, Request
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


@runtime_checkable
class Confirming(Protocol):
    """Attachments that know whether the request is still to be sent. Those that the studio hands over do."""

    async def confirm(self) -> None:
        """To be awaited right before the request that pays, by whoever did something before it that may take long.

        Raises:
            NotSubmitted: it must not be sent any more: a person has called it off, or another process looks after it.
        """
        ...


class Provider(Protocol):
    """Makes frames, clips or voices. Only `submit` can cost money."""

    @property
    def name(self) -> str:
        """The part of a model reference before the colon."""
        ...

    @property
    def account(self) -> str:
        """Whose money it spends, as a few characters that stay the same for one key and give nothing of it away.

        What a vendor limits, it limits for one account. Empty where there is none.
        """
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
            KeyRefused: there is no key, or the vendor does not take it.
            CreditsUsedUp: the account there is empty.
            InputRefused: the vendor does not take what was asked.
            Moderated: its rules forbid it.
            ProviderError: it refused it for another reason.
            InDoubt: it may have arrived.
        """
        ...

    async def poll(self, job: JobId) -> Job:
        """Where the job stands; asking is free. Output URLs are as fresh as the vendor makes them.

        Raises:
            NotSubmitted: the vendor could not be reached; ask again.
            Throttled: it asks to wait.
            KeyRefused: there is no key, or the vendor does not take it; the job stands all the same.
            JobUnknown: the vendor does not know the job (any more).
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


@runtime_checkable
class Recalling(Protocol):
    """A provider that writes down here what its vendor answered with, before anybody hears of it."""

    async def recall(self, request: Request, *, intent: IntentKey) -> Job | None:
        """The job that this intent made, if its answer was written down. None proves nothing: the answer may have been lost.

        Raises:
            ProviderError: what was written down cannot be read.
        """
        ...


@dataclass(frozen=True)
class Found:
    """A job in the vendor's own list."""

    job: Job
    model: str
    """As the vendor names it; empty where its list does not tell."""
    kind: Kind
    prompt: str
    at: datetime


@runtime_checkable
class Listed(Protocol):
    """A provider that tells which jobs it has: finds those of which we know nothing."""

    def jobs(self, since: datetime) -> AsyncIterator[Found]:
        """The account's jobs made at or after `since`, newest first, with outputs as fresh as the vendor makes them.

        Raises:
            NotSubmitted: the vendor could not be reached.
            ProviderError: as for `poll`.
        """
        ...


@runtime_checkable
class Guarded(Protocol):
    """A provider whose outputs lie behind its key."""

    def permission(self, url: str) -> Mapping[str, str]:
        """The headers with which an output is fetched; none for an address that is not the vendor's own.

        Raises:
            KeyRefused: there is no key.
        """
        ...


@runtime_checkable
class Hinting(Protocol):
    """A provider that calls when a job has moved. A call is a hint to poll now, and never believed further."""

    async def hint(self, headers: Mapping[str, str], body: bytes) -> JobId:
        """The job that a call is about, once its signature and its time are checked. `headers` has small letters.

        Raises:
            InvalidInput: it is not from the vendor, too old, or not understood.
        """
        ...


@runtime_checkable
class Discovering(Protocol):
    """A provider with more models than cards: it can be asked for the facts about one."""

    async def discover(self, model: ModelRef) -> ModelCard:
        """A card made of what the vendor tells about the model; its price is 0 where the vendor tells none.

        Raises:
            NotFound: the vendor has no such model.
            ProviderError: as for `poll`.
        """
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


@runtime_checkable
class Refining(Protocol):
    """A writer that can say a prompt in fewer words."""

    def refine_quote(self, prompt: str) -> int:
        """The most that one call for this prompt can cost, in micro-dollars; 0 for one that is free."""
        ...

    async def refine(self, prompt: str, limit: int, unit: PromptUnit) -> Written[str]:
        """The prompt in at most `limit` `unit`s, with its subject, action, camera and style.

        Where nobody delivers, it is the prompt as it was, and the notice says why: who asked shortens it then.

        Raises:
            ProviderError: as for `Writer.concepts`.
        """
        ...


MediaCall: TypeAlias = Callable[..., Awaitable[object]]


@dataclass(frozen=True)
class Workshop:
    """What a provider is given to work with."""

    folder: Path
    """A folder of its own inside the data folder, made before it is handed over."""
    environment: Mapping[str, str]
    """The vendors' own variables for keys and base URLs: from the process's environment, else from the keys kept in the database.
    Read at each use, because a key may be changed while the studio runs."""
    media: MediaCall
    """`await media(function, *arguments)`: runs a function of `reelwright.media` in a worker process and returns its result."""
    cards: Path | None = None
    """The person's own model cards for this provider (`cards/<provider>.toml` in the data folder); the file need not exist."""
    webhook_url: str = ""
    """Where the vendor may call when a job has moved; empty where nobody outside can reach the studio."""
