"""Autosave: what a save of a draft takes while many people type, on SQLite, against the barest server that could do it.

Everybody has a campaign of sixty shots and saves one changed field about every `--every` seconds, as the web client does: two
seconds after the last key, and at the latest after ten. Saves are asked for at moments that do not depend on the answers, so a
slow server is not spared. The other server is FastAPI and SQLAlchemy with one table: it reads the row, merges the patch, writes
the row with the next version, and answers it. It keeps no history, tells nobody, knows no people and makes nothing of what was
typed; its SQLite syncs as ours does.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from typing import Annotated, Any, cast

import httpx2
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse
from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from measure import parser, table, write_json
from reelwright.api.server import Address, listen, serve
from reelwright.bootstrap import open_studio
from reelwright.config import Settings
from reelwright.domain.draft import Draft, merge_patch
from reelwright.domain.ids import OWNER

_WARM_SECONDS = 5


def draft(shots: int = 60) -> Draft:
    """A draft as long as one gets: about 60 kB."""
    entry = {
        "title": "First light on the table",
        "text": "A lamp on a table by the window begins to glow while the room is still dark. " * 3,
        "image_prompt": "A bedside lamp at dawn, soft warm light, shallow depth of field, close and calm. " * 6,
        "motion_prompt": "The camera moves in slowly and comes to rest on the lamp. " * 6,
        "narration": "Some mornings begin before you do. " * 3,
        "seconds": 4,
    }
    brief = {"product": "A lamp that wakes you with light", "name": "Ember", "shots": shots, "seconds": 4 * shots}
    return {"step": 4, "brief": brief, "shots": {f"shot-{n:02d}": {**entry, "order": f"{n:03d}0"} for n in range(1, shots + 1)}}


class Table(DeclarativeBase):
    """The bare server's tables."""


class Row(Table):
    """One draft."""

    __tablename__ = "drafts"
    id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    doc: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


def bare(home: Path, people: int) -> FastAPI:
    """The barest server that saves drafts with a version."""
    engine = sa.create_engine(f"sqlite:///{home / 'bare.sqlite'}", pool_size=40, max_overflow=0)

    @event.listens_for(engine, "connect")
    def tune(connection: Any, _: object) -> None:
        connection.isolation_level = None
        for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    Table.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all(Row(id=f"c{number}", version=1, doc=draft()) for number in range(people))
    app = FastAPI()

    def save(campaign: str, patch: object, version: int) -> dict[str, Any]:
        with Session(engine) as session, session.begin():
            row = session.get_one(Row, campaign)
            if row.version != version:
                raise HTTPException(412)
            row.doc = cast("dict[str, Any]", merge_patch(row.doc, patch))
            row.version += 1
            return {"version": row.version, "doc": row.doc}

    @app.patch("/api/v1/campaigns/{campaign}/draft")
    async def patch(campaign: str, request: Request, if_match: Annotated[str, Header()]) -> JSONResponse:
        found = await asyncio.to_thread(save, campaign, await request.json(), int(if_match.strip('"')))
        return JSONResponse(found, headers={"ETag": f'"{found["version"]}"'})

    return app


async def serve_bare(home: Path, people: int) -> None:
    """Serves it until it is killed."""
    listening = listen(Address(port=0))
    config = uvicorn.Config(bare(home, people), log_config=None, access_log=False)
    print(json.dumps({"port": listening.getsockname()[1], "token": ""}), flush=True)
    await uvicorn.Server(config).serve(sockets=[listening])


async def serve_ours(home: Path, people: int) -> None:
    """Serves the studio until it is killed."""
    studio = open_studio(Settings(home=home))
    for number in range(people):
        await studio.campaigns.begin(draft(), user=OWNER, wanted=f"c{number}")
    await studio.accounts.owner()
    _, token = await studio.accounts.create_token(OWNER, "benchmark")
    listening = listen(Address(port=0))
    print(json.dumps({"port": listening.getsockname()[1], "token": token}), flush=True)
    await serve(studio, listening, asyncio.Event())


def cpu_of(process: int) -> float:
    """The CPU seconds that the process has used."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def running(which: str, people: int) -> AsyncGenerator[tuple[httpx2.AsyncClient, int]]:
    """A client of that server, in a process and a folder of its own, and the process."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, __file__, "--serve", which, "--home", home, "--people", str(people)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - before anything is measured
        try:
            assert process.stdout is not None
            told = json.loads(await asyncio.to_thread(process.stdout.readline))
            headers = {"Authorization": f"Bearer {told['token']}"} if told["token"] else {}
            limits = httpx2.Limits(max_connections=people, max_keepalive_connections=people)
            async with httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{told['port']}", headers=headers, limits=limits, timeout=60
            ) as client:
                yield client, process.pid
        finally:
            process.kill()
            process.wait()


async def type_away(
    client: httpx2.AsyncClient, person: int, versions: list[int], every: float, until: float, times: list[float]
) -> None:
    """Saves again and again; writes down how long each took, counted from the moment when it was due."""
    chance, shots = random.Random(person), 60  # noqa: S311 - not a secret
    loop = asyncio.get_running_loop()
    due = loop.time() + chance.uniform(0, every)
    count = 0
    while due < until:
        await asyncio.sleep(max(0.0, due - loop.time()))
        count += 1
        shot = f"shot-{chance.randint(1, shots):02d}"
        patch = {"shots": {shot: {"text": f"What is seen is {'more and ' * (count % 20)}more of it, take {count}."}}}
        answer = await client.patch(
            f"/api/v1/campaigns/c{person}/draft",
            content=json.dumps(patch),
            headers={"If-Match": f'"{versions[person]}"', "Content-Type": "application/merge-patch+json"},
        )
        answer.raise_for_status()
        versions[person] = answer.json()["version"]
        times.append(loop.time() - due)
        due += chance.uniform(0.4 * every, 1.6 * every)


async def measured(which: str, people: int, every: float, seconds: float) -> dict[str, float]:
    """What saves took there, in milliseconds."""
    async with running(which, people) as (client, process):
        loop = asyncio.get_running_loop()
        versions = [1] * people
        await type_all(client, versions, every, loop.time() + _WARM_SECONDS)
        began, used = time.perf_counter(), cpu_of(process)
        times = await type_all(client, versions, every, loop.time() + seconds)
        spent, used = time.perf_counter() - began, cpu_of(process) - used
    cuts = quantiles(times, n=100)
    return {
        "saves": len(times),
        "a_second": len(times) / spent,
        "p50_ms": cuts[49] * 1000,
        "p95_ms": cuts[94] * 1000,
        "p99_ms": cuts[98] * 1000,
        "cpu_ms": used / len(times) * 1000,
    }


async def type_all(client: httpx2.AsyncClient, versions: list[int], every: float, until: float) -> list[float]:
    """Everybody saves until then; how long the saves took."""
    times: list[float] = []
    await asyncio.gather(*(type_away(client, each, versions, every, until, times) for each in range(len(versions))))
    return times


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--people", type=int, default=200)
    arguments.add_argument("--every", type=float, default=5, help="seconds between two saves of one person, on average")
    arguments.add_argument("--seconds", type=float, default=30)
    arguments.add_argument("--serve", choices=("ours", "bare"), help="be one of the servers")
    arguments.add_argument("--home", type=Path)
    given = arguments.parse_args()
    if given.serve:
        asyncio.run((serve_ours if given.serve == "ours" else serve_bare)(given.home, given.people))
        return
    figures = {each: asyncio.run(measured(each, given.people, given.every, given.seconds)) for each in ("bare", "ours")}
    ratios = {name: figures["ours"][name] / figures["bare"][name] for name in ("p50_ms", "p95_ms", "p99_ms", "cpu_ms")}
    table(
        f"Saving a draft of {len(json.dumps(draft())) / 1000:.0f} kB; {given.people} people, a save every {given.every:g} s each",
        ("server", "saves", "a second", "p50 ms", "p95 ms", "p99 ms", "CPU ms"),
        [
            (name, int(row["saves"]), f"{row['a_second']:.1f}", *(f"{row[key]:.1f}" for key in ratios))
            for name, row in figures.items()
        ]
        + [("ours / bare", "", "", *(f"{ratio:.2f}" for ratio in ratios.values()))],
    )
    setting = {"people": given.people, "every_s": given.every, "seconds": given.seconds}
    write_json(__file__, given.json, {"setting": setting, "figures": figures, "ratios": ratios})


if __name__ == "__main__":
    main()
