"""A long upload: a file that arrives in parts, over as many connections as it takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reelwright.domain.ids import AssetId, CampaignId, UserId


@dataclass(frozen=True)
class Part:
    """Some of the bytes, as an object of their own."""

    key: str
    size: int


@dataclass(frozen=True)
class Upload:
    """What has arrived, and what is still to come."""

    id: str
    user_id: UserId
    campaign_id: CampaignId
    length: int
    """Bytes that it will have."""
    name: str
    """The file's, as its sender calls it."""
    media_type: str
    """As its sender says; empty where nothing was said."""
    created_at: datetime
    expires_at: datetime
    parts: tuple[Part, ...] = ()
    """In their order."""
    asset_id: AssetId | None = None
    """What became of it."""

    @property
    def offset(self) -> int:
        """Bytes that have arrived and are stored."""
        return sum(part.size for part in self.parts)

    @property
    def is_whole(self) -> bool:
        """Nothing is missing any more."""
        return self.offset == self.length
