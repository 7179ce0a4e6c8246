"""Films: the selected takes as a cut list, and the cut list as a file with its companions."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from reelwright.db import assets as asset_rows
from reelwright.db import campaigns, events, films, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.brief import CaptionMode
from reelwright.domain.campaign import Campaign
from reelwright.domain.event import EventName
from reelwright.domain.film import Clip, CutList, Film, Speech
from reelwright.domain.generation import Kind
from reelwright.domain.ids import AssetId, CampaignId, FilmId, ProductionId
from reelwright.domain.timing import FRAME_RATE, frame_count
from reelwright.errors import Cancelled, Conflict
from reelwright.media.captions import Narration, captions, line_length, srt, vtt
from reelwright.media.facts import Rendered, SheetEntry
from reelwright.media.front import contact_sheet, poster, render
from reelwright.media.workers import Workers
from reelwright.services.assets import Assets, Purpose
from reelwright.services.productions import until_running
from reelwright.services.prompts import VOICE_LEAD
from reelwright.services.room import Room

FILES = {"film": ".mp4", "poster": "-poster.jpg", "sheet": "-storyboard.png", "srt": ".srt", "vtt": ".vtt"}
"""What a film consists of, and how the files are called beside each other."""

_KINDS = {
    "film": AssetKind.FILM,
    "poster": AssetKind.POSTER,
    "sheet": AssetKind.SHEET,
    "srt": AssetKind.CAPTIONS,
    "vtt": AssetKind.CAPTIONS,
}
_PROGRESS_STEP = 0.05
_SILENCE = -120.0
"""dBTP: JSON has no minus infinity."""


class Films:
    """Cuts and renders."""

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

    async def get(self, film: FilmId) -> Film:
        """The film.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda session: films.get(session, film))

    async def of_campaign(self, campaign: CampaignId) -> list[Film]:
        """The campaign's films, oldest first.

        Raises:
            NotFound: there is no such campaign.
        """

        def look(session: Session) -> list[Film]:
            campaigns.get(session, campaign)
            return films.of_campaign(session, campaign)

        return await self._database.read(look)

    async def cut(self, production: ProductionId) -> FilmId:
        """Writes the film with its cut list, out of the takes that are selected now; answers the film that was cut before.

        Raises:
            Cancelled: the production has ended.
            Conflict: a shot has no selected clip.
        """
        await until_running(self._database, production)

        def write(session: Session) -> FilmId:
            known = films.of_production(session, production)
            if known is not None:
                return known.id
            run = productions.get(session, production)
            if run.state.is_ended:
                msg = f"The production was {run.state.value}, so its film is not made."
                raise Cancelled(msg)
            campaign_id = run.campaign_id
            campaign = campaigns.get(session, campaign_id, for_change=True)
            film = Film(
                id=FilmId(self._new_id("film")),
                campaign_id=campaign_id,
                production_id=production,
                number=films.next_number(session, campaign_id),
                cut_list=_cut_list(session, campaign),
                assets={},
                report={},
                created_at=self._now(),
            )
            films.insert(session, film)
            events.append(session, campaign_id, EventName.FILM_STARTED, self._now(), film=film.id, production=production)
            return film.id

        return await self._database.write(write)

    async def render(self, film_id: FilmId) -> None:
        """Renders the film and keeps it with its poster, captions and storyboard. Done before, it does nothing.

        Interrupted, it starts over: files that were kept already are used, and what was half written goes. Where there is no
        room on the disk, or the store does not take or give files, it waits.

        Raises:
            Cancelled: the production was ended while it waited.
            RenderError: a clip cannot be used, or the worker died.
        """
        film = await self._database.read(lambda session: films.get(session, film_id))
        if film.assets:
            return
        campaign = await self._database.read(lambda session: campaigns.get(session, film.campaign_id))
        folder = self._folder / film_id
        room = Room(self._database, film, self._folder, now=self._now)
        try:
            rendered = await room.patiently(lambda: self._make(film, campaign, folder), is_costly=True)
            kept = await room.patiently(lambda: self._keep_all(film, campaign, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        await self._finish(film, kept, rendered)

    async def _make(self, film: Film, campaign: Campaign, folder: Path) -> Rendered:
        """The film's files, in the folder; when it fails, what is half written gives its room back."""
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True)  # noqa: ASYNC240 - a local folder
            rendered = await self._render(film, folder)
            await self._draw_sheet(film, campaign, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return rendered

    async def _keep_all(self, film: Film, campaign: Campaign, folder: Path) -> dict[str, AssetId]:
        return {name: (await self._keep(film, campaign, name, folder)).id for name in FILES if _is_made(folder, name)}

    async def _render(self, film: Film, folder: Path) -> Rendered:
        cut, output = film.cut_list, folder / f"film{FILES['film']}"
        async with AsyncExitStack() as stack:

            async def path_of(asset: AssetId) -> str:
                row = await self._assets.get(asset)
                return str(await stack.enter_async_context(self._assets.file_of(row)))

            clips = [await path_of(clip.asset_id) for clip in cut.clips]
            voices = [await path_of(speech.asset_id) for speech in cut.speech]
            told = _Teller(self._database, film, self._now)
            try:
                rendered = await self._workers.run(render, cut, clips, voices, str(output), on_progress=told)
            finally:
                await told.settle()
        await self._workers.run(poster, str(output), str(folder / f"film{FILES['poster']}"))
        if cut.cues:
            (folder / f"film{FILES['srt']}").write_text(srt(cut.cues), encoding="utf-8")
            (folder / f"film{FILES['vtt']}").write_text(vtt(cut.cues), encoding="utf-8")
        return rendered

    async def _draw_sheet(self, film: Film, campaign: Campaign, folder: Path) -> None:
        selected = await self._database.read(lambda session: takes.selected(session, film.campaign_id))
        storyboard = campaign.document.storyboard
        async with AsyncExitStack() as stack:
            entries: list[SheetEntry] = []
            at = Fraction(0)
            for number, shot in enumerate(storyboard.shots if storyboard else (), 1):
                take = selected.get((shot.id, Kind.FRAME))
                if take is not None and take.asset_id is not None:
                    row = await self._assets.get(take.asset_id)
                    path = await stack.enter_async_context(self._assets.file_of(row))
                    when = f"{_clock(at)} – {_clock(at + shot.seconds)}"
                    entries.append(SheetEntry(str(path), number, shot.title, shot.narration or shot.text, when))
                at += shot.seconds
            if not entries:
                return  # all clips are the person's own: there is no storyboard to show
            brief = campaign.document.brief
            subtitle = f"{brief.ratio.value} · {_clock(at)}"
            output = str(folder / f"film{FILES['sheet']}")
            await self._workers.run(contact_sheet, entries, brief.name, output, subtitle, brief.language)

    async def _keep(self, film: Film, campaign: Campaign, name: str, folder: Path) -> Asset:
        maker = f"{film.id}/{name}"
        known = await self._database.read(lambda session: asset_rows.of_maker(session, maker))
        if known:
            return known[-1]
        purpose = Purpose(
            user=campaign.user_id,
            campaign=film.campaign_id,
            kind=_KINDS[name],
            name=f"film-{film.number:02d}-{name}",
            maker=maker,
            provenance={"film": film.id, "takes": " ".join(clip.take_id for clip in film.cut_list.clips)},
        )
        return await self._assets.adopt(await self._assets.keep_file(folder / f"film{FILES[name]}", purpose))

    async def _finish(self, film: Film, kept: dict[str, AssetId], rendered: Rendered) -> None:
        report: dict[str, float] = {
            "frames": rendered.frames,
            "copied": rendered.copied,
            "encoded": rendered.encoded,
            "lufs": rendered.lufs,
            "true_peak": max(_SILENCE, rendered.true_peak),
        }

        def finish(session: Session) -> None:
            if films.finish(session, film.id, kept, report):
                facts = {"film": film.id, "production": film.production_id, "asset": kept["film"], "frames": rendered.frames}
                events.append(session, film.campaign_id, EventName.FILM_COMPLETED, self._now(), **facts)

        await self._database.write(finish)


def _clock(seconds: Fraction) -> str:
    """`1:05`, or `1:05.5` where it does not fall on a second."""
    minutes, rest = divmod(seconds, 60)
    tenths = int(rest * 10 + Fraction(1, 2))
    return f"{minutes}:{tenths // 10:02d}" + (f".{tenths % 10}" if tenths % 10 else "")


def _is_made(folder: Path, name: str) -> bool:
    return (folder / f"film{FILES[name]}").exists()


class _Teller:
    """Turns the worker's progress into events, a few of them."""

    def __init__(self, database: Database, film: Film, now: Callable[[], datetime]) -> None:
        self._database = database
        self._film = film
        self._now = now
        self._told = 0.0
        self._writes: list[asyncio.Future[None]] = []

    def __call__(self, fraction: float) -> None:
        """Called on the event loop for every piece of progress."""
        if fraction - self._told >= _PROGRESS_STEP:
            self._told = fraction
            self._writes.append(asyncio.ensure_future(self._database.write(self._write)))

    def _write(self, session: Session) -> None:
        facts = {"film": self._film.id, "production": self._film.production_id, "fraction": round(self._told, 2)}
        events.append(session, self._film.campaign_id, EventName.FILM_PROGRESSED, self._now(), **facts)

    async def settle(self) -> None:
        """Waits until everything is told."""
        await asyncio.gather(*self._writes)


def _cut_list(session: Session, campaign: Campaign) -> CutList:
    brief, storyboard = campaign.document.brief, campaign.document.storyboard
    if storyboard is None:
        msg = "The campaign has no storyboard to cut."
        raise Conflict(msg)
    selected = takes.selected(session, campaign.id)
    clips: list[Clip] = []
    speech: list[Speech] = []
    narrations: list[Narration] = []
    start = 0
    for shot in storyboard.shots:
        take = selected.get((shot.id, Kind.CLIP))
        if take is None or take.asset_id is None:
            msg = f"{shot.id} has no selected clip."
            raise Conflict(msg)
        frames = frame_count(shot.seconds)
        clips.append(Clip(take.id, take.asset_id, frames))
        spoken = selected.get((shot.id, Kind.VOICE))
        lead = frame_count(VOICE_LEAD)
        if spoken is not None and spoken.asset_id is not None and shot.narration:
            speech.append(Speech(spoken.asset_id, start + lead, shot.narration))
            seconds = asset_rows.get(session, spoken.asset_id).seconds or shot.seconds
            narrations.append(Narration(shot.narration, (start + lead) / FRAME_RATE, seconds))
        elif shot.narration:
            narrations.append(Narration(shot.narration, start / FRAME_RATE, shot.seconds))
        start += frames
    cues = captions(narrations, until=start / FRAME_RATE, length=line_length(brief.ratio.size))
    return CutList(
        size=brief.ratio.size,
        clips=tuple(clips),
        rate=FRAME_RATE,
        speech=tuple(speech),
        cues=cues if brief.captions is not CaptionMode.NONE else (),
        captions=brief.captions,
        has_music=brief.has_music,
        mood=brief.mood,
        language=brief.language,
        title=brief.name,
    )
