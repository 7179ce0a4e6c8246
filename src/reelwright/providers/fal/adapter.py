"""fal as a provider: one request to the queue, then questions that are free."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

from pydantic import ValidationError

from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import InputRefused, InvalidInput, JobUnknown, ProviderError
from reelwright.ports import Attachments, Found, Workshop
from reelwright.providers.fal import calls
from reelwright.providers.fal.answers import (
    COMPLETED,
    Call,
    Ended,
    Keys,
    Page,
    Past,
    Receipt,
    Result,
    Status,
    explain,
    explain_result,
    failure_of,
)
from reelwright.providers.fal.inputs import PROMPT, fill
from reelwright.providers.kit import Account, Api, Vendor, picture_for

NAME = "fal"
_BASE = "https://queue.fal.run"
_KEYS = "https://rest.alpha.fal.ai/.well-known/jwks.json"
_PLATFORM = "https://api.fal.ai/v1"
"""Where the list of ended requests is. Source: fal.ai/docs/platform-apis/v1/models/requests/by-endpoint, 2026-11-21."""
_APPS = 50
"""Models in one question for the list."""
_PAGE = 100
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


class Fal(Vendor):
    """The models that have a card: what an app's fields are called stands in the card's `settings`."""

    def __init__(self, workshop: Workshop, *, patience: float = _PATIENCE, page: int = _PAGE, apps: int = _APPS) -> None:
        """Asks nobody yet.

        Args:
            workshop: what it works with.
            patience: how long the answer to a submit is waited for, in seconds.
            page: how many requests are asked for at once.
            apps: of how many models they may be.
        """
        whole = replace(workshop, environment=_Environment(workshop.environment))
        super().__init__(NAME, Account("fal", whole, ("FAL_KEY",), "FAL_BASE_URL", _BASE))
        self._api = Api(self._account, scheme="Key", explain=explain)
        self._patience, self._page, self._apps = patience, page, apps
        self._places: dict[str, _Place] = {}
        self._keys: tuple[float, tuple[str, ...]] = (0.0, ())

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """Puts the request into the queue, in one request. Pictures travel inside it."""
        card = self._own_card(request)
        if card is None:
            message = f"There is no card for {request.model} ({request.kind}): it says how the model's fields are called."
            raise InputRefused(message)
        app = request.model.partition(":")[2]
        pictures = {
            asset: (await picture_for(self._workshop, attachments, asset, limit=_PICTURE)).data_uri
            for asset in {request.picture, request.last_picture} - {None}
            if asset is not None
        }
        size = next((shape.size for shape in card.shapes if shape.value == request.shape), request.size)
        body = fill(request, card.settings, pictures, size=size)
        hook = self._workshop.webhook_url
        query = f"?{urlencode({'fal_webhook': hook})}" if hook else ""
        receipt = await self._api.pay(Receipt, f"{self._account.base}/{app}{query}", body, seconds=self._patience)
        return Job(self._remembered(self._placed(receipt, app)).job, JobState.RUNNING)

    async def poll(self, job: JobId) -> Job:
        """Where the request stands, and what it made."""
        place = await self._found(job)
        status = await self._api.get(Status, f"{self._account.base}/{place.path}/status")
        if status.status != COMPLETED:
            return Job(place.job, JobState.RUNNING)
        try:
            told = partial(explain_result, status=status)
            result = await self._api.get(Result, f"{self._account.base}/{place.path}", explain=told)
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
        except JobUnknown:
            return
        await self._api.stop("PUT", f"{self._account.base}/{place.path}/cancel")

    async def jobs(self, since: datetime) -> AsyncIterator[Found]:
        """The requests of the models with a card that have ended; fal lists no others, and forgets what they said after a month.

        Raises:
            ProviderError: as for `poll`; and when all others are told, that the id of one cannot be read.
        """
        cards = {card.model.partition(":")[2]: card for card in self._cards}
        whole_second = since.replace(microsecond=0)  # no finer does fal tell when a request was sent
        past = [each for each in await self._past(list(cards), since) if (each.sent_at or since) >= whole_second]
        for each in sorted(past, key=lambda each: each.sent_at or since, reverse=True):
            card = cards.get(each.endpoint_id)
            if card is None or not each.request_id:
                continue
            place = _Place(_root_of(each.endpoint_id), each.request_id)
            field = next((name for name, text in card.settings.items() if text == PROMPT), "prompt")
            prompt = str(each.json_input.get(field) or "")
            yield Found(each.job(place.job), each.endpoint_id, card.kind, prompt, each.sent_at or since)
        if not all(each.request_id and each.endpoint_id in cards for each in past):
            message = "fal's list has a request whose id or model cannot be read, so nobody can tell what else it has made."
            raise ProviderError(message)

    async def _past(self, apps: list[str], since: datetime) -> list[Past]:
        """What the list says since then, as fal counts it; in no order."""
        platform = f"{self._account.base}/v1" if self._account.is_elsewhere else _PLATFORM
        found: list[Past] = []
        for at in range(0, len(apps), self._apps):
            asked = {"endpoint_id": apps[at : at + self._apps], "start": since.astimezone(UTC).isoformat(), "expand": "payloads"}
            cursor: str | None = ""
            while cursor is not None:
                query = urlencode({**asked, "limit": self._page, **({"cursor": cursor} if cursor else {})}, doseq=True)
                page = await self._api.get(Page, f"{platform}/models/requests/by-endpoint?{query}")
                found += page.items
                cursor = page.next_cursor or None
        return found

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
        await self._api.aclose()

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
                await self._api.get(Status, f"{self._account.base}/{place.path}/status")
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
        url = f"{self._account.base}/.well-known/jwks.json" if self._account.is_elsewhere else _KEYS
        keys = tuple(key.x for key in (await self._api.published(Keys, url)).keys)
        self._keys = (time.monotonic(), keys)
        return calls.is_signed(headers, body, keys)


def _root_of(app: str) -> str:
    """Where an app's requests are: its owner and its name, without the path behind them."""
    parts = app.split("/")
    return "/".join(parts[: 3 if parts[0] in _NAMESPACES else 2])
