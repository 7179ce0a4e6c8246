"""A hook: an address outside that is told of what happens, and what became of each telling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from reelwright.domain.event import EventName
from reelwright.domain.ids import UserId

TOLD: tuple[EventName, ...] = (
    EventName.PRODUCTION_STARTED,
    EventName.PRODUCTION_PAUSED,
    EventName.PRODUCTION_RESUMED,
    EventName.PRODUCTION_COMPLETED,
    EventName.PRODUCTION_FAILED,
    EventName.PRODUCTION_CANCELLED,
    EventName.TAKE_PLANNED,
    EventName.TAKE_SUBMITTED,
    EventName.TAKE_STORING,
    EventName.TAKE_KEPT,
    EventName.TAKE_FAILED,
    EventName.TAKE_DOUBTED,
    EventName.TAKE_CANCELLED,
    EventName.TAKE_SELECTED,
    EventName.FILM_COMPLETED,
)
"""What a hook can hear of. How far a take is, is no news for another system: it comes several times a second."""
TEST = "hook.tested"
"""The name of what is sent on request, to see whether it arrives."""
WAITS: tuple[timedelta, ...] = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
)
"""How long after each try that failed the next one is made; after the last one it is given up."""


@dataclass(frozen=True)
class Hook:
    """An address that wants to hear of events."""

    id: str
    user_id: UserId
    url: str
    names: tuple[EventName, ...]
    """Which; all of `TOLD` when empty."""
    created_at: datetime
    disabled_at: datetime | None = None

    def wants(self, name: EventName) -> bool:
        """Whether it is told of such an event."""
        return name in (self.names or TOLD)


class DeliveryState(StrEnum):
    """What became of a telling."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one address. Its id stays the same whenever it is sent again."""

    id: str
    hook: str
    user_id: UserId
    serial: int
    """The event's; negative for what was sent on request."""
    name: str
    body: Mapping[str, Any]
    created_at: datetime
    tries: int = 0
    status: int | None = None
    """The last answer's; None where none came."""
    trouble: str = ""
    next_at: datetime | None = None
    """None when it arrived or was given up."""
    delivered_at: datetime | None = None

    @property
    def state(self) -> DeliveryState:
        """What became of it."""
        if self.delivered_at is not None:
            return DeliveryState.DELIVERED
        return DeliveryState.WAITING if self.next_at is not None else DeliveryState.GIVEN_UP
