"""Films: what was made, where it plays, and the cut list that it was made from."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from reelwright.api.callers import StudioHere
from reelwright.api.paging import Page
from reelwright.api.problems import problems
from reelwright.domain.film import CutList, Film, start_frames
from reelwright.domain.ids import CampaignId, FilmId
from reelwright.errors import NotFound

router = APIRouter(tags=["films"])


class FilmView(BaseModel):
    """A film, or one that is being rendered."""

    id: str = Field(examples=["film_01m7zh3yyb7jg4snzgjr63djpt"])
    campaign: str
    production: str
    number: int = Field(description="Counts from 1 within the campaign.")
    is_ready: bool = Field(description="False while it is being rendered, or when that failed.")
    size: str = Field(description="In pixels.", examples=["1280x720"])
    seconds: str = Field(description="Exact, in seconds.", examples=["30"])
    frames: int
    assets: dict[str, str] = Field(description="`film`, `poster`, `sheet`, `srt` and `vtt`, as far as there are.")
    urls: dict[str, str] = Field(
        description="Where each plays, for ever.", examples=[{"film": "/media/asset_01m7zh3yyb7jg4snzgjr63djpt"}]
    )
    report: dict[str, float] = Field(
        description="What the render measured: frames `copied` and `encoded`, `lufs`, `true_peak` in dBTP."
    )
    created_at: datetime


class ClipView(BaseModel):
    """A clip in the cut."""

    take: str
    asset: str
    url: str
    start_frame: int = Field(description="Where it begins in the film.")
    frames: int = Field(description="How long it is seen.")
    source_in: int = Field(description="The first of its frames that is seen.")


class SpeechView(BaseModel):
    """A voice in the cut."""

    asset: str
    url: str
    start_frame: int
    text: str


class CueView(BaseModel):
    """One caption."""

    start: str = Field(description="Seconds, exact.", examples=["1/4"])
    end: str
    lines: list[str]


class CutListView(BaseModel):
    """Everything that decides how the film looks and sounds, apart from the bytes of its clips and voices."""

    title: str
    size: str = Field(examples=["1280x720"])
    rate: str = Field(description="Frames a second, exact.", examples=["24"])
    frames: int
    seconds: str
    clips: list[ClipView]
    speech: list[SpeechView]
    cues: list[CueView]
    captions: str = Field(description="`none`, `soft` or `burned`.")
    has_music: bool
    mood: str
    language: str


@router.get("/campaigns/{campaign}/films", responses=problems(NotFound))
async def list_films(campaign: str, studio: StudioHere) -> Page[FilmView]:
    """The campaign's films, oldest first: all of them on one page."""
    return Page(items=[_view(film) for film in await studio.films.of_campaign(CampaignId(campaign))], next_cursor=None)


@router.get("/films/{film}", responses=problems(NotFound))
async def get_film(film: str, studio: StudioHere) -> FilmView:
    """One film."""
    return _view(await studio.films.get(FilmId(film)))


@router.get("/films/{film}/cut-list", responses=problems(NotFound))
async def get_cut_list(film: str, studio: StudioHere) -> CutListView:
    """The cut list that the film was made from."""
    return _cut((await studio.films.get(FilmId(film))).cut_list)


def _view(film: Film) -> FilmView:
    return FilmView(
        id=film.id,
        campaign=film.campaign_id,
        production=film.production_id,
        number=film.number,
        is_ready=bool(film.assets),
        size=str(film.cut_list.size),
        seconds=str(film.cut_list.seconds),
        frames=film.cut_list.frames,
        assets=dict(film.assets),
        urls={name: _url(asset) for name, asset in film.assets.items()},
        report=dict(film.report),
        created_at=film.created_at,
    )


def _cut(cut: CutList) -> CutListView:
    starts = start_frames(cut)
    return CutListView(
        title=cut.title,
        size=str(cut.size),
        rate=str(cut.rate),
        frames=cut.frames,
        seconds=str(cut.seconds),
        clips=[
            ClipView(
                take=clip.take_id,
                asset=clip.asset_id,
                url=_url(clip.asset_id),
                start_frame=start,
                frames=clip.frames,
                source_in=clip.source_in,
            )
            for clip, start in zip(cut.clips, starts, strict=True)
        ],
        speech=[
            SpeechView(asset=each.asset_id, url=_url(each.asset_id), start_frame=each.start_frame, text=each.text)
            for each in cut.speech
        ],
        cues=[CueView(start=str(cue.start), end=str(cue.end), lines=list(cue.lines)) for cue in cut.cues],
        captions=cut.captions.value,
        has_music=cut.has_music,
        mood=cut.mood,
        language=cut.language,
    )


def _url(asset: str) -> str:
    return f"/media/{asset}"
