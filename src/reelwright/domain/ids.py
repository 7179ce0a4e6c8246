"""One type an id, so that a take's id cannot be handed over as an asset's."""

from __future__ import annotations

from typing import NewType

UserId = NewType("UserId", str)
CampaignId = NewType("CampaignId", str)
ProductionId = NewType("ProductionId", str)
ShotId = NewType("ShotId", str)
TakeId = NewType("TakeId", str)
AssetId = NewType("AssetId", str)
FilmId = NewType("FilmId", str)
JobId = NewType("JobId", str)
"""The provider's own id of a job."""
IntentKey = NewType("IntentKey", str)
"""Names one wish to pay: the same key is never submitted twice."""

OWNER = UserId("owner")
"""The one user of a studio without accounts."""
