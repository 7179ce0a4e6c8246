"""Runway, simulated: tasks that wait as THROTTLED, cost credits, and hand out URLs with a JWT in them.

A prompt that names one of Runway's failure codes in brackets, `[SAFETY.INPUT.TEXT]`, fails with it; `[NULL]` fails without one.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from aiohttp import web
from runwayml.types.image_to_video_create_params import ImageToVideoCreateParams
from runwayml.types.text_to_image_create_params import TextToImageCreateParams
from runwayml.types.text_to_video_create_params import TextToVideoCreateParams

from reelwright.domain.card import PromptUnit
from reelwright.domain.generation import Kind
from reelwright.domain.timing import Size
from reelwright.media.sniff import sniff
from reelwright.testing.simulators.behaviour import Trouble
from reelwright.testing.simulators.desk import Order, SimulatedJob
from reelwright.testing.simulators.simulator import Simulator
from reelwright.testing.simulators.typed import Problem, problems, variants

_ENDPOINTS: Mapping[str, object] = {
    "image_to_video": ImageToVideoCreateParams,
    "text_to_video": TextToVideoCreateParams,
    "text_to_image": TextToImageCreateParams,
}
_CREDIT = 10_000
_CREDITS_A_SECOND = {"gen4_turbo": 5, "gen4.5": 12, "seedance2": 36, "seedance2_fast": 29, "gemini_omni_flash": 10, "hailuo3": 10}
_WITH_SOUND = {"veo3.1": (40, 20), "veo3.1_fast": (15, 10)}
"""Credits a second with sound, and without."""
_USUAL = 20
"""Credits a second of a model whose price is not known here."""
_SMALL_IMAGES = frozenset({"1280:720", "720:1280", "720:720", "960:720", "720:960", "1680:720"})
_PROMPTS = {
    **dict.fromkeys(("gen4_turbo", "gen4.5", "veo3.1", "veo3.1_fast", "gen4_image", "gen4_image_turbo"), 1000),
    "happyhorse_1_0": 2500,
    "seedance2": 3500,
    "seedance2_fast": 3500,
}
_LENGTHS = {"gen4_turbo": (2, 10), "gen4.5": (2, 10), "gemini_omni_flash": (3, 10)}
_REFERENCES = {"gen4_image": (0, 3), "gen4_image_turbo": (1, 3)}
_SEEDS = 1 << 32
_DATA_URI_CHARACTERS = 5_000_000
_URL_CHARACTERS = 2048
_DATA_URI = re.compile(r"data:(image/(?:png|jpeg|webp));base64,", re.ASCII)
_DEMANDED = re.compile(r"\[((?:SAFETY|INPUT_PREPROCESSING|ASSET|INTERNAL|THIRD_PARTY)[A-Z0-9_.]*|NULL)\]")
_PENDING = 0.1
"""The part of a task's time in which it is about to run."""


class Runway(Simulator):
    """The Runway API of 2024-11-06. It has no list of tasks, as the real one has none."""

    name = "runway"
    expired_status = HTTPStatus.UNAUTHORIZED

    @property
    def environment(self) -> dict[str, str]:
        """The SDK's own variables."""
        return {"RUNWAYML_API_SECRET": self.desk.behaviour.key or f"key_{'0' * 128}", "RUNWAYML_BASE_URL": self.base}

    def routes(self) -> Iterable[web.RouteDef]:
        """Creating, asking for, and deleting tasks."""
        return [
            web.post("/v1/{endpoint:image_to_video|text_to_video|text_to_image}", self._create),
            web.get("/v1/tasks/{id}", self._retrieve),
            web.delete("/v1/tasks/{id}", self._delete),
            web.get("/v1/organization", self._organization),
        ]

    def is_let_in(self, request: web.Request) -> bool:
        """By a bearer token."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and bool(key) and key == (self.desk.behaviour.key or key)

    def refusal(self, status: HTTPStatus) -> web.Response:
        """Documented by its status only."""
        return web.json_response({"error": f"{status.phrase}."}, status=status)

    def charged(self, job: SimulatedJob) -> int:
        """What was refused by the rules is paid, and so is what was cancelled while it ran."""
        if job.is_stopped:
            was_running = job.stopped_at is not None and job.stopped_at > job.starts
            return job.order.cost_micro_usd if was_running else 0
        code = _failure_code(job)
        is_paid = code is None or code.startswith("SAFETY.")
        return job.order.cost_micro_usd if is_paid and job.fate is not Trouble.CANCELLED else 0

    async def _create(self, request: web.Request) -> web.StreamResponse:
        return await self.submitted(request, lambda: self._accept(request))

    async def _accept(self, request: web.Request) -> web.Response:
        endpoint = request.match_info["endpoint"]
        try:
            body = await request.json()
        except ValueError:
            return web.json_response({"error": "Invalid JSON."}, status=400)
        if issues := list(_issues(body, endpoint)):
            refused = {"error": "Validation of body failed", "issues": issues, "docUrl": "https://docs.dev.runwayml.com/api"}
            return web.json_response(refused, status=400)
        order = _order(body, endpoint)
        if not self._can_pay(order):
            return web.json_response({"error": "You do not have enough credits to run this task."}, status=400)
        job = self.desk.accept(str(uuid4()), order)
        return web.json_response({"id": job.id, "estimatedCost": {"credits": order.cost_micro_usd // _CREDIT}})

    def _balance(self) -> int:
        """Micro-dollars: what a task may cost is taken when it is created, and given back where it cost less."""
        now = self.desk.now()
        spent = sum(self.charged(job) if job.has_ended(now) else job.order.cost_micro_usd for job in self.desk.all())
        return self.desk.behaviour.credits_micro_usd - spent

    def _can_pay(self, order: Order) -> bool:
        return not self.desk.behaviour.credits_micro_usd or self._balance() >= order.cost_micro_usd

    async def _retrieve(self, request: web.Request) -> web.StreamResponse:
        async def look(is_strange: bool) -> web.Response:  # noqa: FBT001 - as the core calls it
            job = self.desk.job(request.match_info["id"].lower())  # a UUID is one however it is written
            return (
                self.refusal(HTTPStatus.NOT_FOUND) if job is None else web.json_response(self._task(job, is_strange=is_strange))
            )

        return await self.asked(request, look)

    def _task(self, job: SimulatedJob, *, is_strange: bool) -> dict[str, Any]:
        now = self.desk.now()
        created = datetime.fromtimestamp(job.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        task: dict[str, Any] = {"id": job.id, "createdAt": created}
        if is_strange or not job.has_ended(now):
            task["estimatedCost"] = {"credits": job.order.cost_micro_usd // _CREDIT}
            return task | ({"status": "REVIEWING"} if is_strange else _standing(job, now))
        task["cost"] = {"credits": self.charged(job) // _CREDIT}
        code = _failure_code(job)
        if job.is_stopped or job.fate is Trouble.CANCELLED:
            return task | {"status": "CANCELLED"}
        if code is not None:
            told = {} if code == "NULL" else {"failureCode": code}
            return task | {"status": "FAILED", "failure": "The generation could not be completed.", **told}
        return task | {"status": "SUCCEEDED", "output": [self.output_url(job)]}

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        async def stop(_: bool) -> web.Response:  # noqa: FBT001 - as the core calls it
            job = self.desk.job(request.match_info["id"])
            if job is None:
                return self.refusal(HTTPStatus.NOT_FOUND)
            if job.has_ended(self.desk.now()):
                self.desk.count("erased")
                self.desk.delete(job.id)
            else:
                self.desk.count("cancelled")
                self.desk.stop(job.id)
            return web.Response(status=204)

        return await self.asked(request, stop)

    async def _organization(self, request: web.Request) -> web.StreamResponse:
        async def look(_: bool) -> web.Response:  # noqa: FBT001 - as the core calls it
            limits = {"maxConcurrentGenerations": self.desk.behaviour.concurrency, "maxDailyGenerations": None}
            models = sorted({job.order.model for job in self.desk.all()})
            return web.json_response(
                {
                    "creditBalance": max(0, self._balance()) // _CREDIT,
                    "tier": {"maxMonthlyCreditSpend": 10_000, "models": dict.fromkeys(models, limits)},
                    "usage": {
                        "models": {
                            model: {"dailyGenerations": sum(job.order.model == model for job in self.desk.all())}
                            for model in models
                        }
                    },
                }
            )

        return await self.asked(request, look)


def _standing(job: SimulatedJob, now: float) -> dict[str, Any]:
    if job.waits(now):
        return {"status": "THROTTLED"}
    progress = job.progress(now)
    return {"status": "PENDING"} if progress < _PENDING else {"status": "RUNNING", "progress": round(progress, 2)}


def _failure_code(job: SimulatedJob) -> str | None:
    """Why it fails; None where it does not, `NULL` where Runway gives no code."""
    if demanded := _DEMANDED.search(job.order.prompt):
        return demanded[1]
    match job.fate:
        case Trouble.MODERATION:
            return "SAFETY.INPUT.TEXT" if job.id < "8" else f"SAFETY.OUTPUT.{'VIDEO' if job.order.kind is Kind.CLIP else 'IMAGE'}"
        case Trouble.INTERNAL:
            return "INTERNAL" if job.id < "8" else "NULL"
        case Trouble.ABORTED:
            return "THIRD_PARTY.UNAVAILABLE"
        case _:
            return None


def _order(body: dict[str, Any], endpoint: str) -> Order:
    width, _, height = str(body.get("ratio", "1280:720")).partition(":")
    size = Size(int(width), int(height)) if width.isdigit() and height.isdigit() else Size(1280, 720)
    kind = Kind.FRAME if endpoint == "text_to_image" else Kind.CLIP
    length = body.get("duration", 5)
    seconds = float(length) if isinstance(length, int) else 5.0
    kept = json.loads(json.dumps(body), object_hook=_without_pictures)
    return Order(kind, body["model"], body.get("promptText", ""), _credits(body, kind, seconds) * _CREDIT, size, seconds, kept)


def _without_pictures(item: dict[str, Any]) -> dict[str, Any]:
    """The ledger says how long a picture was, and does not keep it."""
    return {
        name: f"{value[:30]}... ({len(value)} characters)" if isinstance(value, str) and value.startswith("data:") else value
        for name, value in item.items()
    }


def _credits(body: dict[str, Any], kind: Kind, seconds: float) -> int:
    model = body["model"]
    if kind is Kind.FRAME:
        if model == "gen4_image_turbo":
            return 2
        return 5 if body["ratio"] in _SMALL_IMAGES else 8
    if model in _WITH_SOUND:
        with_sound, silent = _WITH_SOUND[model]
        return int((silent if body.get("audio", True) is False else with_sound) * seconds)
    return int(_CREDITS_A_SECOND.get(model, _USUAL) * seconds)


# -- what Runway's validation says ---------------------------------------------------------------------------------------


def _issues(sent: object, endpoint: str) -> Iterator[dict[str, Any]]:
    """Zod's words for everything that is wrong."""
    if not isinstance(sent, dict):
        yield {"code": "invalid_type", "expected": "object", "path": [], "message": "Invalid input: expected object"}
        return
    body = cast("dict[str, Any]", sent)
    known = variants(_ENDPOINTS[endpoint])
    model = body.get("model")
    if not isinstance(model, str) or model not in known:
        if not isinstance(model, str):
            told = "undefined" if model is None else type(model).__name__
            message = f"Invalid input: expected string, received {told}"
            yield {"code": "invalid_type", "expected": "string", "path": ["model"], "message": message}
        yield {
            "code": "invalid_union",
            "errors": [],
            "note": "No matching discriminator",
            "discriminator": "model",
            "path": ["model"],
            "message": "Invalid input",
        }
        return
    found = problems(body, known[model])
    yield from map(_issue, found)
    if not found:
        yield from _limits(body, model)


def _issue(problem: Problem) -> dict[str, Any]:
    path = list(problem.path)
    match problem.code:
        case "unknown":
            return {"code": "unrecognized_keys", "keys": [path[-1]], "path": path[:-1], "message": problem.message}
        case "missing":
            message = "Invalid input: expected a value, received undefined"
            return {"code": "invalid_type", "path": path, "message": message}
        case "literal_error":
            options = "|".join(f"'{option}'" for option in problem.expected)
            message = f"Invalid option: expected one of {options}"
            return {"code": "invalid_value", "values": list(problem.expected), "path": path, "message": message}
        case _:
            return {"code": "invalid_type", "path": path, "message": f"Invalid input: {problem.message}"}


def _limits(body: dict[str, Any], model: str) -> Iterator[dict[str, Any]]:
    """What the SDK's types do not say."""
    if isinstance(prompt := body.get("promptText"), str):
        length, most = PromptUnit.UTF16.measure(prompt), _PROMPTS.get(model)
        if not prompt:
            yield _bound("too_small", 1, "string", ["promptText"], "Too small: expected string to have >=1 characters")
        elif most is not None and length > most:
            yield _bound("too_big", most, "string", ["promptText"], f"Too big: expected string to have <={most} characters")
    if model in _LENGTHS and isinstance(seconds := body.get("duration"), int):
        least, most = _LENGTHS[model]
        if not least <= seconds <= most:
            yield _bound("too_big", most, "number", ["duration"], f"Invalid input: expected a number from {least} to {most}")
    if isinstance(seed := body.get("seed"), int) and not 0 <= seed < _SEEDS:
        yield _bound("too_big", _SEEDS - 1, "number", ["seed"], f"Too big: expected number to be <={_SEEDS - 1}")
    if model in _REFERENCES:
        fewest, most = _REFERENCES[model]
        if not fewest <= len(body.get("referenceImages", [])) <= most:
            message = f"Invalid input: expected array to have {fewest} to {most} items"
            yield _bound("too_big", most, "array", ["referenceImages"], message)
    if [item.get("position") for item in _items(body, "promptImage")] == ["last"]:
        yield {"code": "custom", "path": ["promptImage"], "message": "A last frame needs a first frame."}
    yield from _pictures(body)


def _bound(code: str, bound: int, what: str, path: list[str], message: str) -> dict[str, Any]:
    name = "minimum" if code == "too_small" else "maximum"
    return {"code": code, name: bound, "type": what, "inclusive": True, "path": path, "message": message}


def _pictures(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    named: list[tuple[list[str | int], str]] = []
    if isinstance(prompt := body.get("promptImage"), str):
        named.append((["promptImage"], prompt))
    for name in ("promptImage", "referenceImages"):
        named += [([name, place, "uri"], item["uri"]) for place, item in enumerate(_items(body, name))]
    for path, uri in named:
        if message := _wrong_with(uri):
            yield {"code": "custom", "path": path, "message": message}


def _items(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The pictures of a field that may also be one string."""
    found = body.get(name)
    return cast("list[dict[str, Any]]", found) if isinstance(found, list) else []


def _wrong_with(uri: str) -> str:
    """Why Runway does not take the picture; nothing where it does. It fetches none here."""
    if uri.startswith("data:"):
        head = _DATA_URI.match(uri)
        if len(uri) > _DATA_URI_CHARACTERS:
            return "Data URI is too large: at most 5MB."
        try:
            content = base64.b64decode(uri[head.end() :], validate=True) if head else b""
        except binascii.Error:
            content = b""
        if head is None or not content:
            return "Invalid data URI."
        return "" if sniff(content) == head[1] else "Unsupported asset type."
    if uri.startswith("runway://"):
        return ""
    url = urlsplit(uri)
    if url.scheme != "https" or len(uri) > _URL_CHARACTERS:
        return "Only HTTPS URLs are allowed."
    return "" if re.search(r"\.[a-z]+$", url.hostname or "") else "URLs must be hosted on a domain."
