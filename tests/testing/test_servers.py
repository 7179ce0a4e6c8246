"""The servers that tests start are real, and leave no trace, whatever ends the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

START_AND_HANG = """
import sys, time
from reelwright.testing import servers
with getattr(servers, sys.argv[1])() as server:
    print(server.sockets if sys.argv[1] == "postgres" else server.bucket.endpoint, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, with a short name: a unix socket's path has at most 107 bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.parametrize("server", ["postgres", "s3"])
def test_a_server_dies_with_the_process_that_started_it(server: str, open_folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START_AND_HANG, server],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(open_folder)},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip()
            assert list(open_folder.iterdir())
            assert running_in(open_folder)
        finally:
            process.kill()

    deadline = time.monotonic() + 20
    while (list(open_folder.iterdir()) or running_in(open_folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(open_folder.iterdir()) == []
    assert running_in(open_folder) == []


def running_in(folder: Path) -> list[str]:
    """The commands that name the folder."""
    command = ["ps", "-A", "-o", "args="]
    listed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    return [line for line in listed.stdout.splitlines() if str(folder) in line]


@pytest.mark.parametrize("round_", [1, 2])
def test_every_test_has_an_empty_database_of_its_own(round_: int, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE film (id int)")
        assert connection.execute("SELECT count(*) FROM film").fetchone() == (0,), round_
