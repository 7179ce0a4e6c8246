"""`verify`, `purge`, `backup` and `restore` from the command line, and what a kill leaves of them."""

from __future__ import annotations

import asyncio
import shutil
import signal
import stat
from pathlib import Path

from cli.conftest import CommandLine, until
from cli.test_moving import keep
from reelwright.bootstrap import open_studio
from reelwright.config import Settings
from reelwright.domain.ids import AssetId, CampaignId
from samples import picture


def campaign_of(cli: CommandLine, asset: AssetId, *, is_trashed: bool) -> CampaignId:
    """The asset's campaign, in the trash if wanted."""

    async def work() -> CampaignId:
        studio = open_studio(Settings(home=cli.home))
        try:
            campaign = (await studio.assets.get(asset)).campaign_id
            if is_trashed:
                await studio.campaigns.put_in_trash(campaign)
            return campaign
        finally:
            await studio.close()

    return asyncio.run(work())


def files(cli: CommandLine) -> list[Path]:
    return [path for path in (cli.home / "storage").rglob("*.png") if ".reelwright" not in path.parts]


def test_the_exit_code_of_verify_says_whether_all_is_well(cli: CommandLine) -> None:
    asset = keep(cli.home)
    well = cli.run("verify")
    assert (well.code, "All is well." in well.out) == (0, True)
    files(cli)[0].write_bytes(picture(1)[:-1] + b"!")
    assert cli.run("verify", "--quick").code == 0
    unwell = cli.run("verify", "--repair", "--json")
    assert (unwell.code, unwell.document["is_well"]) == (1, False)
    [fault] = unwell.document["faults"]
    assert (fault["asset"], fault["trouble"], fault["repaired_from"]) == (asset, "content", "")
    told = cli.run("verify")
    assert asset in told.out
    assert "Lamp (campaign_" in told.out


def test_a_purge_asks_first_and_shows_what_goes(cli: CommandLine) -> None:
    campaign = campaign_of(cli, keep(cli.home), is_trashed=True)
    refused = cli.run("purge")
    assert refused.code == 2
    assert campaign in refused.out
    assert "--yes" in refused.err
    assert len(files(cli)) == 1
    assert cli.run("purge", "--older-than", "30", "--yes", "--json").document["campaigns"] == []
    done = cli.run("purge", "--yes", "--json")
    assert (done.code, done.document["is_done"], done.document["bytes"]) == (0, True, len(picture(1)))
    assert files(cli) == []
    assert "Nothing is in the trash" in cli.run("purge").out


def test_a_studio_is_backed_up_proven_destroyed_and_restored(cli: CommandLine, tmp_path: Path) -> None:
    asset = keep(cli.home)
    campaign = campaign_of(cli, asset, is_trashed=False)
    file = tmp_path / "studio.tar"
    done = cli.run("backup", str(file), "--json")
    assert (done.code, done.document["missing"], stat.S_IMODE(file.stat().st_mode)) == (0, [], 0o600)
    assert cli.run("backup", "--check", str(file)).code == 0
    assert cli.run("backup", str(file)).code == 2
    assert cli.run("restore", str(file)).code == 2  # there is a studio
    shutil.rmtree(cli.home)
    back = cli.run("restore", str(file))
    assert back.code == 0, back.err
    assert "The studio is back" in back.out
    assert cli.run("verify").code == 0
    assert cli.run("status", campaign, "--json").code == 0
    assert files(cli)[0].read_bytes() == picture(1)


def test_a_backup_that_is_killed_leaves_no_file_that_looks_whole(cli: CommandLine, tmp_path: Path) -> None:
    keep(cli.home)
    folder = tmp_path / "backups"
    folder.mkdir()
    process = cli.start("backup", str(folder / "b.tar"))
    until(lambda: list(folder.glob(".b.tar.*.part")) or (folder / "b.tar").exists())
    cli.end(process, signal.SIGKILL)
    if (folder / "b.tar").exists():  # it was faster than the kill
        assert cli.run("backup", "--check", str(folder / "b.tar")).code == 0
        (folder / "b.tar").unlink()
    assert cli.run("backup", str(folder / "b.tar")).code == 0
    assert [path.name for path in folder.iterdir()] == ["b.tar"]
