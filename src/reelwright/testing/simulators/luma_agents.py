"""Luma Agents, simulated: what is too much at once is refused, and URLs live for an hour at most.

A prompt that names a failure code in brackets, `[content_moderated]`, fails with it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast, get_args
from uuid import uuid4

from aiohttp import web
from luma_agents.types import GenerationFailureCode
from luma_agents.types.generation_create_params import GenerationCreateParams

from reelwright.domain.generation import Kind
from reelwright.domain.timing import Size
from reelwright.media.sniff import sniff
from reelwright.testing.simulators.behaviour import Trouble
from reelwright.testing.simulators.desk import Order, SimulatedJob
from reelwright.testing.simulators.simulator import Simulator
from reelwright.testing.simulators.typed import problems

_CODES = "|".join(get_args(GenerationFailureCode))
_DEMANDED = re.compile(rf"\[({_CODES})\]")
_PICTURE_BYTES = 50_000_000
_PROMPT = range(1, 6001)
_PRICES = {
    ("uni-1", "image"): 40_400,
    ("uni-1", "image_edit"): 43_400,
    ("uni-1-max", "image"): 100_000,
    ("uni-1-max", "image_edit"): 103_000,
}
"""Micro-dollars; each picture of `image_ref` adds to it."""
_REFERENCE = 3_000
_VIDEO_PRICES = {
    ("540p", "5s"): 150_000,
    ("720p", "5s"): 300_000,
    ("1080p", "5s"): 1_200_000,
    ("540p", "10s"): 450_000,
    ("720p", "10s"): 900_000,
    ("1080p", "10s"): 3_600_000,
}
_LENGTHS = {"5s": 5, "10s": 10}
_GRID = 24
_RATIOS = {
    "ray-3.2": ("9:16", "3:4", "1:1", "4:3", "16:9", "21:9"),
    "uni-1": ("3:1", "2:1", "16:9", "3:2", "1:1", "2:3", "9:16", "1:2", "1:3"),
    "uni-1-max": ("3:1", "2:1", "16:9", "3:2", "1:1", "2:3", "9:16", "1:2", "1:3"),
}
_VERSION = "2026-04-01"


class LumaAgents(Simulator):
    """The Luma Agents API of 2026-04-01. It lists no generations and stops none, as the real one does not."""

    name = "luma-agents"
    expired_status = HTTPStatus.FORBIDDEN

    @property
    def environment(self) -> dict[str, str]:
        """The SDK's own variables."""
        return {
            "LUMA_AGENTS_API_KEY": self.desk.behaviour.key or "luma-api-simulated-key",
            "LUMA_BASE_URL": f"{self.base}/v1",
        }

    def routes(self) -> Iterable[web.RouteDef]:
        """Creating generations, and asking for them."""
        return [web.post("/v1/generations", self._create), web.get("/v1/generations/{id}", self._get)]

    def is_let_in(self, request: web.Request) -> bool:
        """By a bearer token."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and bool(key) and key == (self.desk.behaviour.key or key)

    def refusal(self, status: HTTPStatus) -> web.Response:
        """One shape for everything."""
        words = {
            HTTPStatus.UNAUTHORIZED: "Invalid or missing API key",
            HTTPStatus.NOT_FOUND: "Generation not found",
            HTTPStatus.TOO_MANY_REQUESTS: "Rate limit exceeded",
            HTTPStatus.SERVICE_UNAVAILABLE: "Image ingestion unavailable",
        }
        return _answered({"detail": words.get(status, status.phrase)}, status)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        return await self.submitted(request, lambda: self._accept(request))

    async def _accept(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
        except ValueError:
            return _answered({"detail": "Invalid JSON"}, HTTPStatus.BAD_REQUEST)
        for status, detail in _wrong(body):
            return _answered({"detail": detail}, status)
        order = _order(body)
        if self.desk.behaviour.credits_micro_usd and self._balance() < order.cost_micro_usd:
            return _answered({"detail": "Insufficient balance"}, HTTPStatus.PAYMENT_REQUIRED)
        if self.desk.running() >= self.desk.behaviour.concurrency:
            self.desk.count("submits.refused")
            refused = _answered({"detail": "Too many concurrent jobs"}, HTTPStatus.TOO_MANY_REQUESTS)
            refused.headers["Retry-After"] = "1"
            return refused
        return _answered(self._generation(self.desk.accept(str(uuid4()), order)), HTTPStatus.CREATED)

    def _balance(self) -> int:
        now = self.desk.now()
        spent = sum(self.charged(job) if job.has_ended(now) else job.order.cost_micro_usd for job in self.desk.all())
        return self.desk.behaviour.credits_micro_usd - spent

    async def _get(self, request: web.Request) -> web.StreamResponse:
        async def look(is_strange: bool) -> web.Response:  # noqa: FBT001 - as the core calls it
            job = self.desk.job(request.match_info["id"].lower())  # a UUID is one however it is written
            if job is None:
                return self.refusal(HTTPStatus.NOT_FOUND)
            return _answered(self._generation(job, is_strange=is_strange), HTTPStatus.OK)

        return await self.asked(request, look)

    def _generation(self, job: SimulatedJob, *, is_strange: bool = False) -> dict[str, Any]:
        now = self.desk.now()
        told: dict[str, Any] = {
            "id": job.id,
            "type": job.order.body["type"],
            "model": job.order.model,
            "state": "processing" if job.runs(now) else "queued",
            "created_at": datetime.fromtimestamp(job.at, UTC).isoformat(),
            "output": [],
            "failure_reason": None,
            "failure_code": None,
        }
        if is_strange:
            return told | {"state": "reviewing"}
        if not job.has_ended(now):
            return told
        if code := _failure_code(job):
            return told | {"state": "failed", "failure_code": code, "failure_reason": f"The generation failed: {code}"}
        kind = "video" if job.order.kind is Kind.CLIP else "image"
        return told | {"state": "completed", "output": [{"type": kind, "url": self.output_url(job)}]}

    def charged(self, job: SimulatedJob) -> int:
        """Nothing for what failed."""
        return 0 if _failure_code(job) else job.order.cost_micro_usd


def _answered(body: dict[str, Any], status: HTTPStatus) -> web.Response:
    return web.json_response(body, status=status, headers={"X-Request-Id": str(uuid4()), "X-API-Version": _VERSION})


def _failure_code(job: SimulatedJob) -> str:
    if demanded := _DEMANDED.search(job.order.prompt):
        return demanded[1]
    match job.fate:
        case None:
            return ""
        case Trouble.MODERATION:
            return "content_moderated"
        case Trouble.ABORTED:
            return "output_not_found"
        case _:
            return "generation_failed"


def _order(body: dict[str, Any]) -> Order:
    model, prompt = body.get("model", "uni-1"), body["prompt"]
    video: dict[str, Any] = body.get("video") or {}
    width, _, height = (body.get("aspect_ratio") or "16:9").partition(":")
    # An area like that of 720p, which is enough for what is only simulated.
    unit = (1280 * 720 / (int(width) * int(height))) ** 0.5
    size = Size(round(int(width) * unit), round(int(height) * unit))
    kept = json.loads(json.dumps({"type": "image", **body}), object_hook=_without_pictures)
    if kept["type"] == "video":
        length, resolution = video.get("duration", "5s"), video.get("resolution", "720p")
        cost = _VIDEO_PRICES.get((resolution, length), _VIDEO_PRICES["540p", length])
        return Order(Kind.CLIP, model, prompt, cost, size, _LENGTHS[length], kept)
    cost = _PRICES[model, kept["type"]] + _REFERENCE * len(body.get("image_ref", []))
    return Order(Kind.FRAME, model, prompt, cost, size, 0, kept)


def _without_pictures(item: dict[str, Any]) -> dict[str, Any]:
    """The ledger says how long a picture was, and does not keep it."""
    if isinstance(data := item.get("data"), str):
        return {**item, "data": f"... ({len(data)} characters)"}
    return item


# -- what Luma's validation says -----------------------------------------------------------------------------------------


def _wrong(sent: object) -> Iterator[tuple[HTTPStatus, str]]:
    """Status and words of everything that is wrong."""
    if not isinstance(sent, dict):
        yield HTTPStatus.BAD_REQUEST, "The body must be an object"
        return
    body = cast("dict[str, Any]", sent)
    for problem in problems(body, GenerationCreateParams):
        yield HTTPStatus.BAD_REQUEST, f"{'.'.join(map(str, problem.path))}: {problem.message}"
        return
    if len(body["prompt"]) not in _PROMPT:
        yield HTTPStatus.BAD_REQUEST, f"prompt: must have {_PROMPT.start} to {_PROMPT.stop - 1} characters"
    model, kind = body.get("model", "uni-1"), body.get("type", "image")
    if (model == "ray-3.2") is not (kind == "video") or kind not in {"image", "image_edit", "video"}:
        yield HTTPStatus.UNPROCESSABLE_ENTITY, f"type {kind} is not available with model {model}"
    if (ratio := body.get("aspect_ratio")) and ratio not in _RATIOS[model]:
        yield HTTPStatus.UNPROCESSABLE_ENTITY, f"aspect_ratio {ratio} is not available with model {model}"
    if (kind == "image_edit") is not (body.get("source") is not None):
        yield HTTPStatus.UNPROCESSABLE_ENTITY, "source is required for image_edit, and only there"
    video: dict[str, Any] = body.get("video") or {}
    if video:
        yield from _wrong_with_video(video)
    frames: list[Any] = [body.get("source"), *body.get("image_ref", []), video.get("start_frame"), video.get("end_frame")]
    frames += video.get("keyframes") or []
    for frame in frames:
        if frame is not None:
            yield from _wrong_with_picture(frame)


def _wrong_with_video(video: dict[str, Any]) -> Iterator[tuple[HTTPStatus, str]]:
    ends = [name for name in ("start_frame", "end_frame", "loop") if video.get(name)]
    length, keyframes = video.get("duration") or "5s", video.get("keyframes")
    if length == "10s" and ends:
        yield HTTPStatus.UNPROCESSABLE_ENTITY, f"{ends[0]} is not supported with duration=10s"
    if keyframes is None:
        return
    if ends:
        yield HTTPStatus.UNPROCESSABLE_ENTITY, f"keyframes cannot be combined with {ends[0]}"
    places: list[int] = video.get("keyframe_indexes") or []
    last = _LENGTHS[length] * _GRID
    is_on_grid = len(places) == len(keyframes) == len(set(places)) and all(0 <= place <= last for place in places)
    if not is_on_grid:
        yield HTTPStatus.UNPROCESSABLE_ENTITY, f"keyframe_indexes must match keyframes, each unique within 0..{last}"


def _wrong_with_picture(frame: dict[str, Any]) -> Iterator[tuple[HTTPStatus, str]]:
    ways = [name for name in ("url", "data", "generation_id", "file_id") if frame.get(name)]
    if len(ways) != 1:
        yield HTTPStatus.UNPROCESSABLE_ENTITY, "provide exactly one of url, data, generation_id, or file_id"
    elif ways == ["data"]:
        try:
            content = base64.b64decode(frame["data"], validate=True)
        except binascii.Error:
            content = b""
        if len(content) > _PICTURE_BYTES:
            yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Input media exceeds the size limit"
        if not content or sniff(content) != frame.get("media_type"):
            yield HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid image data"
