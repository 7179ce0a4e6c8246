"""Events: told to whoever listens, as they happen, and never one less than there are.

A listener reads the table from its own place on, so nothing depends on what this process remembers. One look at the table, four
times a second for all listeners together, only says whom to wake.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from reelwright.db import events, signed_in
from reelwright.db.engine import Database, Session
from reelwright.db.events import Position
from reelwright.db.fence import unfenced
from reelwright.domain.account import Caller
from reelwright.domain.event import Event
from reelwright.domain.ids import CampaignId, UserId
from reelwright.domain.production import Production, Progress, fold_one
from reelwright.errors import InvalidInput, NotFound, TooManyTries

_log = structlog.get_logger()
_LOOK = 0.25
"""Seconds between two looks at the table."""
_PING = 15.0
"""Seconds of silence after which a listener hears that nothing has happened."""
_STILL_SIGNED_IN = 5.0
"""Seconds between two looks whether those who listen still may."""
MOST_STREAMS = 32
"""So many one person may listen on at the same time."""
_BATCH = 500


@dataclass(frozen=True)
class Told:
    """One event, with the place from which one goes on after it."""

    place: str
    event: Event | None
    """None: there are no events from the place that was named on, so whoever listens reads everything anew."""


@dataclass(eq=False)
class _Listener:
    caller: Caller
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False


class Events:
    """Reads events, and lets people listen."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._listeners: set[_Listener] = set()
        self._watching: asyncio.Task[None] | None = None
        self._seen: Position | None = None
        self._is_closed = False

    async def of_campaign(self, campaign: CampaignId, place: str, limit: int = _BATCH) -> list[Told]:
        """What happened in the campaign after that place, oldest first.

        Args:
            campaign: which one.
            place: the number of an event; the beginning where it is empty.
            limit: the most that is answered.

        Raises:
            InvalidInput: the place is none.
            NotFound: there is no such campaign.
        """
        number = _number(place)

        def look(session: Session) -> list[Told]:
            count = events.count(session, campaign)
            if count is None:
                msg = f"There is no campaign {campaign!r}."
                raise NotFound(msg)
            if number > count:
                return [Told(str(count), None)]
            found = [Told(str(event.number), event) for event in events.after(session, campaign, number, limit)]
            is_torn = bool(found) and found[0].event is not None and found[0].event.number > number + 1
            return [Told(str(number), None), *found] if is_torn else found

        return await self._database.read(look)

    async def of_user(self, user: UserId, place: str, limit: int = _BATCH) -> list[Told]:
        """What happened in all of the person's campaigns after that place, each once.

        In the order in which transactions began: two that wrote to one campaign at the same time may be told the other way round,
        and their numbers say so.

        Raises:
            InvalidInput: the place is none.
        """
        position = _position(place)
        found = await self._database.read(lambda session: events.of_user(session, user, position, limit))
        return [Told(_place(at), event) for at, event in found]

    async def progress(self, run: Production) -> Progress:
        """How far the run is, as far as events tell."""
        told = await self._database.read(lambda session: events.since(session, run.campaign_id, run.created_at))
        return fold_one(told, run)

    async def place_now(self) -> str:
        """The place from which on one hears what happens from now on, in all campaigns."""
        with unfenced():
            return _place(await self._database.read(events.newest))

    @property
    def streams(self) -> int:
        """How many listen in this process now."""
        return len(self._listeners)

    def admit(self, caller: Caller) -> None:
        """Refuses who listens too often.

        Raises:
            TooManyTries: so many streams are open for this person.
        """
        if sum(each.caller.user.id == caller.user.id for each in self._listeners) >= MOST_STREAMS:
            msg = f"{MOST_STREAMS} streams of events are open for you: close one first."
            raise TooManyTries(msg, retry_after=_PING)

    async def listen(
        self, caller: Caller, place: str, read: Callable[[str], Awaitable[list[Told]]]
    ) -> AsyncGenerator[list[Told]]:
        """What happens from that place on, as it happens; an empty list after a while of silence.

        Ends when the caller's token or session does, when the campaign is gone, or when the studio closes.

        Args:
            caller: who listens.
            place: where to begin.
            read: what there is after a place.
        """
        listener = _Listener(caller)
        self._listeners.add(listener)
        self._watch()
        try:
            while not (listener.is_over or self._is_closed):
                listener.bell.clear()  # before the look: what happens during it rings again
                while told := await read(place):
                    place = told[-1].place
                    yield told
                while not await _rings(listener.bell):
                    yield []
        except NotFound:
            return
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """Ends every stream; whoever listens comes back to another process, or to this one's successor."""
        self._is_closed = True
        for listener in self._listeners:
            listener.bell.set()
        if self._watching is not None:
            self._watching.cancel()

    def _watch(self) -> None:
        if self._watching is None or self._watching.done():
            self._seen = None
            self._watching = asyncio.create_task(self._look_on())

    async def _look_on(self) -> None:
        loop, asked = asyncio.get_running_loop(), 0.0
        with unfenced():  # it was started by somebody's request, and looks for all
            while self._listeners:
                try:
                    await self._wake()
                    if loop.time() - asked > _STILL_SIGNED_IN:
                        asked = loop.time()
                        await self._send_home()
                except Exception:  # noqa: BLE001 - the next look may be better, and nobody else wakes those who listen
                    _log.exception("events.broke")
                await asyncio.sleep(_LOOK)

    async def _wake(self) -> None:
        seen = self._seen
        if seen is None:
            # Somebody may have looked before this first look, so everybody looks once more after it.
            self._seen = await self._database.read(events.newest)
            users = {each.caller.user.id for each in self._listeners}
        else:
            found = await self._database.read(lambda session: events.concerned(session, seen))
            users = {user for _, user in found}
            self._seen = found[-1][0] if found else seen
        for listener in self._listeners:
            if listener.caller.user.id in users:
                listener.bell.set()

    async def _send_home(self) -> None:
        """Ends the streams of those who are not signed in any more."""
        tokens = {each.caller.token for each in self._listeners if each.caller.token}
        sessions = {each.caller.session for each in self._listeners if each.caller.session}
        at = self._now()
        ended = await self._database.read(lambda session: signed_in.ended(session, tokens, sessions, at))
        for listener in self._listeners:
            if {listener.caller.token, listener.caller.session} & ended:
                listener.is_over = True
                listener.bell.set()


async def _rings(bell: asyncio.Event) -> bool:
    """Whether it rings before it is time to say that nothing has happened."""
    with suppress(TimeoutError):
        await asyncio.wait_for(bell.wait(), _PING)
    return bell.is_set()


def _number(place: str) -> int:
    if not place:
        return 0
    if not (place.isascii() and place.isdigit() and len(place) < 16):  # noqa: PLR2004 - what a column holds
        msg = f"after: {place[:40]!r} is not the number of an event of this campaign."
        raise InvalidInput(msg)
    return int(place)


def _position(place: str) -> Position:
    xact, _, serial = place.partition(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (xact, serial)):  # noqa: PLR2004 - what a column holds
        msg = f"after: {place[:40]!r} is not the id of an event, such as `0.17`."
        raise InvalidInput(msg)
    return Position(int(xact), int(serial))


def _place(position: Position) -> str:
    return f"{position.xact}.{position.serial}"
