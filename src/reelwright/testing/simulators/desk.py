"""The desk of one simulated vendor: its jobs and what they cost, in a file that survives the vendor's own restart."""

from __future__ import annotations

import heapq
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.domain.generation import Kind
from reelwright.domain.timing import Size
from reelwright.testing.simulators.behaviour import Behaviour, Chance, Phase, Trouble

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    vendor TEXT, id TEXT, kind TEXT, model TEXT, prompt TEXT, body TEXT, width INTEGER, height INTEGER, seconds REAL, at REAL,
    takes REAL, fate TEXT, cost INTEGER, stopped_at REAL, is_deleted INTEGER DEFAULT 0, PRIMARY KEY (vendor, id)
);
CREATE TABLE IF NOT EXISTS counts (vendor TEXT, what TEXT, n INTEGER, PRIMARY KEY (vendor, what));
"""


@dataclass(frozen=True)
class Order:
    """What a vendor understood of a submit."""

    kind: Kind
    model: str
    prompt: str
    cost_micro_usd: int
    """What it costs when it succeeds."""
    size: Size = Size(1280, 720)
    seconds: float = 5.0
    body: Any = None
    """The request as it came, JSON."""


@dataclass(frozen=True)
class SimulatedJob:
    """An accepted submit: it is counted, and it will cost."""

    id: str
    order: Order
    at: float
    """Seconds since the epoch."""
    starts: float
    """When it has a place; later than `at` where too many run."""
    takes: float
    fate: Trouble | None
    stopped_at: float | None
    """When somebody cancelled it."""
    is_deleted: bool

    @property
    def ends(self) -> float:
        """When it is over."""
        planned = self.starts + self.takes
        return planned if self.stopped_at is None else min(planned, self.stopped_at)

    @property
    def is_stopped(self) -> bool:
        """Whether a cancel came before its end."""
        return self.stopped_at is not None and self.stopped_at < self.starts + self.takes

    def waits(self, now: float) -> bool:
        """Whether it has no place yet."""
        return now < self.starts and now < self.ends

    def runs(self, now: float) -> bool:
        """Whether it is at work."""
        return self.starts <= now < self.ends

    def has_ended(self, now: float) -> bool:
        """Whether it is over, however it went."""
        return now >= self.ends

    def progress(self, now: float) -> float:
        """0 to 1."""
        return min(1.0, max(0.0, (now - self.starts) / self.takes)) if self.takes else 1.0


class Desk:
    """Accepts jobs, remembers them, and says where they stand."""

    def __init__(
        self, vendor: str, file: Path, behaviour: Behaviour | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        """Opens the file, which several vendors may share, and makes it where there is none."""
        self.vendor = vendor
        self.behaviour = behaviour or Behaviour()
        self.chance = Chance(self.behaviour, vendor)
        self.now = now
        self._file = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=FULL")
        self._file.executescript(_TABLES)
        self._starts: dict[str, float] | None = None

    def turn(self, behaviour: Behaviour) -> None:
        """Behaves otherwise from now on."""
        self.behaviour = self.chance.behaviour = behaviour

    def accept(self, job: str, order: Order) -> SimulatedJob:
        """Takes the job, on disk: from here on it is counted and will be paid. The same id twice is one job."""
        seconds = {
            Kind.FRAME: self.behaviour.frame_seconds,
            Kind.CLIP: self.behaviour.clip_seconds,
            Kind.VOICE: self.behaviour.voice_seconds,
        }
        takes, fate = self.chance.between(seconds[order.kind]), self.chance.next(Phase.FATE)
        self._file.execute(
            "INSERT OR IGNORE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0)",
            (
                *(self.vendor, job, order.kind.value, order.model, order.prompt, json.dumps(order.body)),
                *(order.size.width, order.size.height, order.seconds, self.now(), takes, fate, order.cost_micro_usd),
            ),
        )
        self._starts = None
        found = self.job(job)
        assert found is not None  # noqa: S101 - it was written a line ago
        return found

    def job(self, job: str) -> SimulatedJob | None:
        """The job, unless it was deleted or is forgotten."""
        rows = self._rows("AND id = ?", job)
        found = rows[0] if rows else None
        if found is None or found.is_deleted or self.now() > found.ends + self.behaviour.keeps_seconds:
            return None
        return found

    def jobs(self) -> list[SimulatedJob]:
        """All that are remembered, newest first."""
        now = self.now()
        kept = [job for job in self._rows("") if not job.is_deleted and now <= job.ends + self.behaviour.keeps_seconds]
        return sorted(kept, key=lambda job: job.at, reverse=True)

    def running(self) -> int:
        """How many jobs wait or are at work."""
        return sum(not job.has_ended(self.now()) for job in self.jobs())

    def stop(self, job: str) -> None:
        """Cancels the job as of now; nothing happens when it has ended."""
        self._file.execute(
            "UPDATE jobs SET stopped_at = ? WHERE vendor = ? AND id = ? AND stopped_at IS NULL", (self.now(), self.vendor, job)
        )
        self._starts = None

    def delete(self, job: str) -> None:
        """Forgets the job and what it made. It stays counted."""
        self._file.execute("UPDATE jobs SET is_deleted = 1 WHERE vendor = ? AND id = ?", (self.vendor, job))

    def count(self, what: str) -> None:
        """Counts something that is worth knowing: `submits.refused`, `polls`, `downloads`."""
        self._file.execute(
            "INSERT INTO counts VALUES (?, ?, 1) ON CONFLICT (vendor, what) DO UPDATE SET n = n + 1", (self.vendor, what)
        )

    def counts(self) -> dict[str, int]:
        """What was counted."""
        return dict(self._file.execute("SELECT what, n FROM counts WHERE vendor = ?", (self.vendor,)).fetchall())

    def submits_within(self, seconds: float) -> int:
        """How many jobs were accepted within the last so many seconds."""
        query = "SELECT count(*) FROM jobs WHERE vendor = ? AND at > ?"
        return int(self._file.execute(query, (self.vendor, self.now() - seconds)).fetchone()[0])

    def all(self) -> list[SimulatedJob]:
        """Every job that was ever accepted, deleted and forgotten ones too: what the ledger is made of. Oldest first."""
        return self._rows("")

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()

    def _rows(self, condition: str, *values: str) -> list[SimulatedJob]:
        query = f"SELECT * FROM jobs WHERE vendor = ? {condition} ORDER BY at, rowid"  # noqa: S608 - the conditions are ours
        rows = self._file.execute(query, (self.vendor, *values)).fetchall()
        starts = self._all_starts()
        return [_job(row, starts[row[1]]) for row in rows]

    def _all_starts(self) -> dict[str, float]:
        """When each job gets a place: first come, first served, so many at once."""
        if self._starts is None:
            query = "SELECT id, at, takes, stopped_at FROM jobs WHERE vendor = ? ORDER BY at, rowid"
            starts: dict[str, float] = {}
            ends: list[float] = []
            for job, at, takes, stopped_at in self._file.execute(query, (self.vendor,)):
                full = len(ends) >= self.behaviour.concurrency
                start = max(at, heapq.heappop(ends)) if full else at
                starts[job] = start
                end = start + takes if stopped_at is None else min(start + takes, max(start, stopped_at))
                heapq.heappush(ends, end)
            self._starts = starts
        return self._starts


def _job(row: tuple[Any, ...], starts: float) -> SimulatedJob:
    _, job, kind, model, prompt, body, width, height, seconds, at, takes, fate, cost, stopped_at, is_deleted = row
    order = Order(Kind(kind), model, prompt, cost, Size(width, height), seconds, json.loads(body))
    return SimulatedJob(job, order, at, starts, takes, Trouble(fate) if fate else None, stopped_at, bool(is_deleted))
