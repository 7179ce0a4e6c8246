"""What people send is kept whatever the store does: in the spool until it answers, and once."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.bootstrap import Studio
from reelwright.db import assets as rows
from reelwright.domain.asset import AssetKind
from reelwright.domain.ids import OWNER, CampaignId
from reelwright.errors import NotFound, StorageError
from reelwright.services.assets import Purpose
from reelwright.services.thumbnails import Format, Width
from samples import picture
from staging import Stage


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def purpose(campaign: CampaignId, maker: str = "upload_1") -> Purpose:
    return Purpose(OWNER, campaign, AssetKind.UPLOAD, "file", maker, {})


class Outage:
    """A folder that takes nothing: a file lies where its uploads go."""

    def __init__(self, home: Path) -> None:
        self._place = home / "storage" / ".reelwright" / "tmp"

    def begin(self) -> None:
        self._place.rmdir()
        self._place.write_text("in the way")

    def end(self) -> None:
        self._place.unlink()
        self._place.mkdir()


def spooled(studio: Studio) -> list[str]:
    return sorted(path.name for path in (studio.settings.home / "spool").glob("*"))


async def whole(studio: Studio, key: str) -> bytes:
    return b"".join([chunk async for chunk in studio.store.read(key)])


async def test_what_is_sent_is_kept_in_every_store(stage: Stage, storage_url: str) -> None:
    studio = stage.open(storage_url=storage_url)
    campaign = await stage.campaign(studio)
    asset, is_spooled = await studio.assets.keep_upload(once(picture(20)), purpose(campaign))
    assert not is_spooled
    assert await studio.assets.read(asset.id) == picture(20)
    assert (await studio.store.head(asset.key)).metadata["asset"] == asset.id
    assert await studio.assets.keep_upload(once(picture(20)), purpose(campaign, "upload_2")) == (asset, False)
    upload = await studio.uploads.begin(campaign, len(picture(21)), name="a.png")
    for start in range(0, len(picture(21)), 3000):
        await studio.uploads.append(upload.id, start, once(picture(21)[start : start + 3000]))
    whole_one = await studio.uploads.finish(upload.id)
    assert await studio.assets.read(whole_one.id) == picture(21)
    assert [key async for key in studio.store.keys("incoming")] == []
    still = await studio.thumbnails.get(asset.id, Width.SMALL, Format.AVIF)
    assert (await studio.assets.read(still.id))[4:12] == b"ftypavif"
    assert spooled(studio) == []


async def test_what_the_store_does_not_take_is_an_asset_all_the_same_and_moves_by_itself(both: Stage) -> None:
    studio = both.open()
    campaign, outage = await both.campaign(studio), Outage(both.home)
    outage.begin()
    asset, is_spooled = await studio.assets.keep_upload(once(picture(1)), purpose(campaign))
    assert is_spooled
    assert await studio.assets.get(asset.id) == asset
    assert await studio.assets.read(asset.id) == picture(1)
    async with studio.assets.file_of(asset) as path:
        assert path.read_bytes() == picture(1)
    reading = await studio.assets.open(asset, 5, 25)
    assert b"".join([chunk async for chunk in reading.chunks]) == picture(1)[5:25]
    again, _ = await studio.assets.keep_upload(once(picture(1)), purpose(campaign, "upload_2"))
    assert again == asset, "the same bytes are the same asset, be they in the spool"
    assert await studio.landings.move() == 0
    assert len(spooled(studio)) == 1

    outage.end()
    assert await studio.landings.move() == 1
    landed = await studio.assets.get(asset.id)
    assert landed == replace(asset, is_spooled=False)
    assert await whole(studio, asset.key) == picture(1)
    assert await studio.assets.read(asset.id) == picture(1)
    assert spooled(studio) == []
    still_as_it_was = await studio.assets.open(asset)
    assert len(b"".join([chunk async for chunk in still_as_it_was.chunks])) == asset.bytes
    assert await studio.landings.move() == 0


async def test_a_bucket_that_does_not_answer_is_not_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    studio = stage.open(storage_url="s3://media?endpoint=http://127.0.0.1:9")
    campaign = await stage.campaign(studio)
    asset, is_spooled = await studio.assets.keep_upload(once(picture(2)), purpose(campaign))
    assert is_spooled
    assert await studio.assets.read(asset.id) == picture(2)
    there = stage.open()  # the operator has put it right
    assert await there.landings.move() == 1
    assert await whole(there, asset.key) == picture(2)


async def test_what_landed_before_the_row_could_say_so_lands_once(stage: Stage) -> None:
    studio = stage.open()
    campaign, outage = await stage.campaign(studio), Outage(stage.home)
    outage.begin()
    asset, _ = await studio.assets.keep_upload(once(picture(3)), purpose(campaign))
    outage.end()
    await studio.assets.store_file(asset, stage.home / "spool" / Path(asset.key).name)  # killed after this line
    assert await studio.landings.move() == 1
    assert spooled(studio) == []
    assert not (await studio.assets.get(asset.id)).is_spooled


async def test_what_was_left_when_the_row_had_said_so_goes(stage: Stage) -> None:
    studio = stage.open()
    campaign = await stage.campaign(studio)
    asset, is_spooled = await studio.assets.keep_upload(once(picture(4)), purpose(campaign))
    assert not is_spooled
    left = stage.home / "spool" / Path(asset.key).name
    left.write_bytes(picture(4))
    assert await studio.landings.move() == 1
    assert not left.exists()
    assert await studio.assets.read(asset.id) == picture(4)


async def test_a_half_object_that_an_ended_try_has_left_is_replaced(stage: Stage) -> None:
    studio = stage.open()
    campaign, outage = await stage.campaign(studio), Outage(stage.home)
    outage.begin()
    asset, _ = await studio.assets.keep_upload(once(picture(5)), purpose(campaign))
    outage.end()
    await studio.store.put(asset.key, once(b"half of it"), media_type="image/png", metadata={})
    assert await studio.landings.move() == 1
    assert await whole(studio, asset.key) == picture(5)


async def test_an_attempt_in_the_spool_is_left_to_who_makes_it(stage: Stage) -> None:
    studio = stage.open()
    attempt = stage.home / "spool" / "file-asset_01nobody.png"
    attempt.parent.mkdir(exist_ok=True)
    attempt.write_bytes(b"x")
    assert await studio.landings.move() == 0
    assert attempt.exists(), "younger than a day: its row may be on the way"
    os.utime(attempt, (0, 0))
    await studio.landings.move()
    assert not attempt.exists()


async def test_bytes_in_another_machines_spool_are_a_problem_that_says_so(stage: Stage) -> None:
    studio = stage.open()
    campaign, outage = await stage.campaign(studio), Outage(stage.home)
    outage.begin()
    asset, _ = await studio.assets.keep_upload(once(picture(6)), purpose(campaign))
    shutil.rmtree(stage.home / "spool")
    with pytest.raises(StorageError, match="in the spool of another machine"):
        await studio.assets.open(asset)
    outage.end()


async def test_of_many_who_send_the_same_at_once_all_get_the_same(both: Stage) -> None:
    studio = both.open()
    campaign = await both.campaign(studio)
    kept = await asyncio.gather(
        *(studio.assets.keep_upload(once(picture(7)), purpose(campaign, f"upload_{n}")) for n in range(6))
    )
    assert len({asset.id for asset, _ in kept}) == 1
    assert [key async for key in studio.store.keys("")] == [kept[0][0].key]
    assert await studio.database.read(lambda session: rows.of_campaign(session, campaign)) == [kept[0][0]]


async def test_nobody_sends_into_a_campaign_that_is_not_there(stage: Stage) -> None:
    studio = stage.open()
    with pytest.raises(NotFound):
        await studio.uploads.take(CampaignId("nowhere"), once(picture(8)))
    assert [key async for key in studio.store.keys("")] == []


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from reelwright.bootstrap import open_studio
from reelwright.config import Settings
from reelwright.domain.asset import AssetKind
from reelwright.domain.ids import OWNER, CampaignId
from reelwright.services import assets, spool
from reelwright.services.assets import Purpose

home, campaign, file, line = sys.argv[1:]

async def once():
    yield Path(file).read_bytes()

async def main():
    studio = open_studio(Settings(home=Path(home)))
    place = Path(home, "storage", ".reelwright", "tmp")
    place.rmdir()
    place.write_text("in the way")
    count = 0
    def trace(frame, event, _):
        nonlocal count
        if frame.f_code.co_filename in (assets.__file__, spool.__file__):
            count += event == "line"
            if count >= int(line):
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)
    purpose = Purpose(OWNER, CampaignId(campaign), AssetKind.UPLOAD, "file", "upload_1", {})
    asset, is_spooled = await studio.assets.keep_upload(once(), purpose)
    print(asset.id, flush=True)
    sys.settrace(None)
    await studio.close()

asyncio.run(main())
"""


@pytest.mark.timeout(300)
async def test_killed_at_any_line_it_is_acknowledged_and_there_or_not_acknowledged_and_comes_again(
    stage: Stage, tmp_path: Path
) -> None:
    studio = stage.open()
    campaign, outage = await stage.campaign(studio), Outage(stage.home)
    file = tmp_path / "file.png"
    file.write_bytes(picture(9))
    line, told = 12, ""
    while not told:
        process = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", KILLED, str(stage.home), campaign, str(file), str(line)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode in {0, -signal.SIGKILL}, process.stderr
        told = process.stdout.strip()
        outage.end()
        for asset in await studio.database.read(lambda session: rows.of_campaign(session, campaign)):
            assert hashlib.sha256(await studio.assets.read(asset.id)).hexdigest() == asset.sha256
        line += 30
    await studio.landings.move()
    [asset] = await studio.database.read(lambda session: rows.of_campaign(session, campaign))
    assert (asset.id, asset.is_spooled) == (told, False)
    assert await studio.assets.read(asset.id) == picture(9)
