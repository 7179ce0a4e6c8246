"""What every simulated vendor does alike: takes keys, meets with trouble, hands out outputs by URLs that die, calls back."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from reelwright.testing.simulators.behaviour import Phase, Trouble
from reelwright.testing.simulators.desk import Desk, SimulatedJob
from reelwright.testing.simulators.media import TYPES, make, scaled

Answering = Callable[[], Awaitable[web.StreamResponse]]
Looking = Callable[[bool], Awaitable[web.StreamResponse]]

_ERROR_PAGE = "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>We are having a bad day</h1></body></html>"
_EXCHANGES = 2_000
_CALL_SECONDS = 5.0


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, for tests that hold them against what the vendor publishes."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in small letters."""
    content: bytes
    status: int
    answer: bytes

    @property
    def body(self) -> Any:
        """What was sent, JSON."""
        return json.loads(self.content)

    @property
    def answered(self) -> Any:
        """What was answered, JSON."""
        return json.loads(self.answer)


class Simulator(ABC):
    """One vendor, served below `/{name}`. Its routes say what the vendor says; the desk remembers."""

    name: ClassVar[str]
    """As the provider is called: `runway`."""
    expired_status: ClassVar[int] = HTTPStatus.UNAUTHORIZED
    """What the vendor's outputs answer when their URL has died."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        """`folder` keeps the outputs."""
        self.desk = desk
        self.folder = folder
        self.origin = ""
        """Where it is served, `http://127.0.0.1:4711`, once it is."""
        self.exchanges: deque[Exchange] = deque(maxlen=_EXCHANGES)
        self._secret = secrets.token_bytes(32)
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def base(self) -> str:
        """Below which all of its routes are."""
        return f"{self.origin}/{self.name}"

    @property
    @abstractmethod
    def environment(self) -> dict[str, str]:
        """The variables that lead the vendor's own SDK, and our adapter, here."""

    @abstractmethod
    def routes(self) -> Iterable[web.RouteDef]:
        """The vendor's routes, without the name before them."""

    @abstractmethod
    def is_let_in(self, request: web.Request) -> bool:
        """Whether the request has a key, and it is the right one where the behaviour names one."""

    @abstractmethod
    def refusal(self, status: HTTPStatus) -> web.Response:
        """How the vendor words 401, 404, 429 and 503."""

    def charged(self, job: SimulatedJob) -> int:
        """What an ended job costs, in micro-dollars: nothing when it failed or was stopped, unless the vendor does otherwise."""
        return 0 if job.fate is not None or job.is_stopped else job.order.cost_micro_usd

    def app(self) -> web.Application:
        """The vendor, to be added below its name."""
        app = web.Application(client_max_size=64 << 20, middlewares=[self._recorded])
        app.add_routes([*self.routes(), web.get("/outputs/{job}/{file}", self._download)])
        return app

    async def aclose(self) -> None:
        """Calls nobody any more."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def submitted(self, request: web.Request, accept: Answering) -> web.StreamResponse:
        """Answers a submit. `accept` checks it, puts it on the desk and words the answer; trouble may come before or after it."""
        if not self.is_let_in(request):
            return self.refusal(HTTPStatus.UNAUTHORIZED)
        limit = self.desk.behaviour.per_minute
        trouble = self.desk.chance.next(Phase.SUBMIT)
        if trouble is None and limit and self.desk.submits_within(60) >= limit:
            trouble = Trouble.THROTTLE
        if (refused := self._before(request, trouble)) is not None:
            self.desk.count("submits.refused")
            return refused
        answer = await accept()
        if answer.status < HTTPStatus.BAD_REQUEST:
            await asyncio.sleep(self.desk.behaviour.answer_delay)
        return self._after(request, trouble, answer)

    async def asked(self, request: web.Request, look: Looking) -> web.StreamResponse:
        """Answers a free question, or fails to. `look` words the answer; told True, with a state that no documentation knows."""
        self.desk.count("polls")
        if not self.is_let_in(request):
            return self.refusal(HTTPStatus.UNAUTHORIZED)
        trouble = self.desk.chance.next(Phase.POLL)
        refused = self._before(request, trouble)
        return refused if refused is not None else self._after(request, trouble, await look(trouble is Trouble.UNKNOWN_STATE))

    def _before(self, request: web.Request, trouble: Trouble | None) -> web.Response | None:
        match trouble:
            case Trouble.THROTTLE:
                refused = self.refusal(HTTPStatus.TOO_MANY_REQUESTS)
                refused.headers.setdefault("Retry-After", "1")
                return refused
            case Trouble.UNAVAILABLE:
                return self.refusal(HTTPStatus.SERVICE_UNAVAILABLE)
            case Trouble.BAD_GATEWAY:
                return web.Response(status=502, text=_ERROR_PAGE, content_type="text/html")
            case Trouble.CUT_BEFORE:
                _cut(request)
                return web.Response()
            case _:
                return None

    def _after(self, request: web.Request, trouble: Trouble | None, answer: web.StreamResponse) -> web.StreamResponse:
        match trouble:
            case Trouble.CUT_AFTER:
                _cut(request)
            case Trouble.BAD_GATEWAY_AFTER:
                return web.Response(status=502, text=_ERROR_PAGE, content_type="text/html")
            case Trouble.GARBLED:
                return web.Response(text=_ERROR_PAGE, content_type="text/html")
            case _:
                pass
        return answer

    async def made(self, job: SimulatedJob) -> bytes:
        """What the job makes, for vendors that answer with it."""
        return await asyncio.to_thread(lambda: self._file_of(job).read_bytes())

    def _file_of(self, job: SimulatedJob) -> Path:
        size = scaled(job.order.size, self.desk.behaviour.scale)
        return make(job.order.kind, size, job.order.seconds, f"{self.name} {job.id}", self.folder)

    def output_url(self, job: SimulatedJob) -> str:
        """A fresh URL of what the job made, with a token in its query that dies in time."""
        suffix, _ = TYPES[job.order.kind]
        expires = int((self.desk.now() + self.desk.behaviour.url_seconds) * 1000)
        claims = urlsafe_b64encode(json.dumps({"job": job.id, "exp": expires}).encode()).decode().rstrip("=")
        return (
            f"{self.base}/outputs/{job.id}/{job.order.kind.value}.{suffix}?_jwt={claims}.{expires}.{self._sign(job.id, expires)}"
        )

    def _sign(self, job: str, expires: int) -> str:
        return hmac.new(self._secret, f"{job} {expires}".encode(), hashlib.sha256).hexdigest()

    def _is_alive(self, job: str, token: str) -> bool:
        _, _, rest = token.partition(".")
        expires, _, signature = rest.partition(".")
        is_ours = expires.isdigit() and hmac.compare_digest(signature, self._sign(job, int(expires)))
        return is_ours and self.desk.now() * 1000 < int(expires)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        trouble = self.desk.chance.next(Phase.DOWNLOAD)
        name = request.match_info["job"]
        job = self.desk.job(name)
        if job is None or trouble is Trouble.EXPIRED or not self._is_alive(name, request.query.get("_jwt", "")):
            return web.Response(status=self.expired_status, text="the link has expired")
        return await self.given(request, job, trouble)

    async def given(self, request: web.Request, job: SimulatedJob, trouble: Trouble | None) -> web.StreamResponse:
        """What the job made, or what comes of it where there is trouble with the download."""
        self.desk.count("downloads")
        file = await asyncio.to_thread(self._file_of, job)
        _, media_type = TYPES[job.order.kind]
        match trouble:
            case Trouble.EMPTY:
                return web.Response(body=b"", content_type=media_type)
            case Trouble.ERROR_PAGE:
                return web.Response(text=_ERROR_PAGE, content_type="text/html")
            case Trouble.LYING:
                return web.Response(body=b"\0" * file.stat().st_size, content_type=media_type)
            case Trouble.TRUNCATED:
                return await _half(request, file, media_type)
            case _:
                return web.FileResponse(file, headers={"Content-Type": media_type})

    def call_when_ended(self, job: SimulatedJob, call: Callable[[], tuple[str, dict[str, str], bytes]]) -> None:
        """Calls back when the job ends: repeated or late as the behaviour says. `call` words it then: URL, headers, body."""

        async def later() -> None:
            trouble = self.desk.chance.next(Phase.WEBHOOK)
            await asyncio.sleep(max(0.0, job.ends - self.desk.now()) + (2.0 if trouble is Trouble.LATE else 0.0))
            async with ClientSession(timeout=ClientTimeout(total=_CALL_SECONDS)) as session:
                for _ in range(3 if trouble is Trouble.REPEATED else 1):
                    url, headers, body = call()
                    try:
                        async with session.post(url, data=body, headers=headers):
                            self.desk.count("calls")
                    except (ClientError, TimeoutError):
                        self.desk.count("calls.unanswered")

        task = asyncio.create_task(later())
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    @web.middleware
    async def _recorded(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        response = await handler(request)
        answer = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""
        if "/outputs/" not in request.path:
            try:
                content = await request.read() if request.can_read_body or request.body_exists else b""
            except ConnectionResetError:
                return response  # it was cut before all of the request was here
            self.exchanges.append(
                Exchange(
                    request.method,
                    request.path.removeprefix(f"/{self.name}"),
                    dict(request.query),
                    {name.lower(): value for name, value in request.headers.items()},
                    content,
                    response.status,
                    answer,
                )
            )
        return response

    def ledger(self) -> dict[str, Any]:
        """What was submitted and what it cost, by the vendor's own count."""
        now = self.desk.now()
        jobs = [
            {
                "id": job.id,
                "kind": job.order.kind.value,
                "model": job.order.model,
                "prompt": job.order.prompt,
                "body": job.order.body,
                "at": job.at,
                "state": "ended" if job.has_ended(now) else "running" if job.runs(now) else "waiting",
                "fate": job.fate.value if job.fate else "stopped" if job.is_stopped else "well",
                "charged_micro_usd": self.charged(job) if job.has_ended(now) else 0,
            }
            for job in self.desk.all()
        ]
        return {
            "submits": len(jobs),
            "charged_micro_usd": sum(int(str(job["charged_micro_usd"])) for job in jobs),
            "counts": self.desk.counts(),
            "troubles": {trouble.value: count for trouble, count in self.desk.chance.met.items()},
            "jobs": jobs,
        }


def _cut(request: web.Request) -> None:
    """Breaks the connection under whoever waits for the answer."""
    if request.transport is not None:
        request.transport.abort()


async def _half(request: web.Request, file: Path, media_type: str) -> web.StreamResponse:
    content = await asyncio.to_thread(file.read_bytes)
    response = web.StreamResponse(headers={"Content-Length": str(len(content)), "Content-Type": media_type})
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    _cut(request)
    return response
