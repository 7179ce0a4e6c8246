"""Replicate, simulated: predictions of a few models with their real forms, files, the list, and signed webhooks.

Sources: the vendor's OpenAPI document and SDKs (`replicate` 1.0.7 and 2.0.0b4), its pages on the life of a prediction, on data
retention and on rate limits, and captured refusals; 2026-11-20.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image, UnidentifiedImageError

from reelwright.domain.generation import Kind
from reelwright.domain.timing import Size
from reelwright.testing.simulators.behaviour import Trouble
from reelwright.testing.simulators.desk import Desk, Order, SimulatedJob
from reelwright.testing.simulators.forms import Wrong, resolved, wrongs
from reelwright.testing.simulators.simulator import Simulator

MODELS: dict[str, Any] = json.loads(files("reelwright.testing.simulators").joinpath("replicate_models.json").read_text("utf-8"))
"""The models that there are, by name: their forms are those of the vendor, shortened."""
_STATES = {Trouble.CANCELLED: "canceled", Trouble.ABORTED: "aborted"}
_ERRORS = {
    Trouble.MODERATION: "The input or output was flagged as sensitive. Please try again with different inputs. (E005) (kXJ2aQ)",
    Trouble.INTERNAL: "Prediction interrupted; please retry (code: PA)",
}
_DEFAULT_KEY = "r8_simulated0123456789"
_REFUSALS = {
    HTTPStatus.UNAUTHORIZED: ("Unauthenticated", "You did not pass a valid authentication token"),
    HTTPStatus.NOT_FOUND: ("Not found", "The requested resource could not be found."),
    HTTPStatus.TOO_MANY_REQUESTS: ("Throttled", "Request was throttled. Your rate limit resets in ~1s."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Service unavailable", "The service is temporarily unavailable."),
    HTTPStatus.PAYMENT_REQUIRED: ("Insufficient credit", "You have insufficient credit to run this model."),
}


class Replicate(Simulator):
    """The account of one customer."""

    name = "replicate"
    expired_status = HTTPStatus.NOT_FOUND

    def __init__(self, desk: Desk, folder: Path) -> None:
        """`folder` keeps the outputs."""
        super().__init__(desk, folder)
        self.page_size = 100
        """Predictions on one page of the list."""
        self.keeps_files_seconds = 3600.0
        """How long after its end a prediction's input, output and log are there."""
        self.secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
        """What webhooks are signed with."""
        self.odd: dict[str, object] = {}
        """What the list says where it would tell of the prediction of that id."""
        self.files: dict[str, bytes] = {}
        """What was uploaded."""

    @property
    def environment(self) -> dict[str, str]:
        """Of the SDK and of our adapter."""
        return {"REPLICATE_BASE_URL": self.base, "REPLICATE_API_TOKEN": self.desk.behaviour.key or _DEFAULT_KEY}

    def routes(self) -> Iterable[web.RouteDef]:
        """Version 1 of the API."""
        return [
            web.post("/v1/models/{owner}/{model}/predictions", self._create_by_name),
            web.post("/v1/predictions", self._create_by_version),
            web.get("/v1/predictions", self._list),
            web.get("/v1/predictions/{id}", self._get),
            web.post("/v1/predictions/{id}/cancel", self._cancel),
            web.get("/v1/models/{owner}/{model}", self._model),
            web.get("/v1/models/{owner}/{model}/versions/{id}", self._version),
            web.post("/v1/files", self._upload),
            web.get("/v1/webhooks/default/secret", self._secret_told),
        ]

    def is_let_in(self, request: web.Request) -> bool:
        """`Authorization: Bearer r8_...`."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and bool(key) and key == (self.desk.behaviour.key or key)

    def refusal(self, status: HTTPStatus) -> web.Response:
        """As RFC 7807 has it, nearly."""
        title, detail = _REFUSALS[status]
        return web.json_response({"title": title, "detail": detail, "status": int(status)}, status=status)

    def charged(self, job: SimulatedJob) -> int:
        """What was cancelled while it ran is charged; what was aborted, or failed, is not."""
        if job.is_stopped:
            return job.order.cost_micro_usd if (job.stopped_at or 0) > job.starts else 0
        return job.order.cost_micro_usd if job.fate in {None, Trouble.CANCELLED} else 0

    async def _create_by_name(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.match_info['owner']}/{request.match_info['model']}"

        async def accept() -> web.Response:
            if not MODELS.get(name, {}).get("official"):
                return self.refusal(HTTPStatus.NOT_FOUND)
            return await self._create(name, await request.json())

        return await self.submitted(request, accept)

    async def _create_by_version(self, request: web.Request) -> web.StreamResponse:
        async def accept() -> web.Response:
            body = await request.json()
            asked = str(body.get("version", ""))
            name = next((name for name in MODELS if asked in {version_of(name), f"{name}:{version_of(name)}"}), "")
            if not name:
                detail = "The specified version does not exist (or perhaps you don't have permission to use it?)"
                problem = {"title": "Invalid version or not permitted", "detail": detail, "status": 422}
                return web.json_response(problem, status=422)
            return await self._create(name, body)

        return await self.submitted(request, accept)

    async def _create(self, name: str, body: Mapping[str, Any]) -> web.Response:
        model, asked = MODELS[name], dict(body.get("input") or {})
        found = wrongs(model["schemas"]["Input"], asked, model["schemas"])
        if not found:
            found = [Wrong("format", field, "Could not be read as a picture", {}) for field in self._unreadable(model, asked)]
        if found:
            return web.json_response(_invalid(found), status=422)
        order = self._order(name, model, asked, body)
        if self._is_broke(order.cost_micro_usd):
            return self.refusal(HTTPStatus.PAYMENT_REQUIRED)
        job = self.desk.accept(secrets.token_hex(13), order)
        if hook := body.get("webhook"):
            self.call_when_ended(job, lambda: self._call(str(hook), job.id))
        return web.json_response(self._told(job), status=201)

    def _is_broke(self, cost: int) -> bool:
        holds, now = self.desk.behaviour.credits_micro_usd, self.desk.now()
        taken = sum(self.charged(job) if job.has_ended(now) else job.order.cost_micro_usd for job in self.desk.all())
        return bool(holds) and taken + cost > holds

    def _order(self, name: str, model: Mapping[str, Any], asked: Mapping[str, Any], body: Mapping[str, Any]) -> Order:
        kind, seconds = Kind(model["kind"]), float(asked.get("duration", 5))
        cost = model.get("per_output", 0) + round(model.get("per_second", 0) * seconds)
        prompt = str(asked.get("prompt", ""))
        return Order(kind, name, prompt, cost, self._size(model, asked), seconds, {**body, "input": asked})

    def _size(self, model: Mapping[str, Any], asked: Mapping[str, Any]) -> Size:
        """A picture's own shape where a clip starts from one, else what was asked for."""
        pictures = [self._picture(url) for url in _pictures(model, asked)]
        if model["kind"] == "clip" and pictures and (first := pictures[0]):
            return first
        default = resolved(model["schemas"]["Input"]["properties"].get("aspect_ratio", {}), model["schemas"]).get("default")
        width, height = model["sizes"].get(asked.get("aspect_ratio", default), (1280, 720))
        return Size(int(asked.get("width", width)), int(asked.get("height", height)))

    def _unreadable(self, model: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
        return [url[:40] for url in _pictures(model, asked) if self._picture(url) is None]

    def _picture(self, url: str) -> Size | None:
        """The pixels of an uploaded picture, or of one in a data URL; None when it is none."""
        content = self.files.get(url.rpartition("/")[2], b"")
        if url.startswith("data:"):
            content = base64.b64decode(url.partition(",")[2])
        try:
            with Image.open(io.BytesIO(content)) as picture:
                return Size(*picture.size)
        except UnidentifiedImageError:
            return None

    async def _get(self, request: web.Request) -> web.StreamResponse:
        async def look(is_strange: object) -> web.Response:
            job = self.desk.job(request.match_info["id"])
            if job is None:
                return self.refusal(HTTPStatus.NOT_FOUND)
            return web.json_response({**self._told(job), **({"status": "warming_up"} if is_strange else {})})

        return await self.asked(request, look)

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        if not self.is_let_in(request):
            return self.refusal(HTTPStatus.UNAUTHORIZED)
        job = self.desk.job(request.match_info["id"])
        if job is None:
            return self.refusal(HTTPStatus.NOT_FOUND)
        if not job.has_ended(self.desk.now()):
            self.desk.stop(job.id)
        return web.json_response(self._told(self.desk.job(job.id) or job))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        async def look(_: object) -> web.Response:
            asked: dict[str, str] = dict(request.query)
            if "cursor" in asked:
                asked = json.loads(base64.urlsafe_b64decode(asked["cursor"]))
            after, before = _moment(asked.get("created_after", "")), _moment(asked.get("created_before", ""))
            skip = int(asked.get("skip", "0"))
            jobs = [job for job in self.desk.jobs() if (after is None or job.at >= after) and (before is None or job.at < before)]
            end = skip + self.page_size
            cursor = base64.urlsafe_b64encode(json.dumps({**asked, "skip": str(end)}).encode()).decode()
            more = f"{self.base}/v1/predictions?cursor={cursor}" if end < len(jobs) else None
            rows = [self.odd.get(job.id) if job.id in self.odd else self._told(job) for job in jobs[skip:end]]
            return web.json_response({"previous": None, "next": more, "results": rows})

        return await self.asked(request, look)

    async def _model(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.match_info['owner']}/{request.match_info['model']}"

        async def look(_: object) -> web.Response:
            if name not in MODELS:
                return self.refusal(HTTPStatus.NOT_FOUND)
            return web.json_response(self._described(name))

        return await self.asked(request, look)

    async def _version(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.match_info['owner']}/{request.match_info['model']}"

        async def look(_: object) -> web.Response:
            if name not in MODELS or request.match_info["id"] != version_of(name):
                return self.refusal(HTTPStatus.NOT_FOUND)
            return web.json_response(self._described(name)["latest_version"])

        return await self.asked(request, look)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        content = (await request.post()).get("content")

        async def look(_: object) -> web.Response:
            if not isinstance(content, web.FileField):
                return web.json_response({"detail": "Missing content", "status": 400, "title": "Bad request"}, status=400)
            self.desk.count("uploads")
            return web.json_response(self._stored(content.filename, content.content_type, content.file.read()), status=201)

        return await self.asked(request, look)

    def _stored(self, filename: str, content_type: str, data: bytes) -> dict[str, Any]:
        name, now = secrets.token_hex(13), self.desk.now()
        self.files[name] = data
        return {
            "id": name,
            "name": filename,
            "content_type": content_type,
            "size": len(data),
            "etag": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "checksums": {"sha256": hashlib.sha256(data).hexdigest()},
            "metadata": {},
            "created_at": _written(now),
            "expires_at": _written(now + 86_400),
            "urls": {"get": f"{self.base}/v1/files/{name}"},
        }

    async def _secret_told(self, request: web.Request) -> web.StreamResponse:
        async def look(_: object) -> web.Response:
            return web.json_response({"key": self.secret})

        return await self.asked(request, look)

    def _told(self, job: SimulatedJob) -> dict[str, Any]:
        """A prediction as the API tells it."""
        now = self.desk.now()
        has_ended, has_begun = job.has_ended(now), now >= job.starts and job.ends > job.starts
        is_removed = has_ended and now > job.ends + self.keeps_files_seconds
        status = self._status(job, now)
        url = f"{self.base}/v1/predictions/{job.id}"
        model = MODELS[job.order.model]
        return {
            "id": job.id,
            "model": job.order.model,
            "version": "hidden" if model["official"] else version_of(job.order.model),
            "status": status,
            "input": {} if is_removed else job.order.body["input"],
            "output": self._output(job) if status == "succeeded" and not is_removed else None,
            "error": _ERRORS.get(job.fate) if status == "failed" and job.fate else None,
            "logs": "" if is_removed or not has_begun else f"Using seed: 1\n{_bar(job.progress(now))}",
            "metrics": {"predict_time": job.ends - job.starts} if has_ended and has_begun else {},
            "created_at": _written(job.at),
            "started_at": _written(job.starts) if has_begun else None,
            "completed_at": _written(job.ends) if has_ended else None,
            "data_removed": is_removed,
            "source": "api",
            "urls": {"get": url, "cancel": f"{url}/cancel", "web": f"https://replicate.com/p/{job.id}"},
        }

    def _status(self, job: SimulatedJob, now: float) -> str:
        if not job.has_ended(now):
            return "starting" if job.waits(now) else "processing"
        if job.is_stopped:
            return "canceled"
        return "succeeded" if job.fate is None else _STATES.get(job.fate, "failed")

    def _output(self, job: SimulatedJob) -> Any:
        url = self.output_url(job)
        form = MODELS[job.order.model]["schemas"]["Output"]
        return {"array": [url], "object": {"log": "done", "video": url}}.get(form["type"], url)

    def _described(self, name: str) -> dict[str, Any]:
        owner, _, model = name.partition("/")
        facts = MODELS[name]
        version = {
            "id": version_of(name),
            "created_at": "2026-08-24T10:00:00.000000Z",
            "cog_version": "0.16.2",
            "openapi_schema": {
                "openapi": "3.0.2",
                "info": {"title": "Cog", "version": "0.1.0"},
                "paths": {},
                "components": {"schemas": facts["schemas"]},
            },
        }
        return {
            "url": f"https://replicate.com/{name}",
            "owner": owner,
            "name": model,
            "description": facts["description"],
            "visibility": "public",
            "is_official": facts["official"],
            "github_url": None,
            "paper_url": None,
            "license_url": None,
            "run_count": 1,
            "cover_image_url": None,
            "default_example": None,
            "latest_version": version,
        }

    def _call(self, url: str, job: str) -> tuple[str, dict[str, str], bytes]:
        found = self.desk.job(job)
        return (url, *self.signed(json.dumps(self._told(found) if found else {"id": job, "status": "succeeded"}).encode()))

    def signed(self, body: bytes, at: float | None = None) -> tuple[dict[str, str], bytes]:
        """A call's headers and body, signed as of that moment."""
        name, stamp = f"msg_{secrets.token_hex(13)}", str(int(self.desk.now() if at is None else at))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signature = base64.b64encode(hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()).decode()
        headers = {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}
        return {**headers, "content-type": "application/json"}, body


def version_of(model: str) -> str:
    """The id of a model's only version."""
    return hashlib.sha256(model.encode()).hexdigest()


def _pictures(model: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """The URLs in an input, in the order of the form."""
    fields = model["schemas"]["Input"]["properties"]
    found: list[str] = []
    for name in sorted(fields, key=lambda name: fields[name]["x-order"]):
        form = fields[name]
        if "uri" in {form.get("format"), form.get("items", {}).get("format")} and asked.get(name):
            found += asked[name] if isinstance(asked[name], list) else [asked[name]]
    return found


def _invalid(found: Iterable[Wrong]) -> dict[str, Any]:
    fields = [{"type": wrong.type, "field": f"input.{wrong.field}", "description": wrong.description} for wrong in found]
    detail = "".join(f"- {each['field']}: {each['description']}\n" for each in fields)
    return {"detail": detail, "status": 422, "title": "Input validation failed", "invalid_fields": fields}


def _bar(progress: float) -> str:
    done = int(progress * 100)
    return f"{done:3d}%|{'#' * (done // 10):<10}| {done}/100 [00:01<00:01, 50.00it/s]"


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _moment(text: str) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
