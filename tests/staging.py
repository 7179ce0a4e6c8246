"""A studio on this machine with a simulated vendor to pay: real database, real store, real media, real HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from databases import put_sqlite
from reelwright.bootstrap import Studio, open_studio
from reelwright.config import Settings
from reelwright.domain.event import Event, EventName
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import CampaignId, ProductionId, ShotId, TakeId
from reelwright.domain.production import Models, Production
from reelwright.domain.take import Take, TakeState
from reelwright.services.briefs import read_brief
from reelwright.testing.vendor import Knobs, Vendor, serve
from reelwright.workflows.production import Services

DOLLAR = 1_000_000
TEXT = ModelRef("template:plain")


class VendorThread:
    """The simulated vendor in a thread of its own, so that a studio that stops does not touch it."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.state = Vendor(folder, Knobs(frame_seconds=0.05, clip_seconds=0.05))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runner, self.port = asyncio.run_coroutine_threadsafe(serve(self.state, port), self._loop).result(10)
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def submits(self) -> dict[str, int]:
        """How often each reference was really submitted."""
        return dict(self.state.submits)

    def turn(self, **knobs: object) -> None:
        """Makes it misbehave."""
        self.state.knobs = Knobs.model_validate({**self.state.knobs.model_dump(), **knobs})

    def close(self) -> None:
        """Stops it."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass
class Run:
    """One production that no engine works on: a test takes its steps itself."""

    studio: Studio
    campaign: CampaignId
    production: ProductionId
    shots: list[ShotId]

    @property
    def steps(self) -> Services:
        """What the workflows call."""
        return self.studio.engine.services

    async def ask(self, kind: Kind = Kind.FRAME, shot: int = 1, number: int = 1) -> TakeId:
        return await self.steps.shots.ask(self.production, self.shots[shot - 1], kind, number)

    async def make(self, take: TakeId) -> Take:
        await self.steps.submits.submit(take)
        await self.steps.harvests.harvest(take)
        return await self.steps.takes.get(take)

    async def take(self, take: TakeId) -> Take:
        return await self.steps.takes.get(take)

    async def submitted(self, take: TakeId) -> None:
        """Waits until the take's receipt is there."""
        while (await self.take(take)).state in {TakeState.PLANNED, TakeState.SUBMITTING}:
            await asyncio.sleep(0.01)

    async def events(self, *names: EventName) -> list[Event]:
        found = await self.studio.campaigns.events_after(self.campaign, 0)
        return [event for event in found if not names or event.name in names]

    async def notices(self) -> list[str]:
        return [str(event.facts["text"]) for event in await self.events(EventName.NOTICE_GIVEN)]

    def stored(self) -> list[Path]:
        """Every file in the store that is no one's side-car, and every temporary one."""
        root = self.studio.settings.home / "storage"
        visible = [path for path in root.rglob("*") if path.is_file() and ".reelwright" not in path.parts]
        return visible + list((root / ".reelwright" / "tmp").iterdir())

    async def ended(self, seconds: float = 60) -> Production:
        """Waits until the engine is done with the production."""
        async with asyncio.timeout(seconds):
            while not (run := await self.studio.productions.get(self.production)).state.is_ended:
                await asyncio.sleep(0.05)
        return run


@dataclass
class Stage:
    """Opens studios on one data folder and starts productions in them."""

    home: Path
    vendor: VendorThread
    database_url: str = ""
    opened: list[Studio] = field(default_factory=list[Studio])

    def open(self, **settings: object) -> Studio:
        if not self.database_url:
            put_sqlite(self.home / "reelwright.sqlite")
        values = {"home": self.home, "database_url": self.database_url, "workers": 2, **settings}
        studio = open_studio(Settings.model_validate(values))
        self.opened.append(studio)
        return studio

    async def campaign(self, studio: Studio, *, shots: int = 1, seconds: int = 0, cap: int | None = 20 * DOLLAR) -> CampaignId:
        fields = {"shots": shots, "seconds": seconds or max(2, shots), "ratio": "1:1", "captions": "soft", "voice_over": False}
        return await studio.campaigns.create(read_brief("A lamp called Ember that wakes you", fields), cap)

    async def begin(
        self, account: str = "simkey", *, shots: int = 1, cap: int | None = 20 * DOLLAR, studio: Studio | None = None
    ) -> Run:
        """A production whose storyboard is written and whose takes nobody has asked for."""
        studio = studio or self.open()
        campaign = await self.campaign(studio, shots=shots, cap=cap)
        return await self.production(studio, campaign, account)

    async def production(self, studio: Studio, campaign: CampaignId, account: str = "simkey") -> Run:
        """One more production of a campaign, up to its storyboard."""
        production = await studio.productions.start(campaign, models_of(account))
        steps = studio.engine.services
        await steps.concepts.write(production)
        await steps.concepts.select(production)
        return Run(studio, campaign, production, await steps.storyboards.write(production))

    async def close(self) -> None:
        for studio in self.opened:
            await studio.close()
        self.opened.clear()


def models_of(account: str) -> Models:
    return Models(TEXT, ModelRef(f"{account}:frame"), ModelRef(f"{account}:clip"), None)


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VendorThread]:
    """The vendor, and its address in the environment."""
    folder = tmp_path / "vendor"
    folder.mkdir()
    made = VendorThread(folder)
    monkeypatch.setenv("SIMULATED_URL", made.url)
    monkeypatch.setenv("SIMULATED_POLL_EVERY", "1/20")
    yield made
    made.close()


@pytest.fixture
async def stage(tmp_path: Path, vendor: VendorThread) -> AsyncIterator[Stage]:
    """On SQLite and a folder."""
    made = Stage(tmp_path / "home", vendor)
    yield made
    await made.close()


@pytest.fixture
async def both(tmp_path: Path, vendor: VendorThread, database_url: str) -> AsyncIterator[Stage]:
    """On either database."""
    made = Stage(tmp_path / "home", vendor, database_url)
    yield made
    await made.close()


@asynccontextmanager
async def working(studio: Studio) -> AsyncGenerator[None]:
    """The engine runs inside the block."""
    assert await studio.lead()
    try:
        yield
    finally:
        await studio.close()


async def eventually(is_true: Callable[[], object], seconds: float = 60) -> None:
    """Waits until something of another thread is so."""
    async with asyncio.timeout(seconds):
        while not is_true():
            await asyncio.sleep(0.01)
