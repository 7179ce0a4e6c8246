"""A process of its own in which an adapter is used for the first time: prints what of its SDK the event loop had to import.

Called as `first_use.py PROVIDER PACKAGE MODEL... ENVIRONMENT`, the last one JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from reelwright.domain.generation import Kind, Request
from reelwright.domain.ids import AssetId, IntentKey
from reelwright.errors import NotFound
from reelwright.media.workers import Workers
from reelwright.ports import Listed, Provider, Workshop


class Watch(MetaPathFinder):
    """Notes what the main thread looks for, and finds nothing itself."""

    def __init__(self, package: str) -> None:
        self._package = package
        self.seen: list[str] = []

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if f"{fullname}.".startswith(f"{self._package}.") and threading.current_thread() is threading.main_thread():
            self.seen.append(fullname)
        return None


class Nothing:
    """Attachments of which there are none."""

    async def read(self, asset: AssetId) -> bytes:
        msg = f"There is no asset {asset}."
        raise NotFound(msg)


async def use(provider: Provider, models: list[str]) -> None:
    """Submits, polls and lists."""
    for card in (card for card in provider.cards() if card.model in models):
        shape = card.shapes[0].value if card.shapes else ""
        seconds = (card.lengths[0] if card.lengths else card.shortest) if card.kind is Kind.CLIP else Fraction(0)
        request = Request(card.kind, card.model, "A train.", shape=shape, seconds=seconds)
        job = await provider.submit(request, intent=IntentKey(card.model), attachments=Nothing())
        await asyncio.sleep(0.2)
        await provider.poll(job.id)
    if isinstance(provider, Listed):
        _ = [found async for found in provider.jobs(datetime.now(UTC))]


async def main(name: str, package: str, models: list[str], environment: dict[str, str]) -> None:
    """Uses the provider, and prints what was seen."""
    make = import_module(f"reelwright.providers.{name}").provider
    watch, workers = Watch(package), Workers(1)
    sys.meta_path.insert(0, watch)
    with tempfile.TemporaryDirectory() as folder:
        provider = make(Workshop(Path(folder), environment, workers.run))
        await use(provider, models)
        await provider.aclose()
    await workers.aclose()
    sys.stdout.write(json.dumps(watch.seen))


if __name__ == "__main__":
    _, name, package, *models, environment = sys.argv
    asyncio.run(main(name, package, models, json.loads(environment)))
