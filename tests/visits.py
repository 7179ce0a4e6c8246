"""A visit to a simulated vendor: its adapter, its simulator, and pictures to show it."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image

from reelwright.domain.card import ModelCard, Shape
from reelwright.domain.generation import Job, JobState, Kind, ModelRef, Request
from reelwright.domain.ids import AssetId, IntentKey
from reelwright.domain.timing import Size
from reelwright.errors import NotFound, NotSubmitted, StorageError, Throttled
from reelwright.media.workers import Workers
from reelwright.ports import Provider, Workshop
from reelwright.testing.simulators.behaviour import Behaviour, Phase, Trouble
from reelwright.testing.simulators.serving import serving
from reelwright.testing.simulators.simulator import Exchange, Simulator

SMALL, HUGE, GIF, BROKEN, LOST, AWAY = map(AssetId, ("small", "huge", "gif", "broken", "lost", "away"))
QUICK = Behaviour(frame_seconds=(0.05, 0.05), clip_seconds=(0.05, 0.05))


def drawn(size: tuple[int, int], kind: str, *, noise: bool = False) -> bytes:
    """A picture; with noise one that hardly gets smaller."""
    made = io.BytesIO()
    picture = Image.new("RGB", size, (200, 80, 40))
    if noise:
        picture = Image.frombytes("RGB", size, random.Random(7).randbytes(size[0] * size[1] * 3))
    picture.save(made, kind)
    return made.getvalue()


class Album:
    """Attachments: good pictures, odd ones, and two that cannot be had."""

    async def read(self, asset: AssetId) -> bytes:
        match asset:
            case "small":
                return drawn((320, 180), "PNG")
            case "huge":
                return await asyncio.to_thread(drawn, (1600, 1200), "PNG", noise=True)
            case "gif":
                return drawn((320, 180), "GIF")
            case "broken":
                return b"GIF89a and nothing more"
            case "away":
                msg = "The store does not answer."
                raise StorageError(msg)
            case _:
                msg = f"There is no asset {asset}."
                raise NotFound(msg)


@dataclass
class Visit:
    """An adapter and its simulator."""

    vendor: Simulator
    provider: Provider
    environment: dict[str, str]
    workshop: Workshop
    make: Callable[[Workshop], Provider]
    album: Album = field(default_factory=Album)

    def meet(self, phase: Phase, *troubles: Trouble) -> None:
        """What the next ones of that phase meet with."""
        self.vendor.desk.behaviour.script.setdefault(phase, []).extend(troubles)

    def card(self, model: str) -> ModelCard:
        return next(card for card in self.provider.cards() if card.model == model)

    def request(self, model: str, **changes: Any) -> Request:
        """The first shape and the shortest length of the model."""
        card = self.card(model)
        shape = card.shapes[0] if card.shapes else Shape("", Size(1280, 720))
        seconds = (card.lengths[0] if card.lengths else card.shortest) if card.kind is Kind.CLIP else Fraction(0)
        facts: dict[str, Any] = {"prompt": "A train on a bridge.", "shape": shape.value, "size": shape.size, "seconds": seconds}
        return Request(kind=card.kind, model=ModelRef(model), **{**facts, **changes})

    async def submit(self, model: str, **changes: Any) -> Job:
        request = self.request(model, **changes)
        return await self.provider.submit(request, intent=IntentKey(uuid4().hex), attachments=self.album)

    async def ended(self, job: Job) -> Job:
        async with asyncio.timeout(60):
            while job.state is JobState.RUNNING:
                await asyncio.sleep(0.02)
                try:
                    job = await self.provider.poll(job.id)
                except (NotSubmitted, Throttled):
                    continue
        return job

    @property
    def submits(self) -> int:
        """How many jobs the vendor has accepted."""
        return len(self.vendor.desk.all())

    @property
    def charged(self) -> int:
        """What it took, by its own ledger."""
        return int(self.vendor.ledger()["charged_micro_usd"])

    def sent(self, method: str = "POST") -> list[Exchange]:
        """Every request of that method, with its answer."""
        return [exchange for exchange in self.vendor.exchanges if exchange.method == method]

    @property
    def body(self) -> dict[str, Any]:
        """What was posted last."""
        return self.sent()[-1].body


@asynccontextmanager
async def visiting(name: str, make: Callable[[Workshop], Provider], folder: Path, **behaviour: object) -> AsyncGenerator[Visit]:
    """A vendor's simulator, and its adapter on it, inside the block."""
    behaves = Behaviour.model_validate({**QUICK.model_dump(), **behaviour})
    workers = Workers(1)
    async with serving([name], folder, behaviours={name: behaves}) as service:
        environment = dict(service.environment)
        workshop = Workshop(folder=folder, environment=environment, media=workers.run)
        visit = Visit(service[name], make(workshop), environment, workshop, make)
        try:
            yield visit
        finally:
            await visit.provider.aclose()
            await workers.aclose()


def told(exchanges: list[Exchange]) -> Mapping[int, int]:
    """How many answers there were of each status."""
    counts: dict[int, int] = {}
    for exchange in exchanges:
        counts[exchange.status] = counts.get(exchange.status, 0) + 1
    return counts
