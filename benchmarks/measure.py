"""What every benchmark needs: a process tree under watch, a table, a JSON document, and the state of the machine.

Figures come from /proc, so the benchmarks run on Linux only. CPU seconds are user and system time of a process and of all that it
started and waited for.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
REELWRIGHT = Path(sys.executable).with_name("reelwright")
PLUGINS = ROOT / "tests" / "plugins" / "simulated"
MIB = 1 << 20
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Sample:
    """A process tree at one moment; `at` is `time.time()`, memory is resident bytes."""

    at: float
    cpu: float
    """Seconds so far, of the root and of what it started."""
    root: int
    """Memory of the root alone."""
    tree: int
    """Memory of all; pages that two processes share are counted twice."""
    largest_child: int


@dataclass
class Watch:
    """Samples a running process and its descendants until it ends or `stop` is called."""

    pid: int
    every: float = 0.05
    samples: list[Sample] = field(default_factory=list[Sample])

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(self.every):
            sample = sample_of(self.pid)
            if sample is None:
                return
            self.samples.append(sample)

    def stop(self) -> None:
        """Ends the watch."""
        self._stopping.set()
        self._thread.join()

    def between(self, start: float, end: float) -> list[Sample]:
        """The samples of that span of `time.time()`."""
        return [sample for sample in self.samples if start <= sample.at <= end]

    def cpu_between(self, start: float, end: float) -> float:
        """CPU seconds that the tree used in that span, to within a sample."""
        if not self.samples:
            return 0.0
        first, last = (
            self.samples[min(bisect_left(self.samples, at, key=lambda sample: sample.at), len(self.samples) - 1)]
            for at in (start, end)
        )
        return max(0.0, last.cpu - first.cpu)


def sample_of(pid: int) -> Sample | None:
    """The process and its descendants now; None when it has ended."""
    stats = _all_stats()
    if pid not in stats or stats[pid].state == "Z":
        return None
    members, queue = [stats[pid]], [pid]
    while queue:
        parent = queue.pop()
        children = [stat for stat in stats.values() if stat.parent == parent]
        members += children
        queue += [child.pid for child in children]
    # A reaped child's time is with its parent; a live one's is its own.
    cpu = sum(each.cpu for each in members)
    memory = [each.memory for each in members]
    return Sample(time.time(), cpu, memory[0], sum(memory), max([0, *memory[1:]]))


@dataclass(frozen=True)
class _Stat:
    pid: int
    state: str
    parent: int
    cpu: float
    memory: int


def _all_stats() -> dict[int, _Stat]:
    found: dict[int, _Stat] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        cpu = sum(int(ticks) for ticks in fields[11:15]) / _TICK
        found[int(entry.name)] = _Stat(int(entry.name), fields[0], int(fields[1]), cpu, int(fields[21]) * _PAGE)
    return found


def thread_count(pid: int) -> int:
    """How many threads a process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


@dataclass(frozen=True)
class Run:
    """A command that has ended."""

    wall: float
    cpu: float
    largest: int
    """The most resident bytes of one of its processes."""
    watch: Watch
    output: str
    started: float
    """`time.time()`."""

    @property
    def peak(self) -> int:
        """The most resident bytes of all its processes together."""
        return max([0, *(sample.tree for sample in self.watch.samples)])


def run(command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Run:
    """Runs a command to its end under watch, with what it prints in `output`.

    Raises:
        SystemExit: it failed; shows what it said.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started, clock = time.time(), time.monotonic()
    with subprocess.Popen(
        [str(part) for part in command], env=clean_environment(environment), cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        watch = Watch(process.pid)
        output, _ = process.communicate(timeout=600)
    wall = time.monotonic() - clock
    watch.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}: {output[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall, cpu, after.ru_maxrss * 1024, watch, output, started)


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would change how Reelwright or Python start."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REELWRIGHT_", "PYTHON", "SIMULATED_"))}
    return {**kept, **(more or {})}


def machine() -> dict[str, object]:
    """What the figures were measured on, and how busy it was with other things when they were."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * _PAGE / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": [round(each, 2) for each in os.getloadavg()],
    }


def parser(about: str | None) -> argparse.ArgumentParser:
    """A parser of the command line with what all benchmarks take."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--json", type=Path, default=None, metavar="FILE", help="where the figures go; beside the script unless said"
    )
    return made


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a small table."""
    texts = [[str(head) for head in heads], *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(heads))]
    print(f"\n{title}")
    for number, row in enumerate(texts):
        first, *others = (f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        print("  " + "  ".join([first.strip().ljust(widths[0]), *others]))
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))


def write_json(script: str, target: Path | None, figures: Mapping[str, Any]) -> None:
    """Writes the figures beside the script, or where they are wanted."""
    path = target or Path(script).with_suffix(".json")
    load = [round(each, 2) for each in os.getloadavg()]
    path.write_text(json.dumps({"machine": machine(), "load_at_the_end": load, **figures}, indent=1) + "\n", encoding="utf-8")
    print(f"\n  {path}")
