"""What a production of 12 shots costs in time at a simulated Runway, five times as fast as the real one.

Runway runs 3 jobs of the account at a time and takes 30 to 60 s for a clip and 5 to 10 s for a frame, by chance; it asks to be
polled every 5 s. Here all of that is a fifth. A clip starts from its own frame, which travels inside the request. The best
schedule is computed from the very lengths that the vendor gave the jobs of that run, so walls are told as multiples of it. The
batch loop is that of older systems: 3 shots at a time, all of a batch before the next one, and a pause of 15 s, here 3. It
retries nothing and checks nothing.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import aiohttp

from measure import clean_environment, parser, table, write_json
from orchestration import PAUSE, PLACES, SHOTS, Outcome, batches, ideal, produced

FRAMES, CLIPS = (5.0, 10.0), (30.0, 60.0)
POLL = 5
SECONDS = 5
"""Of a clip."""
IMAGE, VIDEO = "gen4_image", "gen4_turbo"
RATIO = "1280:720"


@dataclass
class Runway:
    """The simulated vendor, in a process of its own."""

    folder: Path
    seed: int
    scale: int
    """How much faster it is than the real one."""

    def __enter__(self) -> Self:
        """Starts it."""
        behaviour: dict[str, object] = {"concurrency": PLACES, "seed": self.seed}
        for name, span in (("frame_seconds", FRAMES), ("clip_seconds", CLIPS)):
            behaviour[name] = [seconds / self.scale for seconds in span]
        command = [sys.executable, "-m", "reelwright.testing.simulators", "runway", "--file", str(self.ledger)]
        self._process = subprocess.Popen(
            [*command, "--behaviour", json.dumps(behaviour)], stdout=subprocess.PIPE, text=True, env=clean_environment()
        )
        if self._process.stdout is None:
            sys.exit("the vendor has no voice")
        self.environment: dict[str, str] = json.loads(self._process.stdout.readline())["environment"]
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()

    @property
    def ledger(self) -> Path:
        """The file in which it counts."""
        return self.folder / "ledger.sqlite"

    def best(self) -> float:
        """Seconds of the best schedule of the jobs that it was given."""
        connection = sqlite3.connect(self.ledger)
        taken = {
            kind: [takes for (takes,) in connection.execute("SELECT takes FROM jobs WHERE kind = ? ORDER BY at, rowid", (kind,))]
            for kind in ("frame", "clip")
        }
        connection.close()
        if [len(lengths) for lengths in taken.values()] != [SHOTS, SHOTS]:
            sys.exit(f"Runway was asked for {', '.join(f'{len(each)} {kind}s' for kind, each in taken.items())}")
        return ideal(taken["frame"], taken["clip"])


def cards(scale: int) -> str:
    """Runway's model cards, polled so much more often, and with one pool of places for the account."""
    text = files("reelwright.providers").joinpath("cards", "runway.toml").read_text("utf-8")
    text = re.sub(r"(?m)^poll_every = .*$", f'poll_every = "{Fraction(POLL, scale)}"', text)
    return re.sub(r"(?m)^concurrency = .*$", f'concurrency = {PLACES}\npool = "account"', text)


async def in_batches(runway: Runway, folder: Path) -> float:
    """The batch loop on the same vendor, into plain files. Seconds to the last clip."""
    headers = {"Authorization": f"Bearer {runway.environment['RUNWAYML_API_SECRET']}", "X-Runway-Version": "2024-11-06"}
    async with aiohttp.ClientSession() as session:

        async def make(endpoint: str, body: dict[str, Any], name: str) -> bytes:
            base = f"{runway.environment['RUNWAYML_BASE_URL']}/v1"
            async with session.post(f"{base}/{endpoint}", json=body, headers=headers) as answer:
                answer.raise_for_status()
                task = (await answer.json())["id"]
            while True:
                await asyncio.sleep(POLL / runway.scale)
                async with session.get(f"{base}/tasks/{task}", headers=headers) as answer:
                    state = await answer.json()
                if state["status"] == "SUCCEEDED":
                    break
            async with session.get(state["output"][0]) as answer:
                content = await answer.read()
            (folder / name).write_bytes(content)
            return content

        async def shoot(shot: int) -> None:
            prompt = f"A lamp on a table, shot {shot}."
            asked: dict[str, Any] = {"model": IMAGE, "promptText": prompt, "ratio": RATIO}
            frame = await make("text_to_image", asked, f"{shot}.png")
            picture = f"data:image/png;base64,{base64.b64encode(frame).decode()}"
            asked = {"model": VIDEO, "promptImage": picture, "promptText": prompt, "ratio": RATIO, "duration": SECONDS}
            await make("image_to_video", asked, f"{shot}.mp4")

        return await batches(shoot, PAUSE / runway.scale)


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--times", type=int, default=1, help="how often the production is run")
    arguments.add_argument("--scale", type=int, default=5, help="how much faster Runway is than the real one")
    given = arguments.parse_args()
    models = ["--image", f"runway:{IMAGE}", "--video", f"runway:{VIDEO}"]
    rows: list[tuple[str, float, float]] = []
    outcomes: list[Outcome] = []
    for number in range(1, given.times + 1):
        with tempfile.TemporaryDirectory() as folder, Runway(Path(folder), number, given.scale) as runway:
            outcomes.append(produced(runway.environment, models, {"runway": cards(given.scale)}))
            best = runway.best()
        rows.append((f"Reelwright to the last clip kept, run {number}", outcomes[-1].clips, best))
        rows.append((f"Reelwright to the finished film, run {number}", outcomes[-1].film, best))
        with tempfile.TemporaryDirectory() as folder, Runway(Path(folder), number, given.scale) as runway:
            seconds = asyncio.run(in_batches(runway, Path(folder)))
            rows.append((f"batches of 3, a pause in between, run {number}", seconds, runway.best()))
    table(
        f"{SHOTS} shots at a Runway {given.scale} times as fast, {PLACES} at a time, a poll every {POLL / given.scale:g} s",
        ("schedule", "seconds", "the best", "over the best"),
        [(name, f"{seconds:.1f}", f"{best:.1f}", f"{seconds / best:.3f}") for name, seconds, best in rows],
    )
    print(f"\n  {min(each.run.cpu for each in outcomes):.1f} s of CPU for a production and its render")
    figures = {name: {"seconds": seconds, "best": best, "over_the_best": seconds / best} for name, seconds, best in rows}
    write_json(__file__, given.json, {"figures": figures, "scale": given.scale, "poll_every": POLL / given.scale})


if __name__ == "__main__":
    main()
