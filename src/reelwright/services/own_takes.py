"""Own takes: a person's own picture, clip or sound in the place of a generated one. A take like any other, and free."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from fractions import Fraction

from reelwright.db import assets as asset_rows
from reelwright.db import campaigns, events, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.db.productions import OWN_PREFIX
from reelwright.domain.aim import Aim
from reelwright.domain.asset import Asset
from reelwright.domain.event import EventName
from reelwright.domain.generation import Kind, ModelRef, Request
from reelwright.domain.ids import AssetId, CampaignId, IntentKey, ProductionId, ShotId, TakeId
from reelwright.domain.production import Models, Production, ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.domain.timing import FRAME_RATE, Size
from reelwright.errors import InvalidInput
from reelwright.services.prompts import shot_of
from reelwright.services.selections import choose
from reelwright.services.takes import facts

PROVIDER = "upload"
_MEDIA = {Kind.FRAME: ("image", "picture"), Kind.CLIP: ("video", "clip"), Kind.VOICE: ("audio", "sound")}
_NOBODY = ModelRef(f"{PROVIDER}:")


class OwnTakes:
    """Files what people bring along."""

    def __init__(self, database: Database, *, now: Callable[[], datetime], new_id: Callable[[str], str]) -> None:
        self._database = database
        self._now = now
        self._new_id = new_id

    async def add(self, campaign: CampaignId, shot: ShotId, kind: Kind, asset: AssetId, *, is_selected: bool = True) -> Take:
        """Makes a stored asset a kept take of the shot. The same asset again is the take that it is already.

        The bytes stay where they are: an asset may be of another campaign of the same person.

        Raises:
            Conflict: the campaign has no storyboard yet.
            InvalidInput: the asset is of another kind.
            NotFound: there is no such campaign, shot or asset.
        """

        def file(session: Session) -> Take:
            found = campaigns.get(session, campaign, for_change=True)
            shot_of(found.document, shot)
            row = asset_rows.get(session, asset)
            media, what = _MEDIA[kind]
            if not row.media_type.startswith(f"{media}/"):
                msg = f"asset_id: a {kind.value} needs a {what}, and {asset} is {row.media_type}."
                raise InvalidInput(msg)
            intent = IntentKey(f"own/{campaign}/{shot}/{kind.value}/{asset}")
            take = takes.by_intent(session, intent) or self._file(session, campaign, shot, kind, row, intent)
            if is_selected:
                choose(session, take, self._now())
            return take

        return await self._database.write(file)

    def _file(self, session: Session, campaign: CampaignId, shot: ShotId, kind: Kind, asset: Asset, intent: IntentKey) -> Take:
        at = self._now()
        take = Take(
            id=TakeId(self._new_id("take")),
            campaign_id=campaign,
            production_id=open_file(session, campaign, at),
            shot_id=shot,
            kind=kind,
            number=takes.next_number(session, campaign, shot, kind),
            request=Request(
                kind,
                ModelRef(f"{PROVIDER}:{_MEDIA[kind][1]}"),
                "",
                size=asset.size or Size(0, 0),
                rate=FRAME_RATE,
                seconds=asset.seconds or Fraction(0),
            ),
            intent=intent,
            state=TakeState.KEPT,
            quote_micro_usd=0,
            created_at=at,
            asset_id=asset.id,
        )
        takes.insert(session, take)
        events.append(session, campaign, EventName.TAKE_KEPT, at, **facts(take), asset=asset.id, charged_micro_usd=0)
        return take


def open_file(session: Session, campaign: CampaignId, at: datetime) -> ProductionId:
    """The run that such takes, and films that were made elsewhere, hang on, which has ended before it began."""
    run = ProductionId(f"{OWN_PREFIX}{campaign}")
    if productions.find(session, run) is None:
        models = Models(_NOBODY, _NOBODY, _NOBODY, None)
        aim = Aim(kinds=(), makes_film=False)
        productions.insert(session, Production(run, campaign, ProductionState.COMPLETED, models, at, at, aim=aim))
    return run
