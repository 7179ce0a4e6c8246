"""The counterpart of a provider under test: its vendor or what stands in for it, and the two of them brought together.

`contract` says what must hold; this file submits, waits, fetches and counts for it, as the studio would.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

from reelwright.domain.card import ModelCard, Takes
from reelwright.domain.generation import Job, JobState, Kind, Request, provider_of
from reelwright.domain.ids import AssetId, IntentKey, JobId
from reelwright.domain.timing import Size
from reelwright.errors import NotFound, NotSubmitted, ProviderError, StorageError, Throttled
from reelwright.media.probe import probe
from reelwright.media.workers import Workers
from reelwright.net import Net
from reelwright.ports import Guarded, Provider, Workshop
from reelwright.testing.simulators.behaviour import Phase, Trouble
from reelwright.testing.simulators.media import make

Maker: TypeAlias = Callable[[Workshop], Provider]
"""What a provider's entry point names."""
PICTURE = AssetId("asset_first_frame")
"""The picture from which a clip starts."""
_PROMPTS = {
    Kind.FRAME: "A night train on a stone bridge, lit windows, fog.",
    Kind.CLIP: "The train rolls on, the camera follows it slowly.",
    Kind.VOICE: "Good coffee takes ten minutes.",
}
_SECONDS = Fraction(2)
_LOOK = 0.05
"""Seconds between two looks at a job; a counterpart is fast."""
_PATIENCE = 60.0
"""Seconds that a job may take."""
_LARGEST = 256 << 20
_NEAR = 0.05
"""Part by which an output's shape may differ from what was asked for: vendors round to whole blocks of pixels."""
_LENGTH_NEAR = Fraction(1, 2)
"""Seconds by which a clip's length may."""
_MEDIA = {Kind.FRAME: "image", Kind.CLIP: "video", Kind.VOICE: "audio"}


def _free() -> int:
    return 0


def _steadfast(phase: Phase, trouble: Trouble) -> None:
    msg = f"This counterpart cannot be made to meet {phase.value} with {trouble.value}."
    raise NotImplementedError(msg)


@dataclass(frozen=True)
class Counterpart:
    """What a provider talks to, and how a test looks at its other side."""

    environment: Mapping[str, str]
    """The variables that lead the provider there, with a good key."""
    submits: Callable[[], int]
    """How many jobs it has accepted, by its own count."""
    charged: Callable[[], int] = _free
    """What it has taken for them, in micro-dollars."""
    meet: Callable[[Phase, Trouble], None] = _steadfast
    """What the next one of that phase meets with."""


class Pictures:
    """Attachments: every asset is one small picture."""

    def __init__(self, folder: Path) -> None:
        """`folder` keeps the picture."""
        self._folder = folder
        self.is_broken = False
        """Whether the store fails to give it."""

    async def read(self, asset: AssetId) -> bytes:
        """The picture.

        Raises:
            NotFound: the asset is another one.
            StorageError: the store is broken.
        """
        if asset != PICTURE:
            msg = f"There is no asset {asset}."
            raise NotFound(msg)
        if self.is_broken:
            msg = "The store does not answer."
            raise StorageError(msg)
        return await asyncio.to_thread(lambda: make(Kind.FRAME, Size(640, 360), 0, "first frame", self._folder).read_bytes())


def installed(entry_point: str) -> Maker:
    """What makes the provider of that name, as the studio finds it.

    Raises:
        LookupError: no installed package has that entry point.
    """
    named = [point for point in entry_points(group="reelwright.providers") if point.name == entry_point]
    if not named:
        msg = f"No installed package has a provider {entry_point!r}: is yours installed, with its entry point?"
        raise LookupError(msg)
    return named[0].load()


@dataclass
class Meeting:
    """A provider and its vendor."""

    vendor: Counterpart
    environment: dict[str, str]
    """The provider reads it at each use, so what is changed here counts from the next one on."""
    pictures: Pictures
    open: Callable[[], Provider]
    """Another one of the same provider on the same folder, as after a restart."""
    provider: Provider = field(init=False)

    def __post_init__(self) -> None:
        self.provider = self.open()

    @staticmethod
    @asynccontextmanager
    async def opened(make: Maker, vendor: Counterpart, folder: Path) -> AsyncGenerator[Meeting]:
        """Brings them together inside the block; `folder` is a test's own."""
        environment, workers, opened = dict(vendor.environment), Workers(1), list[Provider]()
        workshop = Workshop(folder=folder / "provider", environment=environment, media=workers.run)
        workshop.folder.mkdir(exist_ok=True)

        def open_one() -> Provider:
            opened.append(make(workshop))
            return opened[-1]

        try:
            yield Meeting(vendor, environment, Pictures(folder), open_one)
        finally:
            for provider in opened:
                await provider.aclose()
            await workers.aclose()

    def card(self, request: Request) -> ModelCard:
        """The card of the model that is asked."""
        return next(card for card in self.provider.cards() if card.model == request.model and card.kind is request.kind)

    async def submit(self, request: Request, intent: IntentKey | None = None) -> Job:
        """Submits once; under an intent of its own unless one is given."""
        return await self.provider.submit(request, intent=intent or new_intent(), attachments=self.pictures)

    async def looked(self, job: JobId, *may_raise: type[ProviderError]) -> Job | None:
        """What one poll answers; None where it raises one of those."""
        try:
            return await self.provider.poll(job)
        except may_raise:
            return None

    async def ended(self, job: Job) -> Job:
        """Polls until the job has ended, as patiently as the studio."""
        async with asyncio.timeout(_PATIENCE):
            while job.state is JobState.RUNNING:
                await asyncio.sleep(_LOOK)
                job = await self.looked(job.id, NotSubmitted, Throttled) or job
        return job

    def settled(self, request: Request, job: Job) -> int:
        """What the studio writes down for an ended job, in micro-dollars: the vendor's own figure, else the card's price."""
        if job.charged_micro_usd is not None:
            return job.charged_micro_usd
        is_paid = job.failure is None or job.failure.is_charged
        return self.card(request).quote(request.seconds, request.prompt) if is_paid else 0

    async def assert_kept(self, request: Request, job: Job, provider: Provider | None = None) -> None:
        """Fetches what the job made, as the studio does, and holds it against what was asked for."""
        provider = provider or self.provider
        assert job.outputs
        output = job.outputs[0]

        async def refresh() -> str:
            return (await provider.poll(job.id)).outputs[0].url

        net = Net()
        try:
            origins = lambda: provider.trusted_origins  # noqa: E731 - read at every connection
            headers = provider.permission if isinstance(provider, Guarded) else None
            async with net.download(
                output.url, refresh=refresh, headers=headers, limit=_LARGEST, trusted_origins=origins
            ) as download:
                content = b"".join([chunk async for chunk in download])
        finally:
            await net.aclose()
        await asyncio.to_thread(_assert_is, request, content, output.media_type)
        assert output.size in {None, len(content)}


def _assert_is(request: Request, content: bytes, media_type: str) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        found = probe(file.name)
    assert found.kind == _MEDIA[request.kind]
    assert media_type.partition("/")[0] in {"", "application", found.kind}
    if found.size is not None:
        shape, asked = found.size.width / found.size.height, request.size.width / request.size.height
        assert abs(shape / asked - 1) < _NEAR, f"{found.size} was made where {request.size} was asked for"
    if request.kind is Kind.CLIP:
        assert found.seconds is not None
        assert abs(found.seconds - request.seconds) <= _LENGTH_NEAR


def new_intent() -> IntentKey:
    """An intent that nobody has used, in the studio's form."""
    return IntentKey(f"production_{uuid4().hex}/shot-01/clip/1")


def request_for(card: ModelCard) -> Request:
    """The simplest request that the card allows: its first shape, its shortest length, a picture where it takes one."""
    is_clip = card.kind is Kind.CLIP
    takes_picture = card.first_frame is Takes.MUST or (is_clip and card.first_frame is Takes.MAY)
    shape = card.shapes[0] if card.shapes else None
    return Request(
        kind=card.kind,
        model=card.model,
        prompt=_PROMPTS[card.kind],
        size=shape.size if shape else Size(1280, 720),
        shape=shape.value if shape else "",
        seconds=(card.lengths[0] if card.lengths else card.shortest) or _SECONDS,
        picture=PICTURE if takes_picture else None,
        last_picture=PICTURE if card.last_frame is Takes.MUST else None,
    )


def assert_sound(card: ModelCard, provider: str) -> None:
    """Holds a card against what every card must be; `provider` is whose it is."""
    assert provider_of(card.model) == provider
    assert card.model.partition(":")[2]
    assert card.label
    prices = (card.micro_usd, card.micro_usd_per_second, card.micro_usd_per_thousand, *card.micro_usd_by_seconds.values())
    assert all(isinstance(price, int) and price >= 0 for price in prices)
    assert card.concurrency >= 1
    assert min(card.per_minute, card.prompt_limit, card.references) >= 0
    assert card.poll_every > 0
    assert card.deadline > 0
    assert list(card.lengths) == sorted(set(card.lengths))
    assert all(length > 0 for length in card.lengths)
    assert 0 <= card.shortest <= (card.longest or card.shortest)
    assert set(card.micro_usd_by_seconds) <= set(card.lengths)
    assert len({shape.value for shape in card.shapes}) == len(card.shapes)
    assert all(shape.value and min(shape.size) > 0 for shape in card.shapes)
    if card.is_paid:
        assert card.source
        assert date.fromisoformat(card.checked_on)
    if card.retired_on:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", card.retired_on)
        assert date.fromisoformat(card.retired_on)
