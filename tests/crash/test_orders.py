"""An order is killed between its ticket and its answer: it is there as a whole, or not at all, and asked again it is one."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from reelwright.bootstrap import open_studio
from reelwright.config import Settings
from reelwright.services.briefs import read_brief

STAGES = ("production", "ticket", "committed")
PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.bootstrap import open_studio
from reelwright.config import Settings
from reelwright.db.account_tables import IdempotencyRow
from reelwright.db.tables import ProductionRow
from reelwright.domain.ids import OWNER
from reelwright.services.briefs import Providers
from reelwright.services.orders import Order
from reelwright.services.tickets import Ticket

home, campaign, stage = sys.argv[1:]
written = {"production": ProductionRow, "ticket": IdempotencyRow}


def flushed(session, _):
    if stage in written and any(isinstance(row, written[stage]) for row in session.new):
        os.kill(os.getpid(), signal.SIGKILL)


def committed(session):
    if stage == "committed":
        os.kill(os.getpid(), signal.SIGKILL)


async def order():
    studio = open_studio(Settings(home=Path(home)))
    sa.event.listen(Session, "after_flush", flushed)
    sa.event.listen(Session, "after_commit", committed)
    wish = Order(campaign, asked=Providers(voice="none"))
    print(await studio.orders.place(wish, Ticket(OWNER, "the key", "the digest")))
    await studio.close()


asyncio.run(order())
"""


def count(home: Path, table: str) -> int:
    connection = sqlite3.connect(home / "reelwright.sqlite", timeout=10)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own tables
    finally:
        connection.close()


@pytest.mark.parametrize("stage", STAGES)
def test_killed_anywhere_an_order_is_there_as_a_whole_or_not_at_all(tmp_path: Path, stage: str) -> None:
    home = tmp_path / "home"
    campaign = asyncio.run(_campaign(home))

    def place(dies_at: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, str(home), campaign, dies_at]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=dict(os.environ))

    killed = place(stage)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    tables = ("reel_idempotency", "reel_productions")
    assert [count(home, table) for table in tables] == ([1, 1] if stage == "committed" else [0, 0])
    first, second = place("nowhere"), place("nowhere")
    assert first.stdout.startswith("production_"), first.stderr
    assert second.stdout == first.stdout
    assert [count(home, table) for table in tables] == [1, 1]
    assert count(home, "workflow_status") == 1  # in the queue once, too


async def _campaign(home: Path) -> str:
    studio = open_studio(Settings(home=home))
    await studio.accounts.owner()
    campaign = await studio.campaigns.create(read_brief("A lamp called Ember that wakes you", {"voice_over": False}), None)
    await studio.close()
    return campaign
