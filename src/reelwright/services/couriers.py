"""Couriers: what happens is told to every hook that wants to hear of it, at least once, whatever dies in between.

The table of events is the outbox: deliveries are written with the mark up to which it was read, in one transaction. A delivery is
sent until it is written down that it arrived, always under the same id, so that whoever hears it twice can tell.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog
from standardwebhooks import Webhook

from reelwright import __version__
from reelwright.db import deliveries, events, hooks, marks
from reelwright.db.deliveries import Due
from reelwright.db.engine import Database, Session
from reelwright.domain.event import Event
from reelwright.domain.hook import WAITS, Delivery, Hook
from reelwright.domain.ids import UserId
from reelwright.errors import AddressRefused, ConfigurationError, NotFound, ReelwrightError
from reelwright.net import Net
from reelwright.services.hooks import READER, sealing_name, signing
from reelwright.services.sealing import Safe

_LOOK = 0.5
"""Seconds between two looks."""
_NEXT = 0.05
"""The same after one at which something was due: there may be more."""
_BATCH = 500
_AT_ONCE, _OF_ONE_HOOK = 32, 4
"""So many are on their way at the same time, in all and to one hook."""
_PATIENCE = 15.0
"""Seconds that an address has to answer."""
_FAILING = timedelta(days=3)
"""A hook at which nothing has arrived for so long is disabled."""
_KEPT = timedelta(days=30)
_TIDY = timedelta(hours=1)
_log = structlog.get_logger()


class Couriers:
    """Reads what has happened, and tells it."""

    def __init__(
        self, database: Database, safe: Safe, net: Net, *, now: Callable[[], datetime], new_id: Callable[[str], str]
    ) -> None:
        self._database = database
        self._safe = safe
        self._net = net
        self._now = now
        self._new_id = new_id
        self._on_their_way: dict[str, asyncio.Task[None]] = {}
        self._tidied: datetime | None = None

    async def watch(self, leads: Callable[[], bool]) -> None:
        """Tells what there is to tell, as long as this process leads, until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                begun = 0
                try:
                    if leads():
                        await self.collect()
                        begun = await self._send(group)
                        await self._tidy()
                except Exception:  # noqa: BLE001 - the next look may be better, and nobody else tells these
                    _log.exception("hooks.broke")
                await asyncio.sleep(_NEXT if begun else _LOOK)

    async def collect(self) -> None:
        """Writes a delivery for everything that has happened and is wanted, and how far was read: both, or neither."""
        while await self._database.read(_is_behind):
            await self._database.write(self._read_on)

    async def send(self) -> None:
        """Sends what is due, and waits until each has been answered."""
        async with asyncio.TaskGroup() as group:
            await self._send(group)

    def _read_on(self, session: Session) -> None:
        mark = marks.lock(session, READER)
        told = events.of_all(session, mark, _BATCH)
        wanting: dict[UserId, list[Hook]] = {}
        for hook in hooks.active(session):
            wanting.setdefault(hook.user_id, []).append(hook)
        for position, user, event in told:
            for hook in wanting.get(user, []):
                if hook.wants(event.name) and event.at >= hook.created_at:
                    deliveries.insert(session, self._delivery(hook, position.serial, event))
        if told:
            marks.move(session, READER, told[-1][0])

    def _delivery(self, hook: Hook, serial: int, event: Event) -> Delivery:
        at = self._now()
        facts = {"campaign": event.campaign_id, "number": event.number, **event.facts}
        return Delivery(
            id=self._new_id("delivery"),
            hook=hook.id,
            user_id=hook.user_id,
            serial=serial,
            name=event.name.value,
            body={"type": event.name.value, "timestamp": event.at.isoformat(), "data": facts},
            created_at=at,
            next_at=at,
        )

    async def _send(self, group: asyncio.TaskGroup) -> int:
        """Begins to send what is due; how many."""
        begun = 0
        found = await self._database.read(lambda session: deliveries.due(session, self._now(), _OF_ONE_HOOK))
        for each in found:
            if len(self._on_their_way) >= _AT_ONCE:
                break
            if each.delivery.id not in self._on_their_way:
                task = group.create_task(self._deliver(each))
                self._on_their_way[each.delivery.id] = task
                task.add_done_callback(lambda _, delivery=each.delivery.id: self._on_their_way.pop(delivery, None))
                begun += 1
        return begun

    async def _deliver(self, due: Due) -> None:
        try:
            tried = await self._try(due)
            await self._database.write(lambda session: self._keep(session, due.delivery, tried))
        except Exception:  # noqa: BLE001 - it is still due, and the others must not suffer
            _log.exception("hooks.broke", delivery=due.delivery.id)

    async def _try(self, due: Due) -> Delivery:
        """Sends it once; what became of it."""
        status, trouble, wait = None, "", None
        try:
            status, wait = await self._post(due)
        except ConfigurationError:
            trouble = "The secret of the hook cannot be opened with the studio's secret key: make a new hook."
        except AddressRefused:
            trouble = "The address leads into a private network, or is no https."  # and not where: that would map the network
        except ReelwrightError as error:
            trouble = error.message
        if status is not None and not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            is_moved = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
            trouble = f"Answered HTTP {status}." + (" A redirect is not followed." if is_moved else "")
        at = self._now()
        tried = replace(due.delivery, tries=due.delivery.tries + 1, status=status, trouble=trouble)
        if not trouble:
            return replace(tried, next_at=None, delivered_at=at)
        if tried.tries > len(WAITS) or status == HTTPStatus.GONE:
            return replace(tried, next_at=None, trouble=f"Given up after {tried.tries} tries. {trouble}")
        longest = WAITS[-1].total_seconds()
        seconds = max(WAITS[tried.tries - 1].total_seconds(), min(wait or 0, longest))
        return replace(tried, next_at=at + timedelta(seconds=seconds * random.uniform(1, 1.1)))  # noqa: S311 - no secret

    async def _post(self, due: Due) -> tuple[int, float | None]:
        """The status of the answer, and how many seconds it asks to wait."""
        delivery, at = due.delivery, self._now()
        content = json.dumps(delivery.body, ensure_ascii=False, separators=(",", ":"))
        opened = self._safe.open(sealing_name(delivery.hook), due.sealed)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"reelwright/{__version__}",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(Webhook(each).sign(delivery.id, at, content) for each in signing(opened, at)),
        }
        answer = await self._net.post(due.url, content.encode(), headers=headers, timeout_seconds=_PATIENCE)
        return answer.status, answer.retry_after

    def _keep(self, session: Session, before: Delivery, tried: Delivery) -> None:
        """Writes down what became of it, unless somebody wants it sent again, or has removed the hook."""
        try:
            hooks.get(session, before.hook, for_change=True)
            known = deliveries.get(session, before.id, for_change=True)
        except NotFound:
            return
        if (known.tries, known.next_at) != (before.tries, before.next_at):
            return
        deliveries.write(session, tried)
        if tried.next_at is None and tried.delivered_at is None:
            _log.warning("hooks.given_up", hook=tried.hook, delivery=tried.id, reason=tried.trouble)
            is_gone = tried.status == HTTPStatus.GONE
            if is_gone or deliveries.fails_since(session, tried.hook, self._now() - _FAILING):
                why = "it answered that it is gone" if is_gone else f"nothing has arrived there for {_FAILING.days} days"
                hooks.change(session, tried.hook, disabled_at=self._now())
                deliveries.give_up(session, tried.hook, f"The hook was disabled: {why}.")
                _log.warning("hooks.disabled", hook=tried.hook, reason=why)

    async def _tidy(self) -> None:
        at = self._now()
        if self._tidied is None or at - self._tidied >= _TIDY:
            await self._database.write(lambda session: deliveries.sweep(session, at - _KEPT))
            self._tidied = at


def _is_behind(session: Session) -> bool:
    """Whether something has happened that nobody has read yet, while somebody wants to hear of it."""
    if not hooks.is_any_active(session):
        return False
    mark = marks.find(session, READER)
    return mark is None or events.newest(session) > mark
