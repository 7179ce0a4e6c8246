"""OpenAI's API, simulated: pictures and voices in the answer itself, tokens counted and told, and a chat for the writers.

A prompt with `[moderated]` in it is refused by the rules.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from aiohttp import web
from openai.types.audio.speech_create_params import SpeechCreateParams
from openai.types.image_generate_params import ImageGenerateParamsNonStreaming
from PIL import Image

from reelwright.domain.generation import Kind
from reelwright.domain.timing import Size
from reelwright.testing.language_model import good_answer
from reelwright.testing.simulators.behaviour import Trouble
from reelwright.testing.simulators.desk import Desk, Order, SimulatedJob
from reelwright.testing.simulators.simulator import Simulator
from reelwright.testing.simulators.typed import problems

_DEFAULT_KEY = "sk-proj-simulated-0123456789abcdef"
_THREE_SIZES = frozenset({"1024x1024", "1024x1536", "1536x1024"})
_MOST_WORDS = 32_000
_MOST_SPOKEN = 4096
_MOST_PICTURES = 16
_PICTURE_BYTES = 50 << 20
_PIXELS = range(655_360, 8_294_401)
_LONGEST_EDGE = 3840
_FORMATS = {"PNG", "JPEG", "WEBP"}
_VOICES = frozenset("alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar".split())
_SPOKEN_A_SECOND = 15
"""Characters."""
_HEARD_A_SECOND = 21
"""Tokens of sound."""
_PIECES = 3
"""In which a voice is sent."""
_TOKENS_OF_A_PICTURE = 1500
"""That somebody starts from."""


@dataclass(frozen=True)
class _Family:
    """What models of pictures have in common."""

    text_in: Fraction
    image_in: Fraction
    image_out: Fraction
    """Micro-dollars a token."""
    density: Mapping[str, int]
    """Tokens of a million pixels, by quality."""
    has_three_sizes: bool = False


_NEWER = _Family(
    Fraction(5), Fraction(8), Fraction(30), {"low": 190, "medium": 600, "high": 1560, "xhigh": 3000, "max": 5000, "auto": 1560}
)
_SECOND = _Family(Fraction(5), Fraction(8), Fraction(30), {"low": 190, "medium": 1600, "high": 6700, "auto": 1600})
_FIRST = _Family(
    Fraction(5), Fraction(8), Fraction(32), {"low": 260, "medium": 1000, "high": 4000, "auto": 1000}, has_three_sizes=True
)
_MINI = _Family(
    Fraction(2), Fraction("2.5"), Fraction(8), {"low": 400, "medium": 1190, "high": 4100, "auto": 1190}, has_three_sizes=True
)
_PICTURES = {
    **dict.fromkeys(("gpt-image-2.5-sunburst", "gpt-image-2.5-flare", "gpt-image-2.6-sunburst", "gpt-image-2.6-flare"), _NEWER),
    "gpt-image-2": _SECOND,
    "gpt-image-1.5": _FIRST,
    "gpt-image-1-mini": _MINI,
}
_PRICE_OF_A_CHARACTER = {"tts-1": 15, "tts-1-hd": 30}
"""Micro-dollars."""
_BY_TOKENS = "gpt-4o-mini-tts"


class OpenAI(Simulator):
    """Images, speech and chat, `/v1`."""

    name = "openai"

    def __init__(self, desk: Desk, folder: Path) -> None:
        """`folder` keeps the outputs."""
        super().__init__(desk, folder)
        self.instead: dict[str, object] = {}
        """What the last piece of a voice tells otherwise than it should."""

    @property
    def environment(self) -> dict[str, str]:
        """The SDK's own variables."""
        return {"OPENAI_API_KEY": self.desk.behaviour.key or _DEFAULT_KEY, "OPENAI_BASE_URL": f"{self.base}/v1"}

    def routes(self) -> Iterable[web.RouteDef]:
        """What a studio asks for."""
        return [
            web.post("/v1/images/generations", self._generate),
            web.post("/v1/images/edits", self._edit),
            web.post("/v1/audio/speech", self._speak),
            web.post("/v1/chat/completions", self._chat),
        ]

    def is_let_in(self, request: web.Request) -> bool:
        """By a bearer token."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and bool(key) and key == (self.desk.behaviour.key or key)

    def refusal(self, status: HTTPStatus) -> web.Response:
        """One envelope for everything."""
        match status:
            case HTTPStatus.UNAUTHORIZED:
                return _refused(status, "Incorrect API key provided: sk-si****cdef.", "invalid_request_error", "invalid_api_key")
            case HTTPStatus.TOO_MANY_REQUESTS:
                return _refused(status, "Rate limit reached. Please try again in 1s.", "requests", "rate_limit_exceeded")
            case HTTPStatus.SERVICE_UNAVAILABLE:
                return _refused(status, "The engine is currently overloaded, please try again later.", "server_error", None)
            case _:
                return _refused(status, "Not found.", "invalid_request_error", None)

    # -- pictures ---------------------------------------------------------------------------------------------------------

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        async def accept() -> web.Response:
            try:
                body = await request.json()
            except ValueError:
                return _invalid("We could not parse the JSON body of your request.")
            return await self._draw(body, [])

        return await self.submitted(request, accept)

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        async def accept() -> web.Response:
            body: dict[str, Any] = {}
            pictures: list[tuple[str, bytes]] = []
            for name, value in (await request.post()).items():
                if isinstance(value, web.FileField):
                    if name not in {"image", "image[]"}:
                        return _invalid(f"Unknown parameter: '{name}'.", "unknown_parameter", name)
                    pictures.append((value.filename, await asyncio.to_thread(value.file.read)))
                else:
                    body[name] = int(value) if name == "n" and str(value).isdigit() else value
            if wrong := await asyncio.to_thread(_wrong_pictures, [content for _, content in pictures]):
                return _invalid(wrong, "invalid_image_file", "image")
            return await self._draw(body, pictures)

        return await self.submitted(request, accept)

    async def _draw(self, body: Any, pictures: list[tuple[str, bytes]]) -> web.Response:
        if (wrong := _wrong_request(body)) is not None:
            return wrong
        model, prompt, size = body["model"], body["prompt"], _size(body.get("size", "auto"))
        family, quality = _PICTURES[model], body.get("quality", "auto")
        used = {
            "text": 6 + math.ceil(len(prompt.encode()) / 4),
            "image": _TOKENS_OF_A_PICTURE * len(pictures),
            "out": math.ceil(family.density[quality] * size.width * size.height / 1_000_000),
        }
        cost = math.ceil(used["text"] * family.text_in + used["image"] * family.image_in + used["out"] * family.image_out)
        files = [{"filename": name, "bytes": len(content)} for name, content in pictures]
        told = {**body, "image[]": files} if pictures else body
        job = await self._work(Order(Kind.FRAME, model, prompt, cost, size, 0, told))
        if isinstance(job, web.Response):
            return job
        content = base64.b64encode(await self.made(job)).decode()
        answer = {
            "created": int(job.at),
            "background": "opaque" if body.get("background") != "transparent" else "transparent",
            "data": [{"b64_json": content}],
            "output_format": body.get("output_format", "png"),
            "quality": "high" if quality == "auto" else quality,
            "size": f"{size.width}x{size.height}",
            "usage": {
                "input_tokens": used["text"] + used["image"],
                "input_tokens_details": {"image_tokens": used["image"], "text_tokens": used["text"]},
                "output_tokens": used["out"],
                "output_tokens_details": {"image_tokens": used["out"], "text_tokens": 0},
                "total_tokens": sum(used.values()),
            },
        }
        return web.json_response(answer, headers={"x-request-id": job.id})

    # -- voices -----------------------------------------------------------------------------------------------------------

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        async def accept() -> web.Response:
            try:
                body = await request.json()
            except ValueError:
                return _invalid("We could not parse the JSON body of your request.")
            if (wrong := _wrong_speech(body)) is not None:
                return wrong
            words, model = body["input"], body["model"]
            seconds = max(0.5, len(words) / _SPOKEN_A_SECOND)
            used = (math.ceil(len(words.encode()) / 4), math.ceil(seconds * _HEARD_A_SECOND))
            by_tokens = math.ceil(used[0] * Fraction("0.6") + used[1] * 12)
            cost = by_tokens if model == _BY_TOKENS else _PRICE_OF_A_CHARACTER[model] * len(words)
            job = await self._work(Order(Kind.VOICE, model, words, cost, seconds=seconds, body=body))
            if isinstance(job, web.Response):
                return job
            content, headers = await self.made(job), {"x-request-id": job.id}
            if body.get("stream_format") == "sse":
                return web.Response(text=_pieces(content, *used, self.instead), content_type="text/event-stream", headers=headers)
            return web.Response(body=content, content_type="audio/mpeg", headers=headers)

        return await self.submitted(request, accept)

    async def _work(self, order: Order) -> SimulatedJob | web.Response:
        """Puts it on the desk and takes as long as it takes; a response where nothing came of it."""
        limit = self.desk.behaviour.credits_micro_usd
        if limit and sum(self.charged(each) for each in self.desk.all()) + order.cost_micro_usd > limit:
            words = "You exceeded your current quota, please check your plan and billing details."
            return _refused(HTTPStatus.TOO_MANY_REQUESTS, words, "insufficient_quota", "insufficient_quota")
        job = self.desk.accept(f"req_{uuid4().hex}", order)
        await asyncio.sleep(max(0.0, job.ends - self.desk.now()))
        if _is_moderated(job):
            words = "Your request was rejected by the safety system."
            details = {"moderation_details": {"moderation_stage": "input", "categories": ["other"]}}
            return _refused(HTTPStatus.BAD_REQUEST, words, "image_generation_user_error", "moderation_blocked", extra=details)
        if job.fate is not None:
            words = "The server had an error while processing your request. Sorry about that!"
            return _refused(HTTPStatus.INTERNAL_SERVER_ERROR, words, "server_error", None)
        return job

    def charged(self, job: SimulatedJob) -> int:
        """Nothing for what was refused or failed."""
        return 0 if _is_moderated(job) else super().charged(job)

    # -- words ------------------------------------------------------------------------------------------------------------

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        if not self.is_let_in(request):
            return self.refusal(HTTPStatus.UNAUTHORIZED)
        self.desk.count("chats")
        body = await request.json()
        message = {"role": "assistant", "content": good_answer(body), "refusal": None}
        return web.json_response(
            {
                "id": f"chatcmpl-{uuid4().hex}",
                "object": "chat.completion",
                "created": int(self.desk.now()),
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
                "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
            }
        )


def _is_moderated(job: SimulatedJob) -> bool:
    return job.fate is Trouble.MODERATION or "[moderated]" in job.order.prompt


def _refused(
    status: HTTPStatus, message: str, kind: str, code: str | None, param: str | None = None, extra: object = None
) -> web.Response:
    error: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": code}
    if isinstance(extra, dict):
        error |= extra
    return web.json_response({"error": error}, status=status, headers={"x-request-id": f"req_{uuid4().hex}"})


def _invalid(message: str, code: str | None = None, param: str | None = None) -> web.Response:
    return _refused(HTTPStatus.BAD_REQUEST, message, "invalid_request_error", code, param)


def _wrong_body(body: Any, params: object) -> web.Response | None:
    """By the SDK's own types."""
    if not isinstance(body, dict):
        return _invalid("Invalid body: expected an object.")
    for problem in problems(cast("object", body), params):
        place = ".".join(map(str, problem.path))
        if problem.code == "unknown":
            return _invalid(f"Unknown parameter: '{place}'.", "unknown_parameter", place)
        if problem.code == "missing":
            return _invalid(f"Missing required parameter: '{place}'.", "missing_required_parameter", place)
        return _invalid(f"Invalid value for '{place}': {problem.message}", "invalid_value", place)
    return None


def _wrong_request(body: Any) -> web.Response | None:
    # The SDK's type of an edit has files in it, which Pydantic cannot judge; but for them it has the same fields.
    if (wrong := _wrong_body(body, ImageGenerateParamsNonStreaming)) is not None:
        return wrong
    model = body.get("model", "gpt-image-1")
    family = _PICTURES.get(model)
    if family is None:
        return _refused(HTTPStatus.NOT_FOUND, f"The model '{model}' does not exist.", "invalid_request_error", "model_not_found")
    if len(body["prompt"]) > _MOST_WORDS:
        return _invalid(f"Invalid 'prompt': string too long, at most {_MOST_WORDS}.", "string_above_max_length", "prompt")
    if body.get("n", 1) != 1 or body.get("output_format", "png") != "png":
        return _invalid("This simulator makes one PNG at a time.", "invalid_value", "n")
    if body.get("quality", "auto") not in family.density:
        return _invalid(f"Invalid value for 'quality': {body['quality']}.", "invalid_value", "quality")
    return _wrong_size(body.get("size", "auto"), family)


def _wrong_size(told: str, family: _Family) -> web.Response | None:
    if told == "auto":
        return None
    if re.fullmatch(r"\d{2,4}x\d{2,4}", told) is None:
        return _invalid(f"Invalid value for 'size': {told}.", "invalid_value", "size")
    size = _size(told)
    is_legal = (
        size.width % 16 == size.height % 16 == 0
        and max(size) <= _LONGEST_EDGE
        and max(size) <= 3 * min(size)
        and size.width * size.height in _PIXELS
    )
    if (family.has_three_sizes and told not in _THREE_SIZES) or not is_legal:
        return _invalid(f"Invalid size '{told}' for this model.", "invalid_value", "size")
    return None


def _size(told: str) -> Size:
    width, _, height = (told if told != "auto" else "1024x1024").partition("x")
    return Size(int(width), int(height))


def _wrong_pictures(pictures: list[bytes]) -> str:
    if not 1 <= len(pictures) <= _MOST_PICTURES:
        return f"You must provide 1 to {_MOST_PICTURES} images."
    for content in pictures:
        if len(content) > _PICTURE_BYTES:
            return "Image too large: at most 50 MB."
        try:
            with Image.open(io.BytesIO(content)) as picture:
                picture.verify()
        except (OSError, SyntaxError):
            return "Invalid image file or mode."
        if picture.format not in _FORMATS:
            return "Unsupported image format."
    return ""


def _wrong_speech(body: Any) -> web.Response | None:
    if (wrong := _wrong_body(body, SpeechCreateParams)) is not None:
        return wrong
    if body["model"] not in {*_PRICE_OF_A_CHARACTER, _BY_TOKENS}:
        words = f"The model '{body['model']}' does not exist."
        return _refused(HTTPStatus.NOT_FOUND, words, "invalid_request_error", "model_not_found")
    if not 1 <= len(body["input"]) <= _MOST_SPOKEN:
        return _invalid(f"Invalid 'input': 1 to {_MOST_SPOKEN} characters.", "string_above_max_length", "input")
    if body["voice"] not in _VOICES:
        return _invalid(f"Invalid value for 'voice': {body['voice']}.", "invalid_value", "voice")
    if body.get("stream_format") == "sse" and body["model"] != _BY_TOKENS:
        return _invalid("This model does not support 'sse'.", "invalid_value", "stream_format")
    if body.get("response_format", "mp3") != "mp3":
        return _invalid("This simulator speaks MP3 only.", "invalid_value", "response_format")
    return None


def _pieces(content: bytes, read: int, heard: int, instead: Mapping[str, object]) -> str:
    step = math.ceil(len(content) / _PIECES)
    events: list[dict[str, object]] = [
        {"type": "speech.audio.delta", "audio": base64.b64encode(content[at : at + step]).decode()}
        for at in range(0, len(content), step)
    ]
    usage = {"input_tokens": read, "output_tokens": heard, "total_tokens": read + heard}
    events.append({"type": "speech.audio.done", "usage": usage, **instead})
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
