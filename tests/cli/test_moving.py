"""`reelwright migrate-storage` from the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from cli.conftest import CommandLine
from reelwright.bootstrap import open_studio
from reelwright.config import Settings
from reelwright.domain.ids import AssetId
from reelwright.services.briefs import read_brief
from samples import picture


def keep(home: Path) -> AssetId:
    """An asset in that data folder."""

    async def once() -> AsyncIterator[bytes]:
        yield picture(1)

    async def work() -> AssetId:
        studio = open_studio(Settings(home=home))
        try:
            campaign = await studio.campaigns.create(read_brief("A lamp", {"shots": 1, "seconds": 2}), None)
            return (await studio.uploads.take(campaign, once())).asset.id
        finally:
            await studio.close()

    return asyncio.run(work())


def test_a_move_says_what_it_did_and_what_is_next(cli: CommandLine, tmp_path: Path) -> None:
    keep(cli.home)
    old, new = (cli.home / "storage").as_uri(), (tmp_path / "new").as_uri()
    ended = cli.run("migrate-storage", old, new)
    assert ended.code == 0
    assert "1 copied and proven, 0 were there already" in ended.out
    assert "Set REELWRIGHT_STORAGE_URL to the new storage" in ended.out
    again = cli.run("migrate-storage", old, new, "--json")
    assert again.document == {
        "copied": 0,
        "already_there": 1,
        "bytes": len(picture(1)),
        "failed": [],
        "is_complete": True,
    }
    [moved] = [path for path in (tmp_path / "new").rglob("*.png") if ".reelwright" not in path.parts]
    assert moved.read_bytes() == picture(1)


def test_a_move_that_is_not_complete_says_so(cli: CommandLine, tmp_path: Path) -> None:
    keep(cli.home)
    [lost] = [path for path in (cli.home / "storage").rglob("*.png") if ".reelwright" not in path.parts]
    lost.unlink()
    ended = cli.run("migrate-storage", (cli.home / "storage").as_uri(), (tmp_path / "new").as_uri(), "--json")
    assert ended.code == 1
    assert [each["key"] for each in ended.document["failed"]] == [lost.relative_to(cli.home / "storage").as_posix()]
    assert not ended.document["is_complete"]


def test_a_storage_is_not_moved_onto_itself(cli: CommandLine) -> None:
    ended = cli.run("migrate-storage", "file:///a", "file:///a/")
    assert ended.code == 2
    assert "the same storage" in ended.err
