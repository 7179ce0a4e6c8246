"""fal's simulator with our adapter before it, for its tests."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, cast

from jsonschema import Draft7Validator
from PIL import Image

from reelwright.domain.generation import Job, JobState, Kind, ModelRef, Request
from reelwright.domain.ids import AssetId, IntentKey
from reelwright.media.workers import Workers
from reelwright.ports import Workshop
from reelwright.providers.fal import Fal, provider
from reelwright.testing.simulators import fal as simulated
from reelwright.testing.simulators.behaviour import Behaviour, Phase, Trouble
from reelwright.testing.simulators.serving import serving

KEY = "the-right-id:and-secret-0123456789"
SMALL, LARGE, BROKEN = AssetId("small"), AssetId("large"), AssetId("broken")
FRAME = Request(Kind.FRAME, ModelRef("fal:fal-ai/flux/schnell"), "A night train.", shape="landscape_16_9")
CLIP = Request(
    *(Kind.CLIP, ModelRef("fal:fal-ai/kling-video/v2.5-turbo/pro/image-to-video"), "The train rolls on."),
    seconds=Fraction(5),
    picture=SMALL,
)


class Pictures:
    """A small and a large picture."""

    async def read(self, asset: AssetId) -> bytes:
        if asset == BROKEN:
            return b"no picture"
        size = {SMALL: (64, 36), LARGE: (1920, 1080)}[asset]
        noise = Random(1).randbytes(size[0] * size[1] * 3)
        file = io.BytesIO()
        Image.frombytes("RGB", size, noise).save(file, format="PNG")
        return file.getvalue()


@dataclass
class Met:
    """The adapter, and the vendor behind it."""

    studio: Fal
    vendor: simulated.Fal
    environment: dict[str, str]
    workshop: Workshop

    @property
    def submits(self) -> int:
        return int(self.vendor.ledger()["submits"])

    @property
    def posts(self) -> list[Any]:
        """The requests that could pay."""
        return [each for each in self.vendor.exchanges if each.method == "POST"]

    @property
    def input(self) -> Any:
        """What the last one asked for, once it is held against the model's own schema."""
        last = self.posts[-1]
        assert is_legal(last.path.removeprefix("/"), last.body)
        return last.body

    def meet(self, phase: Phase, *troubles: Trouble) -> None:
        self.vendor.desk.behaviour.script.setdefault(phase, []).extend(troubles)

    async def submit(self, request: Request) -> Job:
        return await self.studio.submit(request, intent=IntentKey("one"), attachments=Pictures())

    async def ended(self, job: Job) -> Job:
        async with asyncio.timeout(60):
            while job.state is JobState.RUNNING:
                await asyncio.sleep(0.02)
                job = await self.studio.poll(job.id)
        return job


def is_legal(model: str, value: dict[str, Any]) -> bool:
    """Whether the vendor's schema allows the input."""
    validator: Any = Draft7Validator(simulated.MODELS[model]["Input"])
    return bool(validator.is_valid(value))


@asynccontextmanager
async def opened(
    folder: Path, *, make: Callable[[Workshop], Fal] = provider, webhook: str = "", **knobs: Any
) -> AsyncGenerator[Met]:
    """Brings the two together inside the block."""
    settings = {"key": KEY, "frame_seconds": (0.05, 0.06), "clip_seconds": (0.05, 0.06), "concurrency": 50, **knobs}
    behaviour = Behaviour.model_validate(settings)
    async with serving(["fal"], folder, behaviours={"fal": behaviour}) as service:
        workers, environment = Workers(1), service.environment
        workshop = Workshop(folder, environment, workers.run, cards=folder / "own.toml", webhook_url=webhook)
        studio = make(workshop)
        yield Met(studio, cast("simulated.Fal", service["fal"]), environment, workshop)
        await studio.aclose()
        await workers.aclose()
