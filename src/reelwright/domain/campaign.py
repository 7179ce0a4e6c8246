"""A campaign: one brief on its way to one or more films. One document, one version, one id that names everything."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reelwright.domain.brief import Brief
from reelwright.domain.concept import Concept
from reelwright.domain.ids import CampaignId, UserId
from reelwright.domain.production import Models
from reelwright.domain.prompt_fitting import FittedPrompt
from reelwright.domain.storyboard import Storyboard

ID_PATTERN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")


class CampaignStatus(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    GENERATING = "generating"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True)
class Document:
    """What a person edits: written as a whole, versioned as a whole."""

    brief: Brief
    concepts: tuple[Concept, ...] = ()
    concept: int | None = None
    """The index of the selected concept."""
    storyboard: Storyboard | None = None
    models: Models | None = None
    """Who makes what, as it was agreed on."""
    written_by: dict[str, str] = field(default_factory=dict[str, str])
    """Who wrote the concepts and the storyboard: `{"concepts": "template:plain"}`."""
    fitted: dict[str, FittedPrompt] = field(default_factory=dict[str, FittedPrompt])
    """Prompts that were too long for a model, as they are sent instead, by `fit_key`: the same shot always asks for the same."""


@dataclass(frozen=True)
class Campaign:
    """The document with what the system knows about it."""

    id: CampaignId
    user_id: UserId
    status: CampaignStatus
    version: int
    document: Document
    created_at: datetime
    cap_micro_usd: int | None = None
    name: str = field(default="", compare=False)
    """What it is called, as it was read; who writes a new one says it in the draft."""
