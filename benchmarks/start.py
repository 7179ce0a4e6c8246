"""How long Reelwright takes to start: `--help`, the imports behind `make`, and `make` until its first step has been done.

Each is run several times; the least and the median are told, because whatever else the machine does can only make it slower.
The comparison is Python itself doing nothing, and DBOS, the one large library without which nothing can be durable.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from measure import REELWRIGHT, ROOT, Run, parser, run, table, write_json

_PYTHON = sys.executable


def first_step(home: Path) -> Run:
    """Makes the smallest film there is, in a new data folder."""
    brief = ROOT / "examples" / "one-sentence.toml"
    command = [REELWRIGHT, "make", brief, "--shots", "1", "--seconds", "2", "--voice", "none", "--yes", "--json"]
    return run([*command, "--output", home / "film.mp4"], environment={"REELWRIGHT_HOME": str(home)})


def until(home: Path, event: str, started: float) -> float:
    """Seconds from the start of the process to the first event of that name."""
    connection = sqlite3.connect(f"file:{home / 'reelwright.sqlite'}?mode=ro", uri=True)
    (at,) = connection.execute("SELECT min(at) FROM reel_events WHERE name = ?", (event,)).fetchone()
    connection.close()
    return datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() - started


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--times", type=int, default=7, help="how often each is run")
    given = arguments.parse_args()

    def python(code: str) -> Callable[[], Run]:
        return lambda: run([_PYTHON, "-c", code])

    kinds: dict[str, Callable[[], Run]] = {
        "python, doing nothing": python("pass"),
        "import dbos": python("import dbos"),
        "reelwright --help": lambda: run([REELWRIGHT, "--help"]),
        "import of all behind `make`": python("import reelwright.cli.making"),
        "reelwright doctor": lambda: run([REELWRIGHT, "doctor", "--json"]),
    }
    figures: dict[str, dict[str, float]] = {}
    for name, start in kinds.items():
        start()  # compiles and warms what it reads
        runs = [start() for _ in range(given.times)]
        figures[name] = {
            "wall_least": min(each.wall for each in runs),
            "wall_median": median(each.wall for each in runs),
            "cpu": min(each.cpu for each in runs),
        }
    boots: list[tuple[float, float, float]] = []
    for _ in range(min(3, given.times)):
        with tempfile.TemporaryDirectory() as folder:
            made = first_step(Path(folder))
            started, ended = (until(Path(folder), name, made.started) for name in ("production.started", "concepts.written"))
            boots.append((started, ended, made.watch.cpu_between(made.started, made.started + ended)))
    for place, name in enumerate(("`make` until the production is written", "`make` until its first step is done")):
        times = [boot[place] for boot in boots]
        figures[name] = {"wall_least": min(times), "wall_median": median(times)}
    figures["`make` until its first step is done"]["cpu"] = min(boot[2] for boot in boots)

    nothing = figures["python, doing nothing"]["cpu"]
    table(
        f"Starting, {given.times} times each",
        ("what", "least s", "median s", "CPU s", "CPU over Python"),
        [
            (
                name,
                f"{row['wall_least']:.2f}",
                f"{row['wall_median']:.2f}",
                f"{row['cpu']:.2f}" if "cpu" in row else "",
                f"+{row['cpu'] - nothing:.2f}" if "cpu" in row else "",
            )
            for name, row in figures.items()
        ],
    )
    write_json(__file__, given.json, {"times": given.times, "figures": figures})


if __name__ == "__main__":
    main()
