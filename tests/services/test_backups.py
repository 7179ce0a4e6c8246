"""A studio is destroyed and comes back: its films play, and what was under way is not paid again."""

from __future__ import annotations

import shutil
import stat
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from reelwright.bootstrap import Studio, open_studio
from reelwright.cli.opening import only_restores
from reelwright.config import Settings
from reelwright.domain.asset import AssetKind
from reelwright.domain.ids import OWNER
from reelwright.domain.production import ProductionState
from reelwright.domain.take import TakeState
from reelwright.errors import ConfigurationError, Conflict, InvalidInput, NotFound
from reelwright.services import backups
from reelwright.services.assets import Purpose
from reelwright.services.data_folder import RESTORING
from reelwright.services.restores import Restored
from reelwright.testing.servers import Postgres
from samples import picture
from staging import Run, Stage, models_of, working


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def restored(settings: Settings, file: Path) -> Restored:
    with only_restores(settings) as restores:
        try:
            return await restores.restore(file)
        finally:
            await restores.aclose()


def elsewhere(stage: Stage, request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    """An empty place with a database of the same kind."""
    url = ""
    if stage.database_url.startswith("postgres"):
        server: Postgres = request.getfixturevalue("postgres_server")
        url = new_database(server)
    return Stage(tmp_path / "elsewhere", stage.vendor, url)


def new_database(server: Postgres) -> str:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS came_back WITH (FORCE)")
        connection.execute("CREATE DATABASE came_back")
    return server.url("came_back")


def settings_of(stage: Stage) -> Settings:
    return Settings(home=stage.home, database_url=stage.database_url, workers=1)


async def test_a_destroyed_studio_comes_back_and_goes_on_without_paying_again(
    both: Stage, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    studio = both.open()
    done = await both.campaign(studio, shots=1)
    async with working(studio):
        production = await studio.productions.start(done, models_of("simkey"))
        assert (await Run(studio, done, production, []).ended(90)).state is ProductionState.COMPLETED
        [film] = await studio.films.of_campaign(done)
        plays = await studio.assets.read(film.assets["film"])
    studio = both.open()
    run = await both.begin(studio=studio)  # one more, whose first take is at its provider
    waiting = await run.ask()
    await run.steps.submits.submit(waiting)
    sent = await run.take(waiting)
    assert sent.state is TakeState.SUBMITTED
    paid = both.vendor.submits
    entries = await studio.budgets.entries()
    file = tmp_path / "studio.tar"
    written = await studio.backups.write(file, with_secrets=False)
    assert (written.missing, stat.S_IMODE(file.stat().st_mode)) == ({}, 0o600)
    await both.close()
    shutil.rmtree(both.home)

    new = elsewhere(both, request, tmp_path)
    await restored(settings_of(new), file)
    studio = new.open()
    try:
        assert await studio.assets.read(film.assets["film"]) == plays
        assert await studio.budgets.entries() == entries
        again = Run(studio, run.campaign, run.production, run.shots)
        assert (await again.take(waiting)).job_id == sent.job_id
        assert (await studio.verification.run()).is_well
        assert await studio.lead()
        assert (await again.ended(90)).state is ProductionState.COMPLETED
        assert (await again.take(waiting)).state is TakeState.KEPT
        assert all(both.vendor.submits[reference] == count for reference, count in paid.items())
    finally:
        await new.close()


async def filled(stage: Stage, **settings: object) -> Studio:
    studio = stage.open(**settings)
    campaign = await stage.campaign(studio)
    for seed in range(3):
        purpose = Purpose(OWNER, campaign, AssetKind.UPLOAD, "file", f"upload_{seed}", {})
        await studio.assets.keep_upload(once(picture(seed)), purpose)
    return studio


async def test_it_comes_from_a_bucket_into_a_folder_and_back(stage: Stage, s3_url: str, tmp_path: Path) -> None:
    studio = await filled(stage, storage_url=s3_url)
    written = await studio.backups.write(tmp_path / "b.tar", with_secrets=True)
    assert written.files == 5
    for home, url in ((tmp_path / "new", ""), (tmp_path / "newer", s3_url.replace("tests/", "tests/other-"))):
        await restored(Settings(home=home, storage_url=url, workers=1), tmp_path / "b.tar")
        new = Stage(home, stage.vendor)
        verdict = await new.open(storage_url=url).verification.run()
        assert (verdict.is_well, verdict.total) == (True, 3)
        await new.close()


async def test_a_long_upload_goes_on_after_it_and_one_that_lost_a_part_is_forgotten(stage: Stage, tmp_path: Path) -> None:
    studio = stage.open()
    campaign = await stage.campaign(studio)
    going, ended = [await studio.uploads.begin(campaign, 10) for _ in range(2)]
    going, ended = [await studio.uploads.append(each.id, 0, once(b"12345")) for each in (going, ended)]
    await studio.store.delete(ended.parts[0].key)
    await studio.backups.write(tmp_path / "b.tar", with_secrets=False)
    new = Stage(tmp_path / "new", stage.vendor)
    await restored(Settings(home=new.home, workers=1), tmp_path / "b.tar")
    back = new.open()
    try:
        assert (await back.uploads.append(going.id, 5, once(b"678"))).offset == 8
        with pytest.raises(NotFound):
            await back.uploads.get(ended.id)
    finally:
        await new.close()


async def test_what_is_lost_is_told_and_the_rest_is_in_it(stage: Stage, tmp_path: Path) -> None:
    studio = await filled(stage)
    keys = [key async for key in studio.store.keys("")]
    await studio.store.delete(keys[0])
    written = await studio.backups.write(tmp_path / "b.tar", with_secrets=False)
    assert len(written.missing) == 1
    contents = backups.read(tmp_path / "b.tar")
    assert {f"objects/{key}" for key in keys[1:]} == {name for name in contents.entries if name.startswith("objects/")}
    with pytest.raises(InvalidInput, match="new file"):
        await studio.backups.write(tmp_path / "b.tar", with_secrets=False)


async def test_a_backup_that_was_cut_off_or_changed_is_none(stage: Stage, tmp_path: Path) -> None:
    studio = await filled(stage)
    whole = tmp_path / "b.tar"
    await studio.backups.write(whole, with_secrets=False)
    content = whole.read_bytes()
    for size in (0, 100, 512, len(content) // 2, len(content) - 3000):
        (tmp_path / "cut.tar").write_bytes(content[:size])
        with pytest.raises(InvalidInput, match="no whole backup"):
            backups.read(tmp_path / "cut.tar")
    with tarfile.open(whole) as tar:
        places = {member.name: member.offset_data for member in tar if member.name != "backup.json"}
    for place in places.values():
        changed = bytearray(content)
        changed[place + 1] ^= 1
        (tmp_path / "changed.tar").write_bytes(changed)
        with pytest.raises(InvalidInput):
            backups.read(tmp_path / "changed.tar")


async def test_a_restore_needs_an_empty_place_and_can_be_done_again(stage: Stage, tmp_path: Path) -> None:
    studio = await filled(stage)
    file = tmp_path / "b.tar"
    await studio.backups.write(file, with_secrets=False)
    await stage.close()
    with pytest.raises(Conflict, match="already"):
        await restored(settings_of(stage), file)
    new = tmp_path / "new"

    class Killed(Exception):
        """In the middle."""

    def kill(done: Restored) -> None:
        if done.files == done.total - 1:
            raise Killed

    with only_restores(Settings(home=new, workers=1)) as restores:
        with pytest.raises(Killed):
            await restores.restore(file, kill)
        await restores.aclose()
    assert (new / RESTORING).exists()
    with pytest.raises(ConfigurationError, match="interrupted"):
        open_studio(Settings(home=new, workers=1))
    await restored(Settings(home=new, workers=1), file)
    back = Stage(new, stage.vendor)
    assert (await back.open().verification.run()).is_well
    await back.close()


async def test_what_lies_in_the_spool_is_in_the_storage_afterwards(stage: Stage, tmp_path: Path) -> None:
    studio = await filled(stage)
    [first, *_] = [key async for key in studio.store.keys("")]
    path = studio.store.local_path(first)
    assert path is not None
    (stage.home / "spool").mkdir(exist_ok=True)
    path.rename(stage.home / "spool" / path.name)
    await studio.database.write(
        lambda session: session.execute(sa.text("UPDATE reel_assets SET is_spooled = true WHERE key = :key"), {"key": first})
    )
    assert (await studio.backups.write(tmp_path / "b.tar", with_secrets=False)).missing == {}
    new = Stage(tmp_path / "new", stage.vendor)
    await restored(Settings(home=new.home, workers=1), tmp_path / "b.tar")
    assert (await new.open().verification.run()).is_well
    await new.close()
