"""The simulated vendor's adapter, as somebody outside of Reelwright would write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from pydantic import BaseModel

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Failure, Job, JobState, Kind, ModelRef, Output, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.net import Net
from reelwright.ports import Attachments, Workshop


class _Answer(BaseModel):
    id: str
    state: str
    progress: float | None = None
    url: str = ""
    bytes: int | None = None
    reason: str = ""


class _Jobs(BaseModel):
    jobs: list[_Answer]


class Simulated:
    """Frames at 10 cents, clips at 5 cents a second."""

    def __init__(self, name: str, account: str, workshop: Workshop) -> None:
        self._name = name
        self._account = account
        self._origin = workshop.environment.get("SIMULATED_URL", "")
        self._net = Net(allow_private=True)
        self._poll_every = Fraction(workshop.environment.get("SIMULATED_POLL_EVERY", "1/10"))
        self._concurrency = int(workshop.environment.get("SIMULATED_CONCURRENCY", "4"))
        self._pool = workshop.environment.get("SIMULATED_POOL", "")

    @property
    def name(self) -> str:
        return self._name

    @property
    def account(self) -> str:
        return ""

    @property
    def trusted_origins(self) -> frozenset[str]:
        return frozenset({self._origin})

    def cards(self) -> Sequence[ModelCard]:
        if not self._origin:
            return ()
        frame = ModelCard(
            model=ModelRef(f"{self._name}:frame"),
            kind=Kind.FRAME,
            label="Coloured pictures",
            micro_usd=100_000,
            concurrency=self._concurrency,
            pool=self._pool,
            poll_every=self._poll_every,
            is_idempotent=self._account == "key",
        )
        clip = replace(frame, model=ModelRef(f"{self._name}:clip"), kind=Kind.CLIP, micro_usd=0, micro_usd_per_second=50_000)
        return frame, clip

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        if request.picture is not None:
            await attachments.read(request.picture)
        body = {
            "reference": intent,
            "kind": request.kind.value,
            "digest": replace(request, picture=None).digest,
            "width": request.size.width,
            "height": request.size.height,
            "rate": str(request.rate),
            "seconds": str(request.seconds),
            "has_picture": request.picture is not None,
        }
        headers = {"Idempotency-Key": intent} if self._account == "key" else {}
        answer = await self._net.request_json("POST", self._url("jobs"), headers=headers, body=body, timeout_seconds=20)
        return self._job(_Answer.model_validate(answer.body))

    async def poll(self, job: JobId) -> Job:
        answer = await self._net.request_json("GET", self._url(f"jobs/{job}"), timeout_seconds=20)
        return self._job(_Answer.model_validate(answer.body))

    async def cancel(self, job: JobId) -> None:
        await self._net.request_json("POST", self._url(f"jobs/{job}/cancel"), body={}, timeout_seconds=20)

    async def aclose(self) -> None:
        await self._net.aclose()

    def _url(self, path: str) -> str:
        return f"{self._origin}/{self._account}/v1/{path}"

    def _job(self, answer: _Answer) -> Job:
        failure = Failure(answer.reason, is_retryable=answer.reason != "cancelled") if answer.state == "failed" else None
        outputs = (Output(self._origin + answer.url, size=answer.bytes),) if answer.url else ()
        progress = Fraction(answer.progress).limit_denominator(1000) if answer.progress is not None else None
        return Job(JobId(answer.id), JobState(answer.state), progress, outputs, failure)


class SimulatedWithList(Simulated):
    """The account whose jobs can be listed."""

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        answer = await self._net.request_json("GET", f"{self._url('jobs')}?reference={intent}", timeout_seconds=20)
        found = _Jobs.model_validate(answer.body).jobs
        return self._job(found[0]) if found else None


def key(workshop: Workshop) -> Simulated:
    return Simulated("simkey", "key", workshop)


def listed(workshop: Workshop) -> Simulated:
    return SimulatedWithList("simlist", "list", workshop)


def blind(workshop: Workshop) -> Simulated:
    return Simulated("simblind", "blind", workshop)
