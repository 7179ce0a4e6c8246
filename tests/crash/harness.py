"""A studio in a process of its own, to be killed from outside, and what must be true of what it leaves."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import av

from programs import Program, programs
from reelwright.media.probe import probe

PLUGINS = Path(__file__).parents[1] / "plugins" / "simulated"
PATIENCE = 90.0
"""Seconds that one life may take; a life that hangs is a failure."""
LONG = 300.0
"""Seconds that a job takes while a test waits for the moment to kill: no machine is slower. It is turned down afterwards."""
ANSWER = 15.0
"""Seconds in which a vendor keeps its answer to a submit that it has counted, for the same end; a submit waits for 20."""


class VendorProcess:
    """The simulated vendor in a process that is never killed: it counts what was really submitted."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "reelwright.testing.vendor", *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def stats(self) -> dict[str, Any]:
        return self._ask("GET", "/stats", None)

    def turn(self, **knobs: float) -> None:
        self._ask("POST", "/knobs", knobs)

    def _ask(self, method: str, path: str, body: object) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        connection.request(method, path, body=json.dumps(body) if body is not None else None)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@dataclass
class CrashingStudio:
    """`reelwright make` with the same id, again and again, until it is let live."""

    home: Path
    campaign: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict[str, str])
    papers: Path | None = None
    """The folder of what its lives print; `home` where there is none."""
    kills: int = 0
    lives: int = 0

    @property
    def database(self) -> Path:
        return self.home / "reelwright.sqlite"

    @contextmanager
    def life(self) -> Generator[Program]:
        """One process, which does not outlive the block."""
        self.lives += 1
        self.home.mkdir(parents=True, exist_ok=True)
        with self._words(".out").open("wb") as output, self._words(".err").open("wb") as errors:
            process = programs().start(self.words(), cwd=self.home, env=self._environment(), stdout=output, stderr=errors)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def words(self) -> tuple[str, ...]:
        """What it is told at the start of each life."""
        output = str(self.home / "out" / "film.mp4")
        return ("make", *self.arguments, "--id", self.campaign, "--json", "--output", output)

    def live_until(self, is_over: Callable[[], bool]) -> bool:
        """Runs until the condition holds, then kills -9. False when the production ended by itself before."""
        ends = time.monotonic() + PATIENCE
        with self.life() as process:
            while process.poll() is None and not is_over():
                assert time.monotonic() < ends, f"life {self.lives} hangs: {self.last_words()}"
                time.sleep(0.004)
        is_killed = process.returncode == -signal.SIGKILL
        assert is_killed or process.returncode == 0, self.last_words()
        self.kills += is_killed
        return is_killed

    def live(self, code: int = 0) -> dict[str, Any]:
        """Runs to the end, which must be with that exit code, and returns the document that it prints."""
        with self.life() as process:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"life {self.lives} hangs: {self.last_words()}") from None
        assert process.returncode == code, self.last_words()
        return json.loads(self._words(".out").read_text())

    def command(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        """Another command on the same data folder; it must end with one of these codes."""
        process = programs().start(words, cwd=self.home, env=self._environment())
        out, err = process.communicate(PATIENCE)
        assert process.returncode in codes, out + err
        return out

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, (str(PLUGINS), os.environ.get("PYTHONPATH"))))
        # One worker: each life starts them anew, and a second one would only wait most of the time.
        ours = {"REELWRIGHT_HOME": str(self.home), "REELWRIGHT_WORKERS": "1", "PYTHONPATH": path}
        return {**os.environ, **ours, **self.environment}

    def _words(self, suffix: str) -> Path:
        return (self.papers or self.home) / f"life-{self.lives:03d}{suffix}"

    def last_words(self) -> str:
        log = self.home / "logs" / "reelwright.jsonl"
        parts = [self._words(suffix).read_text() for suffix in (".out", ".err")]
        return "\n".join([*parts, *(log.read_text().splitlines()[-10:] if log.exists() else [])])

    def count(self, query: str) -> int:
        """One number out of the database; 0 while there is none yet, or nobody has made its tables."""
        if not self.database.exists():
            return 0
        # Not read-only: after a kill somebody must bring the write-ahead log in, and a reader that may not would see nothing.
        connection = sqlite3.connect(self.database, timeout=10)
        try:
            return int(connection.execute(query).fetchone()[0])
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return 0
        finally:
            connection.close()

    def steps(self) -> int:
        """How many steps the durable log has recorded."""
        return self.count("SELECT count(*) FROM operation_outputs")


def until_killed(times: int, studio: Callable[[int], CrashingStudio]) -> Iterator[CrashingStudio]:
    """One studio after the other until they were killed so often together: how often one is depends on the machine's speed.

    Args:
        times: the least number of kills.
        studio: makes a studio, in a folder of its own, out of its number, which starts at 1.
    """
    kills = 0
    for number in itertools.count(1):
        made = studio(number)
        yield made
        kills += made.kills
        if kills >= times:
            return


def frames_of(film: Path) -> list[str]:
    """A digest of every decoded frame."""
    with av.open(str(film)) as container:
        return [hashlib.md5(frame.to_ndarray(format="yuv420p").tobytes()).hexdigest() for frame in container.decode(video=0)]  # noqa: S324


def assert_whole(studio: CrashingStudio) -> None:
    """Every asset, if there are any, is in the store as recorded and decodes, and nothing else is there."""
    connection = sqlite3.connect(f"file:{studio.database}?mode=ro", uri=True)
    rows = connection.execute("SELECT key, bytes, sha256, media_type, is_ready FROM reel_assets").fetchall()
    connection.close()
    store = studio.home / "storage"
    for key, size, sha256, media_type, is_ready in rows:
        assert is_ready, f"{key} is an attempt that nobody cleaned up"
        content = (store / key).read_bytes()
        assert len(content) == size
        assert hashlib.sha256(content).hexdigest() == sha256
        if media_type.partition("/")[0] in {"image", "video", "audio"}:
            assert probe(str(store / key)).media_type == media_type
    visible = {
        str(path.relative_to(store))
        for path in store.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(store).parts)
    }
    assert visible == {key for key, *_ in rows}
    leftovers = [path for path in studio.home.rglob("*") if path.name.endswith((".part", ".tmp")) and path.is_file()]
    temporary = [path for path in (store / ".tmp").rglob("*") if path.is_file()] if (store / ".tmp").exists() else []
    work = list((studio.home / "work").iterdir())
    assert leftovers + temporary + work == []
