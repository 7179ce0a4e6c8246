"""The published contract under kills: the same `generate_videos` picks up what a killed server left, and pays nothing twice."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from older import Runway, generate, save_frames
from producing import until
from programs import Program, programs
from reelwright.bootstrap import open_studio
from reelwright.config import Settings
from reelwright.testing.simulators.behaviour import Behaviour

SESSION = "req_1734567890123_killed"
SLOW = Behaviour(clip_seconds=(2, 2), scale=0.125)


@contextmanager
def serving(home: Path, environment: Mapping[str, str], token: str) -> Generator[tuple[Program, httpx2.Client]]:
    """A server as a process of its own, and a client of it."""
    with (home.parent / "errors.log").open("ab") as errors:
        process = programs().start(["serve", "--port", "0", "--json"], cwd=home, env=environment, stderr=errors)
    try:
        assert process.stdout is not None
        origin = json.loads(process.stdout.readline())["url"]
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=origin, headers=headers, timeout=100) as client:
            yield process, client
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def owners_token(home: Path) -> str:
    """A token of the owner of a new studio."""
    studio = open_studio(Settings(home=home))
    try:
        owner = await studio.accounts.owner()
        return (await studio.accounts.create_token(owner.id, "older client", scopes=()))[1]
    finally:
        await studio.close()


def test_the_same_call_after_a_kill_goes_on_and_pays_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    runway = Runway(tmp_path / "runway", SLOW)
    token = asyncio.run(owners_token(home))
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **runway.environment,
        "REELWRIGHT_HOME": str(home),
        "REELWRIGHT_VIDEO": "runway:gen4_turbo",
        "REELWRIGHT_ALLOW_PRIVATE_HOSTS": "127.0.0.1",
        "REELWRIGHT_WORKERS": "1",
    }
    takes = f"/api/v1/campaigns/{SESSION}/takes?kind=clip&state="
    try:
        with serving(home, environment, token) as (process, client):
            save_frames(client, SESSION, 2)
            wish = {"action": "generate_videos", "sessionId": SESSION, "batchSize": 1}
            with pytest.raises(httpx2.TimeoutException):  # a client that hangs up changes nothing
                client.post("/api/process_s3_video_workflow", json=wish, timeout=0.2)
            until(lambda: client.get(f"{takes}submitted").json()["items"])
            assert len(runway.jobs) == 1
            process.kill()
            process.wait()
        with serving(home, environment, token) as (_, client):
            made = generate(client, SESSION, batchSize=1)
            assert (made["data"]["completedCount"], made["data"]["failures"]) == (2, [])
            assert len({client.get(url).content for url in made["data"]["generatedVideoUrls"]}) == 2
            assert generate(client, SESSION, batchSize=1) == made
            assert len(runway.jobs) == 2
            runs = client.get(f"/api/v1/campaigns/{SESSION}/productions").json()["items"]
            assert {run["state"] for run in runs if run["aim"]["kinds"]} == {"completed"}
    finally:
        runway.close()
