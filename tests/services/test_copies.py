"""A copy in a person's folder is whole or not there, and no life leaves anything else, however it ends."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import pytest

from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.ids import OWNER
from reelwright.errors import ContentMismatch
from reelwright.services.assets import Purpose
from reelwright.services.copies import new_part
from staging import Run, Stage

ANOTHER_LIFE = """
import asyncio, sys
from pathlib import Path
from reelwright.bootstrap import open_studio
from reelwright.config import read_settings

async def main():
    studio = open_studio(read_settings())
    print(await studio.assets.copy_to(sys.argv[1], Path(sys.argv[2])), flush=True)
    await studio.close()

asyncio.run(main())
"""


def noise(seconds: int, seed: int = 1) -> bytes:
    """A sound, 192,000 bytes a second."""
    content = BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(random.Random(seed).randbytes(192_000 * seconds))
    return content.getvalue()


async def kept(run: Run, content: bytes, maker: str = "take_x") -> Asset:
    purpose = Purpose(OWNER, run.campaign, AssetKind.VOICE, "sound", maker, {})
    return await run.studio.assets.adopt(await run.studio.assets.keep_bytes(content, purpose))


@contextmanager
def another_life(stage: Stage, asset: Asset, target: Path) -> Generator[subprocess.Popen[str]]:
    """A process that copies the asset, stopped when it has begun to write."""
    process = None
    while process is None:
        process = caught(stage, asset, target)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def caught(stage: Stage, asset: Asset, target: Path) -> subprocess.Popen[str] | None:
    """The stopped process; None when it was done before we looked."""
    before = parts(target.parent)
    command = [sys.executable, "-c", ANOTHER_LIFE, asset.id, str(target)]
    process = subprocess.Popen(command, env={**os.environ, "REELWRIGHT_HOME": str(stage.home)}, stdout=subprocess.PIPE, text=True)
    while process.poll() is None and parts(target.parent) <= before:
        time.sleep(0.001)
    if process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if not parts(target.parent) <= before:
            return process
    process.kill()
    process.communicate()
    target.unlink()
    return None


def parts(folder: Path) -> set[str]:
    """Temporary files into which something was written: those are locked by now."""
    found: set[str] = set()
    for path in folder.glob(".*.part"):
        with suppress(FileNotFoundError):
            found |= {path.name} if path.stat().st_size else set()
    return found


async def test_what_killed_lives_leave_goes_with_the_next_copy_whatever_it_is_of(stage: Stage, tmp_path: Path) -> None:
    run = await stage.begin()
    large, small = await kept(run, noise(120), "take_large"), await kept(run, noise(1), "take_small")
    folder = tmp_path / "films"
    folder.mkdir()
    for _ in range(4):
        with another_life(stage, large, folder / "film.wav") as process:
            process.send_signal(signal.SIGKILL)
        assert len(parts(folder)) == 1, "each life removes what the one before it left"
    assert await run.studio.assets.copy_to(small.id, folder / "another.wav") == folder / "another.wav"
    assert list(folder.iterdir()) == [folder / "another.wav"]
    assert (folder / "another.wav").read_bytes() == noise(1)


async def test_what_a_living_process_is_writing_stays(stage: Stage, tmp_path: Path) -> None:
    run = await stage.begin()
    asset = await kept(run, noise(120))
    folder = tmp_path / "films"
    folder.mkdir()
    with another_life(stage, asset, folder / "film.wav") as process:
        process.send_signal(signal.SIGSTOP)
        [part] = parts(folder)
        assert await run.studio.assets.copy_to(asset.id, folder / "film.wav") == folder / "film.wav"
        assert parts(folder) == {part}
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=30)[0].strip() == str(folder / "film-2.wav")
    assert {path.name for path in folder.iterdir()} == {"film.wav", "film-2.wav"}
    assert {path.read_bytes() for path in folder.iterdir()} == {noise(120)}


async def test_a_copy_for_a_person_never_replaces_what_is_there(stage: Stage, tmp_path: Path) -> None:
    run = await stage.begin()
    sounds = [noise(1, seed) for seed in range(4)]
    assets = [await kept(run, sound, f"take_{number}") for number, sound in enumerate(sounds)]
    target = tmp_path / "new" / "folder" / "frame.wav"
    copies = await asyncio.gather(*(run.studio.assets.copy_to(asset.id, target) for asset in assets))
    assert sorted(path.name for path in copies) == ["frame-2.wav", "frame-3.wav", "frame-4.wav", "frame.wav"]
    assert [path.read_bytes() for path in copies] == sounds
    assert len(list(target.parent.iterdir())) == 4


async def test_a_copy_that_is_there_is_not_made_again(stage: Stage, tmp_path: Path) -> None:
    run = await stage.begin()
    asset = await kept(run, noise(1))
    target = tmp_path / "film.wav"
    target.write_bytes(bytes(asset.bytes))  # as long, but not the same
    copies = [await run.studio.assets.copy_to(asset.id, target) for _ in range(3)]
    assert copies == [tmp_path / "film-2.wav"] * 3
    assert target.read_bytes() == bytes(asset.bytes)


async def test_damaged_bytes_are_not_handed_over(stage: Stage, tmp_path: Path) -> None:
    run = await stage.begin()
    asset = await kept(run, noise(1))
    [path] = run.stored()
    path.write_bytes(noise(1, seed=2))
    folder = tmp_path / "films"
    with pytest.raises(ContentMismatch, match="damaged in storage"):
        await run.studio.assets.copy_to(asset.id, folder / "film.wav")
    assert list(folder.iterdir()) == []


async def test_a_folder_where_another_user_left_something_takes_copies(stage: Stage, tmp_path: Path) -> None:
    run = await stage.begin()
    asset = await kept(run, noise(1))
    left = new_part(tmp_path)
    left.mkdir()  # nothing that can be locked or unlinked
    assert await run.studio.assets.copy_to(asset.id, tmp_path / "film.wav") == tmp_path / "film.wav"
    assert left.is_dir()
