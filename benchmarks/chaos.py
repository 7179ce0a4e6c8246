"""What is left when a fifth of all that four simulated vendors do is trouble, and the studio is killed a hundred times.

The vendors (Runway, Luma Agents, Replicate, fal) run in one process that is never killed and count for themselves, in a file. The
studio, and every command beside it, is killed with SIGKILL at random instants. Runway, Luma Agents and fal have no list of jobs:
where the answer to a submit is lost there, the take is in doubt, and a person has to look. This script plays that person, with
the person's commands. In the end our books are held against the vendors', job by job, and every asset is read back and decoded.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from chaos_audit import Figures, at_vendor, audit
from chaos_studio import LEADING
from measure import FOLDER, REELWRIGHT, clean_environment, parser, table, write_json
from reelwright.testing.simulators.behaviour import every_trouble

VENDORS = ("runway", "luma-agents", "replicate", "fal")
POLL_EVERY = "0.25"
"""Seconds, in the place of the vendors' own: they ask for seconds because their jobs take minutes."""
PLACES = 8
"""At each vendor."""
MORE = 8
"""Productions that are added when all are completed, and not enough was killed yet."""
STARTS = 0.02
"""How likely it is, at each look until the studio is at work, that it need not come so far."""
ON_ITS_WAY = 3.0
"""Seconds after which a person may believe that a request which is not there will not come."""
AT_ONCE = 20.0
"""Seconds after which a person closes the terminal of a command that goes on."""
HANDS = 3
"""Terminals that the person uses at once."""
POWER_FAILS = 0.3
"""How often a kill takes the person's commands with it, as when the power fails."""


@dataclass
class Vendors:
    """The simulated vendors, in a process of their own."""

    folder: Path
    rate: float
    seed: int

    def __enter__(self) -> Self:
        """Starts them."""
        behaviour = {"chances": every_trouble(self.rate), "seed": self.seed, "concurrency": PLACES}
        command = [sys.executable, "-m", "reelwright.testing.simulators", ",".join(VENDORS)]
        command += ["--file", str(self.folder / "ledger.sqlite"), "--behaviour", json.dumps(behaviour)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment())
        if self._process.stdout is None:
            sys.exit("the vendors have no voice")
        told = json.loads(self._process.stdout.readline())
        self._host = str(told["origin"]).removeprefix("http://")
        self.environment: dict[str, str] = told["environment"]
        return self

    def __exit__(self, *_: object) -> None:
        """Ends them."""
        self._process.kill()
        self._process.wait()

    def ledger(self) -> dict[str, Any]:
        """What they have counted, by vendor."""
        connection = http.client.HTTPConnection(self._host, timeout=30)
        connection.request("GET", "/__ledger")
        counted = json.loads(connection.getresponse().read())
        connection.close()
        return counted


@dataclass
class House:
    """The data folder, and every process that is at work in it."""

    home: Path
    environment: Mapping[str, str]
    shots: int
    commands: set[subprocess.Popen[str]] = field(default_factory=set[subprocess.Popen[str]])

    def __post_init__(self) -> None:
        """The vendors' model cards, asked about more often."""
        cards = self.home / "cards"
        cards.mkdir(parents=True)
        for vendor in VENDORS:
            text = files("reelwright.providers").joinpath("cards", f"{vendor}.toml").read_text("utf-8")
            text = re.sub(r"(?m)^poll_every = .*$", f'poll_every = "{POLL_EVERY}"', text)
            text = re.sub(r"(?m)^list_lag = .*$", "list_lag = 2", text)
            (cards / f"{vendor}.toml").write_text(re.sub(r"(?m)^concurrency = .*$", f"concurrency = {PLACES}", text), "utf-8")

    @property
    def leading(self) -> Path:
        """A file that is there as soon as the studio is at work."""
        return self.home / LEADING

    def studio(self, productions: int) -> subprocess.Popen[str]:
        """A life of the studio."""
        self.leading.unlink(missing_ok=True)
        with (self.home / "lives.txt").open("a") as output:
            command = [sys.executable, str(FOLDER / "chaos_studio.py"), str(productions), str(self.shots)]
            return subprocess.Popen(command, env=self.environment, cwd=self.home, stdout=output, stderr=output, text=True)

    def command(self, *words: str, seconds: float = 300.0) -> dict[str, Any]:
        """What a person's command prints; nothing where it was killed, goes on for too long, or is refused."""
        process = subprocess.Popen(
            [REELWRIGHT, *words, "--json"],
            env=self.environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.commands.add(process)
        try:
            out, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return {}
        finally:
            self.commands.discard(process)
        return json.loads(out) if process.returncode == 0 else {}

    def has_doubts(self) -> bool:
        """Whether there is anything to decide: a look into the database costs nothing, a command a second of the machine."""
        try:
            with closing(sqlite3.connect(self.home / "reelwright.sqlite", timeout=10)) as connection:
                return connection.execute("SELECT 1 FROM reel_takes WHERE state = 'in_doubt' LIMIT 1").fetchone() is not None
        except sqlite3.OperationalError:
            return False  # nobody has made its tables yet

    def kill(self, studio: subprocess.Popen[str], *, with_commands: bool) -> None:
        """The studio, and with it every command that is at work."""
        for process in (studio, *(tuple(self.commands) if with_commands else ())):
            with suppress(ProcessLookupError):
                process.kill()
        studio.wait()


class Person(threading.Thread):
    """Decides about takes in doubt, by what the vendors' own records say."""

    def __init__(self, house: House, vendors: Vendors, look: float) -> None:
        super().__init__(daemon=True)
        self._look = look
        self._house = house
        self._vendors = vendors
        self._leaving = threading.Event()

    def run(self) -> None:
        """Looks again and again; the decisions of one look are taken before the next one."""
        while not self._leaving.wait(self._look):
            with ThreadPoolExecutor(HANDS) as self._hands:
                self._decide()

    def leave(self) -> None:
        """Ends it."""
        self._leaving.set()
        self.join()

    def _decide(self) -> None:
        if not self._house.has_doubts():
            return
        takes = self._house.command("takes", "--limit", "1000").get("items", [])
        doubtful = [take for take in takes if take["state"] == "in_doubt"]
        ledger = self._vendors.ledger()
        known = {(take["provider"], at_vendor(take["job"])) for take in takes if take["job"]}
        missing: dict[str, str] = {}
        for take in doubtful:
            sent = datetime.fromisoformat(take["submitted_at"]).timestamp()
            jobs = [
                job["id"]
                for job in ledger[take["provider"]]["jobs"]
                if job["prompt"] == take["prompt"] and job["at"] > sent - 1 and (take["provider"], job["id"]) not in known
            ]
            if jobs:
                known.add((take["provider"], jobs[0]))
                self._hands.submit(self._adopt, take["id"], jobs[0])
            elif time.time() - sent > ON_ITS_WAY:
                missing[take["campaign"]] = take["id"]
        for take in missing.values():
            self._hands.submit(self._retake, take)

    def _adopt(self, take: str, job: str) -> None:
        self._house.command("takes", "adopt", take, job, seconds=AT_ONCE)

    def _retake(self, take: str) -> None:
        self._house.command("takes", "retake", take, "--yes", seconds=AT_ONCE)


def storm(house: House, person: Person, arguments: Any) -> tuple[int, int, int]:
    """Lives and deaths of the studio until enough were killed and everything is completed: productions, kills, lives."""
    chance = random.Random(arguments.seed)  # noqa: S311 - chance with a seed, not a secret
    productions, kills, lives = arguments.productions, 0, 0
    ends = time.monotonic() + arguments.patience
    person.start()
    while True:
        studio, lives = house.studio(productions), lives + 1
        try:
            code = studio.wait(
                _life(house, studio, chance, arguments.life) if kills < arguments.kills else ends - time.monotonic()
            )
        except subprocess.TimeoutExpired:
            house.kill(studio, with_commands=chance.random() < POWER_FAILS)
            kills += 1
            if time.monotonic() > ends:
                sys.exit(f"not done after {arguments.patience:g} s; {house.home} tells why")
            continue
        if code:
            sys.exit(f"the studio ended with {code}; see {house.home / 'lives.txt'}")
        if kills >= arguments.kills:
            break
        productions += MORE  # too fast: there is nothing left that a kill could harm
    person.leave()
    return productions, kills, lives


def _life(house: House, studio: subprocess.Popen[str], chance: random.Random, longest: float) -> float:
    """How many seconds are left until the kill, which every now and then hits the start, and mostly the work."""
    while chance.random() > STARTS and studio.poll() is None and not house.leading.exists():
        time.sleep(0.05)
    return chance.uniform(0.05, longest)


def show(figures: Figures, rows: list[tuple[str, object]]) -> None:
    """Prints what was found."""
    table("The run", ("", "figure"), rows)
    table(
        "What the vendors have counted, and we",
        ("vendor", "jobs", "ended well", "kept here", "theirs", "ours", "troubles met"),
        [
            (
                *(each.vendor, each.jobs, each.well, each.kept),
                f"${each.theirs / 1e6:.6f}",
                f"${each.ours / 1e6:.6f}",
                each.troubles,
            )
            for each in figures.vendors
        ],
    )
    verdicts = [
        ("assets lost", len(figures.lost)),
        ("jobs that no take owns", len(figures.orphans)),
        ("double-paid jobs", len(figures.twice)),
        ("cents off, summed over all jobs", f"{figures.micro_off / 10_000:g}"),
        ("held and not given back, in cents", f"{figures.micro_held / 10_000:g}"),
        ("productions ended", f"{figures.ended} of {figures.productions}"),
        ("productions completed", f"{figures.completed} of {figures.productions}"),
    ]
    table("What is left", ("", "figure"), verdicts)
    for what in (*figures.lost, *figures.orphans, *figures.twice):
        print(f"  {what}")


def main() -> int:
    """The command. 1 when anything was lost, paid twice, or counted otherwise than the vendors did."""
    made = parser(__doc__)
    made.add_argument("--productions", type=int, default=40)
    made.add_argument("--shots", type=int, default=6, help="of each production")
    made.add_argument("--kills", type=int, default=100)
    made.add_argument("--rate", type=float, default=0.2, help="how much of everything goes wrong")
    made.add_argument("--life", type=float, default=8.0, help="the longest life before a kill, in seconds")
    made.add_argument("--look", type=float, default=3.0, help="seconds between two looks of the person")
    made.add_argument("--patience", type=float, default=3600.0, help="seconds that all of it may take")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--keep", type=Path, default=None, help="work in this folder, and leave it")
    arguments = made.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        with Vendors(folder, arguments.rate, arguments.seed) as vendors:
            environment = clean_environment({**vendors.environment, "REELWRIGHT_HOME": str(folder / "home")})
            house = House(folder / "home", environment, arguments.shots)
            person = Person(house, vendors, arguments.look)
            productions, kills, lives = storm(house, person, arguments)
            takes, costs = house.command("takes", "--limit", "1000"), house.command("costs")
            figures = audit(folder / "home", vendors.ledger(), takes["items"], costs)
    seconds = time.monotonic() - began
    rows: list[tuple[str, object]] = [
        ("productions, of so many shots", f"{productions} x {arguments.shots}"),
        ("kills, of so many lives", f"{kills} of {lives}"),
        ("takes in doubt, of which a person found the job and adopted it", f"{figures.doubted}, {figures.adopted}"),
        ("seconds", round(seconds)),
    ]
    show(figures, rows)
    write_json(__file__, arguments.json, {"seconds": seconds, "kills": kills, "lives": lives, **figures.document()})
    return 0 if figures.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
