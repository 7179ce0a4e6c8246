"""The command as a person or a script meets it: a real process, its two outputs and its exit code."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from programs import Program, programs
from staging import VendorThread

PLUGINS = Path(__file__).parents[1] / "plugins" / "simulated"
LAMP = "A lamp called Ember that wakes you with a slow sunrise"
SMALL = ("--shots", "2", "--seconds", "2", "--ratio", "1:1", "--voice", "none", "--captions", "soft")
PAID = ("--image", "simkey:frame", "--video", "simkey:clip")
AGREED = (*PAID, "--cap", "5", "--yes")
PATIENCE = 90.0


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` printed: one document and nothing else."""
        return json.loads(self.out)


@dataclass
class CommandLine:
    """Runs `reelwright` in a folder, on a data folder of its own."""

    folder: Path
    environment: dict[str, str]
    running: list[Program] = field(default_factory=list[Program])

    @property
    def home(self) -> Path:
        return Path(self.environment["REELWRIGHT_HOME"])

    def start(self, *arguments: str, **environment: str) -> Program:
        """A process that goes on while the test does something else."""
        process = programs().start(arguments, cwd=self.folder, env={**self.environment, **environment})
        self.running.append(process)
        return process

    def run(self, *arguments: str, **environment: str) -> Ended:
        return self.end(self.start(*arguments, **environment))

    def end(self, process: Program, sent: signal.Signals | None = None) -> Ended:
        """Waits for it, after a signal if one is given. Whatever happens, no traceback is shown."""
        if sent is not None:
            process.send_signal(sent)
        out, err = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in out + err, out + err
        return Ended(process.returncode, out, err)

    def count(self, table: str) -> int:
        """The rows of a table; 0 where there is no database yet."""
        file = self.home / "reelwright.sqlite"
        if not file.exists():
            return 0
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)
        try:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own tests
        except sqlite3.OperationalError:
            return 0
        finally:
            connection.close()

    def assert_nothing_was_made(self, vendor: VendorThread) -> None:
        assert vendor.submits == {}
        assert [self.count(table) for table in ("reel_campaigns", "reel_takes", "reel_ledger", "reel_assets")] == [0, 0, 0, 0]
        assert not (self.folder / "films").exists()


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[VendorThread]:
    """A vendor that the commands of this test may pay."""
    folder = tmp_path / "vendor"
    folder.mkdir()
    made = VendorThread(folder)
    yield made
    made.close()


@pytest.fixture
def cli(tmp_path: Path, vendor: VendorThread) -> Iterator[CommandLine]:
    """A clean folder and a clean data folder."""
    folder = tmp_path / "desk"
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REELWRIGHT_", "SIMULATED_"))}
    made = CommandLine(
        folder,
        {
            **kept,
            "REELWRIGHT_HOME": str(tmp_path / "home"),
            "REELWRIGHT_WORKERS": "1",
            "SIMULATED_URL": vendor.url,
            "SIMULATED_POLL_EVERY": "1/20",
            "PYTHONPATH": str(PLUGINS),
            "COLUMNS": "120",
        },
    )
    yield made
    for process in made.running:
        process.kill()
        process.communicate()


def until(is_true: Callable[[], object], process: Program | None = None) -> None:
    """Waits for something that a process brings about."""
    ends = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < ends
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)


def one_sentence(err: str) -> str:
    """The only line on the error output, which starts with the program's name."""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("reelwright: ")
    return lines[0].removeprefix("reelwright: ")


def paid(*arguments: str) -> Sequence[str]:
    """`make` of a small paid film."""
    return ("make", LAMP, *SMALL, *AGREED, *arguments)
