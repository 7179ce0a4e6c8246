"""Bytes become an asset when they are stored, read back and proven, and not a moment before."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from PIL import Image

from reelwright.bootstrap import Studio
from reelwright.db import assets as rows
from reelwright.db.engine import Session
from reelwright.domain.asset import AssetKind
from reelwright.domain.ids import OWNER, AssetId
from reelwright.domain.take import TakeState
from reelwright.errors import ContentMismatch, InvalidMedia, NotFound, StorageError
from reelwright.services.assets import Purpose
from staging import Run, Stage


def picture(colour: str = "navy") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(content, "PNG")
    return content.getvalue()


def purpose(run: Run, maker: str = "take_x", kind: AssetKind = AssetKind.FRAME, media: str = "image") -> Purpose:
    return Purpose(OWNER, run.campaign, kind, "shot-01-take-01", maker, {"from": "a test"}, media)


async def test_bytes_are_stored_as_they_are_with_what_they_turned_out_to_be(both: Stage) -> None:
    run = await both.begin()
    assets = run.studio.assets
    kept = await assets.adopt(await assets.keep_bytes(picture(), purpose(run)))
    assert await assets.get(kept.id) == kept
    assert (kept.media_type, kept.size, kept.bytes) == ("image/png", (64, 48), len(picture()))
    assert kept.sha256 == hashlib.sha256(picture()).hexdigest()
    assert await assets.read(kept.id) == picture()
    assert [path.read_bytes() for path in run.stored()] == [picture()]


async def test_an_attempt_that_nobody_adopted_is_no_asset(stage: Stage) -> None:
    run = await stage.begin()
    attempt = await run.studio.assets.keep_bytes(picture(), purpose(run))
    with pytest.raises(NotFound):
        await run.studio.assets.get(attempt.id)


@pytest.mark.parametrize(
    ("content", "media", "told"),
    [
        (b"", "image", "nothing at all"),
        (b"<html>sorry</html>", "image", "not a picture, clip or sound"),
        (picture()[:-40], "image", "."),
        (picture(), "video", "'video' is needed, and image/png arrived"),
    ],
    ids=["nothing", "a page", "half", "another kind"],
)
async def test_what_is_not_what_it_should_be_is_refused_and_nothing_of_it_stays(
    stage: Stage, content: bytes, media: str, told: str
) -> None:
    run = await stage.begin()
    with pytest.raises(InvalidMedia, match=told):
        await run.studio.assets.keep_bytes(content, purpose(run, media=media))
    assert run.stored() == []
    assert run.studio.database.read_now(lambda session: rows.open_attempts(session, "take_x", AssetKind.FRAME)) == []


async def test_damage_in_storage_is_noticed_when_it_is_read(stage: Stage) -> None:
    run = await stage.begin()
    kept = await run.studio.assets.adopt(await run.studio.assets.keep_bytes(picture(), purpose(run)))
    [path] = run.stored()
    path.write_bytes(picture("red"))
    with pytest.raises(ContentMismatch, match="damaged in storage"):
        await run.studio.assets.read(kept.id)


async def test_a_new_attempt_of_the_same_maker_removes_what_an_interrupted_one_left(stage: Stage) -> None:
    run = await stage.begin()
    assets = run.studio.assets
    await assets.keep_bytes(picture(), purpose(run))
    second = await assets.adopt(await assets.keep_bytes(picture("red"), purpose(run)))
    assert [path.read_bytes() for path in run.stored()] == [picture("red")]
    assert await assets.read(second.id) == picture("red")


async def test_a_sweep_removes_what_the_dead_left_and_no_asset_and_no_upload_under_way(stage: Stage) -> None:
    run = await stage.begin()
    assets = run.studio.assets
    kept = await assets.adopt(await assets.keep_bytes(picture("red"), purpose(run, "take_kept")))
    dead = await assets.keep_bytes(picture("blue"), purpose(run, "take_dead"))
    upload = await assets.keep_bytes(picture("green"), purpose(run, "campaign/logo", AssetKind.UPLOAD))
    await assets.sweep()
    assert sorted(path.read_bytes() for path in run.stored()) == sorted([picture("red"), picture("green")])
    assert await assets.adopt(upload) == upload
    assert await assets.read(kept.id) == picture("red")
    with pytest.raises(StorageError, match="try again"):
        await assets.adopt(dead)


@asynccontextmanager
async def held_open(studio: Studio, change: Callable[[Session], object]) -> AsyncGenerator[None]:
    """The change is made inside the block, and committed when it ends."""
    is_made, may_commit = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(session: Session) -> None:
        assert change(session)
        loop.call_soon_threadsafe(is_made.set)
        assert may_commit.wait(20)

    holding = asyncio.create_task(studio.database.write(hold))
    await is_made.wait()
    try:
        yield
    finally:
        may_commit.set()
        await holding


async def test_a_sweep_does_not_touch_what_a_dropped_leader_makes_an_asset_at_that_moment(both: Stage) -> None:
    run = await both.begin()
    next_leader = both.open()
    attempt = await run.studio.assets.keep_bytes(picture(), purpose(run))
    async with held_open(run.studio, lambda session: rows.make_ready(session, attempt)):
        sweeping = asyncio.create_task(next_leader.assets.sweep())
        await asyncio.sleep(0.3)
        assert not sweeping.done()
    await sweeping
    assert await next_leader.assets.read(attempt.id) == picture()


async def test_what_a_sweep_removes_at_that_moment_cannot_become_an_asset(both: Stage) -> None:
    run = await both.begin()
    next_leader = both.open()
    attempt = await run.studio.assets.keep_bytes(picture(), purpose(run))
    async with held_open(next_leader, lambda session: rows.doom(session, attempt.id)):
        adopting = asyncio.create_task(run.studio.assets.adopt(attempt))
        await asyncio.sleep(0.3)
        assert not adopting.done()
    with pytest.raises(StorageError, match="try again"):
        await adopting
    assert len(run.stored()) == 1, "killed here, the claim is found again by the next sweep"
    await next_leader.assets.sweep()
    assert run.stored() == []
    assert run.studio.database.read_now(lambda session: rows.open_attempts(session, "take_x", AssetKind.FRAME)) == []


async def test_a_take_whose_attempt_was_swept_is_fetched_again_and_paid_once(both: Stage) -> None:
    run = await both.begin()
    both.vendor.turn(frame_seconds=0.5)
    take = await run.ask()
    making = asyncio.create_task(run.make(take))
    swept = 0
    while not making.done():
        attempts = await run.studio.database.read(lambda session: rows.open_attempts(session, take, AssetKind.FRAME))
        for asset, key in attempts if not swept else []:
            if await run.studio.database.write(lambda session, asset=asset: rows.doom(session, asset)):
                swept += 1
                await run.studio.store.delete(key)
        await asyncio.sleep(0)
    made = await making
    assert swept == 1
    assert made.state is TakeState.KEPT
    assert made.asset_id is not None
    assert await run.studio.assets.read(made.asset_id)
    assert set(both.vendor.submits.values()) == {1}
    assert (await run.studio.budgets.balance(run.campaign)).charged == 100_000


async def test_a_store_without_local_files_is_verified_all_the_same(stage: Stage) -> None:
    studio = stage.open(storage_url="memory:")
    run = await stage.begin(studio=studio)
    take = await run.make(await run.ask())
    assert take.asset_id is not None
    content = await studio.assets.read(take.asset_id)
    assert hashlib.sha256(content).hexdigest() == (await studio.assets.get(take.asset_id)).sha256
    assert list((stage.home / "work").iterdir()) == []


async def test_what_does_not_exist_is_not_found(stage: Stage) -> None:
    studio = stage.open()
    with pytest.raises(NotFound):
        await studio.assets.read(AssetId("asset_none"))
