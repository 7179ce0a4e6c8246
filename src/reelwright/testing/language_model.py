"""A language model on this machine that speaks OpenAI's, Anthropic's and Google's language over real HTTP, as a test tells it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Self, cast

from aiohttp import web

KEY: Final = "sk-test-0123456789abcdef"
"""The key that it takes."""
HANG: Final = "hang"
"""A reply that never comes."""
_WRONG_KEY: Final = 401
_TOO_MANY: Final = 429

Answer = str | int | Callable[[dict[str, Any]], str]
"""What it says next: a text, an HTTP status, `HANG`, or a function of the request that writes the text."""


class LanguageModelServer:
    """`async with LanguageModelServer() as server:` then `server.url` is the base URL.

    It gives `replies` in their order, and when there are none left, a good answer to the question that was asked.
    """

    def __init__(self, replies: list[Answer] | None = None) -> None:
        self.replies: deque[Answer] = deque(replies or [])
        self.requests: list[dict[str, Any]] = []
        """The body of every request, in order."""
        self.url = ""
        """OpenAI's base URL; the others' is `origin`."""
        self.origin = ""
        self._ending = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._speak_openai)
        app.router.add_post("/v1/messages", self._speak_anthropic)
        app.router.add_post("/v1beta/models/{model}", self._speak_google)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.url = f"{self.origin}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def prompts(self) -> str:
        """Everything that it was told, as one text."""
        return json.dumps(self.requests, ensure_ascii=False)

    async def _speak_openai(self, request: web.Request) -> web.StreamResponse:
        body, text = await self._answer(request, _bearer(request))
        if isinstance(text, web.Response):
            return text
        message = {"role": "assistant", "content": text}
        return web.json_response(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
            }
        )

    async def _speak_anthropic(self, request: web.Request) -> web.StreamResponse:
        body, text = await self._answer(request, _bearer(request) or request.headers.get("X-Api-Key", ""))
        if isinstance(text, web.Response):
            return text
        form = {"type": "tool_use", "id": "toolu_1", "name": body["tools"][0]["name"], "input": json.loads(text)}
        return web.json_response(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [form],
                "stop_reason": "tool_use",
                "stop_sequence": None,
                "usage": {"input_tokens": 1000, "output_tokens": 500},
            }
        )

    async def _speak_google(self, request: web.Request) -> web.StreamResponse:
        _, text = await self._answer(request, request.headers.get("X-Goog-Api-Key", ""))
        if isinstance(text, web.Response):
            return text
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}
        usage = {"promptTokenCount": 1000, "candidatesTokenCount": 500, "totalTokenCount": 1500}
        return web.json_response({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "simulated"})

    async def _answer(self, request: web.Request, key: str) -> tuple[dict[str, Any], str | web.Response]:
        """The request's body, and the text to answer with or the refusal."""
        body = cast("dict[str, Any]", await request.json())
        if key != KEY:
            return body, _problem(_WRONG_KEY, "Incorrect API key provided.", "invalid_api_key")
        self.requests.append(body)
        reply = self.replies.popleft() if self.replies else good_answer
        if isinstance(reply, int):
            code = "rate_limit_exceeded" if reply == _TOO_MANY else "server_error"
            return body, _problem(reply, "That did not work.", code)
        if reply == HANG:
            await self._ending.wait()
        return body, reply(body) if callable(reply) else reply


def _bearer(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def good_answer(body: dict[str, Any]) -> str:
    """A valid answer in the form that the request wants: concepts or shots, as many as it asks for, or a prompt in few words."""
    told = json.dumps(body)
    if "Rewrite this prompt" in told:
        return json.dumps({"prompt": f"A lamp on a table, in fewer words ({hashlib.sha256(told.encode()).hexdigest()[:6]})."})
    count = int(found[1]) if (found := re.search(r"exactly (\d+)", told)) else 1
    if "storyboard of exactly" in told:
        seconds = float(found[1]) if (found := re.search(r"film of ([\d.]+) seconds", told)) else 5.0 * count
        return json.dumps({"shots": [_shot(number, seconds / count) for number in range(1, count + 1)]})
    return json.dumps({"concepts": [_concept(number) for number in range(1, count + 1)]})


def _concept(number: int) -> dict[str, object]:
    return {
        "title": f"Written idea {number}",
        "logline": f"A film that the simulated model thought of as number {number}.",
        "treatment": f"It opens on idea {number}, goes on with it, and ends where it began.",
        "look": "Soft light and a still camera.",
        "palette": ["#f4efe6", "#22343a", "#c8643c"],
    }


def _shot(number: int, seconds: float) -> dict[str, object]:
    return {
        "title": f"Written shot {number}",
        "text": f"What is seen in shot {number}.",
        "image_prompt": f"A plain table in soft light, object {number}.",
        "motion_prompt": "Slow push in.",
        "narration": "One.",
        "seconds": seconds,
    }


def _problem(status: int, message: str, code: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": code, "code": code, "param": None}}, status=status)
