"""What clients of the older contract ask for beside what all clients do, made of the services that there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reelwright.db.engine import Database
from reelwright.media.workers import Workers
from reelwright.net import Net
from reelwright.services.accounts import Accounts
from reelwright.services.assets import Assets
from reelwright.services.campaign_forms import CampaignForms
from reelwright.services.campaigns import Campaigns
from reelwright.services.catalogue import Catalogue
from reelwright.services.drafts import Drafts
from reelwright.services.fetches import Fetches
from reelwright.services.frame_clips import FrameClips
from reelwright.services.frames import Frames
from reelwright.services.generations import Generations
from reelwright.services.imports import Imports
from reelwright.services.merges import Merges
from reelwright.services.movies import Movies
from reelwright.services.orders import Orders
from reelwright.services.own_takes import OwnTakes
from reelwright.services.productions import Productions
from reelwright.services.scenes import Scenes
from reelwright.services.spool import Spool
from reelwright.services.takes import Takes
from reelwright.store.objects import ObjectStore

_DOLLAR = 1_000_000


@dataclass(frozen=True)
class Ground:
    """What these services stand on."""

    database: Database
    store: ObjectStore
    accounts: Accounts
    catalogue: Catalogue
    net: Net
    assets: Assets
    spool: Spool
    workers: Workers
    folder: Path
    """For what is being made."""
    now: Callable[[], datetime]
    new_id: Callable[[str], str]


@dataclass(frozen=True)
class OlderClients:
    """Their services."""

    fetches: Fetches
    frames: Frames
    frame_clips: FrameClips
    merges: Merges
    movies: Movies
    generations: Generations
    forms: CampaignForms
    scenes: Scenes
    imports: Imports


def open_older_clients(
    ground: Ground,
    campaigns: Campaigns,
    drafts: Drafts,
    own_takes: OwnTakes,
    orders: Orders,
    productions: Productions,
    takes: Takes,
    *,
    upload_limit: int,
    cap_usd: int,
) -> OlderClients:
    """Makes them; `upload_limit` is the largest file in bytes, `cap_usd` what a campaign without a cap may cost."""
    database, assets, now, new_id = ground.database, ground.assets, ground.now, ground.new_id
    fetches = Fetches(database, ground.catalogue, ground.net, assets, limit=upload_limit, new_id=new_id)
    frames = Frames(database, campaigns, drafts, own_takes, fetches)
    merges = Merges(database, assets, ground.workers, folder=ground.folder, now=now, new_id=new_id)
    cap = cap_usd * _DOLLAR
    return OlderClients(
        fetches=fetches,
        frames=frames,
        frame_clips=FrameClips(database, ground.catalogue, frames, orders, productions, takes, assets, merges, cap_micro_usd=cap),
        merges=merges,
        movies=Movies(database, assets, merges, ground.spool, new_id=new_id),
        generations=Generations(database, frames, fetches, now=now, new_id=new_id),
        forms=CampaignForms(campaigns, drafts, fetches),
        imports=Imports(database, ground.store, assets, frames, ground.accounts, ground.workers, now=now, new_id=new_id),
        scenes=Scenes(database, orders, drafts, cap_micro_usd=cap, new_id=new_id),
    )
