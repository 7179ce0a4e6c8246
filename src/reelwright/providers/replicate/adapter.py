"""Replicate as a provider: predictions of any model, found again by a seed that each intent has to itself."""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
from pydantic import ValidationError

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Job, ModelRef, Request
from reelwright.domain.ids import AssetId, IntentKey, JobId
from reelwright.domain.timing import Size
from reelwright.errors import InputRefused, InvalidInput, JobUnknown, NotFound, ProviderError
from reelwright.ports import Attachments, Confirming, Found, Workshop
from reelwright.providers.kit import Account, Api, Picture, Vendor, pasted, picture_for
from reelwright.providers.replicate import calls
from reelwright.providers.replicate.answers import File, Model, Page, Prediction, Secret, Version, explain
from reelwright.providers.replicate.discovery import card_of
from reelwright.providers.replicate.inputs import Inputs, Values
from reelwright.providers.replicate.recall import LATE, SKEW, Trace, recalled

NAME = "replicate"
_BASE = "https://api.replicate.com"
_REFERENCE = re.compile(r"replicate:([\w.-]+)/([\w.-]+?)(?::(\w+))?")
_JOB = re.compile(r"[\w-]{1,100}")
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


class Replicate(Vendor):
    """Any model on Replicate: those with a card, and every other one by its `owner/name` or `owner/name:version`."""

    def __init__(self, workshop: Workshop, *, patience: float = _PATIENCE) -> None:
        """Asks nobody yet. `patience` is how long the answer to a submit is waited for, in seconds."""
        super().__init__(NAME, Account("Replicate", workshop, ("REPLICATE_API_TOKEN",), "REPLICATE_BASE_URL", _BASE))
        self._api = Api(self._account, scheme="Bearer", explain=explain)
        self._patience = patience
        self._facts: dict[tuple[str, str, ModelRef], tuple[float, _Facts]] = {}
        self._secrets: dict[tuple[str, str], tuple[float, str]] = {}

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """Reads the model's form, uploads what is too large to travel inside, then creates the prediction, in one request.

        Before that one nothing costs. No deadline (`Cancel-After`) is set: it would be charged for, and the clip be lost.
        """
        facts = await self._known(request.model)
        card = self._own_card(request)
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
        return (await self._api.pay(Prediction, self._account.base + path, body, seconds=self._patience)).job

    async def poll(self, job: JobId) -> Job:
        """Where the prediction stands. Its files are kept for an hour after its end."""
        return (await self._api.get(Prediction, self._place(job))).job

    async def cancel(self, job: JobId) -> None:
        """Asks to stop it. What ran until then is charged."""
        try:
            place = self._place(job)
        except JobUnknown:
            return
        await self._api.stop("POST", f"{place}/cancel")

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        """The prediction with the intent's own seed; where the model takes none, the only one with its prompt.

        Raises:
            ProviderError: two could be it, or what one was asked is deleted already; as for `poll`.
        """
        facts, card = await self._known(request.model), self._own_card(request)
        trace = Trace(
            model=f"{facts.model.owner}/{facts.model.name}",
            prompt=request.prompt,
            seed=facts.inputs.seed(card.settings if card else {}, _seed(intent)),
            since=since,
        )
        found = recalled(trace, [each async for each in self._predictions(since - SKEW, before=since + LATE + SKEW)])
        return found.job if found else None

    async def jobs(self, since: datetime) -> AsyncIterator[Found]:
        """The account's predictions, those that were made on the website too.

        Raises:
            ProviderError: as for `poll`; and when all others are told, that the id of one cannot be read.
        """
        kinds = {card.model.partition(":")[2]: card.kind for card in self._cards}
        is_whole = True
        async for prediction in self._predictions(since):
            if not prediction.id:
                is_whole = False
                continue
            prompts = (prediction.input.get(name) for name in ("prompt", "text_prompt", "text", "input_text", "script"))
            yield Found(
                job=prediction.job,
                model=prediction.model,
                kind=kinds.get(prediction.model, prediction.kind),
                prompt=next((prompt for prompt in prompts if isinstance(prompt, str)), ""),
                at=prediction.created_at or since,
            )
        if not is_whole:
            message = "Replicate's list has a prediction whose id cannot be read, so nobody can tell what else it has made."
            raise ProviderError(message)

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
        await self._api.aclose()

    def _place(self, job: JobId) -> str:
        """Where a prediction is."""
        return f"{self._account.base}/v1/predictions/{pasted(job, _JOB, 'Replicate has no prediction')}"

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
        place = f"{self._account.base}/v1/models/{match[1]}/{match[2]}"
        try:
            model = await self._api.get(Model, place)
            version = await self._api.get(Version, f"{place}/versions/{match[3]}") if match[3] else model.latest_version
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
        if len(picture.content) <= _INLINE:
            return picture.data_uri
        url = await self._uploaded(asset, picture)
        if isinstance(attachments, Confirming):
            await attachments.confirm()  # an upload may take minutes
        return url

    async def _uploaded(self, asset: AssetId, picture: Picture) -> str:
        form = aiohttp.FormData()
        name = f"{asset}.{picture.media_type.partition('/')[2]}"
        form.add_field("content", io.BytesIO(picture.content), filename=name, content_type=picture.media_type)
        answer = await self._api.do("POST", f"{self._account.base}/v1/files", body=form, seconds=_UPLOAD_PATIENCE)
        return self._api.read(File, answer).urls.get

    async def _predictions(self, since: datetime, *, before: datetime | None = None) -> AsyncIterator[Prediction]:
        """The predictions made at or after `since`, newest first; what a row does not tell is empty, be it its id."""
        query = {"created_after": since.astimezone(UTC).isoformat()}
        if before is not None:
            query["created_before"] = before.astimezone(UTC).isoformat()
        while True:
            page = await self._api.get(Page, f"{self._account.base}/v1/predictions?{urlencode(query)}")
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
        secret = (await self._api.get(Secret, f"{self._account.base}/v1/webhooks/default/secret")).key
        self._secrets[account] = (time.monotonic(), secret)
        return calls.is_signed(headers, body, secret)


def _seed(intent: IntentKey) -> int:
    """A seed of the intent's own: among the account's predictions it names the one that this intent made."""
    return int.from_bytes(hashlib.sha256(intent.encode()).digest()[:6], "big")


def _size_of(request: Request, card: ModelCard | None) -> Size:
    """The pixels of the planned shape, else of the film."""
    shapes = card.shapes if card else ()
    return next((shape.size for shape in shapes if shape.value == request.shape), request.size)
