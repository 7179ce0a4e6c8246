"""Events: heard as they happen (Server-Sent Events), or read a page at a time. From the id of one, one goes on after it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from reelwright.api.callers import CallerHere, StudioHere
from reelwright.api.problems import problems
from reelwright.bootstrap import Studio
from reelwright.domain.account import Caller
from reelwright.domain.event import Event
from reelwright.domain.ids import CampaignId
from reelwright.errors import NotFound
from reelwright.services.events import Told

router = APIRouter(tags=["events"])
_STREAM = "text/event-stream"
_RETRY = 1500
"""Milliseconds after which a listener that was cut off comes back."""
_PING = ": ping\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_PAGE = 500


class EventView(BaseModel):
    """Something that has happened."""

    id: str = Field(description="From where one goes on after it: `after`, or `Last-Event-ID`.", examples=["17"])
    campaign: str = Field(examples=["campaign_01m7zh3yyb7jg4snzgjr63djpt"])
    number: int = Field(description="Counts from 1 within the campaign, without a gap.")
    name: str = Field(examples=["take.kept"])
    at: datetime
    facts: dict[str, str | int | float | bool | None] = Field(
        examples=[{"take": "take_01m7zh", "shot": "shot-01", "kind": "clip"}]
    )


class EventPage(BaseModel):
    """What has happened since."""

    items: list[EventView]
    next: str = Field(description="Where to ask on, also when nothing has happened.", examples=["17"])
    is_reset: bool = Field(description="There is nothing from the place that you named on: read everything anew.")


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events as they happen, or for who accepts only `application/json`, those that there are.",
        "model": EventPage,
        "content": {_STREAM: {"schema": {"type": "string"}}},
    },
    **problems(NotFound),
}
After = Annotated[str, Query(max_length=60, description="The id of the last event that you know.")]
LastEventId = Annotated[str, Header(max_length=60, description="As `after`; browsers send it when they come back.")]
Accept = Annotated[str, Header(max_length=500, include_in_schema=False)]


@router.get("/campaigns/{campaign}/events", response_class=Response, responses=_ANSWERS)
async def campaign_events(
    campaign: str,
    studio: StudioHere,
    caller: CallerHere,
    after: After = "",
    last_event_id: LastEventId = "",
    accept: Accept = _STREAM,
) -> Response:
    """What happens in a campaign, from its beginning on or after the event with that number.

    An event called `reset` says that there are none from there on: read everything anew.
    """
    return await _answer(studio, caller, campaign, last_event_id or after, accept)


@router.get("/events", response_class=Response, responses=_ANSWERS)
async def all_events(
    studio: StudioHere,
    caller: CallerHere,
    campaign: Annotated[str, Query(max_length=64, description="Only what happens in this one.")] = "",
    after: After = "",
    last_event_id: LastEventId = "",
    accept: Accept = _STREAM,
) -> Response:
    """What happens in all of your campaigns from now on, or after the event with that id; each event once.

    Of two that happen in one campaign at the same moment the later may come first: their numbers tell.
    """
    return await _answer(studio, caller, campaign, last_event_id or after, accept)


async def _answer(studio: Studio, caller: Caller, campaign: str, place: str, accept: str) -> Response:
    async def read(after: str) -> list[Told]:
        if campaign:
            return await studio.events.of_campaign(CampaignId(campaign), after, _PAGE)
        return await studio.events.of_user(caller.user.id, after, _PAGE)

    begin = place or ("0" if campaign else await studio.events.place_now())
    first = await read(begin)  # what is wrong with the question is answered before anything is streamed
    if "application/json" in accept and _STREAM not in accept:
        return JSONResponse(_page(first, begin).model_dump(mode="json"), headers=_HEADERS)
    studio.events.admit(caller)
    return StreamingResponse(_stream(studio, caller, begin, read), media_type=_STREAM, headers=_HEADERS)


def _page(told: list[Told], begin: str) -> EventPage:
    items = [_view(each.place, each.event) for each in told if each.event is not None]
    return EventPage(items=items, next=told[-1].place if told else begin, is_reset=any(each.event is None for each in told))


async def _stream(studio: Studio, caller: Caller, begin: str, read: Callable[[str], Awaitable[list[Told]]]) -> AsyncIterator[str]:
    # With the place to begin with: whoever is cut off before the first event comes back to it.
    yield f"retry: {_RETRY}\nid: {begin}\n\n"
    async for told in studio.events.listen(caller, begin, read):
        yield "".join(map(_block, told)) or _PING


def _block(told: Told) -> str:
    if told.event is None:
        return f"id: {told.place}\nevent: reset\ndata: {{}}\n\n"
    data = json.dumps(_view(told.place, told.event).model_dump(mode="json"), ensure_ascii=False)
    return f"id: {told.place}\nevent: {told.event.name.value}\ndata: {data}\n\n"


def _view(place: str, event: Event) -> EventView:
    return EventView(
        id=place, campaign=event.campaign_id, number=event.number, name=event.name.value, at=event.at, facts=dict(event.facts)
    )
