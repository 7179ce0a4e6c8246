"""1,000 productions in one process that wait for slow jobs: what one costs, and how soon all are waited for again after kill -9.

Every production has one shot whose frame takes ten minutes at the simulated vendor, which is asked every 5 s for each. One studio
process starts them all by the same services as `reelwright make`; it is watched from outside, killed, and started again. A job
counts as recovered when the vendor has been asked for it by the new process. The comparison is the least that can be written: one
asyncio task a job that polls the same vendor every 5 s and would lose everything when it dies.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from measure import MIB, PLUGINS, Watch, clean_environment, parser, sample_of, table, thread_count, write_json

_PATIENCE = 150.0


def studio(count: int) -> None:
    """A studio that starts `count` productions, or goes on with those that there are, and waits."""
    # Only this process should load what a studio loads.
    from reelwright.bootstrap import open_studio  # noqa: PLC0415
    from reelwright.config import read_settings  # noqa: PLC0415
    from reelwright.domain.generation import ModelRef  # noqa: PLC0415
    from reelwright.domain.production import Models  # noqa: PLC0415
    from reelwright.services.briefs import read_brief  # noqa: PLC0415

    async def run() -> None:
        opened = open_studio(read_settings())
        if not await opened.lead():
            sys.exit("another process leads")
        print("leads", time.time(), flush=True)
        await asyncio.sleep(2 if count else 0)
        print("idle", time.time(), flush=True)
        models = Models(ModelRef("template:plain"), ModelRef("simlist:frame"), ModelRef("simlist:clip"), None)
        order = read_brief("A film about waiting", {"shots": 1, "seconds": 3})
        for _ in range(count):
            campaign = await opened.campaigns.create(order, 1_000_000)
            await opened.productions.start(campaign, models)
        print("started", time.time(), flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


def loop(url: str, count: int) -> None:
    """The least that can be written: polls `count` jobs and remembers nothing."""

    async def run() -> None:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)  # as our own client, which never uses a connection twice
        async with aiohttp.ClientSession(url, connector=connector) as session:

            async def wait(number: int) -> None:
                order = {"reference": f"loop/{number}", "kind": "frame", "digest": f"{number:064x}"}
                order |= {"width": 1280, "height": 720, "rate": "24", "seconds": "0"}
                async with session.post("/list/v1/jobs", json=order) as answer:
                    job = (await answer.json())["id"]
                while True:
                    async with session.get(f"/list/v1/jobs/{job}") as answer:
                        if (await answer.json())["state"] != "running":
                            return
                    await asyncio.sleep(5)

            await asyncio.gather(*(wait(number) for number in range(count)))

    print("leads", time.time(), flush=True)
    time.sleep(1)
    print("idle", time.time(), flush=True)
    print("started", time.time(), flush=True)
    asyncio.run(run())


class Vendor:
    """The simulated vendor in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "reelwright.testing.vendor", "--frame-seconds", "600"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment())
        self.port = int(self._process.stdout.readline()) if self._process.stdout else 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def polls(self) -> dict[str, int]:
        """How often it was asked for each job."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/stats")
        found = json.loads(connection.getresponse().read())["polls"]
        connection.close()
        return found

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()


@contextmanager
def child(*arguments: str, environment: Mapping[str, str]) -> Generator[subprocess.Popen[str]]:
    """This script in another process, in another role; killed -9 at the end."""
    command = [sys.executable, __file__, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment(environment))
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def said(process: subprocess.Popen[str]) -> float:
    """The moment of the next line."""
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        sys.exit("the process ended before its time")
    return float(line.split()[-1])


def until(vendor: Vendor, count: int, before: Mapping[str, int]) -> float:
    """When the vendor has been asked for `count` jobs more often than before."""
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        if sum(number > before.get(job, 0) for job, number in vendor.polls().items()) >= count:
            return time.time()
        time.sleep(0.1)
    sys.exit(f"not all of {count} jobs were asked for within {_PATIENCE:g} s: {len(vendor.polls())}")


def waiting(process: subprocess.Popen[str], vendor: Vendor, count: int, steady: float) -> dict[str, float]:
    """The figures of one process that waits for `count` jobs."""
    watch = Watch(process.pid, every=0.2)
    said(process)
    idle_at = said(process)
    idle = sample_of(process.pid)
    said(process)
    all_at = until(vendor, count, {})
    time.sleep(6)  # every job has been asked for once more, and what starting needed is given back
    before, polls = sample_of(process.pid), sum(vendor.polls().values())
    started = time.monotonic()
    time.sleep(steady)
    after, elapsed = sample_of(process.pid), time.monotonic() - started
    polls = sum(vendor.polls().values()) - polls
    if idle is None or before is None or after is None:
        sys.exit("the process ended before its time")
    figures = {
        "start_seconds": all_at - idle_at,
        "start_cpu": watch.cpu_between(idle_at, all_at),
        "idle_bytes": float(idle.root),
        "bytes": float(after.root),
        "bytes_per_job": (after.root - idle.root) / count,
        "core_percent": 100 * (after.cpu - before.cpu) / elapsed,
        "core_percent_per_job": 100 * (after.cpu - before.cpu) / elapsed / count,
        "cpu_per_poll": (after.cpu - before.cpu) / max(1, polls),
        "polls_per_second": polls / elapsed,
        "threads": float(thread_count(process.pid)),
    }
    watch.stop()
    return figures


def measure(count: int, steady: float) -> dict[str, dict[str, float]]:
    """Both, one after the other."""
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as home:
        vendor = Vendor()
        environment = {
            "REELWRIGHT_HOME": home,
            "PYTHONPATH": str(PLUGINS),
            "SIMULATED_URL": vendor.url,
            "SIMULATED_POLL_EVERY": "5",
            "SIMULATED_CONCURRENCY": str(2 * count),
        }
        try:
            with child("--studio", str(count), environment=environment) as process:
                figures["reelwright"] = waiting(process, vendor, count, steady)
            killed, before = time.time(), vendor.polls()
            with child("--studio", "0", environment=environment) as process:
                watch = Watch(process.pid, every=0.2)
                leads = said(process)
                recovered = until(vendor, count, before)
                time.sleep(6)
                again, asked = sample_of(process.pid), time.monotonic()
                time.sleep(steady / 2)
                later, elapsed = sample_of(process.pid), time.monotonic() - asked
                figures["after_kill"] = {
                    "until_leading": leads - killed,
                    "until_all_are_asked_for": recovered - killed,
                    "cpu": watch.cpu_between(killed, recovered),
                    "bytes": float(later.root if later else 0),
                    "core_percent": 100 * (later.cpu - again.cpu) / elapsed if again and later else 0.0,
                }
                watch.stop()
            figures["database"] = {"bytes": sum(os.path.getsize(file) for file in Path(home).glob("reelwright.sqlite*"))}  # noqa: PTH202
        finally:
            vendor.close()
    vendor = Vendor()
    try:
        with child("--loop", vendor.url, "--jobs", str(count), environment={}) as process:
            figures["loop"] = waiting(process, vendor, count, min(steady, 15))
    finally:
        vendor.close()
    return figures


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--jobs", type=int, default=1000, help="how many productions")
    arguments.add_argument("--steady", type=float, default=30, help="seconds over which the CPU is counted")
    arguments.add_argument("--studio", type=int, default=None, help=argparse.SUPPRESS)
    arguments.add_argument("--loop", default="", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.studio is not None:
        studio(given.studio)
    elif given.loop:
        loop(given.loop, given.jobs)
    else:
        _compare(given)


def _compare(given: argparse.Namespace) -> None:
    figures = measure(given.jobs, given.steady)
    rows = {"Reelwright": figures["reelwright"], "a task a job, nothing kept": figures["loop"]}
    table(
        f"{given.jobs} productions that wait, each asked for every 5 s",
        ("how", "KiB a job", "% of a core", "% a job", "ms CPU a poll", "polls/s", "threads", "all started s", "CPU s of that"),
        [
            (
                name,
                f"{each['bytes_per_job'] / 1024:.0f}",
                f"{each['core_percent']:.1f}",
                f"{each['core_percent_per_job']:.3f}",
                f"{1000 * each['cpu_per_poll']:.2f}",
                f"{each['polls_per_second']:.0f}",
                f"{each['threads']:.0f}",
                f"{each['start_seconds']:.1f}",
                f"{each['start_cpu']:.1f}",
            )
            for name, each in rows.items()
        ],
    )
    again, own = figures["after_kill"], figures["reelwright"]
    print(f"\n  the process: {own['idle_bytes'] / MIB:.0f} MiB idle, {own['bytes'] / MIB:.0f} MiB waiting; ", end="")
    print(f"database {figures['database']['bytes'] / MIB:.1f} MiB")
    print(f"  killed -9: leads again after {again['until_leading']:.1f} s, waits for all of them after ", end="")
    print(f"{again['until_all_are_asked_for']:.1f} s ({again['cpu']:.1f} s of CPU), then {again['core_percent']:.1f} % of a core")
    write_json(__file__, given.json, {"jobs": given.jobs, **figures})


if __name__ == "__main__":
    main()
