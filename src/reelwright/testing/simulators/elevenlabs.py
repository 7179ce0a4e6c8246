"""ElevenLabs' API, simulated: voices in the answer, and the history that keeps them.

A text with `[moderated]` in it is refused by the rules.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, cast, get_args
from uuid import uuid4

from aiohttp import web
from elevenlabs.text_to_speech.types import TextToSpeechConvertRequestOutputFormat

from reelwright.domain.generation import Kind
from reelwright.testing.simulators.behaviour import Trouble
from reelwright.testing.simulators.desk import Order, SimulatedJob
from reelwright.testing.simulators.simulator import Simulator

_DEFAULT_KEY = "xi-simulated-0123456789abcdef"
_MODELS = {"eleven_multilingual_v2": (10_000, 100), "eleven_v3": (5_000, 100), "eleven_flash_v2_5": (40_000, 50)}
"""The most characters of a text, and micro-dollars for one."""
_VOICES = {"JBFqnCBsd6RMkjVDRZzb": "George", "21m00Tcm4TlvDq8ikWAM": "Rachel"}
_FIELDS = {
    "text": str,
    "model_id": str,
    "language_code": str,
    "voice_settings": dict,
    "seed": int,
    "previous_text": str,
    "next_text": str,
    "previous_request_ids": list,
    "next_request_ids": list,
    "apply_text_normalization": str,
}
_FORMATS = frozenset(get_args(get_args(TextToSpeechConvertRequestOutputFormat)[0]))
_PAGE = range(1, 1001)
_CODE_LENGTHS = {2, 3}
"""Of ISO 639-1 and 639-3."""
_SPOKEN_A_SECOND = 15
"""Characters."""


class ElevenLabs(Simulator):
    """Text to speech and its history, `/v1`."""

    name = "elevenlabs"

    @property
    def environment(self) -> dict[str, str]:
        """The SDK's own variable, and our adapter's for the address."""
        return {"ELEVENLABS_API_KEY": self.desk.behaviour.key or _DEFAULT_KEY, "ELEVENLABS_BASE_URL": self.base}

    def routes(self) -> Iterable[web.RouteDef]:
        """What a studio asks for."""
        return [
            web.post("/v1/text-to-speech/{voice}", self._speak),
            web.get("/v1/history", self._list),
            web.get("/v1/history/{id}", self._get),
            web.get("/v1/history/{id}/audio", self._audio),
        ]

    def is_let_in(self, request: web.Request) -> bool:
        """By a header of its own."""
        key = request.headers.get("xi-api-key", "")
        return bool(key) and key == (self.desk.behaviour.key or key)

    def refusal(self, status: HTTPStatus) -> web.Response:
        """A detail with a code."""
        match status:
            case HTTPStatus.UNAUTHORIZED:
                return _refused(status, "authentication_error", "invalid_api_key", "Invalid API key")
            case HTTPStatus.TOO_MANY_REQUESTS:
                return _refused(status, "rate_limit_error", "rate_limit_exceeded", "Too many requests")
            case HTTPStatus.SERVICE_UNAVAILABLE:
                return _refused(status, "server_error", "service_unavailable", "The service is unavailable")
            case _:
                return _refused(status, "not_found", "history_item_not_found", "Not found")

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        async def accept() -> web.StreamResponse:
            try:
                body = await request.json()
            except ValueError:
                return _issues([(["body", 0], "JSON decode error", "json_invalid")])
            voice = request.match_info["voice"]
            if (wrong := _wrong(body, voice, request.query)) is not None:
                return wrong
            text, model = body["text"], body.get("model_id", "eleven_multilingual_v2")
            cost = _MODELS[model][1] * len(text)
            limit = self.desk.behaviour.credits_micro_usd
            if limit and sum(self.charged(job) for job in self.desk.all()) + cost > limit:
                words = "This request exceeds your quota of characters."
                return _refused(HTTPStatus.UNAUTHORIZED, "quota_error", "quota_exceeded", words)
            if self.desk.running() >= self.desk.behaviour.concurrency:
                words = "Too many concurrent requests."
                return _refused(HTTPStatus.TOO_MANY_REQUESTS, "rate_limit_error", "concurrent_limit_exceeded", words)
            seconds = max(0.5, len(text) / _SPOKEN_A_SECOND)
            order = Order(Kind.VOICE, model, text, cost, seconds=seconds, body={**body, "voice": voice})
            return await self._spoken(request, self.desk.accept(uuid4().hex, order))

        return await self.submitted(request, accept)

    async def _spoken(self, request: web.Request, job: SimulatedJob) -> web.StreamResponse:
        await asyncio.sleep(max(0.0, job.ends - self.desk.now()))
        if _is_moderated(job):
            words = "The text violates our terms of service."
            return _refused(HTTPStatus.BAD_REQUEST, "validation_error", "content_policy_violation", words)
        if job.fate is not None:
            return _refused(HTTPStatus.INTERNAL_SERVER_ERROR, "server_error", "internal_error", "An unexpected error occurred")
        headers = {
            "request-id": job.id,
            "character-cost": str(len(job.order.prompt)),
            "current-concurrent-requests": str(self.desk.running()),
            "maximum-concurrent-requests": str(self.desk.behaviour.concurrency),
        }
        return web.Response(body=await self.made(job), content_type="audio/mpeg", headers=headers)

    def charged(self, job: SimulatedJob) -> int:
        """Nothing for what was refused or failed."""
        return 0 if _is_moderated(job) else super().charged(job)

    def _kept(self) -> list[SimulatedJob]:
        """What stands in the history, newest first."""
        now = self.desk.now()
        return [job for job in self.desk.jobs() if job.has_ended(now) and job.fate is None and not _is_moderated(job)]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        async def look(_: object) -> web.Response:
            size, after = int(request.query.get("page_size", "100")), request.query.get("start_after_history_item_id", "")
            if size not in _PAGE:
                words = f"Input should be from {_PAGE.start} to {_PAGE.stop - 1}"
                return _issues([(["query", "page_size"], words, "out_of_range")])
            jobs = self._kept()
            names = [_item_id(job) for job in jobs]
            start = names.index(after) + 1 if after in names else 0
            page = jobs[start : start + size]
            return web.json_response(
                {
                    "history": [_told(job) for job in page],
                    "last_history_item_id": _item_id(page[-1]) if page else None,
                    "has_more": start + size < len(jobs),
                    "scanned_until": None,
                }
            )

        return await self.asked(request, look)

    def _item(self, request: web.Request) -> SimulatedJob | None:
        return next((job for job in self._kept() if _item_id(job) == request.match_info["id"]), None)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        async def look(_: object) -> web.Response:
            job = self._item(request)
            return self.refusal(HTTPStatus.NOT_FOUND) if job is None else web.json_response(_told(job))

        return await self.asked(request, look)

    async def _audio(self, request: web.Request) -> web.StreamResponse:
        async def look(_: object) -> web.Response:
            job = self._item(request)
            if job is None:
                return self.refusal(HTTPStatus.NOT_FOUND)
            return web.Response(body=await self.made(job), content_type="audio/mpeg")

        return await self.asked(request, look)


def _is_moderated(job: SimulatedJob) -> bool:
    return job.fate is Trouble.MODERATION or "[moderated]" in job.order.prompt


def _item_id(job: SimulatedJob) -> str:
    return hashlib.sha256(job.id.encode()).hexdigest()[:20]


def _told(job: SimulatedJob) -> dict[str, Any]:
    voice = job.order.body["voice"]
    return {
        "history_item_id": _item_id(job),
        "request_id": job.id,
        "voice_id": voice,
        "model_id": job.order.model,
        "voice_name": _VOICES[voice],
        "voice_category": "premade",
        "text": job.order.prompt,
        "date_unix": int(job.ends),
        "character_count_change_from": 0,
        "character_count_change_to": math.ceil(job.order.cost_micro_usd / 100),
        "content_type": "audio/mpeg",
        "state": "created",
        "source": "TTS",
        "output_format": "mp3_44100_128",
    }


def _refused(status: HTTPStatus, kind: str, code: str, message: str) -> web.Response:
    detail = {"type": kind, "code": code, "message": message, "status": code, "request_id": uuid4().hex, "param": None}
    return web.json_response({"detail": detail}, status=status)


def _issues(found: list[tuple[list[str | int], str, str]]) -> web.Response:
    detail = [{"loc": loc, "msg": words, "type": kind} for loc, words, kind in found]
    return web.json_response({"detail": detail}, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _wrong(body: Any, voice: str, query: Any) -> web.Response | None:
    if not isinstance(body, dict) or "text" not in body:
        return _issues([(["body", "text"], "Field required", "missing")])
    return _wrong_fields(cast("dict[str, Any]", body), voice, query)


def _wrong_fields(body: dict[str, Any], voice: str, query: Any) -> web.Response | None:
    typed = [name for name, value in body.items() if not isinstance(value, _FIELDS.get(name, ()))]
    if typed:
        return _issues([(["body", name], "Input is not valid", "value_error") for name in typed])
    if query.get("output_format", "mp3_44100_128") not in _FORMATS:
        return _issues([(["query", "output_format"], "Input should be one of the formats", "enum")])
    if not query.get("output_format", "mp3_").startswith("mp3_"):
        return _refused(HTTPStatus.BAD_REQUEST, "validation_error", "invalid_format", "This simulator speaks MP3 only.")
    if voice not in _VOICES:
        return _refused(HTTPStatus.NOT_FOUND, "not_found", "voice_not_found", f"A voice with ID {voice} was not found.")
    model = body.get("model_id", "eleven_multilingual_v2")
    if model not in _MODELS:
        return _refused(HTTPStatus.BAD_REQUEST, "validation_error", "model_not_found", f"There is no model {model}.")
    if "language_code" in body and (model == "eleven_multilingual_v2" or len(body["language_code"]) not in _CODE_LENGTHS):
        words = "This model does not support language_code."
        return _refused(HTTPStatus.BAD_REQUEST, "validation_error", "unsupported_language", words)
    if not body["text"].strip() or len(body["text"]) > _MODELS[model][0]:
        words = f"A text has 1 to {_MODELS[model][0]} characters."
        return _refused(HTTPStatus.BAD_REQUEST, "validation_error", "max_character_limit_exceeded", words)
    return None
