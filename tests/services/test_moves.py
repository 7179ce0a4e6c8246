"""From one storage to another: all of it, proven, whatever interrupts it, and a link that was saved before plays on."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from reelwright.bootstrap import Studio
from reelwright.domain.asset import AssetKind
from reelwright.domain.ids import OWNER, AssetId
from reelwright.services.assets import Purpose
from reelwright.services.moves import Moves, Progress
from reelwright.store import ObjectStore, open_store
from samples import campaign_of, clip, picture
from serving import served
from staging import Stage


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


@pytest.fixture(params=["folder", "s3"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return (tmp_path / "new").as_uri() if request.param == "folder" else request.getfixturevalue("s3_url")


async def filled(stage: Stage, count: int) -> tuple[Studio, list[AssetId]]:
    """A studio with so many assets."""
    studio = stage.open()
    campaign = await stage.campaign(studio)
    kept: list[AssetId] = []
    for number in range(count):
        purpose = Purpose(OWNER, campaign, AssetKind.UPLOAD, "file", f"upload_{number}", {})
        kept.append((await studio.assets.keep_upload(once(picture(number)), purpose))[0].id)
    return studio, kept


async def whole(store: ObjectStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.read(key)])


async def test_everything_is_copied_once_and_can_be_read_there(stage: Stage, target_url: str) -> None:
    studio, kept = await filled(stage, 3)
    await studio.store.put("incoming/owner/upload_x/0", once(b"a part"), media_type="application/octet-stream", metadata={})
    target = open_store(target_url, dict(os.environ))
    moves = Moves(studio.database, folder=stage.home / "moves")
    seen: list[int] = []
    first = await moves.move(studio.store, target, "a to b", lambda progress: seen.append(progress.copied + progress.known))
    assert (first.total, first.copied, first.known, first.failed) == (3, 4, 0, {})
    assert len(seen) == 4
    again = await moves.move(studio.store, target, "a to b")
    assert (again.copied, again.known, again.failed) == (0, 4, {})
    there = stage.open(storage_url=target_url)
    for number, asset in enumerate(kept):
        row = await studio.assets.get(asset)
        assert await there.assets.read(asset) == picture(number)
        assert await target.head(row.key) == await studio.store.head(row.key)
    assert await whole(target, "incoming/owner/upload_x/0") == b"a part"
    await target.aclose()


async def test_a_copy_that_was_never_proven_is_proven_and_replaced_where_it_is_wrong(stage: Stage, tmp_path: Path) -> None:
    studio, [asset] = await filled(stage, 1)
    row = await studio.assets.get(asset)
    target = open_store((tmp_path / "new").as_uri())
    wrong = bytes(row.bytes)
    await target.put(row.key, once(wrong), media_type="image/png", metadata={})
    done = await Moves(studio.database, folder=stage.home / "moves").move(studio.store, target, "a to b")
    assert (done.copied, done.known, done.failed) == (1, 0, {})
    assert await whole(target, row.key) == picture(0)


async def test_what_is_damaged_or_lost_is_told_and_the_rest_goes_on(stage: Stage, tmp_path: Path) -> None:
    studio, kept = await filled(stage, 3)
    keys = [(await studio.assets.get(asset)).key for asset in kept]
    damaged, lost = (studio.store.local_path(key) for key in keys[:2])
    assert damaged is not None
    assert lost is not None
    damaged.write_bytes(bytes(len(damaged.read_bytes())))
    lost.unlink()
    target = open_store((tmp_path / "new").as_uri())
    done = await Moves(studio.database, folder=stage.home / "moves").move(studio.store, target, "a to b")
    assert (done.copied, sorted(done.failed)) == (1, sorted(keys[:2]))
    assert "damaged" in done.failed[keys[0]]
    assert "missing" in done.failed[keys[1]]
    assert [key async for key in target.keys("")] == [keys[2]]


async def test_what_interrupts_it_costs_nothing_but_the_time(stage: Stage, tmp_path: Path) -> None:
    studio, _ = await filled(stage, 5)
    target = open_store((tmp_path / "new").as_uri())

    class Interrupted(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.copied >= 2:
            raise Interrupted

    with pytest.raises(ExceptionGroup):
        await Moves(studio.database, folder=stage.home / "moves").move(studio.store, target, "a to b", stop)
    done = await Moves(studio.database, folder=stage.home / "moves").move(studio.store, target, "a to b")
    assert done.copied + done.known == 5
    assert done.known >= 2
    assert done.failed == {}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_a_link_that_was_saved_before_plays_after_the_move(home: Path, s3_url: str) -> None:
    content = clip(5)
    with served(home) as house, house.client("ann") as ann:
        campaign = campaign_of(house, "ann")
        link = ann.post(f"/api/v1/campaigns/{campaign}/assets", content=content).json()["url"]
        still = ann.get(f"{link}/thumbnail?w=640&format=webp").content
        token = ann.headers["authorization"]
        target = open_store(s3_url, dict(os.environ))
        moves = Moves(house.studio.database, folder=home / "moves")
        assert house.run(lambda studio: moves.move(studio.store, target, "a to b")).failed == {}
        house.run(lambda _: target.aclose())
    (home / "storage").rename(home / "gone")
    with (
        served(home, settings={"storage_url": s3_url}) as house,
        httpx2.Client(base_url=house.origin, headers={"Authorization": token}, timeout=60) as ann,
    ):
        assert ann.get(link).content == content
        part = ann.get(link, headers={"Range": "bytes=100-299"})
        assert (part.status_code, part.content) == (206, content[100:300])
        assert ann.get(f"{link}/thumbnail?w=640&format=webp").content == still
        made = ann.get(f"{link}/thumbnail?w=320&format=avif")
        assert (made.status_code, made.headers["content-type"]) == (200, "image/avif")
        new = ann.post(f"/api/v1/campaigns/{campaign}/assets", content=picture(70))
        assert ann.get(new.json()["url"]).content == picture(70)


def test_players_are_led_to_the_bucket_where_the_operator_wants_that(home: Path, s3_url: str) -> None:
    content = clip(6)
    settings = {"storage_url": s3_url, "media_redirect": "signed"}
    with served(home, settings=settings) as house, house.client("ann") as ann, house.client("bob") as bob:
        link = ann.post(f"/api/v1/campaigns/{campaign_of(house, 'ann')}/assets", content=content).json()["url"]
        led = ann.get(link)
        assert (led.status_code, led.headers["cache-control"]) == (302, "no-store")
        with httpx2.Client(timeout=60) as player:
            assert player.get(led.headers["location"]).content == content
            part = player.get(led.headers["location"], headers={"Range": "bytes=10-19"})
            assert (part.status_code, part.content) == (206, content[10:20])
        assert ann.head(link).headers["content-length"] == str(len(content))
        assert ann.get(link, params={"download": "1"}).content == content
        assert ann.get(link, headers={"If-None-Match": ann.head(link).headers["etag"]}).status_code == 304
        assert bob.get(link).status_code == 404
