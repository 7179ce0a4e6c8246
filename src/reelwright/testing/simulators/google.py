"""Google's Gemini API, simulated: pictures and words in the answer, clips of Omni in the background, and their file service.

A prompt with `[moderated]` in it is refused by the rules.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web

from reelwright.domain.generation import Kind
from reelwright.testing.language_model import good_answer
from reelwright.testing.simulators.behaviour import Phase, Trouble
from reelwright.testing.simulators.desk import Desk, Order, SimulatedJob
from reelwright.testing.simulators.google_bodies import (
    PICTURES,
    SIZES,
    THOUGHT,
    TOKENS_OF_A_PICTURE,
    TOKENS_OF_SIZES,
    order_of,
    read_body,
    without_bytes,
    wrong_pictures,
)
from reelwright.testing.simulators.simulator import Simulator

_DEFAULT_KEY = "AIzaSimulated0123456789abcdef"
_DAY_IS_USED_UP = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel", "quotaValue": "250"}],
}


class Google(Simulator):
    """`generateContent`, interactions and files, `/v1beta`."""

    name = "google"
    expired_status = HTTPStatus.FORBIDDEN

    def __init__(self, desk: Desk, folder: Path) -> None:
        """`folder` keeps the outputs."""
        super().__init__(desk, folder)
        self.is_inline = False
        """Clips come in the answer, although they were asked for as a file."""
        self.sends_elsewhere = False
        """The file service answers with the address of another one."""
        self.processing_seconds = 0.0
        """How long after its end a clip is not ready in the file service."""

    @property
    def environment(self) -> dict[str, str]:
        """The SDK's own variables."""
        return {"GOOGLE_API_KEY": self.desk.behaviour.key or _DEFAULT_KEY, "GOOGLE_GEMINI_BASE_URL": self.base}

    def routes(self) -> Iterable[web.RouteDef]:
        """What a studio asks for."""
        return [
            web.post("/v1beta/models/{model}:generateContent", self._generate),
            web.post("/v1beta/interactions", self._create),
            web.get("/v1beta/interactions/{id}", self._get),
            web.post("/v1beta/interactions/{id}/cancel", self._cancel),
            web.get("/v1beta/files/{file}:download", self._give),
            web.get("/v1beta/files/{file}", self._file),
        ]

    def is_let_in(self, request: web.Request) -> bool:
        """By a header of Google's own."""
        key = request.headers.get("x-goog-api-key", "")
        return bool(key) and key == (self.desk.behaviour.key or key)

    def refusal(self, status: HTTPStatus) -> web.Response:
        """As google.rpc.Status; a bad key is a bad argument here."""
        match status:
            case HTTPStatus.UNAUTHORIZED:
                info = {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com",
                }
                words = "API key not valid. Please pass a valid API key."
                return _refused(HTTPStatus.BAD_REQUEST, words, "INVALID_ARGUMENT", info)
            case HTTPStatus.TOO_MANY_REQUESTS:
                info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}
                return _refused(status, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED", info)
            case HTTPStatus.SERVICE_UNAVAILABLE:
                return _refused(status, "The model is overloaded. Please try again later.", "UNAVAILABLE")
            case _:
                return _refused(status, "Requested entity was not found.", "NOT_FOUND")

    def _is_poor(self, cost: int) -> bool:
        limit = self.desk.behaviour.credits_micro_usd
        return bool(limit) and sum(self.charged(job) for job in self.desk.all()) + cost > limit

    # -- pictures and words -----------------------------------------------------------------------------------------------

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        model = request.match_info["model"]
        if model not in PICTURES:
            return await self._write(request, model)

        async def accept() -> web.Response:
            try:
                body = await request.json()
                parts, image = read_body(body)
            except (ValueError, KeyError, TypeError) as error:
                return _invalid(str(error))
            ratio, tier = image.aspect_ratio or "1:1", image.image_size or "1K"
            words = " ".join(part.text for part in parts if part.text)
            pictures = [part.inline_data for part in parts if part.inline_data is not None]
            if ratio not in SIZES or tier not in TOKENS_OF_SIZES or not words:
                return _invalid("Invalid value at 'generation_config.image_config'.")
            if wrong := await asyncio.to_thread(wrong_pictures, [each.data or b"" for each in pictures]):
                return _invalid(wrong)
            read = math.ceil(len(words.encode()) / 4) + TOKENS_OF_A_PICTURE * len(pictures)
            prices, made = PICTURES[model], TOKENS_OF_SIZES[tier]
            cost = math.ceil(read * prices.read + THOUGHT * prices.text + made * prices.output)
            if self._is_poor(cost):
                return _refused(
                    HTTPStatus.TOO_MANY_REQUESTS, "You exceeded your current quota.", "RESOURCE_EXHAUSTED", _DAY_IS_USED_UP
                )
            order = Order(Kind.FRAME, model, words, cost, SIZES[ratio], 0, without_bytes(body))
            return await self._drawn(self.desk.accept(uuid4().hex, order), read, made)

        return await self.submitted(request, accept)

    async def _drawn(self, job: SimulatedJob, read: int, made: int) -> web.Response:
        await asyncio.sleep(max(0.0, job.ends - self.desk.now()))
        told: dict[str, Any] = {"modelVersion": job.order.model, "responseId": job.id}
        if "[moderated]" in job.order.prompt:
            usage = {"promptTokenCount": read, "totalTokenCount": read}
            return web.json_response({**told, "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage})
        if job.fate is Trouble.MODERATION:
            words = "Unable to show the generated image."
            candidate: dict[str, Any] = {"index": 0, "finishReason": "IMAGE_SAFETY", "finishMessage": words}
            return web.json_response({**told, "candidates": [candidate]})
        if job.fate is not None:
            return _refused(HTTPStatus.INTERNAL_SERVER_ERROR, "An internal error has occurred.", "INTERNAL")
        data = base64.b64encode(await self.made(job)).decode()
        content = {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": data}}]}
        usage = {
            "promptTokenCount": read,
            "candidatesTokenCount": made,
            "thoughtsTokenCount": THOUGHT,
            "totalTokenCount": read + made + THOUGHT,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": read}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": made}],
        }
        candidate = {"index": 0, "content": content, "finishReason": "STOP"}
        return web.json_response({**told, "candidates": [candidate], "usageMetadata": usage})

    async def _write(self, request: web.Request, model: str) -> web.StreamResponse:
        if not self.is_let_in(request):
            return self.refusal(HTTPStatus.UNAUTHORIZED)
        if "image" in model or not model.startswith("gemini-"):
            return self.refusal(HTTPStatus.NOT_FOUND)
        self.desk.count("chats")
        text = good_answer(await request.json())
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}
        usage = {"promptTokenCount": 1000, "candidatesTokenCount": 500, "totalTokenCount": 1500}
        return web.json_response({"candidates": [candidate], "usageMetadata": usage, "modelVersion": model})

    # -- clips ------------------------------------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.StreamResponse:
        async def accept() -> web.Response:
            try:
                order = await asyncio.to_thread(order_of, await request.json())
            except (ValueError, KeyError, TypeError) as error:
                return _invalid(str(error))
            if self._is_poor(order.cost_micro_usd):
                return _refused(
                    HTTPStatus.TOO_MANY_REQUESTS, "You exceeded your current quota.", "RESOURCE_EXHAUSTED", _DAY_IS_USED_UP
                )
            job = self.desk.accept(f"v1_{uuid4().hex}", order)
            return web.json_response(await self._interaction(job, is_strange=False))

        return await self.submitted(request, accept)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        async def look(is_strange: object) -> web.Response:
            job = self.desk.job(request.match_info["id"])
            if job is None:
                return self.refusal(HTTPStatus.NOT_FOUND)
            return web.json_response(await self._interaction(job, is_strange=bool(is_strange)))

        return await self.asked(request, look)

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        async def stop(_: object) -> web.Response:
            job = self.desk.job(request.match_info["id"])
            if job is None:
                return self.refusal(HTTPStatus.NOT_FOUND)
            if job.has_ended(self.desk.now()):
                return _invalid("The interaction has ended.")
            self.desk.stop(job.id)
            return web.json_response(await self._interaction(self.desk.job(job.id) or job, is_strange=False))

        return await self.asked(request, stop)

    async def _interaction(self, job: SimulatedJob, *, is_strange: bool) -> dict[str, Any]:
        now = self.desk.now()
        at = datetime.fromtimestamp(job.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        told: dict[str, Any] = {
            "id": job.id,
            "object": "interaction",
            "model": job.order.model,
            "created": at,
            "updated": at,
            "status": "queued" if job.waits(now) else "in_progress",
        }
        if is_strange:
            return told | {"status": "simmering"}
        if not job.has_ended(now):
            return told
        if job.is_stopped or job.fate is Trouble.CANCELLED:
            return told | {"status": "cancelled"}
        if _is_moderated(job):
            words = "The prompt was blocked by our safety filters."
            return told | {"status": "failed", "errors": [{"code": "https://ai.google.dev/errors/blocked", "message": words}]}
        if job.fate is not None:
            words = "An internal error has occurred."
            return told | {"status": "failed", "errors": [{"code": "https://ai.google.dev/errors/internal", "message": words}]}
        video: dict[str, Any] = {"type": "video", "mime_type": "video/mp4"}
        if self.is_inline:
            video["data"] = base64.b64encode(await self.made(job)).decode()
        else:
            video["uri"] = f"{self.base}/v1beta/files/{_file_id(job.id)}:download?alt=media"
        read, made = job.order.body["_read"], job.order.body["_made"]
        return told | {
            "status": "completed",
            "steps": [
                {"type": "user_input", "content": [{"type": "text", "text": job.order.prompt}]},
                {"type": "model_output", "content": [video]},
            ],
            "usage": {
                "total_input_tokens": read,
                "total_output_tokens": made,
                "total_thought_tokens": THOUGHT,
                "total_tokens": read + made + THOUGHT,
                "output_tokens_by_modality": [{"modality": "video", "tokens": made}],
            },
        }

    def charged(self, job: SimulatedJob) -> int:
        """Nothing for what was refused or failed."""
        return 0 if _is_moderated(job) else super().charged(job)

    # -- files ------------------------------------------------------------------------------------------------------------

    def _job_of(self, request: web.Request) -> SimulatedJob | None:
        wanted = request.match_info["file"]
        return next((job for job in self.desk.jobs() if _file_id(job.id) == wanted), None)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        async def look(_: object) -> web.Response:
            job = self._job_of(request)
            if job is None:
                return self.refusal(HTTPStatus.NOT_FOUND)
            name = f"files/{_file_id(job.id)}"
            is_ready = self.desk.now() >= job.ends + self.processing_seconds
            told = {"name": name, "mimeType": "video/mp4", "source": "GENERATED", "uri": f"{self.base}/v1beta/{name}"}
            return web.json_response(told | {"state": "ACTIVE" if is_ready else "PROCESSING"})

        return await self.asked(request, look)

    async def _give(self, request: web.Request) -> web.StreamResponse:
        job = self._job_of(request)
        if not self.is_let_in(request):
            return self.refusal(HTTPStatus.UNAUTHORIZED)
        if job is None:
            return self.refusal(HTTPStatus.NOT_FOUND)
        if self.sends_elsewhere:
            return web.Response(status=HTTPStatus.FOUND, headers={"Location": self.output_url(job)})
        trouble = self.desk.chance.next(Phase.DOWNLOAD)
        if trouble is Trouble.EXPIRED:
            return _refused(HTTPStatus.FORBIDDEN, "You do not have permission to access the file.", "PERMISSION_DENIED")
        return await self.given(request, job, trouble)


def _is_moderated(job: SimulatedJob) -> bool:
    return job.fate is Trouble.MODERATION or "[moderated]" in job.order.prompt


def _file_id(job: str) -> str:
    return hashlib.sha256(job.encode()).hexdigest()[:12]


def _refused(status: HTTPStatus, message: str, name: str, *details: dict[str, Any]) -> web.Response:
    error: dict[str, Any] = {"code": status.value, "message": message, "status": name}
    return web.json_response({"error": error | ({"details": list(details)} if details else {})}, status=status)


def _invalid(message: str) -> web.Response:
    return _refused(HTTPStatus.BAD_REQUEST, message, "INVALID_ARGUMENT")
