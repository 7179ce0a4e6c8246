"""A share link: a film, shown to whoever has the link, until it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from reelwright.domain.ids import CampaignId, FilmId


@dataclass(frozen=True)
class Share:
    """A link, as it is shown to whom its campaign belongs to."""

    id: str
    secret: str = field(repr=False)
    """What nobody can guess: the last part of the link."""
    campaign_id: CampaignId
    film_id: FilmId | None
    """None for the newest film, whichever that is."""
    has_password: bool
    can_download: bool
    views: int
    """How often its page was opened and showed something."""
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it shows anything at that moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)
