"""`make film` for a film of 6 shots and 30 s at 1280x720, with a scratch voice and burned captions, against MoviePy 2.

Reelwright writes the texts, draws the frames, films them, speaks, verifies and stores all of it, mixes and renders. MoviePy gets
the finished frames, the camera moves, the captions as they fall and the finished sound, and makes the film of them: zoom and pan
by a function of time, captions laid over, H.264 veryfast at crf 18, AAC. It wants an older Pillow, so it runs in `.bench-venv`.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# PyAV's packets are generic and its streams do not say of what.

from __future__ import annotations

import json
import os
import re
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import av

from measure import FOLDER, MIB, REELWRIGHT, ROOT, Run, parser, run, table, write_json
from reelwright.domain.generation import Direction
from reelwright.media.camera import move_for
from reelwright.media.probe import probe

SHOTS, SECONDS, SIZE = 6, 30, (1280, 720)
_KINDS = ("frame", "voice", "clip")


@dataclass(frozen=True)
class Made:
    """A film by Reelwright with its data folder."""

    run: Run
    home: Path
    film: Path

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        connection = sqlite3.connect(f"file:{self.home / 'reelwright.sqlite'}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


def make(folder: Path) -> Made:
    """The film, in a new data folder, from an environment that is set up."""
    command = [REELWRIGHT, "make", ROOT / "examples" / "product-ad.toml", "--shots", str(SHOTS), "--seconds", str(SECONDS)]
    command += ["--captions", "burned", "--output", folder / "film.mp4", "--yes", "--json"]
    return Made(run(command, environment={"REELWRIGHT_HOME": str(folder / "home")}), folder / "home", folder / "film.mp4")


def phases(made: Made) -> list[tuple[str, float, float, float]]:
    """Where the time went: name, start and end in seconds from the start of the process, CPU seconds of the whole tree."""
    moments: dict[str, list[tuple[float, str, str]]] = {}
    for at, name, facts in made.rows("SELECT at, name, facts FROM reel_events ORDER BY number"):
        told = json.loads(facts)
        moment = datetime.fromisoformat(at).timestamp() - made.run.started
        moments.setdefault(name, []).append((moment, str(told.get("shot", "")), str(told.get("kind", ""))))

    def first(name: str) -> float:
        return min(at for at, *_ in moments[name])

    def last(name: str, kind: str = "") -> float:
        return max(at for at, _, of in moments[name] if kind in {"", of})

    spans = [
        ("starting the program", 0.0, first("production.started")),
        ("concepts and storyboard", first("production.started"), first("storyboard.written")),
        ("frames, until the last is kept", first("storyboard.written"), last("take.kept", "frame")),
        ("frames, voices and clips together", first("storyboard.written"), last("take.kept")),
        ("sound, render, poster, contact sheet", first("film.started"), last("film.completed")),
        ("handing over, stopping", last("film.completed"), made.run.wall),
    ]
    begin = made.run.started
    return [(name, start, end, made.run.watch.cpu_between(begin + start, begin + end)) for name, start, end in spans]


def busy(made: Made) -> dict[str, float]:
    """Seconds in which at least one take of a kind was being made or stored."""
    spans: dict[str, list[tuple[float, float]]] = {kind: [] for kind in _KINDS}
    open_at: dict[str, float] = {}
    for at, name, facts in made.rows("SELECT at, name, facts FROM reel_events ORDER BY number"):
        told, moment = json.loads(facts), datetime.fromisoformat(at).timestamp()
        if name == "take.submitted":
            open_at[told["take"]] = moment
        elif name == "take.kept":
            spans[told["kind"]].append((open_at.pop(told["take"]), moment))
    return {kind: _union(found) for kind, found in spans.items()}


def _union(spans: list[tuple[float, float]]) -> float:
    total, reached = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def moviepy(made: Made, folder: Path) -> tuple[Run, Path]:
    """The same pictures, moves, captions and sound by MoviePy."""
    sound, target, plan = folder / "sound.wav", folder / "moviepy.mp4", folder / "plan.json"
    _copy_sound(made.film, sound)
    plan.write_text(json.dumps(_plan(made, sound, target)), encoding="utf-8")
    python = ROOT / ".bench-venv" / "bin" / "python"
    return run([python, FOLDER / "film_moviepy.py", plan], folder=folder), target


def _plan(made: Made, sound: Path, target: Path) -> dict[str, object]:
    document = json.loads(made.rows("SELECT document FROM reel_campaigns")[0][0])
    keys = dict(
        made.rows(
            "SELECT t.shot_id, a.key FROM reel_takes t JOIN reel_assets a ON a.id = t.asset_id "
            "WHERE t.kind = 'frame' AND t.state = 'kept'"
        )
    )
    cut = json.loads(made.rows("SELECT cut_list FROM reel_films")[0][0])
    shots: list[dict[str, object]] = []
    for number, (shot, clip) in enumerate(zip(document["storyboard"]["shots"], cut["clips"], strict=True), 1):
        direction = Direction(motion=shot["motion_prompt"], number=number, count=SHOTS)
        move = move_for(direction, has_depth=False)
        still = str(made.home / "storage" / keys[shot["id"]])
        shots.append({"still": still, "frames": clip["frames"], "zoom": move.zoom, "x": move.x, "y": move.y})
    return {
        "size": SIZE,
        "rate": 24,
        "shots": shots,
        "captions": _captions(made.film.with_suffix(".srt").read_text(encoding="utf-8")),
        "font": str(files("fontpkg_inter") / "files" / "Inter[opsz,wght].ttf"),
        "sound": str(sound),
        "target": str(target),
        "threads": len(os.sched_getaffinity(0)),
    }


def _captions(srt: str) -> list[tuple[float, float, str]]:
    found: list[tuple[float, float, str]] = []
    for block in srt.strip().split("\n\n"):
        _, times, *lines = block.splitlines()
        start, end = (
            int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000
            for h, m, s, ms in (re.findall(r"\d+", time_code) for time_code in times.split(" --> "))
        )
        found.append((start, end, "\n".join(lines)))
    return found


def _copy_sound(film: Path, target: Path) -> None:
    with av.open(str(film)) as source, av.open(str(target), "w") as sink:
        stream = sink.add_stream("pcm_s16le", rate=48000, layout="stereo")
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=48000)
        for frame in source.decode(audio=0):
            for each in resampler.resample(frame):
                sink.mux(stream.encode(each))
        sink.mux(stream.encode(None))


def check(film: Path) -> int:
    """The film's frames, after decoding all of it.

    Raises:
        SystemExit: it is not the film that was asked for.
    """
    found = probe(str(film))
    size = (found.size.width, found.size.height) if found.size else None
    if size != SIZE or round(found.seconds or 0) != SECONDS:
        msg = f"{film.name} is {found.size} and {found.seconds} s long"
        raise SystemExit(msg)
    with av.open(str(film)) as container:
        return sum(1 for _ in container.decode(video=0))


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--times", type=int, default=1, help="how often both make the film")
    arguments.add_argument("--no-moviepy", action="store_true", help="leave MoviePy out")
    arguments.add_argument("--keep", type=Path, default=None, metavar="FOLDER", help="keep the films of the last run there")
    given = arguments.parse_args()
    run([REELWRIGHT, "--help"])  # warm

    figures: list[dict[str, Any]] = []
    for number in range(1, given.times + 1):
        with tempfile.TemporaryDirectory() as name:
            folder = given.keep / str(int(time.time())) if given.keep else Path(name)
            folder.mkdir(parents=True, exist_ok=True)
            made = make(folder)
            frames = check(made.film)
            spent = phases(made)
            figure: dict[str, Any] = {
                "reelwright": _figure(made.run, made.film, frames),
                "phases": {name: {"seconds": end - start, "cpu": cpu} for name, start, end, cpu in spent},
                "busy": busy(made),
            }
            own = figure["phases"]
            rows = [("Reelwright, from the brief", *_row(figure["reelwright"]))]
            if not given.no_moviepy:
                other, target = moviepy(made, folder)
                figure["moviepy"] = _figure(other, target, check(target))
                rows.append(("MoviePy 2, from finished frames and sound", *_row(figure["moviepy"])))
                compared = own["frames, voices and clips together"], own["sound, render, poster, contact sheet"]
                figure["ratio"] = {
                    "moviepy_wall_over_reelwright_all": other.wall / made.run.wall,
                    "moviepy_cpu_over_reelwright_all": other.cpu / made.run.cpu,
                    "moviepy_wall_over_reelwright_shots_and_render": other.wall / sum(each["seconds"] for each in compared),
                }
            figures.append(figure)
        table(
            f"{SHOTS} shots, {SECONDS} s, {SIZE[0]}x{SIZE[1]}, run {number}",
            ("film", "wall s", "x film", "CPU s", "peak MiB", "largest MiB", "MB", "frames"),
            rows,
        )
        table(
            "Where the time goes (frames are also part of the line below them)",
            ("phase", "wall s", "CPU s"),
            [(name, f"{end - start:.1f}", f"{cpu:.1f}") for name, start, end, cpu in spent],
        )
        work = ", ".join(f"{kind}s {seconds:.1f} s" for kind, seconds in figure["busy"].items())
        print(f"\n  at least one was being made or stored for: {work}")
        if "ratio" in figure:
            print("  " + ", ".join(f"{name.replace('_', ' ')} {ratio:.2f}" for name, ratio in figure["ratio"].items()))
    write_json(__file__, given.json, {"runs": figures})


def _figure(run_: Run, film: Path, frames: int) -> dict[str, float]:
    return {
        "wall": run_.wall,
        "times_film": run_.wall / SECONDS,
        "cpu": run_.cpu,
        "peak_tree": run_.peak,
        "largest_process": max([0, *(max(sample.root, sample.largest_child) for sample in run_.watch.samples)]),
        "bytes": film.stat().st_size,
        "frames": frames,
    }


def _row(figure: dict[str, float]) -> tuple[str, ...]:
    return (
        f"{figure['wall']:.1f}",
        f"{figure['times_film']:.2f}",
        f"{figure['cpu']:.1f}",
        f"{figure['peak_tree'] / MIB:.0f}",
        f"{figure['largest_process'] / MIB:.0f}",
        f"{figure['bytes'] / 1e6:.1f}",
        f"{figure['frames']:.0f}",
    )


if __name__ == "__main__":
    main()
