"""Scenes, as older clients call shots: asked for without a price in sight, so the cap that their campaign has holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from reelwright.db import campaigns, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.aim import Aim
from reelwright.domain.draft import section
from reelwright.domain.generation import Kind
from reelwright.domain.ids import AssetId, CampaignId, ProductionId, TakeId, UserId
from reelwright.domain.storyboard import Shot
from reelwright.domain.take import Take
from reelwright.errors import NotFound
from reelwright.services.drafts import Drafts, Editor
from reelwright.services.orders import Order, Orders
from reelwright.services.tickets import Ticket


@dataclass(frozen=True)
class Scene:
    """A shot with everything that was made for it."""

    number: int
    shot: Shot
    takes: tuple[Take, ...]
    """Oldest first."""
    selected: frozenset[TakeId]

    @property
    def picture(self) -> AssetId | None:
        """The picture that is used."""
        return self._used(Kind.FRAME)

    @property
    def clip(self) -> AssetId | None:
        """The clip that is used."""
        return self._used(Kind.CLIP)

    def _used(self, kind: Kind) -> AssetId | None:
        return next((take.asset_id for take in self.takes if take.kind is kind and take.id in self.selected), None)


class Scenes:
    """Asks for scenes, and shows them."""

    def __init__(
        self, database: Database, orders: Orders, drafts: Drafts, *, cap_micro_usd: int, new_id: Callable[[str], str]
    ) -> None:
        self._database = database
        self._orders = orders
        self._drafts = drafts
        self._cap = cap_micro_usd
        self._new_id = new_id

    async def make(self, campaign: CampaignId, count: int | None, *, by: Editor, key: str = "") -> ProductionId:
        """Asks for a picture of every shot; the shots are written first where there are none. A run that does so is answered.

        Args:
            campaign: whose.
            count: how many shots are to be written; as the brief says where it is None.
            by: who asks.
            key: the client's own for this wish.

        Raises:
            InvalidDraft: the brief is none of a film yet; and others as for `Orders.place`.
        """
        if count is not None:
            await self._set_count(campaign, count, by)
        return await self._place(campaign, Aim((Kind.FRAME,), makes_film=False), key)

    async def _set_count(self, campaign: CampaignId, count: int, by: Editor) -> None:
        current = await self._drafts.get(campaign)
        brief = section(current.doc, "brief")
        if not section(current.doc, "shots") and brief.get("shots") != count:
            await self._drafts.patch(campaign, {"brief": {"shots": count}}, version=current.version, by=by)

    async def make_again(self, campaign: CampaignId, number: int, *, note: str, prompt: str, key: str = "") -> ProductionId:
        """Asks for another picture of one shot, which is used as soon as it is there.

        Raises:
            NotFound: there is no shot of that number; and others as for `Orders.place`.
        """

        def find(session: Session) -> Shot:
            storyboard = campaigns.get(session, campaign).document.storyboard
            if storyboard is None or not 1 <= number <= len(storyboard.shots):
                msg = f"Campaign {campaign} has no scene {number}."
                raise NotFound(msg)
            return storyboard.shots[number - 1]

        shot = await self._database.read(find)
        aim = Aim((Kind.FRAME,), (shot.id,), makes_film=False, is_fresh=True, note=note.strip(), prompt=prompt.strip())
        return await self._place(campaign, aim, key)

    async def film(self, campaign: CampaignId, *, key: str = "") -> ProductionId:
        """Asks for the film; the run that makes it already is answered.

        Raises:
            Conflict: a run makes something else; and others as for `Orders.place`.
        """
        return await self._place(campaign, Aim(), key)

    async def _place(self, campaign: CampaignId, aim: Aim, key: str) -> ProductionId:
        """Places the order, once for each key, or where a client has none, once as long as the same is being made."""

        def look(session: Session) -> tuple[UserId, str]:
            user = campaigns.get(session, campaign).user_id
            same = [run for run in productions.page(session, campaign, before="", limit=100) if run.aim == aim]
            running = [run.id for run in same if not run.state.is_ended]
            return user, running[0] if running else ""

        user, running = await self._database.read(look)
        if running and not aim.is_fresh:
            return ProductionId(running)
        digest = hashlib.sha256(repr((campaign, aim)).encode()).hexdigest()
        ticket = Ticket(user, key or self._new_id("scenes"), digest)
        return await self._orders.place(Order(campaign, aim, first_cap_micro_usd=self._cap), ticket)

    async def of_campaign(self, campaign: CampaignId) -> list[Scene]:
        """The shots in their order, with all takes.

        Raises:
            NotFound: there is no such campaign.
        """

        def look(session: Session) -> list[Scene]:
            storyboard = campaigns.get(session, campaign).document.storyboard
            made = takes.of_campaign(session, campaign)
            used = frozenset(take.id for take in takes.selected(session, campaign).values())
            shots = storyboard.shots if storyboard else ()
            return [
                Scene(number, shot, tuple(take for take in made if take.shot_id == shot.id), used)
                for number, shot in enumerate(shots, 1)
            ]

        return await self._database.read(look)
