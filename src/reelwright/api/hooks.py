"""Webhooks: addresses that are told of productions and takes, signed as Standard Webhooks has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from reelwright.api.callers import CallerHere, StudioHere
from reelwright.api.paging import Cursor, Limit, Page
from reelwright.api.problems import problems
from reelwright.domain.event import EventName
from reelwright.domain.hook import TOLD, WAITS, Delivery, DeliveryState, Hook
from reelwright.errors import AddressRefused, ConfigurationError, Conflict, NotFound

router = APIRouter(prefix="/hooks", tags=["webhooks"])
_URL = "Where to POST; https, and no address of a private network unless the operator allows that host."
_EVENTS = f"Which events; all of them when empty. There are {', '.join(f'`{name}`' for name in TOLD)}."


class NewHook(BaseModel):
    """What a new hook is to be."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2000, description=_URL, examples=["https://hooks.example/reelwright"])
    events: list[EventName] = Field(
        default_factory=list[EventName], max_length=len(TOLD), description=_EVENTS, examples=[["production.completed"]]
    )


class HookChange(BaseModel):
    """What of a hook is to be changed; what is left out, or null, stays."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(default=None, max_length=2000, description=_URL)
    events: list[EventName] | None = Field(default=None, max_length=len(TOLD), description=_EVENTS)
    is_active: bool | None = Field(default=None, description="False stops it; true lets it hear of what happens from now on.")


class HookView(BaseModel):
    """A hook."""

    id: str = Field(examples=["hook_01m7zh3yyb7jg4snzgjr63djpt"])
    url: str
    events: list[EventName] = Field(description="Which events it is told of; all when empty.")
    is_active: bool
    created_at: datetime
    disabled_at: datetime | None = Field(
        description="When it was stopped: by somebody, or because nothing has arrived there for days."
    )


class HookSecret(BaseModel):
    """What signs."""

    secret: str = Field(description="Told this once. What is sent is signed with it.", examples=["whsec_..."])


class MadeHook(HookView, HookSecret):
    """A new hook, with its secret."""


class Hooks(BaseModel):
    """The caller's hooks."""

    items: list[HookView]


class DeliveryView(BaseModel):
    """One event on its way to a hook."""

    id: str = Field(description="Its `webhook-id`, the same whenever it is sent again.")
    event: str = Field(examples=["production.completed"])
    state: DeliveryState
    tries: int = Field(description=f"How often it was sent; at most {len(WAITS) + 1} times by itself.")
    status: int | None = Field(description="The HTTP status of the last answer; null where none came.")
    trouble: str = Field(description="Why the last try failed.")
    body: dict[str, Any] = Field(description="What is sent.")
    created_at: datetime
    next_at: datetime | None = Field(description="When it is sent next.")
    delivered_at: datetime | None


@router.get("")
async def list_hooks(studio: StudioHere, caller: CallerHere) -> Hooks:
    """The caller's hooks, oldest first."""
    return Hooks(items=[_view(each) for each in await studio.hooks.of_user(caller.user.id)])


@router.post("", status_code=201, responses=problems(AddressRefused, Conflict))
async def create_hook(studio: StudioHere, caller: CallerHere, wanted: NewHook) -> MadeHook:
    """Have an address told of what happens from now on. The answer holds the secret that signs, this once."""
    hook, secret = await studio.hooks.create(caller.user.id, wanted.url, wanted.events)
    return MadeHook(**_view(hook).model_dump(), secret=secret)


@router.get("/{hook}", responses=problems(NotFound))
async def get_hook(hook: str, studio: StudioHere) -> HookView:
    """One hook."""
    return _view(await studio.hooks.get(hook))


@router.patch("/{hook}", responses=problems(NotFound, AddressRefused))
async def change_hook(hook: str, studio: StudioHere, wanted: HookChange) -> HookView:
    """Change where a hook leads, what it is told of, or whether it is. What waits for one that is stopped is given up."""
    changed = await studio.hooks.change(hook, url=wanted.url, names=wanted.events, is_active=wanted.is_active)
    return _view(changed)


@router.delete("/{hook}", status_code=204, responses=problems(NotFound))
async def delete_hook(hook: str, studio: StudioHere) -> None:
    """Forget a hook, and the log of what was sent to it."""
    await studio.hooks.remove(hook)


@router.post("/{hook}/secret", responses=problems(NotFound, ConfigurationError))
async def renew_hook_secret(hook: str, studio: StudioHere) -> HookSecret:
    """Make a new secret. For a day the one before signs as well, so that both ends need not change at once."""
    return HookSecret(secret=await studio.hooks.renew_secret(hook))


@router.post("/{hook}/test", status_code=202, responses=problems(NotFound, Conflict))
async def test_hook(hook: str, studio: StudioHere) -> DeliveryView:
    """Send a `hook.tested` to the hook, to see whether it arrives."""
    return _told(await studio.hooks.test(hook))


@router.get("/{hook}/deliveries", responses=problems(NotFound))
async def list_deliveries(hook: str, studio: StudioHere, cursor: Cursor = "", limit: Limit = 50) -> Page[DeliveryView]:
    """What was sent to the hook, or is to be sent, in the last 30 days, newest first."""
    found = await studio.hooks.deliveries(hook, before=cursor, limit=limit + 1)
    items = [_told(each) for each in found[:limit]]
    return Page(items=items, next_cursor=items[-1].id if len(found) > limit else None)


@router.post("/{hook}/deliveries/{delivery}/redeliver", status_code=202, responses=problems(NotFound, Conflict))
async def redeliver(hook: str, delivery: str, studio: StudioHere) -> DeliveryView:
    """Send it again under the same id, whether it had arrived or not."""
    return _told(await studio.hooks.redeliver(hook, delivery))


def _view(hook: Hook) -> HookView:
    return HookView(
        id=hook.id,
        url=hook.url,
        events=list(hook.names),
        is_active=hook.disabled_at is None,
        created_at=hook.created_at,
        disabled_at=hook.disabled_at,
    )


def _told(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        id=delivery.id,
        event=delivery.name,
        state=delivery.state,
        tries=delivery.tries,
        status=delivery.status,
        trouble=delivery.trouble,
        body=dict(delivery.body),
        created_at=delivery.created_at,
        next_at=delivery.next_at,
        delivered_at=delivery.delivered_at,
    )
