"""Connections are cut and the server is killed, again and again: whoever comes back with the last id has heard of everything."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from reelwright.bootstrap import Studio, open_studio
from reelwright.config import Settings
from reelwright.db import campaigns as campaign_rows
from reelwright.db import events
from reelwright.domain.event import EventName
from reelwright.domain.ids import CampaignId, UserId
from reelwright.services.briefs import read_brief

EVENTS = 150
KILLS = 2
PATIENCE = 120.0


@contextmanager
def server(home: Path, port: int) -> Generator[subprocess.Popen[str]]:
    """`reelwright serve` in a process that is killed at the end of the block."""
    command = [sys.executable, "-m", "reelwright", "serve", "--no-worker", "--json", "--port", str(port)]
    environment = {**os.environ, "REELWRIGHT_HOME": str(home)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True)
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline())["url"]
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@dataclass
class Listener:
    """Hears events as a browser does, and is cut off at random."""

    origin: str
    path: str
    token: str
    seed: int
    is_over: threading.Event
    place: str = ""
    heard: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    ready: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        dice = random.Random(self.seed)
        with httpx2.Client(timeout=2) as client:
            while not self.is_over.is_set():
                try:
                    self._listen(client, dice)
                except httpx2.TransportError:
                    time.sleep(0.2)

    def _listen(self, client: httpx2.Client, dice: random.Random) -> None:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Last-Event-ID": self.place} if self.place else {})
        last_line = dice.randint(3, 60)
        place, data = "", ""
        with client.stream("GET", self.origin + self.path, headers=headers) as answer:
            assert answer.status_code == 200
            for number, line in enumerate(answer.iter_lines()):
                if line.startswith("id: "):
                    place = line[4:]
                elif line.startswith("data: "):
                    data = line[6:]
                elif not line and place:
                    self.place = place  # as a browser: only a whole block counts
                    self.ready.set()
                    if data:
                        event = json.loads(data)
                        self.heard.append((event["campaign"], event["number"]))
                    place, data = "", ""
                if number > last_line or self.is_over.is_set():
                    return  # somewhere in a block


@pytest.mark.timeout(400)
def test_whoever_listens_hears_every_event_once_and_in_order(tmp_path: Path) -> None:
    studio = open_studio(Settings(home=tmp_path / "home"))
    campaigns, token = _campaigns(studio)
    dice = random.Random(7)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    origin, is_over = f"http://127.0.0.1:{port}", threading.Event()
    paths = ["/api/v1/events", f"/api/v1/events?campaign={campaigns[0]}", f"/api/v1/campaigns/{campaigns[1]}/events"]
    listeners = [Listener(origin, path, token, seed, is_over) for seed, path in enumerate([*paths, paths[0]])]
    threads = [threading.Thread(target=each.run) for each in listeners]
    try:
        with server(studio.settings.home, port):
            for thread in threads:
                thread.start()
            assert all(each.ready.wait(PATIENCE) for each in listeners)
            _tell(studio, campaigns, dice, EVENTS // (KILLS + 1))
        for _ in range(KILLS):
            _tell(studio, campaigns, dice, 10)  # while nobody serves
            with server(studio.settings.home, port):
                _tell(studio, campaigns, dice, EVENTS // (KILLS + 1))
        with server(studio.settings.home, port):
            table = _table(studio, campaigns)
            ends = time.monotonic() + PATIENCE
            while time.monotonic() < ends and any(len(each.heard) < len(_due(table, each)) for each in listeners):
                time.sleep(0.05)
    finally:
        is_over.set()
        for thread in threads:
            thread.join(10)
        studio.database.close()
    for each in listeners:
        assert each.heard == _due(table, each), each.path


def _campaigns(studio: Studio) -> tuple[list[CampaignId], str]:
    async def make() -> tuple[list[CampaignId], str]:
        user: UserId = (await studio.accounts.add("ann@example.com")).id
        order = read_brief("A lamp called Ember that wakes you", {})
        made = [await studio.campaigns.create(order, None, user=user) for _ in range(3)]
        return made, (await studio.accounts.create_token(user, "tests"))[1]

    return asyncio.run(make())


def _tell(studio: Studio, campaigns: list[CampaignId], dice: random.Random, count: int) -> None:
    for _ in range(count):
        campaign, at = dice.choice(campaigns), datetime.now(UTC)
        studio.database.write_now(
            lambda session, campaign=campaign, at=at: events.append(session, campaign, EventName.NOTICE_GIVEN, at, text="x")
        )
        time.sleep(dice.random() / 50)


def _table(studio: Studio, campaigns: list[CampaignId]) -> list[tuple[str, int]]:
    """All there is, in the order of all campaigns."""
    user = studio.database.read_now(lambda session: campaign_rows.get(session, campaigns[0])).user_id
    found = studio.database.read_now(lambda session: events.of_user(session, user, events.Position(), 10_000))
    return [(event.campaign_id, event.number) for _, event in found]


def _due(table: list[tuple[str, int]], listener: Listener) -> list[tuple[str, int]]:
    """What that listener has to hear: to all campaigns, what has happened since they were there."""
    if listener.path == "/api/v1/events":
        return [entry for entry in table if entry[1] > 1]
    return [entry for entry in table if entry[0] in listener.path]
