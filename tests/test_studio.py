"""The studio in a script's own process: one call makes a film, and a script that dies goes on where it was."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from databases import put_sqlite
from reelwright import Studio
from reelwright.domain.event import EventName
from reelwright.domain.production import ProductionState
from reelwright.domain.take import TakeState
from reelwright.errors import BudgetExceeded, ConfigurationError, InvalidBrief, InvalidInput, NotFound
from staging import VendorThread, vendor

__all__ = ["vendor"]
SHORT: dict[str, Any] = {"seconds": 2, "shots": 1, "ratio": "1:1", "voice_over": False, "music": False}
PAID: dict[str, Any] = {**SHORT, "text": "template:plain", "image": "simkey:frame", "video": "simkey:clip", "voice": "none"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    put_sqlite(tmp_path / "home" / "reelwright.sqlite")
    return tmp_path / "home"


async def test_one_call_makes_a_film(home: Path, tmp_path: Path) -> None:
    async with Studio(home, workers=1) as studio:
        assert await studio.quote("A lamp called Ember", **SHORT) == 0
        film = await studio.make("A lamp called Ember", id="ember", output=tmp_path / "ember.mp4", **SHORT)
        assert (film.campaign, film.seconds, film.size, film.cost_usd) == ("ember", 2, (960, 960), 0)
        assert film.files["film"] == tmp_path / "ember.mp4"
        assert film.files["film"].read_bytes()[4:8] == b"ftyp"
        assert film.files["poster"].exists()
        again = await studio.make("A lamp called Ember", id="ember", **SHORT)
        assert (again.id, again.files) == (film.id, {})
        assert (await studio.status("ember")).fraction == 1
        told = [event.name async for event in studio.events("ember")]
        assert told[-1] is EventName.PRODUCTION_COMPLETED
        assert [event.number async for event in studio.events("ember", after=len(told) - 1)] == [len(told)]


async def test_nothing_is_paid_that_was_not_agreed_on(home: Path, vendor: VendorThread) -> None:
    async with Studio(home, workers=1) as studio:
        price = await studio.quote("A lamp called Ember", **PAID)
        assert price > 0
        for cap in (None, "0.01", Decimal("0.05")):
            with pytest.raises(BudgetExceeded, match="nothing was paid"):
                await studio.make("A lamp called Ember", id="dear", cap_usd=cap, **PAID)
        with pytest.raises(NotFound):
            await studio.takes("dear")
        film = await studio.make("A lamp called Ember", id="dear", cap_usd=5, **PAID)
        costs, takes = await studio.costs("dear"), await studio.takes("dear")
        assert (costs.cap_usd, costs.reserved_usd, costs.charged_usd) == (5, 0, film.cost_usd)
        assert 0 < film.cost_usd <= price
        assert {take.state for take in takes} == {TakeState.KEPT}
        assert set(vendor.submits.values()) == {1}
        await studio.make("A lamp called Ember", id="dear", cap_usd=5, **PAID)
        assert set(vendor.submits.values()) == {1}


async def test_what_was_left_goes_on_in_the_next_process(home: Path, vendor: VendorThread) -> None:
    vendor.turn(clip_seconds=1.0)
    async with Studio(home, workers=1) as studio:
        campaign = await studio.start("A lamp called Ember", cap_usd=5, **PAID)
        async for event in studio.events(campaign):
            if event.name is EventName.TAKE_SUBMITTED:
                break
    async with Studio(home, workers=1) as studio:
        film = await studio.wait(campaign)
        assert film.campaign == campaign
    assert set(vendor.submits.values()) == {1}


async def test_a_production_is_cancelled(home: Path, vendor: VendorThread) -> None:
    vendor.turn(frame_seconds=5.0)
    async with Studio(home, workers=1) as studio:
        campaign = await studio.start("A lamp called Ember", cap_usd=5, **PAID)
        await studio.cancel(campaign)
        assert (await studio.status(campaign)).state is ProductionState.CANCELLED


async def test_what_is_wrong_is_told_before_anything_is_made(home: Path) -> None:
    with pytest.raises(InvalidInput, match="async with"):
        await Studio(home).takes("ember")
    with pytest.raises(ConfigurationError, match="REELWRIGHT_WORKERS"):
        async with Studio(home, workers=-1):
            pass
    async with Studio(home, workers=1) as studio:
        with pytest.raises(InvalidBrief, match="seconds"):
            await studio.make("A lamp", seconds=-4)
        with pytest.raises(InvalidInput, match="cap_usd"):
            await studio.make("A lamp", cap_usd="a lot", **SHORT)
        with pytest.raises(NotFound):
            await studio.wait("nowhere")


async def test_the_folders_own_settings_are_read(home: Path) -> None:
    (home / "reelwright.toml").write_text('text = "no:body"\n', encoding="utf-8")
    async with Studio(home, workers=1) as studio:
        with pytest.raises(ConfigurationError, match="no:body"):
            await studio.quote("A lamp", **SHORT)


def test_the_package_itself_loads_nothing() -> None:
    code = (
        "import sys, reelwright; assert reelwright.__version__;"
        "loaded = {name.partition('.')[0] for name in sys.modules};"
        "assert not loaded & {'aiohttp', 'sqlalchemy', 'pydantic', 'dbos', 'asyncio'}, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
