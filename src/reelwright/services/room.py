"""Room: work on a film that finds no room on the disk, or no store that answers, waits for it and does not fail."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import structlog

from reelwright.db import events, productions
from reelwright.db.engine import Database
from reelwright.domain.event import EventName
from reelwright.domain.film import Film
from reelwright.errors import Cancelled, StorageError
from reelwright.files import is_full
from reelwright.services.failures import reason_of

T = TypeVar("T")
_log = structlog.get_logger()

_LOOK = 1.0
"""Seconds between two looks whether there is more room, and whether anybody still wants the film."""
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0
"""Seconds between two tries at a store that does not answer."""
_MORE = 1 << 20
"""Bytes of room more than there were that are worth a try: one costs minutes of work."""


class Room:
    """The waits of one film. The person is told of each kind once."""

    def __init__(self, database: Database, film: Film, folder: Path, *, now: Callable[[], datetime]) -> None:
        """`folder` lies on the disk that the film is made on."""
        self._database = database
        self._film = film
        self._folder = folder
        self._now = now
        self._told = set[str]()

    async def patiently(self, work: Callable[[], Awaitable[T]], *, is_costly: bool = False) -> T:
        """What `work` makes in the end; it is done again from its beginning, and leaves nothing when it fails.

        Args:
            work: what is done.
            is_costly: whether it is not tried again on a full disk before there is more room.

        Raises:
            Cancelled: the production was ended meanwhile.
        """
        tries = 0
        while True:
            try:
                return await work()
            except (StorageError, OSError) as error:
                if not (is_full(error) or (isinstance(error, StorageError) and error.retryable)):
                    raise
                problem = error
            tries += 1
            _log.warning("film.waits", film=self._film.id, tries=tries, reason=reason_of(problem))
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(tries - 1, 16))
            if is_full(problem):
                await self._tell("The disk is full, so the film waits. Nothing is lost: it goes on as soon as there is room.")
                await self._until_more(math.inf if is_costly else wait)
            else:
                why = reason_of(problem).rstrip(".")
                await self._tell(f"The film waits: {why}. It is tried again and again, and nothing is lost.")
                await self._until_more(wait)

    async def _until_more(self, seconds: float) -> None:
        """Waits until there is more room on the disk, or the time is over."""
        enough = shutil.disk_usage(self._folder).free + _MORE
        while seconds > 0 and shutil.disk_usage(self._folder).free < enough:
            run = await self._database.read(lambda session: productions.get(session, self._film.production_id))
            if run.state.is_ended:
                msg = f"The production was {run.state.value}, so its film is not made."
                raise Cancelled(msg)
            await asyncio.sleep(_LOOK)
            seconds -= _LOOK

    async def _tell(self, text: str) -> None:
        if text in self._told:
            return
        self._told.add(text)
        film = self._film
        await self._database.write(
            lambda session: events.append(session, film.campaign_id, EventName.NOTICE_GIVEN, self._now(), text=text, film=film.id)
        )
