"""A disk that is really full stops nobody for ever: what was paid for waits for room."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from disks import small_disk
from reelwright.domain.event import EventName
from reelwright.domain.generation import Kind
from reelwright.domain.take import TakeState
from reelwright.errors import Cancelled, StorageError
from staging import DOLLAR, Stage, eventually

ROOM = 300
"""MiB: the store leaves 256 free for the database and everything else."""


async def test_a_take_whose_output_does_not_fit_waits_for_room_and_is_kept(stage: Stage, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", ROOM) as disk:
        studio = stage.open(storage_url=(disk.folder / "store").as_uri())
        run = await stage.begin(studio=studio)
        disk.fill()
        take = await run.ask()
        making = asyncio.create_task(run.make(take))
        while not any("free space" in notice for notice in await run.notices()):
            await asyncio.sleep(0.05)
        assert not making.done()
        assert (await run.take(take)).state is TakeState.STORING
        disk.free()
        made = await asyncio.wait_for(making, 60)
        assert made.state is TakeState.KEPT
        assert made.asset_id is not None
        assert await studio.assets.read(made.asset_id)
        assert stage.vendor.submits == {made.intent: 1}
        balance = await studio.budgets.balance(run.campaign)
        assert (balance.reserved, balance.charged) == (0, DOLLAR // 10)
        await studio.close()


async def test_while_the_database_has_no_room_a_leader_waits_and_pays_once(stage: Stage, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8) as disk:
        studio = stage.open(database_url=f"sqlite:///{disk.folder}/reelwright.db")
        run = await stage.begin(studio=studio)
        take = await run.ask()
        studio.database.waits_for_room = True
        stage.vendor.turn(answer_delay=3)
        making = asyncio.create_task(run.make(take))
        await eventually(lambda: stage.vendor.submits)
        disk.fill()  # between the payment and the receipt
        await eventually(lambda: studio.database.is_full)
        await asyncio.sleep(1)
        assert not making.done()
        assert (await run.take(take)).state is TakeState.SUBMITTING
        disk.free()
        made = await asyncio.wait_for(making, 60)
        assert made.state is TakeState.KEPT
        assert stage.vendor.submits == {made.intent: 1}
        assert not studio.database.is_full
        assert len(await run.events(EventName.TAKE_KEPT)) == 1
        await studio.close()


async def test_while_the_database_has_no_room_everybody_else_is_told(stage: Stage, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8) as disk:
        studio = stage.open(database_url=f"sqlite:///{disk.folder}/reelwright.db")
        run = await stage.begin(studio=studio)
        disk.fill()

        async def write_on() -> None:
            for _ in range(2000):  # the log that is written ahead has some room of its own
                await studio.budgets.set_cap(run.campaign, 3 * DOLLAR)

        with pytest.raises(StorageError, match="is full, so nothing was written down"):
            await write_on()
        assert (await studio.campaigns.get(run.campaign)).document.storyboard is not None
        disk.free()
        await studio.budgets.set_cap(run.campaign, 2 * DOLLAR)
        assert (await studio.campaigns.get(run.campaign)).cap_micro_usd == 2 * DOLLAR
        await studio.close()


@pytest.mark.parametrize("left", [0, 40_000], ids=["not a byte", "too little"])
async def test_a_film_for_which_there_is_no_room_waits_and_is_made_when_there_is(stage: Stage, tmp_path: Path, left: int) -> None:
    with small_disk(tmp_path / "disk", 24) as disk:
        run = await stage.begin(studio=stage.open())
        for kind in (Kind.FRAME, Kind.CLIP):
            await run.make(await run.ask(kind))
        work = stage.home / "work"
        work.rmdir()
        work.symlink_to(disk.folder)
        disk.fill(but=left)
        film = await run.steps.films.cut(run.production)
        rendering = asyncio.create_task(run.steps.films.render(film))
        while not any("The disk is full, so the film waits" in notice for notice in await run.notices()):
            assert not rendering.done(), rendering.result()
            await asyncio.sleep(0.05)
        await asyncio.sleep(2)
        assert not rendering.done()
        assert [path.name for path in disk.folder.iterdir()] == ["ballast"]
        disk.free()
        await asyncio.wait_for(rendering, 60)
        [made] = (await run.studio.campaigns.overview(run.campaign)).films
        assert made.assets["film"]
        assert list(disk.folder.iterdir()) == []
        assert len([notice for notice in await run.notices() if "film waits" in notice]) == 1


async def test_a_film_that_waits_for_room_is_given_up_with_its_production(stage: Stage, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 24) as disk:
        run = await stage.begin(studio=stage.open())
        for kind in (Kind.FRAME, Kind.CLIP):
            await run.make(await run.ask(kind))
        work = stage.home / "work"
        work.rmdir()
        work.symlink_to(disk.folder)
        disk.fill()
        rendering = asyncio.create_task(run.steps.films.render(await run.steps.films.cut(run.production)))
        while not any("The disk is full" in notice for notice in await run.notices()):
            await asyncio.sleep(0.05)
        await run.studio.productions.cancel(run.campaign)
        with pytest.raises(Cancelled):
            await asyncio.wait_for(rendering, 15)
