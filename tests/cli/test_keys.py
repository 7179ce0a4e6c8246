"""`keys`: what is set is used, and never seen again, whatever a vendor does with it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import cast

import pytest

from cli.conftest import LAMP, PATIENCE, CommandLine, Ended, one_sentence
from reelwright.services.sealing import FILE

CANARY = "canary-7c1f0a92e6d84b35aa0f3be1-yellow"
OTHER = "robin-55d0b7a1c3e94f28b6d2f0c4-redbreast"
RUNWAY = "RUNWAYML_API_SECRET"


def keep(cli: CommandLine, name: str, value: str, *arguments: str) -> Ended:
    """`keys set`, with the value from the input."""
    command = [sys.executable, "-m", "reelwright", "keys", "set", name, *arguments]
    done = subprocess.run(
        command,
        cwd=cli.folder,
        env=cli.environment,
        input=value,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


class Echo(BaseHTTPRequestHandler):
    """A vendor that answers with everything that it was told, the key as well."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        vendor = cast("EchoServer", self.server)
        vendor.heard.append(str(self.headers) + body.decode(errors="replace"))
        if vendor.takes_jobs:
            self._answer(200, {"id": "17f20503-6c24-4c16-946b-35dbbce2af2f"})
        else:
            self._answer(400, {"error": f"Not with {self.headers['Authorization']}!", "told": dict(self.headers)})

    def do_GET(self) -> None:
        key = self.headers["Authorization"].removeprefix("Bearer ")
        job = {
            "id": self.path.rpartition("/")[2],
            "status": "FAILED",
            "createdAt": "2026-11-21T12:00:00Z",
            "cost": {"credits": 0},
        }
        self._answer(200, {**job, "failure": f"The account of {key} is odd", "failureCode": f"SAFETY.{key}"})

    def _answer(self, status: int, document: object) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the library
        """It is quiet."""


class EchoServer(ThreadingHTTPServer):
    """The vendor, and what it heard."""

    takes_jobs = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.heard: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def echo() -> Iterator[EchoServer]:
    made = EchoServer()
    thread = Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join(10)


def places_of(secret: str, folder: Path) -> list[str]:
    """The files below a folder in which it, or most of it, stands."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and secret[4:24].encode() in path.read_bytes()]


@pytest.mark.parametrize("takes_jobs", [False, True])
def test_a_key_is_used_and_never_seen_again_even_when_the_vendor_echoes_it(
    cli: CommandLine, echo: EchoServer, takes_jobs: bool
) -> None:
    echo.takes_jobs = takes_jobs
    cli.environment["RUNWAYML_BASE_URL"] = echo.url
    told = [keep(cli, RUNWAY, f"{CANARY}\n"), keep(cli, "OPENAI_API_KEY", OTHER, "--json")]
    assert [each.code for each in told] == [0, 0]
    models = ("--image", "runway:gen4_image", "--video", "runway:gen4_turbo", "--ratio", "16:9", "--seconds", "4", "--shots", "2")
    agreed = ("--voice", "none", "--cap", "20", "--yes", "--id", "lamp")
    told.append(cli.run("make", LAMP, *models, *agreed))
    assert told[-1].code == 1
    assert CANARY in "".join(echo.heard)  # it was sent, so there was something to leak
    commands = ("keys", "keys --json", "status lamp", "status lamp --json", "costs lamp --json", "takes lamp --json")
    told += [cli.run(*command.split()) for command in (*commands, "doctor", "doctor --json", "keys rotate", "resume lamp --yes")]
    for ended in told:
        for secret in (CANARY, OTHER):
            assert secret[4:24] not in ended.out + ended.err
    for secret in (CANARY, OTHER):
        assert places_of(secret, cli.home) == []
        assert places_of(secret, cli.folder) == []
    assert "llow" in told[3].out
    assert (cli.home / FILE).read_text().strip() not in "".join(ended.out + ended.err for ended in told)


def test_the_list_says_where_each_key_comes_from(cli: CommandLine) -> None:
    assert "No key is set." in cli.run("keys").out
    assert keep(cli, RUNWAY, CANARY).out.strip() == f"{RUNWAY} is kept, sealed."
    shown = cli.run("keys", FAL_KEY=OTHER).out
    assert [line.split()[1:4] for line in shown.splitlines() if "…" in line] == [
        ["FAL_KEY", "environment", "…east"],
        [RUNWAY, "database", "…llow"],
    ]
    [kept] = [each for each in cli.run("keys", "--json").document["items"] if each["source"]]
    assert {**kept, "set_at": ""} == {
        "name": RUNWAY,
        "vendor": "Runway",
        "source": "database",
        "last_four": "llow",
        "set_at": "",
        "is_in_database": True,
        "problem": None,
    }
    assert kept["set_at"] is not None


def test_a_key_is_removed_and_one_in_the_environment_is_told_apart(cli: CommandLine) -> None:
    keep(cli, RUNWAY, CANARY)
    removed = cli.run("keys", "remove", RUNWAY, **{RUNWAY: OTHER})
    assert removed.out.strip() == f"{RUNWAY} is removed from the database; the one in the environment is used."
    again = cli.run("keys", "remove", RUNWAY, "--json")
    assert again.code == 2
    assert again.document["error"]["message"] == f"The database has no {RUNWAY}."


def test_on_a_terminal_a_key_is_asked_for_and_not_shown(cli: CommandLine) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "reelwright", "keys", "set", RUNWAY]
    process = subprocess.Popen(command, cwd=cli.folder, env=cli.environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while b"not shown" not in shown:
        shown += os.read(ours, 65536)
    os.write(ours, f"{CANARY}\n".encode())
    while b"is kept, sealed" not in shown:
        shown += os.read(ours, 65536)
    assert process.wait(PATIENCE) == 0
    os.close(ours)
    assert CANARY[4:24].encode() not in shown


def test_what_is_no_key_is_refused_before_it_is_asked_for(cli: CommandLine) -> None:
    for name, words in (
        ("OPENAI_BASE_URL", "is no secret: set it in the environment"),
        ("PATH", "No vendor has a key called 'PATH'"),
        (RUNWAY, "a key has 16 to 4096 characters"),
    ):
        ended = keep(cli, name, "")
        assert ended.code == 2
        assert words in one_sentence(ended.err)


def test_without_its_secret_key_a_studio_says_so_and_its_keys_can_be_set_anew(cli: CommandLine) -> None:
    keep(cli, RUNWAY, CANARY)
    (cli.home / FILE).chmod(0o644)
    open_to_all = cli.run("campaigns")
    assert open_to_all.code == 5
    assert f"can be read by others (mode 644): run `chmod 600 {cli.home / FILE}`" in one_sentence(open_to_all.err)
    (cli.home / FILE).unlink()
    lost = cli.run("campaigns", "--json")
    assert lost.code == 5
    assert "is missing" in lost.document["error"]["message"]
    assert "is missing" in cli.run("doctor").out
    assert "is missing" in cli.run("keys").out
    assert cli.run("keys", "remove", RUNWAY).code == 0
    assert cli.run("campaigns").code == 0
    assert keep(cli, RUNWAY, OTHER).code == 0
