"""fal as a provider: one request to the queue, then questions that are free."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import InDoubt, InputRefused, InvalidInput, JobUnknown, NotSubmitted
from reelwright.media.pictures import picture_for
from reelwright.net import Explain, Net
from reelwright.ports import Attachments, Workshop
from reelwright.providers import Account, load_cards
from reelwright.providers.fal import calls
from reelwright.providers.fal.answers import (
    COMPLETED,
    Call,
    Ended,
    Keys,
    Receipt,
    Result,
    Status,
    explain,
    explain_result,
    failure_of,
    read,
)
from reelwright.providers.fal.inputs import fill

NAME = "fal"
_BASE = "https://queue.fal.run"
_KEYS = "https://rest.alpha.fal.ai/.well-known/jwks.json"
_PICTURE = 4 << 20
"""Bytes of a picture, which travels inside the request; larger ones are made JPEG."""
_PATIENCE = 60.0
"""Seconds for an answer."""
_NAMESPACES = frozenset({"workflows", "comfy"})
"""What may stand before an app's owner."""
_JOB = re.compile(r"(?:(?P<app>[\w.-]+(?:/[\w.-]+){1,2})/)?(?P<request>[\w-]+)")
_MOST_PLACES = 10_000
_KEYS_FRESH = 86_400.0
_KEYS_OLD = 60.0
"""Seconds that published keys must be old before a call that fits none makes us ask for them again."""

M = TypeVar("M", bound=BaseModel)


def provider(workshop: Workshop) -> Fal:
    """The entry point."""
    return Fal(workshop)


class _Environment(Mapping[str, str]):
    """The environment, in which a key that is told in two halves is one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __getitem__(self, name: str) -> str:
        if name == "FAL_KEY" and not self._environment.get(name, "").strip():
            halves = [self._environment.get(half, "").strip() for half in ("FAL_KEY_ID", "FAL_KEY_SECRET")]
            return ":".join(halves) if all(halves) else ""
        return self._environment[name]

    def __iter__(self) -> Iterator[str]:
        return iter({"FAL_KEY", *self._environment})

    def __len__(self) -> int:
        return len({"FAL_KEY", *self._environment})


@dataclass(frozen=True)
class _Place:
    """Where a request is: below its app, whose further path does not count."""

    app: str
    request: str

    @property
    def job(self) -> JobId:
        """As the rest of the house knows it: the request's id alone does not tell where to ask."""
        return JobId(f"{self.app}/{self.request}")

    @property
    def path(self) -> str:
        """Below the queue."""
        return f"{self.app}/requests/{self.request}"


class Fal:
    """The models that have a card: what an app's fields are called stands in the card's `settings`."""

    def __init__(self, workshop: Workshop) -> None:
        """Asks nobody yet."""
        self._workshop = replace(workshop, environment=_Environment(workshop.environment))
        self._account = Account("fal", self._workshop, ("FAL_KEY",), "FAL_BASE_URL", _BASE)
        self._cards = load_cards(NAME, workshop.cards)
        self._net = Net()
        self._places: dict[str, _Place] = {}
        self._keys: tuple[float, tuple[str, ...]] = (0.0, ())

    @property
    def name(self) -> str:
        """`fal`."""
        return NAME

    @property
    def account(self) -> str:
        """Told apart by the key."""
        return self._account.fingerprint

    @property
    def trusted_origins(self) -> frozenset[str]:
        """The queue's own origin, where the operator has named another one than fal's."""
        return self._account.origins if self._is_elsewhere else frozenset()

    @property
    def _is_elsewhere(self) -> bool:
        return self._account.base != _BASE

    def cards(self) -> Sequence[ModelCard]:
        """The models whose fields and price are known."""
        return self._cards

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """Puts the request into the queue, in one request. Pictures travel inside it."""
        card = next((card for card in self._cards if card.model == request.model and card.kind is request.kind), None)
        if card is None:
            message = f"There is no card for {request.model} ({request.kind}): it says how the model's fields are called."
            raise InputRefused(message)
        app = request.model.partition(":")[2]
        headers = self._headers
        pictures = {
            asset: (await picture_for(self._workshop, attachments, asset, limit=_PICTURE)).data_uri
            for asset in {request.picture, request.last_picture} - {None}
            if asset is not None
        }
        size = next((shape.size for shape in card.shapes if shape.value == request.shape), request.size)
        body = fill(request, card.settings, pictures, size=size)
        hook = self._workshop.webhook_url
        query = f"?{urlencode({'fal_webhook': hook})}" if hook else ""
        try:
            answer = await self._net.request_json(
                "POST",
                f"{self._account.base}/{app}{query}",
                headers=headers,
                body=body,
                timeout_seconds=_PATIENCE,
                trusted_origins=self.trusted_origins,
                explain=explain,
            )
            receipt = Receipt.model_validate(answer.body)
        except JobUnknown as error:
            raise InputRefused(error.message) from error
        except ValidationError as error:
            message = "fal took the request and answered with something that was not understood."
            raise InDoubt(message) from error
        return Job(self._remembered(self._placed(receipt, app)).job, JobState.RUNNING)

    async def poll(self, job: JobId) -> Job:
        """Where the request stands, and what it made."""
        place = await self._found(job)
        status = await self._get(Status, f"{place.path}/status", explain)
        if status.status != COMPLETED:
            return Job(place.job, JobState.RUNNING)
        try:
            result = await self._get(Result, place.path, partial(explain_result, status=status))
        except Ended as ended:
            return Job(place.job, JobState.FAILED, failure=ended.failure)
        if result.outputs:
            return Job(place.job, JobState.SUCCEEDED, outputs=result.outputs)
        if status.error is not None:
            return Job(place.job, JobState.FAILED, failure=failure_of(status))
        reason = "fal says that it is ready and names no file."
        return Job(place.job, JobState.FAILED, failure=Failure(reason, is_charged=True, kind=FailureKind.UNUSABLE))

    async def cancel(self, job: JobId) -> None:
        """Takes the request out of the queue, or asks its runner to stop."""
        try:
            place = await self._found(job)
            await self._net.request_json(
                "PUT",
                f"{self._account.base}/{place.path}/cancel",
                headers=self._headers,
                timeout_seconds=_PATIENCE,
                trusted_origins=self.trusted_origins,
                explain=explain,
            )
        except (JobUnknown, InputRefused):
            return  # it has ended, and perhaps is forgotten
        except InDoubt as error:
            raise NotSubmitted(error.message) from error

    async def hint(self, headers: Mapping[str, str], body: bytes) -> JobId:
        """The request of a signed call; one that this process has not asked about is named by its own id alone.

        Raises:
            InvalidInput: it is not from fal, too old, or not understood.
            ProviderError: the keys that it is signed with cannot be asked for.
        """
        calls.check_time(headers, time.time())
        if not await self._is_signed(headers, body):
            message = "The call is not from fal: its signature does not fit."
            raise InvalidInput(message)
        try:
            request = Call.model_validate_json(body).request_id
        except ValidationError as error:
            message = "The call from fal names no request."
            raise InvalidInput(message) from error
        place = self._places.get(request)
        return place.job if place else JobId(request)

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        await self._net.aclose()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Key {self._account.key}"}

    async def _get(self, model: type[M], path: str, explain_with: Explain) -> M:
        answer = await self._net.request_json(
            "GET",
            f"{self._account.base}/{path}",
            headers=self._headers,
            timeout_seconds=_PATIENCE,
            trusted_origins=self.trusted_origins,
            explain=explain_with,
        )
        return read(model, answer)

    def _placed(self, receipt: Receipt, app: str) -> _Place:
        """Where the receipt's request is. Of its own address only the app is believed: the key goes to the queue alone."""
        told = (
            re.escape(self._account.base) + r"/([\w.-]+(?:/[\w.-]+){1,2})/requests/" + re.escape(receipt.request_id) + "/status"
        )
        match = re.fullmatch(told, receipt.status_url)
        return _Place(match[1] if match else _root_of(app), receipt.request_id)

    def _remembered(self, place: _Place) -> _Place:
        """Kept for calls, which name a request and not its app."""
        while len(self._places) >= _MOST_PLACES:
            del self._places[next(iter(self._places))]
        self._places[place.request] = place
        return place

    async def _found(self, job: JobId) -> _Place:
        """Where a job is. A person may know no more than the request's id: then each app that has a card is asked.

        Raises:
            JobUnknown: nobody knows it.
        """
        match = _JOB.fullmatch(job)
        if match is None:
            message = f"{job} is no request at fal."
            raise JobUnknown(message)
        if match["app"]:
            return self._remembered(_Place(_root_of(match["app"]), match["request"]))
        if (known := self._places.get(match["request"])) is not None:
            return known
        for app in dict.fromkeys(_root_of(card.model.partition(":")[2]) for card in self._cards):
            place = _Place(app, match["request"])
            try:
                await self._get(Status, f"{place.path}/status", explain)
            except JobUnknown:
                continue
            return self._remembered(place)
        message = f"fal does not know the request {job}. Write its app before it: owner/app/request."
        raise JobUnknown(message)

    async def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """By the keys that are known; when none fits, they may have been changed."""
        asked_at, keys = self._keys
        age = time.monotonic() - asked_at
        if keys and age < _KEYS_FRESH and calls.is_signed(headers, body, keys):
            return True
        if keys and age < _KEYS_OLD:
            return False
        url = f"{self._account.base}/.well-known/jwks.json" if self._is_elsewhere else _KEYS
        answer = await self._net.request_json("GET", url, timeout_seconds=_PATIENCE, trusted_origins=self.trusted_origins)
        keys = tuple(key.x for key in read(Keys, answer).keys)
        self._keys = (time.monotonic(), keys)
        return calls.is_signed(headers, body, keys)


def _root_of(app: str) -> str:
    """Where an app's requests are: its owner and its name, without the path behind them."""
    parts = app.split("/")
    return "/".join(parts[: 3 if parts[0] in _NAMESPACES else 2])
