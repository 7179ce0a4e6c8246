"""A vendor's file is somebody else's code: whatever it says with a key in it, nothing of ours keeps or shows the key."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import structlog

from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.production import Models
from reelwright.domain.take import TakeState
from reelwright.errors import InDoubt
from reelwright.workflows.codec import LogCodec
from staging import TEXT, Stage, VendorThread

CANARY = "canary-7c1f0a92e6d84b35-yellow"
VARIABLE = "LEAKY_API_KEY"

LEAKY = """
from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Failure, Job, JobState, Kind, ModelRef
from reelwright.domain.ids import JobId
from reelwright.errors import InputRefused


class Leaky:
    name, account, trusted_origins = "leaky", "", frozenset()

    def __init__(self, workshop):
        self.key = workshop.environment["LEAKY_API_KEY"]

    def cards(self):
        return [
            ModelCard(ModelRef("leaky:frame"), Kind.FRAME, "", micro_usd=1),
            ModelCard(ModelRef("leaky:clip"), Kind.CLIP, "", micro_usd=1),
        ]

    async def submit(self, request, *, intent, attachments):
        if "/2" in intent:
            raise InputRefused(f"The vendor does not know {self.key}.")
        return Job(JobId("job-1"), JobState.RUNNING)

    async def poll(self, job):
        return Job(job, JobState.FAILED, failure=Failure(f"{self.key} is odd", advice=f"Change {self.key}."))

    async def cancel(self, job):
        pass

    async def aclose(self):
        pass


def provider(workshop):
    return Leaky(workshop)


def broken(workshop):
    raise ValueError(f"no account for {workshop.environment['LEAKY_API_KEY']}")
"""


@pytest.fixture
def leaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs the vendor's package, and sets its key."""
    folder = tmp_path / "installed"
    metadata = folder / "leaky-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "leaky_module.py").write_text(LEAKY)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: leaky\nVersion: 1.0\n")
    points = "leaky = leaky_module:provider\nleakier = leaky_module:broken\n"
    (metadata / "entry_points.txt").write_text(f"[reelwright.providers]\n{points}")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setenv(VARIABLE, CANARY)


@pytest.mark.usefixtures("leaky")
async def test_a_vendor_that_leaks_its_key_does_not_leak_it_further(tmp_path: Path, vendor: VendorThread) -> None:
    stage = Stage(tmp_path / "home", vendor)
    studio = stage.open()
    assert studio.catalogue.broken["leakier"] == "ValueError: no account for …"
    campaign = await stage.campaign(studio)
    model = ModelRef("leaky:frame")
    production = await studio.productions.start(campaign, Models(TEXT, model, ModelRef("leaky:clip"), None))
    steps = studio.engine.services
    await steps.concepts.write(production)
    await steps.concepts.select(production)
    [shot] = await steps.storyboards.write(production)
    reasons: list[str] = []
    for number in (1, 2):
        take = await steps.shots.ask(production, shot, Kind.FRAME, number)
        await steps.submits.submit(take)
        await steps.harvests.harvest(take)
        assert (await steps.takes.get(take)).state is TakeState.FAILED
        reasons.append((await steps.takes.outcome(take))[0])
    assert reasons[0].startswith("… is odd. Change ….")
    assert reasons[1].startswith("The vendor does not know ….")
    await studio.productions.fail(production, f"It was {CANARY} that failed.")
    structlog.get_logger("reelwright.test").warning("vendor.odd", told={"deep": [CANARY]}, text=CANARY)
    await stage.close()
    left = [path for path in stage.home.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert left == []
    assert "vendor.odd" in (stage.home / "logs" / "reelwright.jsonl").read_text()
    assert CANARY not in LogCodec().serialize({"answer": InDoubt(f"{CANARY} is in doubt")})
