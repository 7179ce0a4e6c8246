"""Plug-ins: the providers and writers that are installed, found by entry point, each with a workshop of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

import structlog

from reelwright.media.workers import Workers
from reelwright.net import redact
from reelwright.ports import Provider, Workshop, Writer
from reelwright.services.catalogue import Catalogue

PROVIDERS = "reelwright.providers"
WRITERS = "reelwright.writers"
_log = structlog.get_logger()


@dataclass(frozen=True)
class Plugins:
    """What a workshop is made of."""

    home: Path
    """The data folder."""
    public_url: str
    environment: Mapping[str, str]
    workers: Workers
    now: Callable[[], datetime]

    def load(self) -> Catalogue:
        """Every provider and writer that is installed. One that does not load is left out, and told."""
        providers: list[Provider] = []
        writers: dict[str, Callable[[str], Writer]] = {}
        broken: dict[str, str] = {}
        for group in (PROVIDERS, WRITERS):
            for point in entry_points(group=group):
                workshop = self._workshop(point.name)
                try:
                    made = point.load()
                    if group == PROVIDERS:
                        providers.append(made(workshop))
                    else:
                        writers[point.name] = partial(made, workshop)
                except Exception as error:  # noqa: BLE001 - somebody else's code: one bad plug-in must not stop the others
                    _log.warning("plugin.broken", group=group, name=point.name, exc_info=True)
                    broken[point.name] = redact(f"{type(error).__name__}: {error}")
        return Catalogue(providers, writers, broken, now=self.now)

    def _workshop(self, name: str) -> Workshop:
        folder = self.home / "providers" / name
        folder.mkdir(parents=True, exist_ok=True)
        return Workshop(
            folder=folder,
            environment=self.environment,
            media=self.workers.run,
            cards=self.home / "cards" / f"{name}.toml",
            webhook_url=f"{self.public_url.rstrip('/')}/webhooks/{name}" if self.public_url else "",
        )
