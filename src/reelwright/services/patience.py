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
from reelwright.errors import ConfigurationError, InDoubt, KeyRefused, NotSubmitted, ProviderError, Throttled
from reelwright.ports import Provider
from reelwright.services.catalogue import Catalogue
from reelwright.services.failures import reason_of

T = TypeVar("T")
_log = structlog.get_logger()

_FIRST_WAIT = 0.25
_LONGEST_WAIT = 30.0
"""Seconds between two tries, where nobody says how long."""
_LONGEST_ASKED = 900.0
"""Seconds that we wait at most where a vendor asks for more: asking a bit too early costs nothing."""
_TOLD_AFTER = 3
"""Tries in a row that fail before a person is told: one that passes by itself is not worth a word."""
_ANSWER_SECONDS = 120.0
"""How long a question that is free may take."""
_FIRST_REST = 1.0
"""Seconds between a take that failed and the next one; four times as long before the one after that."""


class Patience:
    """The waits of one piece of work on a take: doubling, with jitter, and never shorter than the vendor asks.

    The person is told once that somebody lets it wait, and once that a key is refused.
    """

    def __init__(
        self,
        database: Database,
        take: Take,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`sleep` may return early: then somebody knows that asking again is worth it."""
        self._database = database
        self._take = take
        self._now = now
        self._sleep = sleep
        self._failures = 0
        self._told = set[str]()

    def renew(self) -> None:
        """Somebody answered: the next failure is a first one again."""
        self._failures = 0

    async def wait(self, error: Exception) -> None:
        """Waits before the next try, after the one that ended in `error`."""
        await self._sleep(await self.after(error))

    async def after(self, error: Exception) -> float:
        """Counts a failure, tells the person where it is time to, and returns the seconds until the next try."""
        reason = reason_of(error)
        self._failures += 1
        asked = min(_LONGEST_ASKED, (error.retry_after or 0.0) if isinstance(error, Throttled) else 0.0)
        _log.info("take.waits", take=self._take.id, failures=self._failures, asked=asked, reason=reason)
        if self._failures >= _TOLD_AFTER or asked > _LONGEST_WAIT:
            await self._tell(error, reason)
        longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self._failures - 1, 16))
        doubled = longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
        return max(doubled, asked * random.uniform(1.0, 1.1))  # noqa: S311 - no secret

    async def _tell(self, error: Exception, reason: str) -> None:
        if _subject(error) in self._told:
            return
        self._told.add(_subject(error))
        name = provider_of(self._take.request.model)
        if isinstance(error, KeyRefused):
            text = (
                f"{name} does not take our key ({reason.rstrip('.')}). What is paid there is safe, and it is fetched as soon as "
                "there is a key that works: `reelwright keys set`."
            )
        else:
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

    async def until_there(self, catalogue: Catalogue) -> Provider:
        """Who has the take's job. Its model need not be on offer any more, or ever have been."""
        while True:
            try:
                return catalogue.provider(self._take.request.model)
            except ConfigurationError as error:
                await self.wait(error)


def _subject(error: Exception) -> str:
    """What the person is told once: that a key is refused, or that there is a wait of any other kind."""
    return KeyRefused.code if isinstance(error, KeyRefused) else ""


async def rest_before(number: int) -> None:
    """Waits before the `number`th take of one kind of a shot, after the one before has failed: longer each time, with jitter."""
    longest = _FIRST_REST * 4 ** (number - 2)
    await asyncio.sleep(longest * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret


async def free_answer(question: Awaitable[T]) -> T:
    """What a provider answers to a question that costs nothing (poll, find, cancel, a list).

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
