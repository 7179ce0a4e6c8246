"""An event: a fact of the past about one campaign. Progress is a fold over events and is stored nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from reelwright.domain.ids import CampaignId

Value: TypeAlias = str | int | float | bool | None


class EventName(StrEnum):
    """Everything that can have happened: noun and past participle."""

    CAMPAIGN_CREATED = "campaign.created"
    CAMPAIGN_TRASHED = "campaign.trashed"
    CAMPAIGN_RESTORED = "campaign.restored"
    DRAFT_UPDATED = "draft.updated"
    WRITING_STARTED = "writing.started"
    WRITING_FAILED = "writing.failed"
    PRODUCTION_STARTED = "production.started"
    PRODUCTION_PAUSED = "production.paused"
    PRODUCTION_RESUMED = "production.resumed"
    PRODUCTION_COMPLETED = "production.completed"
    PRODUCTION_FAILED = "production.failed"
    PRODUCTION_CANCELLED = "production.cancelled"
    CONCEPTS_WRITTEN = "concepts.written"
    CONCEPT_SELECTED = "concept.selected"
    STORYBOARD_WRITTEN = "storyboard.written"
    TAKE_PLANNED = "take.planned"
    TAKE_SUBMITTED = "take.submitted"
    TAKE_PROGRESSED = "take.progressed"
    TAKE_STORING = "take.storing"
    TAKE_KEPT = "take.kept"
    TAKE_FAILED = "take.failed"
    TAKE_DOUBTED = "take.doubted"
    TAKE_CANCELLED = "take.cancelled"
    TAKE_SELECTED = "take.selected"
    SHOT_FAILED = "shot.failed"
    NOTICE_GIVEN = "notice.given"
    FILM_STARTED = "film.started"
    FILM_PROGRESSED = "film.progressed"
    FILM_COMPLETED = "film.completed"


@dataclass(frozen=True)
class Event:
    """One fact. `number` counts from 1 within the campaign, without a gap, in the order of commit."""

    campaign_id: CampaignId
    number: int
    name: EventName
    at: datetime
    facts: Mapping[str, Value]


TEXTS = (EventName.WRITING_STARTED, EventName.WRITING_FAILED, EventName.CONCEPTS_WRITTEN, EventName.STORYBOARD_WRITTEN)
"""What happens to texts that are written on request."""


def under_way(events: Iterable[Event]) -> dict[str, str]:
    """What is being written on request, and the id under which: `{"concepts": "text_..."}`."""
    found: dict[str, str] = {}
    for event in events:
        writing = str(event.facts.get("writing", ""))
        if event.name is EventName.WRITING_STARTED:
            found[writing] = str(event.facts["what"])
        elif event.name in TEXTS:
            found.pop(writing, None)
    return {what: writing for writing, what in found.items()}
