"""A vendor of generated media that runs on this machine, behaves like the real ones, and counts for itself.

`python -m reelwright.testing.vendor` starts it and prints its port. It serves three accounts under one port, because vendors
differ in the one thing that matters after a crash:

- `/key/v1/...` honours an `Idempotency-Key`: the same key sent twice makes one job;
- `/list/v1/...` lists its jobs, so that one whose answer was lost can be found again by its `reference`;
- `/blind/v1/...` does neither.

`GET /stats` tells how often each reference was really submitted. `POST /knobs` makes it fail: see `Knobs`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web
from PIL import Image, ImageDraw
from pydantic import BaseModel, Field

from reelwright.domain.timing import Size, frame_count
from reelwright.media.encode import ClipWriter

_AHEAD = 30.0
"""Seconds before a job is due in which its output is made, so that it is there when it is due."""


class Knobs(BaseModel):
    """What goes wrong, and how long things take, in seconds."""

    frame_seconds: float = 0.2
    clip_seconds: float = 0.5
    answer_delay: float = 0.0
    """Between counting a submit, when it is paid, and answering it."""
    drop_answers: int = 0
    """The next so many submits are counted, and their connection is closed without an answer."""
    refuse_submits: int = 0
    """The next so many submits are answered 429 and not counted."""
    fail_jobs: int = 0
    """The next so many jobs end as failed, free of charge."""
    fail: dict[str, int] = Field(default_factory=dict[str, int])
    """So many jobs fail whose reference contains the text."""
    garble_submits: int = 0
    """The next so many submits are counted, and answered with something that the vendor's documentation does not know."""
    garble_polls: int = 0
    """The next so many polls are answered so."""
    break_outputs: int = 0
    """The next so many downloads end in the middle."""
    junk_outputs: int = 0
    """The next so many downloads are an error page instead."""
    slow: dict[str, float] = Field(default_factory=dict[str, float])
    """Seconds that a job takes whose reference contains the text."""
    url_seconds: float = 600.0
    """How long an output's URL lives."""


class Order(BaseModel):
    """The body of a submit."""

    reference: str
    kind: str
    digest: str
    width: int
    height: int
    rate: str
    seconds: str
    has_picture: bool = False


@dataclass
class _Job:
    id: str
    account: str
    order: Order
    key: str
    started: float
    making: asyncio.Task[Path] | None = None
    made: Path | None = None
    fails: bool = False
    is_cancelled: bool = False


@dataclass
class Vendor:
    """The state of the simulated vendor; nothing survives its process."""

    folder: Path
    knobs: Knobs = field(default_factory=Knobs)
    jobs: dict[str, _Job] = field(default_factory=dict[str, _Job])
    submits: Counter[str] = field(default_factory=Counter[str])
    urls: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    polls: Counter[str] = field(default_factory=Counter[str])
    """By job."""
    downloads: int = 0
    busiest: int = 0
    """The most jobs that ran at once."""
    latest: float = 0.0
    """The most seconds that an output was made, or asked for, after it was due."""

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=64 << 20)
        app.add_routes(
            [
                web.post("/{account:key|list|blind}/v1/jobs", self._submit),
                web.get("/{account:key|list|blind}/v1/jobs/{id}", self._poll),
                web.post("/{account:key|list|blind}/v1/jobs/{id}/cancel", self._cancel),
                web.get("/list/v1/jobs", self._find),
                web.get("/outputs/{token}", self._download),
                web.get("/stats", self._stats),
                web.post("/knobs", self._turn),
            ]
        )
        return app

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        order = Order.model_validate_json(await request.read())
        if self.knobs.refuse_submits > 0:
            self.knobs.refuse_submits -= 1
            return web.json_response({"error": "slow down"}, status=429, headers={"Retry-After": "0"})
        account = request.match_info["account"]
        key = request.headers.get("Idempotency-Key", "") if account == "key" else ""
        job = next((job for job in self.jobs.values() if key and job.key == key), None)
        if job is None:
            self.submits[order.reference] += 1
            job = _Job(f"job-{len(self.jobs) + 1:05d}", account, order, key, time.monotonic())
            job.fails = self._is_to_fail(order.reference)
            self.jobs[job.id] = job
            self.busiest = max(self.busiest, sum(self._left(job) > 0 for job in self.jobs.values()))
        await asyncio.sleep(self.knobs.answer_delay)
        if self.knobs.drop_answers > 0 and request.transport is not None:
            self.knobs.drop_answers -= 1
            request.transport.close()
        if self.knobs.garble_submits > 0:
            self.knobs.garble_submits -= 1
            return web.json_response({"message": "thank you"}, status=201)
        return web.json_response({"id": job.id, "state": "running"}, status=201)

    def _is_to_fail(self, reference: str) -> bool:
        for text, count in self.knobs.fail.items():
            if text in reference and count > 0:
                self.knobs.fail[text] = count - 1
                return True
        if self.knobs.fail_jobs > 0:
            self.knobs.fail_jobs -= 1
            return True
        return False

    def _takes(self, job: _Job) -> float:
        usual = self.knobs.clip_seconds if job.order.kind == "clip" else self.knobs.frame_seconds
        return next((seconds for text, seconds in self.knobs.slow.items() if text in job.order.reference), usual)

    def _left(self, job: _Job) -> float:
        takes = self._takes(job)
        return 0.0 if job.is_cancelled else job.started + takes - time.monotonic()

    async def _poll(self, request: web.Request) -> web.Response:
        job = self.jobs.get(request.match_info["id"])
        if job is None or job.account != request.match_info["account"]:
            return web.json_response({"error": "no such job"}, status=404)
        self.polls[job.id] += 1
        if self.knobs.garble_polls > 0:
            self.knobs.garble_polls -= 1
            return web.json_response({"message": "please hold the line"})
        return web.json_response(await self._describe(job))

    async def _describe(self, job: _Job) -> dict[str, object]:
        left = self._left(job)
        if left < _AHEAD and job.making is None and not job.is_cancelled and not job.fails:
            job.making = asyncio.create_task(asyncio.to_thread(make_media, job.order, self.folder))
        if job.is_cancelled:
            return {"id": job.id, "state": "failed", "reason": "cancelled", "reference": job.order.reference}
        if left > 0:
            takes = self._takes(job)
            return {"id": job.id, "state": "running", "progress": 1 - left / takes, "reference": job.order.reference}
        if job.fails:
            return {"id": job.id, "state": "failed", "reason": "an internal error", "reference": job.order.reference}
        if job.made is None and job.making is not None:
            job.made = await job.making
            self.latest = max(self.latest, -self._left(job))
        token = secrets.token_urlsafe(16)
        self.urls[token] = (job.id, time.monotonic() + self.knobs.url_seconds)
        return {
            "id": job.id,
            "state": "succeeded",
            "url": f"/outputs/{token}",
            "bytes": job.made.stat().st_size if job.made else None,
            "reference": job.order.reference,
        }

    async def _find(self, request: web.Request) -> web.Response:
        wanted = request.query.get("reference", "")
        found = [job for job in self.jobs.values() if job.account == "list" and job.order.reference == wanted]
        return web.json_response({"jobs": [await self._describe(job) for job in found]})

    async def _cancel(self, request: web.Request) -> web.Response:
        job = self.jobs.get(request.match_info["id"])
        if job is not None and self._left(job) > 0:
            job.is_cancelled = True
        return web.json_response({})

    async def _download(self, request: web.Request) -> web.StreamResponse:
        job_id, expires = self.urls.get(request.match_info["token"], ("", 0.0))
        job = self.jobs.get(job_id)
        if job is None or job.made is None or time.monotonic() > expires:
            return web.Response(status=403, text="the link has expired")
        self.downloads += 1
        if self.knobs.junk_outputs > 0:
            self.knobs.junk_outputs -= 1
            return web.Response(text="<html>We are having a bad day.</html>" * 200, content_type="text/html")
        if self.knobs.break_outputs > 0 and request.transport is not None:
            self.knobs.break_outputs -= 1
            response = web.StreamResponse(headers={"Content-Length": str(job.made.stat().st_size)})
            await response.prepare(request)
            await response.write(job.made.read_bytes()[: job.made.stat().st_size // 2])
            request.transport.close()
            return response
        return web.FileResponse(job.made)

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "submits": dict(self.submits),
                "jobs": {job.order.reference: job.id for job in self.jobs.values()},
                "polls": dict(self.polls),
                "downloads": self.downloads,
                "busiest": self.busiest,
                "latest": self.latest,
            }
        )

    async def _turn(self, request: web.Request) -> web.Response:
        self.knobs = self.knobs.model_copy(update=await request.json())
        return web.json_response(self.knobs.model_dump())


def make_media(order: Order, folder: Path) -> Path:
    """The file that an order makes: the same bytes for the same request, other ones for another."""
    seed = hashlib.sha256(order.digest.encode()).digest()
    size = Size(order.width, order.height)
    target = folder / f"{order.digest[:32]}.{'mp4' if order.kind == 'clip' else 'png'}"
    if target.exists():
        return target
    if order.kind != "clip":
        part = target.with_suffix(".part")
        _picture(size, seed, 0).save(part, format="PNG")
        part.replace(target)
        return target
    rate = Fraction(order.rate)
    with ClipWriter(target, size, rate) as writer:
        for number in range(frame_count(Fraction(order.seconds), rate)):
            luma, blue, red = _picture(size, seed, number).convert("YCbCr").split()
            half = (size.width // 2, size.height // 2)
            writer.write((luma, blue.resize(half), red.resize(half)))
    return target


def _picture(size: Size, seed: bytes, number: int) -> Image.Image:
    picture = Image.new("RGB", size, (seed[0], seed[1], seed[2]))
    draw = ImageDraw.Draw(picture)
    x = (number * 8 + seed[3]) % size.width
    draw.rectangle((x, size.height // 3, x + size.width // 6, size.height * 2 // 3), fill=(seed[4], seed[5], seed[6]))
    return picture


async def serve(vendor: Vendor, port: int = 0) -> tuple[web.AppRunner, int]:
    """Serves on the loopback and returns the runner (`cleanup` ends it) and the port."""
    runner = web.AppRunner(vendor.app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    return runner, int(runner.addresses[0][1])


async def _run(port: int, knobs: Knobs) -> None:
    with TemporaryDirectory(prefix="vendor-") as folder:
        _, bound = await serve(Vendor(Path(folder), knobs), port)
        sys.stdout.write(f"{bound}\n")  # whoever started it reads the port
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--frame-seconds", type=float, default=Knobs().frame_seconds)
    parser.add_argument("--clip-seconds", type=float, default=Knobs().clip_seconds)
    arguments = parser.parse_args()
    asyncio.run(_run(arguments.port, Knobs(frame_seconds=arguments.frame_seconds, clip_seconds=arguments.clip_seconds)))


if __name__ == "__main__":
    main()
