"""Luma's Dream Machine API, simulated: generations that can be listed, and that cost nothing when they fail.

A prompt with `[moderated]` in it fails by the rules, one with `[refused]` is refused by them at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from fractions import Fraction
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from aiohttp import web
from lumaai.types.generations.image_create_params import ImageCreateParams
from lumaai.types.generations.video_create_params import VideoCreateParams

from reelwright.domain.generation import Kind
from reelwright.domain.timing import Size
from reelwright.testing.simulators.behaviour import Trouble
from reelwright.testing.simulators.desk import Order, SimulatedJob
from reelwright.testing.simulators.simulator import Simulator
from reelwright.testing.simulators.typed import problems

_PARAMS: Mapping[str, object] = {"video": VideoCreateParams, "image": ImageCreateParams}
_PRICE_OF_A_MILLION_PIXELS = {"ray-2": 6_400, "ray-flash-2": 2_200}
"""Micro-dollars."""
_PRICE_OF_A_PICTURE = {"photon-1": 15_000, "photon-flash-1": 4_000}
_LINES = {"540p": 540, "720p": 720, "1080p": 1080, "4k": 2160}
_RATE = 24
_LENGTHS = {"5s": 5, "9s": 9}
_PROMPT = range(3, 5001)
_SIZES = {
    "16:9": Size(1280, 720),
    "9:16": Size(720, 1280),
    "4:3": Size(1112, 834),
    "3:4": Size(834, 1112),
    "1:1": Size(960, 960),
    "21:9": Size(1470, 630),
    "9:21": Size(630, 1470),
}
_LISTED = 100
"""The most generations in a page of the list."""


class Luma(Simulator):
    """The Dream Machine API, `/dream-machine/v1`."""

    name = "luma"
    expired_status = HTTPStatus.FORBIDDEN

    @property
    def environment(self) -> dict[str, str]:
        """The SDK's own variables."""
        return {
            "LUMAAI_API_KEY": self.desk.behaviour.key or "luma-simulated-key",
            "LUMAAI_BASE_URL": f"{self.base}/dream-machine/v1",
        }

    def routes(self) -> Iterable[web.RouteDef]:
        """Creating, asking for, listing and removing generations."""
        root = "/dream-machine/v1"
        return [
            web.post(f"{root}/generations", self._create),
            web.post(root + "/generations/{kind:video|image}", self._create),
            web.get(f"{root}/generations", self._list),
            web.get(root + "/generations/{id}", self._get),
            web.delete(root + "/generations/{id}", self._remove),
            web.get(f"{root}/credits", self._credits),
        ]

    def is_let_in(self, request: web.Request) -> bool:
        """By a bearer token."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and bool(key) and key == (self.desk.behaviour.key or key)

    def refusal(self, status: HTTPStatus) -> web.Response:
        """One shape for everything."""
        words = {HTTPStatus.UNAUTHORIZED: "Invalid API key is provided", HTTPStatus.NOT_FOUND: "Generation not found"}
        return web.json_response({"detail": words.get(status, status.phrase)}, status=status)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        async def accept() -> web.Response:
            kind = request.match_info.get("kind", "video")
            try:
                body = await request.json()
            except ValueError:
                return _refused("Invalid JSON")
            if wrong := next(_wrong(body, kind), None):
                return _refused(wrong)
            order = _order(body, kind)
            if self.desk.behaviour.credits_micro_usd and self._balance() < order.cost_micro_usd:
                return _refused("Insufficient credits")
            return web.json_response(self._generation(self.desk.accept(str(uuid4()), order)), status=201)

        return await self.submitted(request, accept)

    def _balance(self) -> int:
        """Micro-dollars: taken in advance, given back for what failed."""
        now = self.desk.now()
        spent = sum(self.charged(job) if job.has_ended(now) else job.order.cost_micro_usd for job in self.desk.all())
        return self.desk.behaviour.credits_micro_usd - spent

    async def _get(self, request: web.Request) -> web.StreamResponse:
        async def look(is_strange: bool) -> web.Response:  # noqa: FBT001 - as the core calls it
            job = self.desk.job(request.match_info["id"])
            if job is None:
                return self.refusal(HTTPStatus.NOT_FOUND)
            return web.json_response(self._generation(job, is_strange=is_strange))

        return await self.asked(request, look)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        async def look(_: bool) -> web.Response:  # noqa: FBT001 - as the core calls it
            limit = min(_LISTED, int(request.query.get("limit", "10")))
            offset = int(request.query.get("offset", "0"))
            jobs = self.desk.jobs()
            page = [self._generation(job) for job in jobs[offset : offset + limit]]
            told = {"has_more": offset + limit < len(jobs), "count": len(page), "limit": limit, "offset": offset}
            date = formatdate(self.desk.now(), usegmt=True)
            return web.json_response({"generations": page, **told}, headers={"Date": date})

        return await self.asked(request, look)

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        async def remove(_: bool) -> web.Response:  # noqa: FBT001 - as the core calls it
            job = self.desk.job(request.match_info["id"])
            if job is None:
                return self.refusal(HTTPStatus.NOT_FOUND)
            self.desk.count("erased")
            self.desk.delete(job.id)
            return web.Response(status=204)

        return await self.asked(request, remove)

    async def _credits(self, request: web.Request) -> web.StreamResponse:
        async def look(_: bool) -> web.Response:  # noqa: FBT001 - as the core calls it
            return web.json_response({"credit_balance": max(0, self._balance()) / 10_000})

        return await self.asked(request, look)

    def _generation(self, job: SimulatedJob, *, is_strange: bool = False) -> dict[str, Any]:
        now = self.desk.now()
        kind = "video" if job.order.kind is Kind.CLIP else "image"
        told: dict[str, Any] = {
            "id": job.id,
            "generation_type": kind,
            "state": "queued" if job.waits(now) else "dreaming",
            "failure_reason": None,
            "created_at": datetime.fromtimestamp(job.at, UTC).isoformat(),
            "assets": None,
            "model": job.order.model,
            "request": {"generation_type": kind, **job.order.body},
        }
        if is_strange:
            return told | {"state": "pondering"}
        if not job.has_ended(now):
            return told
        if reason := _failure(job):
            return told | {"state": "failed", "failure_reason": reason}
        return told | {"state": "completed", "assets": {kind: self.output_url(job)}}

    def charged(self, job: SimulatedJob) -> int:
        """Nothing for what failed."""
        return 0 if _failure(job) else job.order.cost_micro_usd


def _refused(detail: str) -> web.Response:
    return web.json_response({"detail": detail}, status=400)


def _failure(job: SimulatedJob) -> str:
    if job.fate is Trouble.MODERATION or "[moderated]" in job.order.prompt:
        return "Advanced moderation failed"
    return "" if job.fate is None else "Internal error"


def _wrong(sent: object, kind: str) -> Iterator[str]:
    if not isinstance(sent, dict):
        yield "400: the body must be an object"
        return
    body = cast("dict[str, Any]", sent)
    found = problems(body, _PARAMS[kind])
    yield from (f"{'.'.join(map(str, problem.path))}: {problem.message}" for problem in found)
    if found:
        return
    prompt = body.get("prompt", "")
    if len(prompt) not in _PROMPT:
        yield f"prompt: must have {_PROMPT.start} to {_PROMPT.stop - 1} characters"
    if "[refused]" in prompt:
        yield "400: moderation failed: the prompt contains blacklisted words"
    if body.get("duration", "5s") not in _LENGTHS:
        yield f"400: duration must be one of {', '.join(_LENGTHS)}"
    if body.get("resolution", "720p") not in _LINES:
        yield f"400: resolution must be one of {', '.join(_LINES)}"
    for url in _urls(body):
        parts = urlsplit(url)
        if parts.scheme != "https" or "." not in (parts.hostname or ""):
            yield "400: the image URL cannot be fetched"


def _urls(body: dict[str, Any]) -> Iterator[str]:
    frames = body.get("keyframes", {}).values()
    yield from (frame["url"] for frame in frames if frame["type"] == "image")
    for name in ("image_ref", "style_ref"):
        yield from (str(item.get("url", "")) for item in body.get(name, []))


def _order(body: dict[str, Any], kind: str) -> Order:
    size, model = _SIZES[body.get("aspect_ratio", "16:9")], body["model"]
    seconds = _LENGTHS[body.get("duration", "5s")]
    if kind == "image":
        return Order(Kind.FRAME, model, body["prompt"], _PRICE_OF_A_PICTURE[model], size, 0, body)
    lines = _LINES[body.get("resolution", "720p")]
    megapixels = Fraction(lines * lines * 16 * _RATE * seconds, 9_000_000)
    cost = math.ceil(megapixels * _PRICE_OF_A_MILLION_PIXELS[model])
    return Order(Kind.CLIP, model, body["prompt"], cost, size, seconds, body)
