"""Replicate as a provider: predictions of any model, found again by a seed that each intent has to itself."""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import aiohttp
from pydantic import BaseModel, ValidationError

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Job, ModelRef, Request
from reelwright.domain.ids import AssetId, IntentKey, JobId
from reelwright.domain.timing import Size
from reelwright.errors import InDoubt, InputRefused, InvalidInput, JobUnknown, NotFound, NotSubmitted
from reelwright.media.pictures import Picture, picture_for
from reelwright.net import Net
from reelwright.ports import Attachments, Found, Workshop
from reelwright.providers import Account, load_cards
from reelwright.providers.replicate import calls
from reelwright.providers.replicate.answers import File, Model, Page, Prediction, Secret, Version, explain, read
from reelwright.providers.replicate.discovery import card_of
from reelwright.providers.replicate.inputs import Inputs, Values
from reelwright.providers.replicate.recall import LATE, SKEW, Trace, recalled

NAME = "replicate"
_BASE = "https://api.replicate.com"
_REFERENCE = re.compile(r"replicate:([\w.-]+)/([\w.-]+?)(?::(\w+))?")
_INLINE = 256_000
"""Bytes of a picture that travels inside the request; larger ones are uploaded. The API says so of `input`: 256 kB."""
_PICTURE = 32 << 20
"""Bytes of an uploaded picture; larger ones are made JPEG."""
_PATIENCE = 60.0
"""Seconds for an answer."""
_UPLOAD_PATIENCE = 120.0
_FRESH = 900.0
"""Seconds for which the latest version of a model is taken to be the latest."""
_SECRET_FRESH = 60.0
"""Seconds that a webhook secret must be old before a call that does not fit it makes us ask for it again."""

M = TypeVar("M", bound=BaseModel)


def provider(workshop: Workshop) -> Replicate:
    """The entry point."""
    return Replicate(workshop)


@dataclass(frozen=True)
class _Facts:
    """What is needed to ask a model for something."""

    model: Model
    version: str
    """Which one to ask for; empty where the name is enough."""
    inputs: Inputs


class Replicate:
    """Any model on Replicate: those with a card, and every other one by its `owner/name` or `owner/name:version`."""

    def __init__(self, workshop: Workshop) -> None:
        """Asks nobody yet."""
        self._workshop = workshop
        self._account = Account("Replicate", workshop, ("REPLICATE_API_TOKEN",), "REPLICATE_BASE_URL", _BASE)
        self._cards = load_cards(NAME, workshop.cards)
        self._net = Net()
        self._facts: dict[tuple[str, str, ModelRef], tuple[float, _Facts]] = {}
        self._secrets: dict[tuple[str, str], tuple[float, str]] = {}

    @property
    def name(self) -> str:
        """`replicate`."""
        return NAME

    @property
    def account(self) -> str:
        """Told apart by the token."""
        return self._account.fingerprint

    @property
    def trusted_origins(self) -> frozenset[str]:
        """The API's own origin, where the operator has named another one than Replicate's."""
        return self._account.origins if self._account.base != _BASE else frozenset()

    def cards(self) -> Sequence[ModelCard]:
        """The models whose price is known."""
        return self._cards

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """Reads the model's form, uploads what is too large to travel inside, then creates the prediction, in one request.

        Before that one nothing costs. No deadline (`Cancel-After`) is set: it would be charged for, and the clip be lost.
        """
        facts = await self._known(request.model)
        card = self._card(request)
        filled = facts.inputs.fill(request, card.settings if card else {}, size=_size_of(request, card), seed=_seed(intent))
        values = {**filled.values}
        for field, asset in filled.pictures.items():
            url = await self._picture(attachments, asset)
            values[field] = [url] if facts.inputs.takes_list(field) else url
        body: Values = {"input": values}
        path = f"/v1/models/{facts.model.owner}/{facts.model.name}/predictions"
        if facts.version:
            path, body["version"] = "/v1/predictions", facts.version
        if self._workshop.webhook_url:
            body |= {"webhook": self._workshop.webhook_url, "webhook_events_filter": ["completed"]}
        try:
            answer = await self._net.request_json(
                "POST",
                self._account.base + path,
                headers=self._headers,
                body=body,
                timeout_seconds=_PATIENCE,
                trusted_origins=self.trusted_origins,
                explain=explain,
            )
            return Prediction.model_validate(answer.body).job
        except JobUnknown as error:
            raise InputRefused(error.message) from error
        except ValidationError as error:
            message = "Replicate took the request and answered with something that was not understood."
            raise InDoubt(message) from error

    async def poll(self, job: JobId) -> Job:
        """Where the prediction stands. Its files are kept for an hour after its end."""
        return (await self._get(Prediction, f"/v1/predictions/{quote(job, safe='')}")).job

    async def cancel(self, job: JobId) -> None:
        """Asks to stop it. What ran until then is charged."""
        try:
            await self._net.request_json(
                "POST",
                f"{self._account.base}/v1/predictions/{quote(job, safe='')}/cancel",
                headers=self._headers,
                trusted_origins=self.trusted_origins,
                explain=explain,
            )
        except (JobUnknown, InputRefused):
            return  # it has ended, and perhaps is forgotten
        except InDoubt as error:
            raise NotSubmitted(error.message) from error

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        """The prediction with the intent's own seed; where the model takes none, the only one with its prompt.

        Raises:
            ProviderError: two could be it, or what one was asked is deleted already; as for `poll`.
        """
        facts, card = await self._known(request.model), self._card(request)
        trace = Trace(
            model=f"{facts.model.owner}/{facts.model.name}",
            prompt=request.prompt,
            seed=facts.inputs.seed(card.settings if card else {}, _seed(intent)),
            since=since,
        )
        found = recalled(trace, [each async for each in self._predictions(since - SKEW, before=since + LATE + SKEW)])
        return found.job if found else None

    async def jobs(self, since: datetime) -> AsyncIterator[Found]:
        """The account's predictions, those that were made on the website too."""
        kinds = {card.model.partition(":")[2]: card.kind for card in self._cards}
        async for prediction in self._predictions(since):
            prompts = (prediction.input.get(name) for name in ("prompt", "text_prompt", "text", "input_text", "script"))
            yield Found(
                job=prediction.job,
                model=prediction.model,
                kind=kinds.get(prediction.model, prediction.kind),
                prompt=next((prompt for prompt in prompts if isinstance(prompt, str)), ""),
                at=prediction.created_at or since,
            )

    async def hint(self, headers: Mapping[str, str], body: bytes) -> JobId:
        """The prediction of a signed call.

        Raises:
            InvalidInput: it is not from Replicate, too old, or not understood.
            ProviderError: the secret that it is signed with cannot be asked for.
        """
        calls.check_time(headers, time.time())
        if not await self._is_signed(headers, body):
            message = "The call is not from Replicate: its signature does not fit."
            raise InvalidInput(message)
        try:
            return JobId(Prediction.model_validate_json(body).id)
        except ValidationError as error:
            message = "The call from Replicate names no prediction."
            raise InvalidInput(message) from error

    async def discover(self, model: ModelRef) -> ModelCard:
        """A card out of the model's own form; without a price, because the API tells none.

        Raises:
            NotFound: there is no such model.
            ProviderError: as for `poll`.
        """
        try:
            facts = await self._known(model)
        except InputRefused as error:
            raise NotFound(error.message) from error
        return card_of(model, facts.model, facts.inputs, datetime.now(UTC))

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        await self._net.aclose()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._account.key}"}

    def _card(self, request: Request) -> ModelCard | None:
        return next((card for card in self._cards if card.model == request.model and card.kind is request.kind), None)

    async def _get(self, model: type[M], path: str) -> M:
        answer = await self._net.request_json(
            "GET", self._account.base + path, headers=self._headers, trusted_origins=self.trusted_origins, explain=explain
        )
        return read(model, answer)

    async def _known(self, reference: ModelRef) -> _Facts:
        """The model's facts, asked for once in a while; a version stays what it is.

        Raises:
            InputRefused: there is no such model.
        """
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            message = f"{reference} is no model of Replicate: write replicate:owner/name, or replicate:owner/name:version."
            raise InputRefused(message)
        key = (self._account.base, self._account.fingerprint, reference)
        asked_at, kept = self._facts.get(key, (0.0, None))
        if kept is not None and (match[3] or time.monotonic() - asked_at < _FRESH):
            return kept
        path = f"/v1/models/{match[1]}/{match[2]}"
        try:
            model = await self._get(Model, path)
            version = await self._get(Version, f"{path}/versions/{match[3]}") if match[3] else model.latest_version
        except JobUnknown as error:
            message = f"Replicate has no model {reference.partition(':')[2]}, or this token may not use it."
            raise InputRefused(message) from error
        if version is None:
            message = f"{match[1]}/{match[2]} has no version that could be run."
            raise InputRefused(message)
        is_by_name = model.is_official and not match[3]
        facts = _Facts(model, "" if is_by_name else version.id, Inputs.read(f"{match[1]}/{match[2]}", version.openapi_schema))
        self._facts[key] = (time.monotonic(), facts)
        return facts

    async def _picture(self, attachments: Attachments, asset: AssetId) -> str:
        """The picture as a URL: one that holds it, or that of an upload. Both are free."""
        picture = await picture_for(self._workshop, attachments, asset, limit=_PICTURE)
        return picture.data_uri if len(picture.content) <= _INLINE else await self._uploaded(asset, picture)

    async def _uploaded(self, asset: AssetId, picture: Picture) -> str:
        form = aiohttp.FormData()
        name = f"{asset}.{picture.media_type.partition('/')[2]}"
        form.add_field("content", io.BytesIO(picture.content), filename=name, content_type=picture.media_type)
        try:
            answer = await self._net.request_json(
                "POST",
                f"{self._account.base}/v1/files",
                headers=self._headers,
                body=form,
                timeout_seconds=_UPLOAD_PATIENCE,
                trusted_origins=self.trusted_origins,
                explain=explain,
            )
        except InDoubt as error:
            raise NotSubmitted(error.message) from error
        return read(File, answer).urls.get

    async def _predictions(self, since: datetime, *, before: datetime | None = None) -> AsyncIterator[Prediction]:
        """The predictions made at or after `since`, newest first, page by page."""
        query = {"created_after": since.astimezone(UTC).isoformat()}
        if before is not None:
            query["created_before"] = before.astimezone(UTC).isoformat()
        while True:
            page = await self._get(Page, f"/v1/predictions?{urlencode(query)}")
            for prediction in page.results:
                if prediction.created_at is not None and prediction.created_at < since:
                    return
                yield prediction
            # Of the address of the next page only its cursor is believed: the token goes to the API alone.
            query = {name: values[0] for name, values in parse_qs(urlsplit(page.next or "").query).items()}
            if not query:
                return

    async def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """By the secret that is known; when it does not fit, it may have been changed."""
        account = (self._account.base, self._account.fingerprint)
        asked_at, secret = self._secrets.get(account, (0.0, ""))
        if secret and calls.is_signed(headers, body, secret):
            return True
        if secret and time.monotonic() - asked_at < _SECRET_FRESH:
            return False
        secret = (await self._get(Secret, "/v1/webhooks/default/secret")).key
        self._secrets[account] = (time.monotonic(), secret)
        return calls.is_signed(headers, body, secret)


def _seed(intent: IntentKey) -> int:
    """A seed of the intent's own: among the account's predictions it names the one that this intent made."""
    return int.from_bytes(hashlib.sha256(intent.encode()).digest()[:6], "big")


def _size_of(request: Request, card: ModelCard | None) -> Size:
    """The pixels of the planned shape, else of the film."""
    shapes = card.shapes if card else ()
    return next((shape.size for shape in shapes if shape.value == request.shape), request.size)
