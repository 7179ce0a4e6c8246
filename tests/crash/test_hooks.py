"""The server is killed while it tells a hook of what happens, again and again: nothing is lost, and each thing has one id."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from standardwebhooks import Webhook

from databases import put_sqlite
from hearing import Ear, hearing
from reelwright.bootstrap import Studio, open_studio
from reelwright.config import Settings
from reelwright.db import events
from reelwright.domain.event import EventName
from reelwright.domain.ids import OWNER, CampaignId
from reelwright.services.briefs import read_brief

EVENTS = 120
KILLS = 3
PATIENCE = 90.0


@contextmanager
def server(home: Path) -> Generator[None]:
    """`reelwright serve` in a process that is killed at the end of the block."""
    command = [sys.executable, "-m", "reelwright", "serve", "--json", "--port", "0"]
    environment = {**os.environ, "REELWRIGHT_HOME": str(home), "REELWRIGHT_ALLOW_PRIVATE_HOSTS": "127.0.0.1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True)
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline())["url"]
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def begin(studio: Studio, ear: Ear) -> tuple[CampaignId, str]:
    """A campaign, and the secret of a hook."""
    await studio.accounts.owner()
    campaign = await studio.campaigns.create(read_brief("A lamp called Ember", {}), None)
    _, secret = await studio.hooks.create(OWNER, ear.url)
    return campaign, secret


def happen(studio: Studio, campaign: CampaignId, is_over: threading.Event) -> None:
    """Something, again and again, a while between."""
    for number in range(EVENTS):
        studio.database.write_now(
            lambda session, number=number: events.append(
                session, campaign, EventName.TAKE_KEPT, datetime.now(UTC), take=f"take_{number}"
            )
        )
        time.sleep(0.05)
    is_over.set()


def test_a_server_that_is_killed_while_it_tells_loses_nothing(tmp_path: Path) -> None:
    dice, is_over = random.Random(7), threading.Event()
    put_sqlite(tmp_path / "home" / "reelwright.sqlite")
    studio = open_studio(Settings(home=tmp_path / "home", allow_private_hosts="127.0.0.1"))
    with hearing() as ear:
        campaign, secret = asyncio.run(begin(studio, ear))
        thread = threading.Thread(target=happen, args=(studio, campaign, is_over))
        thread.start()
        for _ in range(KILLS):
            before, gives_up = len(ear.heard), time.monotonic() + PATIENCE
            with server(tmp_path / "home"):
                while len(ear.heard) < before + 5 and not is_over.is_set():
                    assert time.monotonic() < gives_up, "nothing was told"
                    time.sleep(0.01)
                time.sleep(dice.random() / 2)
        thread.join()
        wanted, gives_up = {f"take_{number}" for number in range(EVENTS)}, time.monotonic() + PATIENCE
        with server(tmp_path / "home"):
            while {each.body["data"]["take"] for each in ear.heard} < wanted:
                assert time.monotonic() < gives_up, "something was lost"
                time.sleep(0.05)
    asyncio.run(studio.close())
    names: dict[str, str] = {}
    for each in ear.heard:
        assert Webhook(secret).verify(each.content, each.headers)["type"] == "take.kept"
        assert names.setdefault(each.id, each.body["data"]["take"]) == each.body["data"]["take"]
    assert len(names) == EVENTS, "an event has one id, however often it is told"
