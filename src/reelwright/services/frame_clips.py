"""Clips of frames: one for every frame of a campaign, waited for, and cropped where their model makes no such shape.

The same call again goes on with the run that is under way, or with what an ended one has left: nothing is paid twice.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from reelwright.db import campaigns, events, productions
from reelwright.db.engine import Database, Session
from reelwright.domain.aim import Aim
from reelwright.domain.asset import Asset
from reelwright.domain.event import Event, EventName
from reelwright.domain.generation import Kind, ModelRef, provider_of
from reelwright.domain.ids import CampaignId, ProductionId, ShotId, TakeId, UserId
from reelwright.domain.production import Production
from reelwright.domain.timing import AspectRatio
from reelwright.errors import InvalidInput
from reelwright.services.assets import Assets
from reelwright.services.briefs import Providers
from reelwright.services.catalogue import Catalogue
from reelwright.services.frames import Frame, FrameId, Frames
from reelwright.services.merges import Merges
from reelwright.services.orders import Order, Orders
from reelwright.services.productions import Productions
from reelwright.services.takes import Takes
from reelwright.services.tickets import Ticket

SECONDS = Fraction(5)
"""The length of every clip."""
_LOOK = 0.3
"""Seconds between two looks whether all have settled."""
_RUNS = 200
"""So many of a campaign's newest runs are looked through for one that makes the same."""


@dataclass(frozen=True)
class Batch:
    """What clips are to be made of a campaign's frames."""

    campaign: CampaignId
    ratio: AspectRatio
    prompt: str = ""
    """Instead of what each frame says."""
    at_once: int = 3
    tries: int = 3
    model: str = ""
    """Who makes them; who the campaign's draft names, or else the studio's own, where it is empty."""


@dataclass(frozen=True)
class Outcome:
    """What became of the frames, each in its place."""

    frames: int
    clips: tuple[tuple[FrameId, Asset], ...] = ()
    failures: tuple[tuple[FrameId, str], ...] = ()


class FrameClips:
    """Makes them."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        frames: Frames,
        orders: Orders,
        productions: Productions,
        takes: Takes,
        assets: Assets,
        merges: Merges,
        *,
        cap_micro_usd: int,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._frames = frames
        self._orders = orders
        self._productions = productions
        self._takes = takes
        self._assets = assets
        self._merges = merges
        self._cap = cap_micro_usd

    def model_of(self, provider: str, model: str) -> str:
        """The full name of a model of which the provider, or the model, or both are named.

        Raises:
            InvalidInput: nobody offers that.
        """
        if not provider and (":" in model or not model):
            return model
        named = model if ":" in model else f"{provider}:{model}"
        cards = [str(card.model) for card in self._catalogue.cards(Kind.CLIP)]
        if named in cards:
            return named
        wanted = model.rpartition(":")[2]
        found = [
            card for card in cards if provider in {"", provider_of(ModelRef(card))} and wanted in {"", card.partition(":")[2]}
        ]
        if not found:
            msg = f"provider, model: nobody offers clips by {provider or 'any provider'}{f', {model}' if model else ''}."
            raise InvalidInput(msg)
        return found[0]

    async def make(self, batch: Batch) -> Outcome:
        """A clip for every frame that has a picture; answers when all have settled.

        Raises:
            BudgetExceeded: a cap does not cover them; nothing was asked for.
            ConfigurationError: the model has no key.
            InvalidInput: a frame, or the model, is none with which it could be done.
            NotFound: there is no such campaign.
        """
        frames = [frame for frame in await self._frames.of_campaign(batch.campaign) if frame.asset is not None]
        if not frames:
            return Outcome(0)
        run = await self._start(batch, frames)
        while True:
            found = await self._productions.get(run)
            if found.state.is_ended:
                return await self._outcome(batch, frames, found)
            await asyncio.sleep(_LOOK)

    async def _start(self, batch: Batch, frames: Sequence[Frame]) -> ProductionId:
        aim = Aim(
            kinds=(Kind.CLIP,),
            shots=tuple(frame.shot for frame in frames),
            makes_film=False,
            prompt=batch.prompt,
            ratio=batch.ratio,
            seconds=SECONDS,
            at_once=batch.at_once,
            tries=batch.tries,
        )
        order = Order(batch.campaign, aim, Providers(video=batch.model), first_cap_micro_usd=self._cap)
        model = (await self._orders.price(order)).models.clip

        def look(session: Session) -> tuple[UserId, list[Production]]:
            user = campaigns.get(session, batch.campaign).user_id
            return user, productions.page(session, batch.campaign, before="", limit=_RUNS)

        user, runs = await self._database.read(look)
        same = [run for run in runs if run.aim == aim and run.models.clip == model]
        if same and not same[0].state.is_ended:
            return same[0].id
        # Two who ask at once have seen the same last run, so they show the same ticket, and one run is started.
        digest = hashlib.sha256(repr((aim, model)).encode()).hexdigest()
        key = f"frame clips/{batch.campaign}/{digest}/{same[0].id if same else 'first'}"
        return await self._orders.place(order, Ticket(user, key, digest))

    async def _outcome(self, batch: Batch, frames: Sequence[Frame], run: Production) -> Outcome:
        told = await self._database.read(lambda session: _told(session, run))
        clips: list[tuple[FrameId, Asset]] = []
        failures: list[tuple[FrameId, str]] = []
        for frame in frames:
            kept, reason = told.get(frame.shot, (None, ""))
            take = await self._takes.get(kept) if kept else None
            if take is None or take.asset_id is None:
                failures.append((frame.id, reason or run.error or f"The run was {run.state.value} before it was made."))
                continue
            asset = await self._assets.get(take.asset_id)
            clips.append((frame.id, await self._merges.cropped(asset, batch.ratio.size)))
        return Outcome(len(frames), tuple(clips), tuple(failures))


def _told(session: Session, run: Production) -> dict[ShotId, tuple[TakeId | None, str]]:
    """What the run has kept for each shot, or why it has nothing."""
    found: dict[ShotId, tuple[TakeId | None, str]] = {}
    for event in _events(session, run):
        if event.facts.get("production") != run.id or "shot" not in event.facts:
            continue
        shot = ShotId(str(event.facts["shot"]))
        if event.name is EventName.TAKE_KEPT and event.facts.get("kind") == Kind.CLIP.value:
            found[shot] = TakeId(str(event.facts["take"])), ""
        elif event.name is EventName.SHOT_FAILED:
            found[shot] = None, str(event.facts.get("reason", ""))
    return found


def _events(session: Session, run: Production) -> list[Event]:
    found: list[Event] = []
    while more := events.after(session, run.campaign_id, found[-1].number if found else 0):
        found += more
    return found
