"""The dashboard: what a page of campaigns takes when there are a hundred of them, ten thousand and a million.

The rows are written straight into the database, with the short documents that most campaigns have; then pages are asked for
through the service, as the API does: the first one and one from the middle, newest first, last changed first, of one status,
the counts, and the search for a word that everything has, that one in a thousand has and that nothing has. It must not grow
with the count; the search may, because it looks at every campaign of a person until it has found enough.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa

from measure import parser, table, write_json
from reelwright.bootstrap import Studio, open_studio
from reelwright.config import Settings
from reelwright.db.documents import dump
from reelwright.db.fence import fenced
from reelwright.db.listing import Sort
from reelwright.db.tables import CampaignRow
from reelwright.domain.brief import Brief
from reelwright.domain.campaign import CampaignStatus, Document
from reelwright.domain.ids import OWNER

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_STATUSES = ["draft"] * 15 + ["completed"] * 80 + ["failed"] * 4 + ["generating"]
_BATCH = 5_000


def rows(count: int) -> Iterator[dict[str, Any]]:
    """So many campaigns of one person."""
    document = dump(Document(Brief("A lamp that wakes you with light, made of oak and paper", "Ember")))
    for number in range(count):
        yield {
            "id": f"campaign_{number:09d}",
            "user_id": OWNER,
            "name": f"Film {number}",
            "words": f"film {number} a lamp that wakes you with light, made of oak and paper"
            + (" kiln" if number % 1000 == 0 else ""),
            "step": 1,
            "status": _STATUSES[number * 7919 % 100],
            "version": 1,
            "document": document,
            "event_count": 0,
            "created_at": _EPOCH + timedelta(seconds=number),
            "updated_at": _EPOCH + timedelta(seconds=number * 7919 % max(1, count)),
        }


async def timed(ask: Callable[[], Awaitable[object]], times: int) -> float:
    """The median of so many, in milliseconds."""
    await ask()
    found: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await ask()
        found.append((time.perf_counter() - began) * 1000)
    return median(found)


async def measured(studio: Studio, count: int, times: int) -> dict[str, float]:
    """What each page takes."""
    board = studio.dashboard
    middle = (_EPOCH + timedelta(seconds=count // 2) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    asks: dict[str, Callable[[], Awaitable[object]]] = {
        "first page": lambda: board.page(OWNER),
        "page in the middle": lambda: board.page(OWNER, cursor=f"{middle}-campaign_x"),
        "last changed first": lambda: board.page(OWNER, by=Sort.CHANGED),
        "generating": lambda: board.page(OWNER, status=CampaignStatus.GENERATING),
        "failed, changed": lambda: board.page(OWNER, status=CampaignStatus.FAILED, by=Sort.CHANGED),
        "counts": lambda: board.counts(OWNER),
        "search, all have it": lambda: board.search(OWNER, "lamp light"),
        "search, few have it": lambda: board.search(OWNER, "kiln"),
        "search, none has it": lambda: board.search(OWNER, "zeppelin"),
    }
    with fenced(OWNER):
        return {name: await timed(ask, times) for name, ask in asks.items()}


async def filled(home: Path, url: str, count: int, times: int) -> dict[str, float]:
    """Fills a studio and measures it."""
    studio = open_studio(Settings(home=home, database_url=url))
    try:
        waiting = rows(count)
        while batch := list(islice(waiting, _BATCH)):
            await studio.database.write(lambda session, batch=batch: session.execute(sa.insert(CampaignRow), batch))
        await studio.database.write(lambda session: session.execute(sa.text("ANALYZE")))
        return await measured(studio, count, times)
    finally:
        await studio.close()


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--counts", type=int, nargs="+", default=[100, 10_000, 1_000_000])
    arguments.add_argument("--times", type=int, default=15, help="how often each is asked for")
    arguments.add_argument(
        "--postgres", default="", metavar="URL", help="an empty PostgreSQL database instead of SQLite; one count only"
    )
    given = arguments.parse_args()
    figures: dict[int, dict[str, float]] = {}
    for count in given.counts:
        with tempfile.TemporaryDirectory() as home:
            figures[count] = asyncio.run(filled(Path(home), given.postgres, count, given.times))
    table(
        f"A page of the dashboard, milliseconds, median of {given.times}",
        ("what", *(f"{count:,}" for count in figures)),
        [(name, *(f"{figures[count][name]:.1f}" for count in figures)) for name in next(iter(figures.values()))],
    )
    setting = {"times": given.times, "database": "postgresql" if given.postgres else "sqlite"}
    write_json(__file__, given.json, {"setting": setting, "figures": {str(count): row for count, row in figures.items()}})


if __name__ == "__main__":
    main()
