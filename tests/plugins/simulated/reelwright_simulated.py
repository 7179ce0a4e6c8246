"""The simulated vendor's adapter, as somebody outside of Reelwright would write it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Kind, ModelRef, Output, Request
from reelwright.domain.ids import AssetId, IntentKey, JobId
from reelwright.errors import InvalidInput, KeyRefused, Moderated, NotSubmitted, ProviderError, StorageError
from reelwright.net import Net
from reelwright.net.answers import Answer
from reelwright.ports import Attachments, Confirming, Found, Workshop
from reelwright.providers import load_cards

_CALL_SECRET = b"whsec-simulated"
_CALL_SECONDS = 300


class _Answer(BaseModel):
    id: str
    state: str
    progress: float | None = None
    url: str = ""
    bytes: int | None = None
    reason: str = ""
    estimate_micro_usd: int | None = None
    charge_micro_usd: int | None = None


class _Jobs(BaseModel):
    jobs: list[_Answer]


class _Listed(_Answer):
    prompt: str
    model: str
    kind: Kind
    at: float


class _List(BaseModel):
    jobs: list[_Listed]


class _Call(BaseModel):
    id: str


class Simulated:
    """Frames at 10 cents, clips at 5 cents a second."""

    def __init__(self, name: str, account: str, workshop: Workshop) -> None:
        self._name = name
        self._account = account
        self._environment = workshop.environment
        self._origin = workshop.environment.get("SIMULATED_URL", "")
        self._call = workshop.environment.get("SIMULATED_CALL_URL", "") or workshop.webhook_url
        self._net = Net(allow_private=True)

    @property
    def name(self) -> str:
        return self._name

    @property
    def account(self) -> str:
        return hashlib.sha256(self._key.encode()).hexdigest()[:12] if self._origin and self._key else ""

    @property
    def trusted_origins(self) -> frozenset[str]:
        return frozenset({self._origin})

    @property
    def _key(self) -> str:
        return self._environment.get("SIMULATED_KEY", "simulated")

    def _fraction(self, name: str, default: str) -> Fraction:
        return Fraction(self._environment.get(f"SIMULATED_{name}", default))

    def cards(self) -> Sequence[ModelCard]:
        if not self._origin:
            return ()
        own = Path(self._environment.get("SIMULATED_CARDS", ""), f"{self._name}.toml")
        if own.is_file():
            return load_cards(self._name, shipped=own)
        frame = ModelCard(
            model=ModelRef(f"{self._name}:frame"),
            kind=Kind.FRAME,
            label="Coloured pictures",
            micro_usd=100_000,
            concurrency=int(self._fraction("CONCURRENCY", "4")),
            pool=self._environment.get("SIMULATED_POOL", ""),
            per_minute=int(self._fraction("PER_MINUTE", "0")),
            poll_every=self._fraction("POLL_EVERY", "1/10"),
            deadline=self._fraction("DEADLINE", "3600"),
            is_idempotent=self._account == "key",
            key_seconds=self._fraction("KEY_SECONDS", "0"),
            list_lag=self._fraction("LIST_LAG", "2"),
            source="reelwright.testing.vendor",
            checked_on="2026-11-21",
        )
        clip = replace(frame, model=ModelRef(f"{self._name}:clip"), kind=Kind.CLIP, micro_usd=0, micro_usd_per_second=50_000)
        return frame, clip

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        if request.picture is not None:
            await _picture(attachments, request.picture)
        await self._upload(attachments)
        body = {
            "reference": intent,
            "kind": request.kind.value,
            "digest": replace(request, picture=None).digest,
            "width": request.size.width,
            "height": request.size.height,
            "rate": str(request.rate),
            "seconds": str(request.seconds),
            "has_picture": request.picture is not None,
            "prompt": request.prompt,
            "model": request.model.partition(":")[2],
            "call": self._call,
        }
        key = {"Idempotency-Key": intent} if self._account == "key" else {}
        return self._job(_Answer.model_validate((await self._ask("POST", "jobs", body, key)).body))

    async def _upload(self, attachments: Attachments) -> None:
        """Takes as long as somebody says so."""
        while self._environment.get("SIMULATED_UPLOADING", ""):
            await asyncio.sleep(0.05)
        if isinstance(attachments, Confirming):
            await attachments.confirm()

    async def poll(self, job: JobId) -> Job:
        return self._job(_Answer.model_validate((await self._ask("GET", f"jobs/{job}")).body))

    async def cancel(self, job: JobId) -> None:
        await self._ask("POST", f"jobs/{job}/cancel", {})

    async def hint(self, headers: Mapping[str, str], body: bytes) -> JobId:
        moment = headers.get("webhook-timestamp", "")
        digest = hmac.new(_CALL_SECRET, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(digest, headers.get("webhook-signature", "")):
            msg = "The call is not signed by the simulated vendor."
            raise InvalidInput(msg)
        if abs(time.time() - float(moment)) > _CALL_SECONDS:
            msg = "The call is too old."
            raise InvalidInput(msg)
        try:
            return JobId(_Call.model_validate_json(body).id)
        except ValidationError as error:
            msg = "The call names no job."
            raise InvalidInput(msg) from error

    async def aclose(self) -> None:
        await self._net.aclose()

    async def _ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        if not self._origin or not self._key:
            msg = "The simulated vendor has no key: set SIMULATED_URL."
            raise KeyRefused(msg)
        return await self._net.request_json(
            method,
            f"{self._origin}/{self._account}/v1/{path}",
            headers={"Authorization": f"Bearer {self._key}", **(headers or {})},
            body=body,
            timeout_seconds=20,
            explain=_explain,
        )

    def _job(self, answer: _Answer) -> Job:
        return Job(
            JobId(answer.id),
            JobState(answer.state),
            Fraction(answer.progress).limit_denominator(1000) if answer.progress is not None else None,
            (Output(self._origin + answer.url, size=answer.bytes),) if answer.url else (),
            _failure(answer.reason) if answer.state == "failed" else None,
            charged_micro_usd=answer.charge_micro_usd,
            estimated_micro_usd=answer.estimate_micro_usd,
        )


def _failure(reason: str) -> Failure:
    if reason == "cancelled":
        return Failure(reason, kind=FailureKind.CANCELLED)
    return Failure(reason, is_retryable=True)


def _explain(answer: Answer) -> ProviderError | None:
    return Moderated("The simulated vendor's rules forbid it.") if answer.status == 451 else None


async def _picture(attachments: Attachments, asset: AssetId) -> bytes:
    try:
        return await attachments.read(asset)
    except StorageError as error:
        raise NotSubmitted(error.message) from error


class SimulatedWithSearch(Simulated):
    """The account whose jobs can be found by their reference."""

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        answer = await self._ask("GET", f"jobs?{urlencode({'reference': intent})}")
        found = _Jobs.model_validate(answer.body).jobs
        return self._job(found[0]) if found else None


class SimulatedWithList(Simulated):
    """The account that tells which jobs it has."""

    async def jobs(self, since: datetime) -> AsyncIterator[Found]:
        answer = await self._ask("GET", f"jobs?{urlencode({'since': since.timestamp()})}")
        for one in _List.model_validate(answer.body).jobs:
            yield Found(self._job(one), one.model, one.kind, one.prompt, datetime.fromtimestamp(one.at, UTC))


def key(workshop: Workshop) -> Simulated:
    return Simulated("simkey", "key", workshop)


def listed(workshop: Workshop) -> Simulated:
    return SimulatedWithSearch("simlist", "list", workshop)


def shelf(workshop: Workshop) -> Simulated:
    return SimulatedWithList("simshelf", "shelf", workshop)


def blind(workshop: Workshop) -> Simulated:
    return Simulated("simblind", "blind", workshop)
