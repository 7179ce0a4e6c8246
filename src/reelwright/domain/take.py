"""A take: one attempt at a frame, a clip or a voice. Numbered from 1 within its shot and kind, never overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reelwright.domain.generation import Failure, Kind, Request
from reelwright.domain.ids import AssetId, CampaignId, IntentKey, JobId, ProductionId, ShotId, TakeId


class TakeState(StrEnum):
    """The life of a take, in order. Every arrow is one committed transaction."""

    PLANNED = "planned"
    """The intent is written and the money held; nothing was sent."""
    SUBMITTING = "submitting"
    """A submit may be on its way. Found after a crash, it is reconciled and never repeated blindly."""
    SUBMITTED = "submitted"
    """The provider's job id is recorded."""
    STORING = "storing"
    """The job has ended at the provider, and its output is on its way home. It occupies no place there any more."""
    KEPT = "kept"
    """The output is a verified asset."""
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    """Nobody can tell whether the submit arrived. A person decides."""
    CANCELLED = "cancelled"
    """Ended before anything was sent."""

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self in {TakeState.KEPT, TakeState.FAILED, TakeState.IN_DOUBT, TakeState.CANCELLED}


AT_PROVIDER = frozenset({TakeState.SUBMITTING, TakeState.SUBMITTED})
"""The states that occupy one of the places that a provider gives an account."""


@dataclass(frozen=True)
class Take:
    """One attempt, with its request, its money and where it stands."""

    id: TakeId
    campaign_id: CampaignId
    production_id: ProductionId
    shot_id: ShotId
    kind: Kind
    number: int
    request: Request
    intent: IntentKey
    state: TakeState
    quote_micro_usd: int
    created_at: datetime
    submitting_at: datetime | None = None
    job_id: JobId | None = None
    asset_id: AssetId | None = None
    charged_micro_usd: int = 0
    account: str = ""
    """Whose places at the provider it occupies, since it was submitted."""
    is_left: bool = False
    """Its production waits for it no longer: upkeep brings it home, and it is chosen only where nothing else is."""
    failure: Failure | None = None
