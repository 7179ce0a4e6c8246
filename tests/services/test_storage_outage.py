"""An S3 server that dies in the middle of an upload and comes back: what was paid for arrives, once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reelwright.db import assets as rows
from reelwright.domain.asset import AssetKind
from reelwright.domain.take import TakeState
from reelwright.testing.servers import S3, s3
from staging import DOLLAR, Stage


@dataclass
class Mortal:
    """A server that may be frozen, killed and started again on its data."""

    server: S3
    _process: int = field(init=False)
    _again: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        port = f"-s3.port={urlsplit(self.server.bucket.endpoint).port}"
        [self._process] = [process for process, words in _commands() if Path(words[0]).name == "weed" and port in words]
        about = Path(f"/proc/{self._process}")
        self._command = about.joinpath("cmdline").read_text().split("\0")[:-1]
        self._environment = dict(each.split("=", 1) for each in about.joinpath("environ").read_text().split("\0") if each)
        self._folder = about.joinpath("cwd").readlink()

    def freeze(self) -> None:
        """It takes connections, and answers nothing."""
        os.kill(self._process, signal.SIGSTOP)

    def kill(self) -> None:
        """It and its connections are gone."""
        os.kill(self._process, signal.SIGKILL)

    def start_again(self) -> None:
        """On the same data, at the same address."""
        self._again = subprocess.Popen(
            self._command, env=self._environment, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def close(self) -> None:
        """Ends what was started again."""
        if self._again is not None:
            self._again.kill()
            self._again.wait()


def _commands() -> Iterator[tuple[int, list[str]]]:
    for about in Path("/proc").glob("[0-9]*"):
        try:
            words = about.joinpath("cmdline").read_text().split("\0")
        except OSError:  # it has just ended
            continue
        yield int(about.name), words


@pytest.fixture
def mortal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mortal]:
    with s3() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        made = Mortal(server)
        yield made
        made.close()


@pytest.mark.timeout(180)
async def test_a_bucket_that_dies_while_an_output_is_stored_has_it_in_the_end_and_it_is_paid_once(
    stage: Stage, mortal: Mortal
) -> None:
    studio = stage.open(storage_url=mortal.server.url())
    run = await stage.begin(shots=2, studio=studio)
    before = await run.make(await run.ask(shot=2))
    take = await run.ask()
    mortal.freeze()
    making = asyncio.create_task(run.make(take))
    while not await studio.database.read(lambda session: rows.open_attempts(session, take, AssetKind.FRAME)):
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)  # the upload is on its way by now, and nobody answers
    mortal.kill()
    while not any("The storage does not work" in notice for notice in await run.notices()):
        await asyncio.sleep(0.05)
    assert not making.done()
    assert (await run.take(take)).state is TakeState.STORING
    mortal.start_again()
    made = await asyncio.wait_for(making, 120)
    assert made.state is TakeState.KEPT
    assert before.asset_id is not None
    assert made.asset_id is not None
    kept = [await studio.assets.get(asset) for asset in (before.asset_id, made.asset_id)]
    assert all([len(await studio.assets.read(asset.id)) == asset.bytes for asset in kept])
    assert sorted([key async for key in studio.store.keys("")]) == sorted(asset.key for asset in kept)
    assert await studio.database.read(lambda session: rows.open_attempts(session, take, AssetKind.FRAME)) == []
    assert set(stage.vendor.submits.values()) == {1}
    assert len(stage.vendor.submits) == 2
    balance = await studio.budgets.balance(run.campaign)
    assert (balance.reserved, balance.charged) == (0, 2 * DOLLAR // 10)
