"""`reelwright make` beside `reelwright serve` on one data folder: the server works, the command watches, and outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crash.harness import PLUGINS, CrashingStudio, VendorProcess

SENTENCE = "A lamp called Ember that wakes you"


@contextmanager
def serving(studio: CrashingStudio) -> Generator[subprocess.Popen[str]]:
    """The server on the studio's data folder, which does not outlive the block."""
    path = os.pathsep.join(filter(None, (str(PLUGINS), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "REELWRIGHT_HOME": str(studio.home), "PYTHONPATH": path, **studio.environment}
    command = [sys.executable, "-m", "reelwright", "serve", "--json", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True)
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("dies", [False, True])
def test_a_command_beside_the_server_gets_its_film_and_nothing_is_paid_twice(tmp_path: Path, dies: bool) -> None:
    with VendorProcess() as vendor:
        vendor.turn(frame_seconds=0.3, clip_seconds=0.5)
        arguments = (SENTENCE, "--shots", "2", "--seconds", "2", "--cap", "5", "--yes", "--voice", "none", "--captions", "none")
        models = ("--image", "simkey:frame", "--video", "simkey:clip", "--text", "template:plain")
        studio = CrashingStudio(
            tmp_path / "home", "besides", (*arguments, *models), {"SIMULATED_URL": vendor.url, "SIMULATED_POLL_EVERY": "1/10"}
        )
        with serving(studio) as server:
            log = studio.home / "reelwright.sqlite"
            assert log.exists()
            if dies:
                with studio.life() as making:
                    while sum(vendor.stats()["submits"].values()) < 2:
                        assert making.poll() is None, studio.last_words()
                    server.kill()
                    making.wait(200)
                    assert making.returncode == 0, studio.last_words()
            else:
                document = studio.live()
                assert document["status"] == "completed"
                assert Path(document["files"]["film"]).stat().st_size > 1000
                told = json.loads(studio.command("status", studio.campaign, "--json"))
                assert told["production"]["state"] == "completed"
                assert server.poll() is None
        stats = vendor.stats()
    assert set(stats["submits"].values()) == {1}
    assert len(stats["submits"]) == 4
