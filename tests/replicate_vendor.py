"""Replicate's simulator with our adapter before it, for its tests."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, cast

from jsonschema import Draft7Validator
from PIL import Image
from replicate.client import Client

from reelwright.domain.generation import Job, JobState, Kind, ModelRef, Request
from reelwright.domain.ids import AssetId, IntentKey
from reelwright.media.workers import Workers
from reelwright.ports import Workshop
from reelwright.providers.replicate import Replicate, provider
from reelwright.testing.simulators import replicate as simulated
from reelwright.testing.simulators.behaviour import Behaviour, Phase, Trouble
from reelwright.testing.simulators.serving import serving

KEY = "r8_the-right-one-0123456789"
FRAME = Request(Kind.FRAME, ModelRef("replicate:black-forest-labs/flux-schnell"), "A night train.", shape="16:9")
CLIP = Request(Kind.CLIP, ModelRef("replicate:alibaba/wan-3"), "The train rolls on.", seconds=Fraction(5), shape="16:9")
SEEDLESS = replace(CLIP, model=ModelRef("replicate:kwaivgi/kling-v2.1-master"))
SMALL, LARGE = AssetId("small"), AssetId("large")


class Pictures:
    """A small and a large picture."""

    async def read(self, asset: AssetId) -> bytes:
        size = {SMALL: (64, 36), LARGE: (1280, 720)}[asset]
        noise = Random(1).randbytes(size[0] * size[1] * 3)
        file = io.BytesIO()
        Image.frombytes("RGB", size, noise).save(file, format="PNG")
        return file.getvalue()


@dataclass
class Met:
    """The adapter, and the vendor behind it."""

    studio: Replicate
    vendor: simulated.Replicate
    environment: dict[str, str]

    @property
    def submits(self) -> int:
        return int(self.vendor.ledger()["submits"])

    @property
    def posts(self) -> list[Any]:
        """The requests that could pay."""
        return [each for each in self.vendor.exchanges if each.method == "POST" and each.path.endswith("/predictions")]

    @property
    def input(self) -> Any:
        """What the last one asked for, once it is held against the model's own schema."""
        last = self.posts[-1]
        name = last.path.removeprefix("/v1/models/").removesuffix("/predictions") if "/models/" in last.path else ""
        model = name or next(each for each in simulated.MODELS if simulated.version_of(each) == last.body["version"])
        assert is_legal(model, last.body["input"])
        return last.body["input"]

    def meet(self, phase: Phase, *troubles: Trouble) -> None:
        self.vendor.desk.behaviour.script.setdefault(phase, []).extend(troubles)

    async def submit(self, request: Request, intent: str = "one") -> Job:
        return await self.studio.submit(request, intent=IntentKey(intent), attachments=Pictures())

    async def ended(self, job: Job) -> Job:
        async with asyncio.timeout(60):
            while job.state is JobState.RUNNING:
                await asyncio.sleep(0.02)
                job = await self.studio.poll(job.id)
        return job


def official(model: str) -> dict[str, Any]:
    """The JSON schema of a model's input, as its OpenAPI document has it; `nullable` is OpenAPI's own word."""
    schemas = deepcopy(simulated.MODELS[model]["schemas"])
    for form in schemas["Input"]["properties"].values():
        if form.get("nullable"):
            form["type"] = [form["type"], "null"]
    return {"$ref": "#/components/schemas/Input", "components": {"schemas": schemas}}


def is_legal(model: str, value: dict[str, Any]) -> bool:
    """Whether the vendor's schema allows the input."""
    validator: Any = Draft7Validator(official(model))
    return bool(validator.is_valid(value))


@asynccontextmanager
async def opened(
    folder: Path, *, make: Callable[[Workshop], Replicate] = provider, webhook: str = "", **knobs: Any
) -> AsyncGenerator[Met]:
    settings = {"key": KEY, "frame_seconds": (0.05, 0.06), "clip_seconds": (0.05, 0.06), "concurrency": 50, **knobs}
    behaviour = Behaviour.model_validate(settings)
    async with serving(["replicate"], folder, behaviours={"replicate": behaviour}) as service:
        workers, environment = Workers(1), service.environment
        studio = make(Workshop(folder, environment, workers.run, cards=folder / "own.toml", webhook_url=webhook))
        yield Met(studio, cast("simulated.Replicate", service["replicate"]), environment)
        await studio.aclose()
        await workers.aclose()


@contextmanager
def vendors_sdk(base: str, key: str = KEY) -> Generator[Client]:
    client = Client(key, base_url=base)
    try:
        yield client
    finally:  # it has no way of its own to give its connections back
        client._client.close()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def moments_ago() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=2)
