"""`reelwright serve`, as a process: ready soon, at home on this machine, careful elsewhere, and stopped in order."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

ARRIVING = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
"""What a browser says of a page that its person opens."""


@contextmanager
def serving(home: Path, *options: str) -> Generator[tuple[subprocess.Popen[str], Mapping[str, Any]]]:
    """The process, and what it told when it was ready."""
    command = [sys.executable, "-m", "reelwright", "serve", "--port", "0", "--json", *options]
    environment = {**os.environ, "REELWRIGHT_HOME": str(home)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        assert told, process.communicate()
        yield process, json.loads(told)
    finally:
        process.kill()
        process.communicate()


def command(home: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "reelwright", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "REELWRIGHT_HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def test_on_this_machine_the_first_page_is_the_owners_and_every_command_works_beside_it(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, told):
        assert told["setup_url"] is None
        with httpx2.Client(base_url=told["url"], timeout=30) as browser:
            assert browser.get("/api/v1/me").status_code == 401
            assert browser.get("/", headers=ARRIVING).status_code == 200
            assert browser.get("/api/v1/me").json()["role"] == "owner"
        token = command(tmp_path, "token", "create", "a script")["token"]
        campaign = command(
            tmp_path, "make", "A lamp that wakes you", "--shots", "1", "--seconds", "2", "--output", str(tmp_path / "a.mp4")
        )
        assert (campaign["status"], (tmp_path / "a.mp4").is_file()) == ("completed", True)
        with httpx2.Client(base_url=told["url"], headers={"Authorization": f"Bearer {token}"}, timeout=30) as script:
            assert script.get("/api/v1/campaigns").json()["items"][0]["id"] == campaign["id"]
            film = script.get(f"/api/v1/campaigns/{campaign['id']}/films").json()["items"][0]
            assert script.get(film["urls"]["film"]).content[4:8] == b"ftyp"
            assert "reelwright_leads 1.0" in script.get("/metrics").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_where_others_can_come_the_studio_is_set_up_by_a_link_that_works_once(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "0.0.0.0", "--no-worker") as (_, told):
        assert "/setup?" in told["setup_url"]
        with httpx2.Client(base_url=told["url"].replace("localhost", "127.0.0.1"), timeout=30) as browser:
            assert browser.get("/", headers=ARRIVING).headers["location"] == "/sign-in"
            assert browser.get(told["setup_url"].replace("localhost", "127.0.0.1")).status_code == 200


def test_a_place_that_is_taken_is_told_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "reelwright", "serve", "--port", port],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "REELWRIGHT_HOME": str(tmp_path)},
        )
    assert done.returncode == 5
    assert f"127.0.0.1 port {port}" in done.stderr
    assert "Traceback" not in done.stderr
