"""What running a production durably costs in time: 12 shots at a vendor that takes 2 s for a frame and 10 s for a clip.

The vendor runs 3 jobs at a time, frames and clips together. A clip starts from its own frame. The best schedule there can be is
computed, event by event, with jobs of exactly those lengths and nothing in between; walls are told as multiples of it. Measured
from `production.started` to the last clip kept (fetched, stored, verified), and to the finished film, against a batch loop as
older systems have it: 3 shots at a time, all of a batch before the next one, 15 s of pause between batches.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from measure import PLUGINS, REELWRIGHT, ROOT, Run, clean_environment, parser, run, table, write_json

SHOTS, PLACES, FRAME, CLIP = 12, 3, 2.0, 10.0
BATCH, PAUSE = 3, 15.0


def ideal(frames: Sequence[float], clips: Sequence[float], places: int = PLACES) -> float:
    """Seconds of the best schedule: whenever a place is free, the clip that is ready first, else the next frame.

    With clips first a place is never idle while there is work, and no frame is left to the end. Where all lengths are alike no
    schedule can beat it.

    Args:
        frames: how long each shot's frame takes.
        clips: how long each shot's clip takes, which starts from that frame.
        places: how many jobs run at once.
    """
    running: list[tuple[float, bool, int]] = []
    waiting, ready = list(range(len(frames))), list[int]()
    now = 0.0
    while waiting or ready or running:
        while len(running) < places and (ready or waiting):
            is_clip = bool(ready)
            shot = ready.pop(0) if is_clip else waiting.pop(0)
            heapq.heappush(running, (now + (clips if is_clip else frames)[shot], is_clip, shot))
        now, is_clip, shot = heapq.heappop(running)
        if not is_clip:
            ready.append(shot)
    if now < (sum(frames) + sum(clips)) / places:
        msg = f"a schedule of {now} s cannot be shorter than the work of {sum(frames) + sum(clips)} s on {places} places"
        raise ValueError(msg)
    return now


class Vendor:
    """The simulated vendor, in a process of its own."""

    def __enter__(self) -> str:
        """Starts it and answers where it is."""
        command = [sys.executable, "-m", "reelwright.testing.vendor", "--frame-seconds", str(FRAME), "--clip-seconds", str(CLIP)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment())
        if self._process.stdout is None:
            sys.exit("the vendor has no voice")
        return f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __exit__(self, *_: object) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class Outcome:
    """One production, in seconds from its start."""

    clips: float
    film: float
    run: Run
    rows: list[tuple[float, str, str, str]]


def produced(environment: Mapping[str, str], models: Sequence[str], cards: Mapping[str, str] | None = None) -> Outcome:
    """One production by `reelwright make`, with soft captions and no voice, so that what is measured is the waiting.

    Args:
        environment: what leads to the vendor.
        models: the flags that name who makes what.
        cards: model cards of the data folder, by provider.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for provider, text in (cards or {}).items():
            (home / "cards").mkdir(exist_ok=True)
            (home / "cards" / f"{provider}.toml").write_text(text, encoding="utf-8")
        brief = ROOT / "examples" / "product-ad.toml"
        command = [REELWRIGHT, "make", brief, "--shots", str(SHOTS), "--seconds", "60", "--captions", "soft", "--voice", "none"]
        command += [*models, "--cap", "100", "--yes", "--json", "--output", home / "film.mp4"]
        made = run(command, environment={**environment, "REELWRIGHT_HOME": str(home)})
        connection = sqlite3.connect(f"file:{home / 'reelwright.sqlite'}?mode=ro", uri=True)
        found = connection.execute("SELECT at, name, facts FROM reel_events ORDER BY number").fetchall()
        connection.close()
    rows: list[tuple[float, str, str, str]] = []
    started = 0.0
    for at, name, facts in found:
        moment, told = datetime.fromisoformat(at).timestamp(), json.loads(facts)
        started = moment if name == "production.started" else started
        rows.append((moment - started, name, str(told.get("shot", "")), str(told.get("kind", ""))))
    clips = max(at for at, name, _, kind in rows if name == "take.kept" and kind == "clip")
    film = max(at for at, name, *_ in rows if name == "film.completed")
    return Outcome(clips, film, made, rows)


def studio(url: str, every: str, account: str) -> Outcome:
    """One production at the vendor of this benchmark."""
    environment = {
        "PYTHONPATH": str(PLUGINS),
        "SIMULATED_URL": url,
        "SIMULATED_POLL_EVERY": every,
        "SIMULATED_CONCURRENCY": str(PLACES),
        "SIMULATED_POOL": "account",
    }
    return produced(environment, ["--image", f"{account}:frame", "--video", f"{account}:clip"])


async def _stats(url: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/stats") as answer:
        return await answer.json()


async def batches(shoot: Callable[[int], Awaitable[None]], pause: float = PAUSE) -> float:
    """The batch loop: no log, no verification. Seconds until `shoot` has made every shot's clip."""
    started = time.monotonic()
    for first in range(0, SHOTS, BATCH):
        if first:
            await asyncio.sleep(pause)
        await asyncio.gather(*(shoot(shot) for shot in range(first, min(SHOTS, first + BATCH))))
    return time.monotonic() - started


async def in_batches(url: str, folder: Path) -> float:
    """The batch loop on the same vendor, into plain files."""
    async with aiohttp.ClientSession(url) as session:

        async def make(shot: int, kind: str) -> None:
            reference = f"batch/{time.time()}/{shot}/{kind}"
            order = {
                "reference": reference,
                "kind": kind,
                "digest": hashlib.sha256(f"{shot}/{kind}".encode()).hexdigest(),
                "width": 1280,
                "height": 720,
                "rate": "24",
                "seconds": "5" if kind == "clip" else "0",
            }
            async with session.post("/list/v1/jobs", json=order) as answer:
                job = (await answer.json())["id"]
            while True:
                async with session.get(f"/list/v1/jobs/{job}") as answer:
                    state = await answer.json()
                if state["state"] == "succeeded":
                    break
                await asyncio.sleep(0.25)
            async with session.get(state["url"]) as answer:
                (folder / f"{shot}-{kind}").write_bytes(await answer.read())

        async def shoot(shot: int) -> None:
            await make(shot, "frame")
            await make(shot, "clip")

        return await batches(shoot)


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--times", type=int, default=1, help="how often the production is run")
    arguments.add_argument("--every", default="1/4", help="seconds between two polls of a job, as the vendor asks")
    arguments.add_argument("--account", default="simlist", help="simkey, simlist or simblind")
    arguments.add_argument("--no-batches", action="store_true", help="leave the batch loop out")
    arguments.add_argument("--events", action="store_true", help="print when everything happened")
    given = arguments.parse_args()

    best = ideal([FRAME] * SHOTS, [CLIP] * SHOTS)
    outcomes: list[Outcome] = []
    counted: list[dict[str, Any]] = []
    for _ in range(given.times):
        with Vendor() as url:
            outcomes.append(studio(url, given.every, given.account))
            counted.append(asyncio.run(_stats(url)))
    if given.events:
        for at, name, shot, kind in outcomes[-1].rows:
            print(f"{at:8.3f}  {name:20} {shot:8} {kind}")
    least = min(outcomes, key=lambda outcome: outcome.clips)
    rows: list[tuple[str, float]] = [("the best schedule there can be", best)]
    rows += [(f"Reelwright to the last clip kept, run {number}", each.clips) for number, each in enumerate(outcomes, 1)]
    rows += [(f"Reelwright to the finished film, run {number}", each.film) for number, each in enumerate(outcomes, 1)]
    if not given.no_batches:
        with Vendor() as url, tempfile.TemporaryDirectory() as folder:
            rows.append(("batches of 3, 15 s of pause, to the last clip", asyncio.run(in_batches(url, Path(folder)))))
    table(
        f"{SHOTS} shots, {FRAME:g} s a frame, {CLIP:g} s a clip, {PLACES} at a time, a poll every {given.every} s",
        ("schedule", "seconds", "over the best"),
        [(name, f"{seconds:.1f}", f"{seconds / best:.3f}") for name, seconds in rows],
    )
    latest, busiest = [float(each["latest"]) for each in counted], max(int(each["busiest"]) for each in counted)
    print(f"\n  at most {busiest} jobs at once; {least.run.cpu:.1f} s of CPU for a production and its render")
    print(f"  answers came up to {max(latest):.2f} s after a job was due, mostly because of the polls")
    figures = {name: {"seconds": seconds, "over_the_best": seconds / best} for name, seconds in rows}
    write_json(
        __file__,
        given.json,
        {"figures": figures, "cpu": least.run.cpu, "poll_every": given.every, "latest": latest},
    )


if __name__ == "__main__":
    main()
