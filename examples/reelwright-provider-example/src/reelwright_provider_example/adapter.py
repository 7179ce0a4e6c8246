"""The provider `example`: pictures by Postcards.

Postcards takes a `reference` of ours with each order and finds orders by it; it knows no idempotency key. So a submit is never
sent again, and one whose answer was lost is looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError
from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Output, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import InDoubt, InputRefused, NotSubmitted
from reelwright.net import Answer, Net
from reelwright.ports import Attachments, Workshop
from reelwright.providers import Account, load_cards

NAME = "example"
_SECONDS = 30.0
"""How long one request may take."""
_CENT = 10_000
"""Micro-dollars."""


def provider(workshop: Workshop) -> Postcards:
    """The entry point."""
    return Postcards(workshop)


class Postcards:
    """Pictures at two cents each."""

    name = NAME

    def __init__(self, workshop: Workshop) -> None:
        """Connects to nothing yet."""
        self._account = Account("Postcards", workshop, ("POSTCARDS_API_KEY",), "POSTCARDS_BASE_URL", "http://127.0.0.1:4722/v1")
        self._cards = load_cards(NAME, workshop.cards, shipped=files("reelwright_provider_example").joinpath("cards.toml"))
        self._net = Net()

    @property
    def account(self) -> str:
        """The key's fingerprint: nobody gets the key back out of it."""
        return self._account.fingerprint

    @property
    def trusted_origins(self) -> frozenset[str]:
        """Postcards runs on this machine, so its pictures lie at a private address."""
        return self._account.origins

    def cards(self) -> Sequence[ModelCard]:
        """The one model."""
        return self._cards

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """One POST, sent once. `Net` names what may have become of it; nothing is caught here, and nothing is tried again."""
        if not any(card.model == request.model and card.kind is request.kind for card in self._cards):
            msg = f"Postcards makes no {request.kind} with {request.model}."
            raise InputRefused(msg)
        order = {"prompt": request.prompt, "width": request.size.width, "height": request.size.height, "reference": intent}
        answer = await self._ask("POST", "postcards", order)
        return _job(_read(_Postcard, answer))

    async def poll(self, job: JobId) -> Job:
        """Where the order stands; the picture's link is a fresh one each time."""
        return _job(_read(_Postcard, await self._ask("GET", f"postcards/{quote(job, safe='')}")))

    async def cancel(self, job: JobId) -> None:
        """Postcards stops what it has not drawn yet, and leaves what it has."""
        await self._ask("DELETE", f"postcards/{quote(job, safe='')}")

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        """The order with our reference. It is ours alone, so there is no need to compare words and times."""
        found = _read(_Postcards, await self._ask("GET", f"postcards?reference={quote(intent)}")).postcards
        return _job(found[0]) if found else None

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._net.aclose()

    async def _ask(self, method: str, path: str, body: object = None) -> Answer:
        return await self._net.request_json(
            method,
            f"{self._account.base}/{path}",
            headers={"Authorization": f"Bearer {self._account.key}"},
            body=body,
            timeout_seconds=_SECONDS,
            trusted_origins=self._account.origins,
        )


class _Postcard(BaseModel):
    """An order as Postcards tells it, as far as we use it."""

    id: str
    state: str
    picture: str = ""
    cents: int | None = None
    reason: str = ""


class _Postcards(BaseModel):
    postcards: list[_Postcard]


_Form = TypeVar("_Form", bound=BaseModel)


def _read(form: type[_Form], answer: Answer) -> _Form:
    """An answer in the form that it must have. One that has another proves nothing about an order that was sent."""
    try:
        return form.model_validate(answer.body)
    except ValidationError as error:
        msg = f"Postcards' answer was not understood: {error.errors()[0]['msg']}."
        raise (NotSubmitted if answer.is_free else InDoubt)(msg) from error


def _job(postcard: _Postcard) -> Job:
    """Postcards' words in ours; a state that is not known is one that goes on."""
    charged = None if postcard.cents is None else postcard.cents * _CENT
    match postcard.state:
        case "drawn":
            outputs = (Output(postcard.picture, "image/png"),)
            return Job(JobId(postcard.id), JobState.SUCCEEDED, outputs=outputs, charged_micro_usd=charged)
        case "failed":
            failure = Failure(f"Postcards: {postcard.reason}", is_retryable=True, kind=FailureKind.INTERNAL, advice="Retake it.")
            return Job(JobId(postcard.id), JobState.FAILED, failure=failure, charged_micro_usd=charged)
        case _:
            return Job(JobId(postcard.id), JobState.RUNNING)
