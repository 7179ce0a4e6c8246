"""fal, simulated: the queue, results with the model's own errors, the list of what has ended, and signed calls.

The queue takes whatever it is given; what a model thinks of its input is told as its result. Sources: `fal-client` 1.0.3 and the
vendor's pages on the queue, on errors, on webhooks and on its models; 2026-11-21.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from PIL import Image, UnidentifiedImageError

from reelwright.domain.generation import Kind
from reelwright.domain.timing import Size
from reelwright.testing.simulators.behaviour import Trouble
from reelwright.testing.simulators.desk import Desk, Order, SimulatedJob
from reelwright.testing.simulators.forms import Wrong, wrongs
from reelwright.testing.simulators.media import TYPES, scaled
from reelwright.testing.simulators.simulator import Simulator

MODELS: dict[str, Any] = json.loads(files("reelwright.testing.simulators").joinpath("fal_models.json").read_text("utf-8"))
"""The models that there are, by id: their inputs are those of the vendor's pages, shortened."""
_SIZES = {
    "square_hd": Size(1024, 1024),
    "square": Size(512, 512),
    "portrait_4_3": Size(768, 1024),
    "portrait_16_9": Size(576, 1024),
    "landscape_4_3": Size(1024, 768),
    "landscape_16_9": Size(1024, 576),
    "16:9": Size(1280, 720),
    "9:16": Size(720, 1280),
}
_RULES = {
    "required": "missing",
    "enum": "one_of",
    "minimum": "greater_than_equal",
    "maximum": "less_than_equal",
    "minLength": "sequence_too_short",
    "maxLength": "sequence_too_long",
    "format": "file_download_error",
}
"""How fal names the rules of JSON schema that an input breaks."""
_CANCELLED = (499, "client_cancelled", "Request was cancelled by the client")
_ENDS = {
    Trouble.INTERNAL: (503, "runner_disconnected", "Runner disconnected"),
    Trouble.ABORTED: (504, "startup_timeout", "Runner did not start in time"),
    Trouble.CANCELLED: _CANCELLED,
}
"""Status, type and words of errors on the way to the model."""
_REFUSALS = {
    HTTPStatus.UNAUTHORIZED: "Cannot access application. Authentication is required to access this application.",
    HTTPStatus.FORBIDDEN: "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.",
    HTTPStatus.NOT_FOUND: "Request not found",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests",
    HTTPStatus.SERVICE_UNAVAILABLE: "Service temporarily unavailable",
}
_DEFAULT_KEY = "0a1b2c3d-simulated:0123456789abcdef"
_USER = "user_simulated"
_MOST_MODELS, _MOST_ROWS = 50, 100
"""Of one question for the list."""
_MEDIA_FIELDS = {Kind.FRAME: "images", Kind.CLIP: "video", Kind.VOICE: "audio"}


class Fal(Simulator):
    """The queue of one customer."""

    name = "fal"
    expired_status = HTTPStatus.NOT_FOUND

    def __init__(self, desk: Desk, folder: Path) -> None:
        """`folder` keeps the outputs."""
        super().__init__(desk, folder)
        self.signing_key = Ed25519PrivateKey.generate()
        """What webhooks are signed with."""
        self.odd: dict[str, object] = {}
        """What the list says where it would tell of the request of that id."""

    @property
    def environment(self) -> dict[str, str]:
        """Of our adapter; fal's own client cannot be led elsewhere by its environment."""
        return {"FAL_BASE_URL": self.base, "FAL_KEY": self.desk.behaviour.key or _DEFAULT_KEY}

    def routes(self) -> Iterable[web.RouteDef]:
        """The queue; the path of an app is told when a request is put in, and not when it is asked for."""
        return [
            web.get("/.well-known/jwks.json", self._published),
            web.get("/v1/models/requests/by-endpoint", self._list),
            web.get("/{owner}/{app}/requests/{id}/status", self._status),
            web.get("/{owner}/{app}/requests/{id}", self._result),
            web.put("/{owner}/{app}/requests/{id}/cancel", self._cancel),
            web.post("/{model:.+}", self._submit),
        ]

    def is_let_in(self, request: web.Request) -> bool:
        """`Authorization: Key id:secret`."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Key" and bool(key) and key == (self.desk.behaviour.key or key)

    def refusal(self, status: HTTPStatus) -> web.Response:
        """A sentence."""
        return web.json_response({"detail": _REFUSALS[status]}, status=status)

    def charged(self, job: SimulatedJob) -> int:
        """Server errors and refused inputs are free; what the rules forbade had been made."""
        is_free = job.is_stopped or job.order.body["wrong"] or job.fate not in {None, Trouble.MODERATION}
        return 0 if is_free else job.order.cost_micro_usd

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        async def accept() -> web.Response:
            model = request.match_info["model"]
            if model not in MODELS:
                return web.json_response({"detail": f'Application "{model}" not found'}, status=404)
            order = self._order(model, await request.json())
            if self._is_broke(order.cost_micro_usd):
                return self.refusal(HTTPStatus.FORBIDDEN)
            job = self.desk.accept(str(uuid4()), order)
            if hook := request.query.get("fal_webhook"):
                self.call_when_ended(job, lambda: (hook, *self.signed(self._called(job))))
            return web.json_response(self._receipt(job))

        return await self.submitted(request, accept)

    def _is_broke(self, cost: int) -> bool:
        holds, now = self.desk.behaviour.credits_micro_usd, self.desk.now()
        taken = sum(self.charged(job) if job.has_ended(now) else job.order.cost_micro_usd for job in self.desk.all())
        return bool(holds) and taken + cost > holds

    def _order(self, model: str, asked: Mapping[str, Any]) -> Order:
        facts, form = MODELS[model], MODELS[model]["Input"]
        default = form["properties"].get("duration", {}).get("default", "5")
        length = re.match(r"[\d.]+", str(asked.get("duration", default)))
        seconds = float(length[0]) if length else 5.0
        cost = facts.get("per_output", 0) + round(facts.get("per_second", 0) * seconds)
        cost += facts.get("by_seconds", {}).get(f"{seconds:g}", 0)
        wrong = [_told(each, asked) for each in wrongs(form, asked, {}) or _unreadable(asked)]
        body = {"input": asked, "wrong": wrong}
        return Order(Kind(facts["kind"]), model, str(asked.get("prompt", "")), cost, _size(asked), seconds, body)

    def _receipt(self, job: SimulatedJob) -> dict[str, Any]:
        place = f"{self.base}/{root_of(job.order.model)}/requests/{job.id}"
        return {
            "status": "IN_QUEUE",
            "request_id": job.id,
            "gateway_request_id": job.id,
            "response_url": place,
            "status_url": f"{place}/status",
            "cancel_url": f"{place}/cancel",
            "logs": None,
            "metrics": {},
            "queue_position": self._position(job),
        }

    def _position(self, job: SimulatedJob) -> int:
        now = self.desk.now()
        return sum(other.waits(now) and other.at < job.at for other in self.desk.jobs())

    def _known(self, request: web.Request) -> SimulatedJob | None:
        """The job, at its own app only."""
        job = self.desk.job(request.match_info["id"])
        app = f"{request.match_info['owner']}/{request.match_info['app']}"
        return job if job is not None and root_of(job.order.model) == app else None

    async def _status(self, request: web.Request) -> web.StreamResponse:
        async def look(is_strange: object) -> web.Response:
            job, now = self._known(request), self.desk.now()
            if job is None:
                return self.refusal(HTTPStatus.NOT_FOUND)
            told: dict[str, Any] = self._receipt(job) | {"logs": [] if request.query.get("logs") else None}
            del told["queue_position"]
            if is_strange:
                return web.json_response(told | {"status": "IN_REVIEW"}, status=202)
            if job.waits(now):
                return web.json_response(told | {"queue_position": self._position(job)}, status=202)
            if not job.has_ended(now):
                return web.json_response(told | {"status": "IN_PROGRESS"}, status=202)
            end = _end_of(job)
            error = {"error": end[2], "error_type": end[1]} if end else {}
            return web.json_response(told | error | {"status": "COMPLETED", "metrics": {"inference_time": job.takes}})

        return await self.asked(request, look)

    async def _result(self, request: web.Request) -> web.StreamResponse:
        async def look(_: object) -> web.Response:
            job = self._known(request)
            if job is None:
                return self.refusal(HTTPStatus.NOT_FOUND)
            if not job.has_ended(self.desk.now()):
                return web.json_response({"detail": "Request is still in progress"}, status=400)
            status, headers, body = self._outcome(job)
            return web.json_response(body, status=status, headers={"X-Fal-Request-Id": job.id, **headers})

        return await self.asked(request, look)

    def _outcome(self, job: SimulatedJob) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Status, headers and body of an ended job's result."""
        if end := _end_of(job):
            return end[0], {"X-Fal-Error-Type": end[1]}, {"detail": end[2], "error_type": end[1]}
        wrong = job.order.body["wrong"]
        if job.fate is Trouble.MODERATION:
            words = "The content could not be processed because it contained material flagged by a content checker."
            wrong = [{"loc": ["body", "prompt"], "msg": words, "type": "content_policy_violation", "input": job.order.prompt}]
        if wrong:
            return 422, {"X-Fal-Retryable": "false"}, {"detail": wrong}
        return 200, {}, self._made(job)

    def _made(self, job: SimulatedJob) -> dict[str, Any]:
        suffix, media_type = TYPES[job.order.kind]
        size = scaled(job.order.size, self.desk.behaviour.scale)
        file: dict[str, Any] = {"url": self.output_url(job), "content_type": media_type, "file_name": f"output.{suffix}"}
        if job.order.kind is not Kind.FRAME:
            return {_MEDIA_FIELDS[job.order.kind]: file | {"file_size": None}}
        image = file | {"width": size.width, "height": size.height}
        return {"images": [image], "seed": 1, "timings": {"inference": job.takes}, "prompt": job.order.prompt}

    async def _list(self, request: web.Request) -> web.StreamResponse:
        """The platform's list: what has ended since `start`, the last one first."""

        async def look(_: object) -> web.Response:
            asked, limit = request.query.getall("endpoint_id", []), int(request.query.get("limit", "50"))
            models = {model for several in asked for model in several.split(",")}
            if not 0 < len(models) <= _MOST_MODELS or not 0 < limit <= _MOST_ROWS:
                return web.json_response({"error": {"type": "validation_error", "message": "Invalid query"}}, status=400)
            now, start = self.desk.now(), datetime.fromisoformat(request.query["start"]).timestamp()
            ended = [job for job in self.desk.jobs() if job.order.model in models and job.has_ended(now) and job.ends >= start]
            ended.sort(key=lambda job: job.ends, reverse=True)
            first = int(base64.b64decode(request.query.get("cursor", "")) or b"0")
            more = first + limit < len(ended)
            cursor = base64.b64encode(str(first + limit).encode()).decode() if more else None
            items = [self.odd.get(job.id) or self._past(job) for job in ended[first : first + limit]]
            return web.json_response({"items": items, "next_cursor": cursor, "has_more": more})

        return await self.asked(request, look)

    def _past(self, job: SimulatedJob) -> dict[str, Any]:
        status, _, body = self._outcome(job)
        return {
            "request_id": job.id,
            "endpoint_id": job.order.model,
            "sent_at": _moment(job.at),
            "started_at": _moment(job.starts),
            "ended_at": _moment(job.ends),
            "status_code": status,
            "duration": job.takes,
            "json_input": job.order.body["input"],
            "json_output": body,
        }

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        if not self.is_let_in(request):
            return self.refusal(HTTPStatus.UNAUTHORIZED)
        job = self._known(request)
        if job is None:
            return web.json_response({"status": "NOT_FOUND"}, status=404)
        if job.has_ended(self.desk.now()):
            return web.json_response({"status": "ALREADY_COMPLETED"}, status=400)
        self.desk.stop(job.id)
        return web.json_response({"status": "CANCELLATION_REQUESTED"}, status=202)

    async def _published(self, _: web.Request) -> web.Response:
        self.desk.count("keys")
        public = self.signing_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(public).decode().rstrip("=")
        return web.json_response({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "use": "sig", "x": x}]})

    def _called(self, job: SimulatedJob) -> bytes:
        status, _, payload = self._outcome(self.desk.job(job.id) or job)
        told = {"request_id": job.id, "gateway_request_id": job.id, "status": "OK", "error": None, "payload": payload}
        if status != HTTPStatus.OK:
            told |= {"status": "ERROR", "error": f"Invalid status code: {status}"}
        return json.dumps(told).encode()

    def signed(self, body: bytes, at: float | None = None) -> tuple[dict[str, str], bytes]:
        """A call's headers and body, signed as of that moment."""
        stamp = str(int(self.desk.now() if at is None else at))
        request = str(json.loads(body).get("request_id", ""))
        message = "\n".join((request, _USER, stamp, hashlib.sha256(body).hexdigest())).encode()
        headers = {
            "x-fal-webhook-request-id": request,
            "x-fal-webhook-user-id": _USER,
            "x-fal-webhook-timestamp": stamp,
            "x-fal-webhook-signature": self.signing_key.sign(message).hex(),
        }
        return {**headers, "content-type": "application/json"}, body


def _moment(seconds: float) -> str:
    """As the list tells times: to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def root_of(model: str) -> str:
    """The part of a model's id below which its requests are."""
    return "/".join(model.split("/")[:2])


def _end_of(job: SimulatedJob) -> tuple[int, str, str] | None:
    """Status, type and words, where a job ended on the way to its model."""
    return _CANCELLED if job.is_stopped else _ENDS.get(job.fate) if job.fate else None


def _size(asked: Mapping[str, Any]) -> Size:
    named = asked.get("image_size", asked.get("aspect_ratio"))
    return _SIZES.get(named) or _picture(asked.get("image_url", "")) or _SIZES["landscape_4_3"]


def _picture(url: str) -> Size | None:
    """The pixels of a picture in a data URI; None where it is none."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(url.partition(";base64,")[2]))) as picture:
            return Size(*picture.size)
    except (UnidentifiedImageError, ValueError):
        return None


def _unreadable(asked: Mapping[str, Any]) -> list[Wrong]:
    return [
        Wrong("format", name, "Failed to download the file", {})
        for name, url in asked.items()
        if name.endswith("_url") and str(url).startswith("data:") and _picture(str(url)) is None
    ]


def _told(wrong: Wrong, asked: Mapping[str, Any]) -> dict[str, Any]:
    kind = _RULES.get(wrong.type) or f"{wrong.context.get('expected', 'value')}_type"
    page = "https://docs.fal.ai/errors#" + kind
    value = str(asked.get(wrong.field))[:40]
    return {
        "loc": ["body", wrong.field],
        "msg": wrong.description,
        "type": kind,
        "url": page,
        "ctx": wrong.context,
        "input": value,
    }
