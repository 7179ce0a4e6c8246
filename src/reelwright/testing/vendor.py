"""A vendor of generated media that runs on this machine, behaves like the real ones, and counts for itself.

`python -m reelwright.testing.vendor` starts it and prints its port. It serves four accounts under one port, because vendors
differ in the one thing that matters after a crash:

- `/key/v1/...` honours an `Idempotency-Key`: the same key sent twice makes one job;
- `/list/v1/...` finds a job whose answer was lost by its `reference`;
- `/shelf/v1/...` lists its jobs with their prompts, and knows no references;
- `/blind/v1/...` does nothing of it.

It calls whoever asked for it when a job moves: signed, as often as it likes, and in the wrong order. `GET /stats` tells how often
each reference was really submitted. `POST /knobs` makes it fail: see `Knobs`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import secrets
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from reelwright.testing.knobs import Knobs
from reelwright.testing.orders import Order, make_media

CALL_SECRET = "whsec-simulated"  # noqa: S105 - the secret of a vendor that exists in tests only
_ACCOUNTS = "/{account:key|list|shelf|blind}/v1/jobs"
_LISTED = {"prompt", "model", "kind"}
_AHEAD = 30.0
"""Seconds before a job is due in which its output is made, so that it is there when it is due."""


@dataclass
class _Job:
    id: str
    account: str
    order: Order
    key: str
    owner: str
    """The key of whoever asked for it."""
    started: float
    at: float
    """When that was, in seconds since 1970."""
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
    arrivals: list[float] = field(default_factory=list[float])
    """When each submit was counted, in seconds since 1970."""
    _calling: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=64 << 20)
        app.add_routes(
            [
                web.post(_ACCOUNTS, self._submit),
                web.get(f"{_ACCOUNTS}/{{id}}", self._poll),
                web.post(f"{_ACCOUNTS}/{{id}}/cancel", self._cancel),
                web.get("/list/v1/jobs", self._find),
                web.get("/shelf/v1/jobs", self._list),
                web.get("/outputs/{token}", self._download),
                web.get("/stats", self._stats),
                web.post("/knobs", self._turn),
            ]
        )
        return app

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        order = Order.model_validate_json(await request.read())
        refusal = self._refusal(request, self.knobs.refuse_with)
        if refusal is None and self.knobs.refuse_submits > 0:
            self.knobs.refuse_submits -= 1
            refusal = 429
        if refusal is not None:
            return self._refused(refusal)
        await asyncio.sleep(self.knobs.accept_delay)
        job = self._known(request)
        if job is None:
            job = self._accept(order, request)
            await asyncio.sleep(self.knobs.answer_delay)
        if self.knobs.drop_answers > 0 and request.transport is not None:
            self.knobs.drop_answers -= 1
            request.transport.close()
        if self.knobs.garble_submits > 0:
            self.knobs.garble_submits -= 1
            return web.json_response({"message": "thank you"}, status=201)
        if self.knobs.is_instant:
            return web.json_response(await self._describe(job), status=201)
        receipt = {"id": job.id, "state": "running", "estimate_micro_usd": self.knobs.estimate_micro_usd}
        return web.json_response(receipt, status=201)

    def _refusal(self, request: web.Request, statuses: list[int]) -> int | None:
        if self.knobs.keys and _owner(request) not in self.knobs.keys:
            return 401
        return statuses.pop(0) if statuses else None

    def _refused(self, status: int) -> web.Response:
        headers = {"Retry-After": f"{self.knobs.retry_after:g}"} if status == web.HTTPTooManyRequests.status_code else {}
        return web.json_response({"error": f"the vendor says {status}"}, status=status, headers=headers)

    def _known(self, request: web.Request) -> _Job | None:
        """The job that the same key made before."""
        key = _idempotency(request)
        remembered = (job for job in self.jobs.values() if key and (job.key, job.owner) == (key, _owner(request)))
        return next((job for job in remembered if not 0 < self.knobs.key_seconds < time.time() - job.at), None)

    def _accept(self, order: Order, request: web.Request) -> _Job:
        self.submits[order.reference] += 1
        self.arrivals.append(time.time())
        name, account = f"job-{len(self.jobs) + 1:05d}", request.match_info["account"]
        job = _Job(name, account, order, _idempotency(request), _owner(request), time.monotonic(), time.time())
        job.fails = self._is_to_fail(order.reference)
        self.jobs[job.id] = job
        self.busiest = max(self.busiest, sum(self._left(job) > 0 for job in self.jobs.values()))
        if order.call and self.knobs.calls:
            calling = asyncio.create_task(self._call(job))
            self._calling.add(calling)
            calling.add_done_callback(self._calling.discard)
        return job

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
        return 0.0 if job.is_cancelled or self.knobs.is_instant else job.started + takes - time.monotonic()

    def _seen(self, request: web.Request) -> _Job | None:
        """The job, where it is this account's and whoever asks has the key that it was made with."""
        job = self.jobs.get(request.match_info["id"])
        is_theirs = job is not None and (job.account, job.owner) == (request.match_info["account"], _owner(request))
        return job if is_theirs and not self.knobs.forgets else None

    async def _poll(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request, self.knobs.refuse_polls_with)
        if refusal is not None:
            return self._refused(refusal)
        job = self._seen(request)
        if job is None:
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
        told: dict[str, object] = {"id": job.id, "reference": job.order.reference}
        if job.is_cancelled:
            return {**told, "state": "failed", "reason": "cancelled"}
        if left > 0:
            progress = 1 - left / self._takes(job)
            return {**told, "state": "running", "progress": progress, "estimate_micro_usd": self.knobs.estimate_micro_usd}
        if job.fails:
            return {**told, "state": "failed", "reason": "an internal error"}
        if job.made is None and job.making is not None:
            job.made = await job.making
            self.latest = max(self.latest, -self._left(job))
        token = secrets.token_urlsafe(16)
        self.urls[token] = (job.id, time.monotonic() + self.knobs.url_seconds)
        size = job.made.stat().st_size if job.made else None
        charge = self.knobs.charge_micro_usd
        return {**told, "state": "succeeded", "url": f"/outputs/{token}", "bytes": size, "charge_micro_usd": charge}

    async def _find(self, request: web.Request) -> web.Response:
        wanted = request.query.get("reference", "")
        found = [job for job in self.jobs.values() if job.account == "list" and job.order.reference == wanted]
        return web.json_response({"jobs": [await self._describe(job) for job in found]})

    async def _list(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request, self.knobs.refuse_polls_with)
        if refusal is not None:
            return self._refused(refusal)
        since = float(request.query["since"])
        seen = ("shelf", _owner(request))
        jobs = [job for job in self.jobs.values() if (job.account, job.owner) == seen and job.at >= since]
        told = [{**await self._describe(job), **job.order.model_dump(include=_LISTED), "at": job.at} for job in reversed(jobs)]
        return web.json_response({"jobs": told})

    async def _cancel(self, request: web.Request) -> web.Response:
        job = self._seen(request)
        if job is not None and self._left(job) > 0:
            job.is_cancelled = True
        return web.json_response({})

    async def _call(self, job: _Job) -> None:
        """Calls when the job has ended: about its end, then about its beginning, each as often as the knob says."""
        await asyncio.sleep(max(0.0, self._left(job)))
        async with ClientSession(timeout=ClientTimeout(total=10)) as session:
            for state in ("succeeded", "running"):
                for number in range(self.knobs.calls):
                    body = json.dumps({"id": job.id, "state": state, "number": number}).encode()
                    with suppress(ClientError, TimeoutError):
                        await session.post(job.order.call, data=body, headers=signed(body))

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
                "arrivals": self.arrivals,
            }
        )

    async def _turn(self, request: web.Request) -> web.Response:
        self.knobs = self.knobs.model_copy(update=await request.json())
        return web.json_response(self.knobs.model_dump())


def signed(body: bytes, at: float | None = None) -> dict[str, str]:
    """The headers of a call."""
    moment = f"{time.time() if at is None else at:.0f}"
    digest = hmac.new(CALL_SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Webhook-Timestamp": moment, "Webhook-Signature": digest, "Content-Type": "application/json"}


def _owner(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _idempotency(request: web.Request) -> str:
    return request.headers.get("Idempotency-Key", "") if request.match_info["account"] == "key" else ""


async def serve(vendor: Vendor, port: int = 0) -> tuple[web.AppRunner, int]:
    """Serves on the loopback and returns the runner (`cleanup` ends it) and the port."""
    runner = web.AppRunner(vendor.app(), access_log=None, shutdown_timeout=0.1)  # nobody waits for its answers any more
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
