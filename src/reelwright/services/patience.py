"""Patience: how to ask somebody who may not answer, how long to wait between two tries, and when a person is told of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import structlog

from reelwright.db import events
from reelwright.db.engine import Database
from reelwright.domain.card import ModelCard
from reelwright.domain.event import EventName
from reelwright.domain.generation import provider_of
from reelwright.domain.take import Take
from reelwright.errors import ConfigurationError, InDoubt, NotSubmitted, ProviderError, ReelwrightError
from reelwright.net import redact
from reelwright.ports import Provider
from reelwright.services.catalogue import Catalogue

T = TypeVar("T")
_log = structlog.get_logger()

_FIRST_WAIT = 0.25
_LONGEST_WAIT = 30.0
"""Seconds between two tries."""
_TOLD_AFTER = 3
"""Tries in a row that fail before a person is told: one that passes by itself is not worth a word."""
_ANSWER_SECONDS = 120.0
"""How long a question that is free may take."""


class Patience:
    """The waits of one piece of work on a take: doubling, with jitter. The person is told once that somebody lets it wait."""

    def __init__(self, database: Database, take: Take, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._take = take
        self._now = now
        self._failures = 0
        self._is_told = False

    def renew(self) -> None:
        """Somebody answered: the next failure is a first one again."""
        self._failures = 0

    async def wait(self, error: Exception) -> None:
        """Waits before the next try, after the one that ended in `error`."""
        reason = reason_of(error)
        self._failures += 1
        _log.info("take.waits", take=self._take.id, failures=self._failures, reason=reason)
        if self._failures >= _TOLD_AFTER and not self._is_told:
            self._is_told = True
            await self._tell(reason)
        longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (self._failures - 1))
        await asyncio.sleep(longest * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

    async def _tell(self, reason: str) -> None:
        name = provider_of(self._take.request.model)
        text = f"{name} keeps us waiting: {reason.rstrip('.')}. It is tried again and again, and nothing is lost."
        await self._database.write(
            lambda session: events.append(
                session, self._take.campaign_id, EventName.NOTICE_GIVEN, self._now(), text=text, take=self._take.id
            )
        )

    async def until_installed(self, catalogue: Catalogue) -> tuple[Provider, ModelCard]:
        """Who makes the take, and the model's card.

        A process that has no key for the provider must not give up what another process has paid there: it waits.
        """
        while True:
            try:
                model = self._take.request.model
                return catalogue.provider(model), catalogue.card(model, self._take.kind)
            except ConfigurationError as error:
                await self.wait(error)


def reason_of(error: Exception) -> str:
    """Why something failed, in words that may be shown and kept."""
    return redact(error.message) if isinstance(error, ReelwrightError) else type(error).__name__


async def free_answer(question: Awaitable[T]) -> T:
    """What a provider answers to a question that costs nothing (poll, find, cancel).

    An adapter is somebody else's code: whatever else it raises, and no answer in time, counts as not reached.

    Raises:
        NotSubmitted: there is no answer; ask again.
        ProviderError: the vendor refused; `Throttled` when it only asks to wait.
    """
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await question
    except InDoubt as error:
        raise NotSubmitted(error.message) from error
    except ProviderError:
        raise
    except TimeoutError as error:
        msg = f"No answer came within {_ANSWER_SECONDS:g} seconds."
        raise NotSubmitted(msg) from error
    except Exception as error:
        _log.warning("provider.broke", exc_info=True)
        msg = f"The answer was not understood ({type(error).__name__}); the log says more."
        raise NotSubmitted(msg) from error
