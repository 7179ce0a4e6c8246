"""Merges: clips of a person's own joined into a film as they are; and single ones cropped to another shape.

The same clips merged in the same way again are the film that there is. A film that was made elsewhere is filed beside the others.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from weakref import WeakValueDictionary

from reelwright.db import assets as asset_rows
from reelwright.db import campaigns, films
from reelwright.db.engine import Database, Session
from reelwright.domain.asset import Asset, AssetKind, extension
from reelwright.domain.card import cut_off
from reelwright.domain.film import Clip, CutList, Film
from reelwright.domain.ids import CampaignId, FilmId, TakeId
from reelwright.domain.timing import FRAME_RATE, Size, frame_count
from reelwright.errors import InvalidInput
from reelwright.media.facts import Merging
from reelwright.media.front import merge
from reelwright.media.workers import Workers
from reelwright.services.assets import Assets
from reelwright.services.fetches import must_be
from reelwright.services.own_takes import open_file
from reelwright.services.sources import Purpose

_SAME_SHAPE = Fraction(1, 100)
"""The part of a picture that may be missing where two shapes count as the same: sizes are even numbers."""
MOST_CLIPS = 120
"""So many clips are merged at once."""


class Merges:
    """Merges, and files what was merged."""

    def __init__(
        self,
        database: Database,
        assets: Assets,
        workers: Workers,
        *,
        folder: Path,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._database = database
        self._assets = assets
        self._workers = workers
        self._folder = folder
        self._now = now
        self._new_id = new_id
        self._at_work: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def film(self, campaign: CampaignId, clips: Sequence[Asset], how: Merging) -> Asset:
        """The clips as one film of the campaign. One clip of which nothing is to be different is the film as it is.

        Raises:
            InvalidInput: there is none, or too many, or one is no clip.
            NotFound: there is no such campaign.
            RenderError: one cannot be used.
            StorageError: the store does not answer.
        """
        if not 1 <= len(clips) <= MOST_CLIPS:
            msg = f"videoClipUrls: name 1 to {MOST_CLIPS} clips."
            raise InvalidInput(msg)
        for clip in clips:
            must_be(clip, "video")
        is_plain = len(clips) == 1 and how == Merging(container=how.container)
        if is_plain and extension(clips[0].media_type) == how.container:
            made = clips[0]
        else:
            made = await self._made(campaign, AssetKind.FILM, "merged", clips, how)
        await self.file(campaign, made, clips)
        return made

    async def cropped(self, clip: Asset, size: Size) -> Asset:
        """The clip in the shape of that size: the middle of it, as large as it is there; itself where it has the shape."""
        if clip.size is None or cut_off(clip.size, size) <= _SAME_SHAPE:
            return clip
        wide, high = clip.size
        if wide * size.height > size.width * high:
            wide = size.width * high // size.height
        else:
            high = size.height * wide // size.width
        inner = Size(wide - wide % 2, high - high % 2)
        return await self._made(clip.campaign_id, AssetKind.CLIP, "cropped", [clip], Merging(size=inner))

    async def file(self, campaign: CampaignId, film: Asset, clips: Sequence[Asset] = ()) -> None:
        """Files an asset as a film of the campaign, where it is not filed yet."""
        parts = clips or [film]

        def write(session: Session) -> None:
            campaigns.get(session, campaign, for_change=True)
            if any(film.id in known.assets.values() for known in films.of_campaign(session, campaign)):
                return
            made = Film(
                id=FilmId(self._new_id("film")),
                campaign_id=campaign,
                production_id=open_file(session, campaign, self._now()),
                number=films.next_number(session, campaign),
                cut_list=CutList(film.size or Size(0, 0), tuple(_clip(each) for each in parts)),
                assets={},
                report={},
                created_at=self._now(),
            )
            films.insert(session, made)
            films.finish(session, made.id, {"film": film.id}, {})

        await self._database.write(write)

    async def _made(self, campaign: CampaignId, kind: AssetKind, name: str, clips: Sequence[Asset], how: Merging) -> Asset:
        digest = hashlib.sha256(repr(([clip.id for clip in clips], how)).encode()).hexdigest()
        maker = f"{name}/{campaign}/{digest[:32]}"
        lock = self._at_work.setdefault(maker, asyncio.Lock())
        async with lock:  # whoever asks meanwhile gets the one that is being made
            known = await self._database.read(lambda session: asset_rows.of_maker(session, maker))
            return known[0] if known else await self._make(campaign, kind, name, maker, clips, how)

    async def _make(
        self, campaign: CampaignId, kind: AssetKind, name: str, maker: str, clips: Sequence[Asset], how: Merging
    ) -> Asset:
        found = await self._database.read(lambda session: campaigns.get(session, campaign))
        purpose = Purpose(
            user=found.user_id,
            campaign=campaign,
            kind=kind,
            name=name,
            maker=maker,
            provenance={"made_from": " ".join(clip.id for clip in clips)},
            media="video",
            is_alone=False,
        )
        with TemporaryDirectory(dir=self._folder, prefix=f"copy-{os.getpid()}-") as folder:
            output = Path(folder) / f"{name}.{how.container}"
            async with AsyncExitStack() as files:
                paths = [str(await files.enter_async_context(self._assets.file_of(clip))) for clip in clips]
                await self._workers.run(merge, paths, str(output), how)
            return await self._assets.adopt(await self._assets.keep_file(output, purpose))


def _clip(asset: Asset) -> Clip:
    frames = max(1, frame_count(asset.seconds or Fraction(0), FRAME_RATE))
    return Clip(asset.take_id or TakeId(""), asset.id, frames)
