"""A PostgreSQL server that dies in the middle of a production and comes back after a while: it waits, goes on, and pays once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from crash.harness import CrashingStudio, VendorProcess
from reelwright.testing.servers import Postgres, postgres

BRIEF = ("A lamp called Ember that wakes you with a slow sunrise", "--shots", "2", "--seconds", "2", "--ratio", "1:1")
MODELS = ("--voice", "none", "--captions", "none", "--cap", "20", "--yes")


@dataclass
class Mortal:
    """A server that may be frozen, ended at once, and started again on its data."""

    server: Postgres
    _again: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._about = Path(f"/proc/{self._pid}")
        self._command = self._about.joinpath("cmdline").read_text().split("\0")[:-1]
        self._owner = self._about.stat()

    @property
    def _pid(self) -> int:
        return int((self.server.sockets / "data" / "postmaster.pid").read_text().split("\n")[0])

    def freeze(self) -> None:
        """It takes connections, and answers nothing. Its children, too."""
        for process in self._family():
            os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on as if nothing had been."""
        for process in self._family():
            os.kill(process, signal.SIGCONT)

    def _family(self) -> list[int]:
        parent = self._pid
        return [parent, *map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())]

    def end(self) -> None:
        """It and its connections are gone at once, without a word to anybody."""
        os.kill(self._pid, signal.SIGQUIT)
        while self._answers():
            time.sleep(0.05)

    def start_again(self) -> None:
        """On the same data, at the same address."""
        self._again = subprocess.Popen(
            self._command,
            cwd=self.server.sockets,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._owner.st_uid,
            group=self._owner.st_gid,
        )
        while not self._answers():
            assert self._again.poll() is None, "the server does not start again"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.server.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def close(self) -> None:
        """Ends what was started again."""
        if self._again is not None:
            self._again.send_signal(signal.SIGQUIT)
            self._again.wait(20)


@pytest.fixture
def mortal() -> Iterator[Mortal]:
    with postgres() as server:
        made = Mortal(server)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE studio")
            # As people have it: what was acknowledged survives the server.
            connection.execute("ALTER DATABASE studio SET synchronous_commit = on")
        yield made
        made.close()


def charged(url: str) -> int:
    with psycopg.connect(url) as connection:
        [row] = connection.execute("SELECT coalesce(sum(micro_usd), 0) FROM reel_ledger WHERE kind = 'charge'")
    return int(row[0])


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("account", "after", "is_frozen"),
    [("simblind", 1, False), ("simkey", 3, False), ("simlist", 2, True)],
    ids=["gone while frames are made", "gone while clips are made", "without an answer"],
)
def test_a_production_whose_server_is_gone_for_a_while_goes_on_by_itself(
    mortal: Mortal, tmp_path: Path, account: str, after: int, *, is_frozen: bool
) -> None:
    url = mortal.server.url("studio")
    with VendorProcess("--frame-seconds", "1", "--clip-seconds", "1") as vendor:
        environment = {"SIMULATED_URL": vendor.url, "REELWRIGHT_DATABASE_URL": url}
        models = ("--image", f"{account}:frame", "--video", f"{account}:clip")
        studio = CrashingStudio(tmp_path / "home", "lamp", (*BRIEF, *MODELS, *models), environment)
        with studio.life() as life:
            while sum(vendor.stats()["submits"].values()) < after:
                assert life.poll() is None, studio.last_words()
                time.sleep(0.01)
            (mortal.freeze if is_frozen else mortal.end)()
            time.sleep(12)
            assert life.poll() is None, studio.last_words()
            (mortal.thaw if is_frozen else mortal.start_again)()
            assert life.wait(120) == 0, studio.last_words()
        document = studio.live()
        assert document["production"]["state"] == "completed"
        assert {take["state"] for take in document["takes"]} == {"kept"}
        assert document["money"] == {"cap_usd": "20", "reserved_usd": "0", "charged_usd": "0.3"}
        assert charged(url) == 300_000
        assert set(vendor.stats()["submits"].values()) == {1}
        assert len(vendor.stats()["submits"]) == 4
