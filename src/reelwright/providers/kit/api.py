"""A vendor's JSON API, asked with our own client: every request once, with the key, to the vendor's own address."""

from __future__ import annotations

import re
from typing import TypeVar, cast

from pydantic import BaseModel, ValidationError, ValidatorFunctionWrapHandler, field_validator, model_validator
from pydantic_core import PydanticUseDefault

from reelwright.errors import InDoubt, InputRefused, JobUnknown, NotSubmitted
from reelwright.net import Answer, Explain, Net, redact
from reelwright.providers.kit.account import Account

M = TypeVar("M", bound=BaseModel)

_SECONDS = 60.0
"""How long an answer may take."""
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_WORDS = 300


class Row(BaseModel):
    """A row of a list. What of it cannot be read is as if it were not told, so that one odd row hides no other.

    Each field of a subclass has a default that says so.
    """

    @model_validator(mode="before")
    @classmethod
    def _or_nothing(cls, value: object) -> object:
        return cast("object", value) if isinstance(value, dict) else {}

    @field_validator("*", mode="wrap")
    @classmethod
    def _or_not_told(cls, value: object, read: ValidatorFunctionWrapHandler) -> object:
        try:
            return read(value)
        except ValidationError as error:
            raise PydanticUseDefault from error


class Api:
    """One vendor's. Where a vendor has no SDK that can be made to send once, its adapter asks through this."""

    def __init__(self, account: Account, *, scheme: str, explain: Explain) -> None:
        """Connects to nothing yet.

        Args:
            account: whom it asks, and with which key.
            scheme: the word before the key in `Authorization`.
            explain: the vendor's own reading of a refusal.
        """
        self._account = account
        self._scheme = scheme
        self._explain = explain
        self._net = Net()

    async def pay(self, model: type[M], url: str, body: object, *, seconds: float = _SECONDS) -> M:
        """The receipt for one request that costs.

        Raises:
            InputRefused: the vendor does not have what was asked for.
            InDoubt: it may have arrived.
            ProviderError: any other refusal.
        """
        try:
            answer = await self.ask("POST", url, body=body, seconds=seconds)
            return model.model_validate(answer.body)
        except JobUnknown as error:
            raise InputRefused(error.message) from error
        except ValidationError as error:
            message = f"{self._account.vendor} took the request and answered with something that was not understood."
            raise InDoubt(message) from error

    async def get(self, model: type[M], url: str, *, explain: Explain | None = None) -> M:
        """The answer to a question that is free.

        Raises:
            NotSubmitted: there was none, or it is not understood; ask again.
            ProviderError: the vendor refused it.
        """
        return self.read(model, await self.ask("GET", url, explain=explain))

    async def do(self, method: str, url: str, *, body: object = None, seconds: float = _SECONDS) -> Answer:
        """The answer to something that is free whatever its method is: doing it twice does no harm.

        Raises:
            NotSubmitted: there was no clear answer; ask again.
            ProviderError: the vendor refused it.
        """
        try:
            return await self.ask(method, url, body=body, seconds=seconds)
        except InDoubt as error:
            raise NotSubmitted(error.message) from error

    async def stop(self, method: str, url: str) -> None:
        """Asks for the end of a job. One that has ended, and perhaps is forgotten, is let be.

        Raises:
            NotSubmitted: there was no clear answer; ask again.
        """
        try:
            await self.do(method, url)
        except (JobUnknown, InputRefused):
            return

    async def ask(
        self, method: str, url: str, *, body: object = None, seconds: float = _SECONDS, explain: Explain | None = None
    ) -> Answer:
        """One request; see `Net.request_json` for what it raises."""
        return await self._net.request_json(
            method,
            url,
            headers={"Authorization": f"{self._scheme} {self._account.key}"},
            body=body,
            timeout_seconds=seconds,
            trusted_origins=self._account.trusted_origins,
            explain=explain or self._explain,
        )

    async def published(self, model: type[M], url: str) -> M:
        """What the vendor tells everybody: no key goes there.

        Raises:
            NotSubmitted: it could not be read; ask again.
        """
        origins = self._account.trusted_origins
        return self.read(model, await self._net.request_json("GET", url, timeout_seconds=_SECONDS, trusted_origins=origins))

    def read(self, model: type[M], answer: Answer) -> M:
        """The answer to a free question in the form that it must have.

        Raises:
            NotSubmitted: it is not understood; ask again.
        """
        try:
            return model.model_validate(answer.body)
        except ValidationError as error:
            message = f"{self._account.vendor}'s answer was not understood: it is no {model.__name__.lower()}."
            raise NotSubmitted(message) from error

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        await self._net.aclose()


def plain(text: str) -> str:
    """A vendor's words as a person is told them: short, without secrets and without addresses."""
    return _URL.sub("…", redact(text)).strip()[:_WORDS].rstrip(". ")
