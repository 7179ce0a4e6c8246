"""The frame-to-film workflow of older clients: `process_s3_video_workflow`, one path with an action in it."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from reelwright.api.callers import needs
from reelwright.api.contract.refusals import refusals
from reelwright.api.contract.whose import ID, Desk, DeskHere, OwnId, UserName
from reelwright.domain.account import Scope
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.ids import CampaignId, UserId
from reelwright.domain.timing import AspectRatio
from reelwright.errors import InvalidInput
from reelwright.media.facts import Merging
from reelwright.services.fetches import Wish, must_be
from reelwright.services.frame_clips import Batch, Outcome
from reelwright.services.frames import FrameId
from reelwright.services.merges import MOST_CLIPS

router = APIRouter()
PATH = "/process_s3_video_workflow"
_RATIOS = {str(ratio.size).replace("x", ":"): ratio for ratio in AspectRatio}
_HOW = "Join the clips in this order; or send the same with the action `merge`, and it is done here."
_Address = Annotated[str, Field(min_length=1, max_length=8192)]


class FrameLine(BaseModel):
    """A frame with its picture."""

    id: FrameId
    url: str
    key: str
    timestamp: str
    prompt: str


class FrameList(BaseModel):
    """The frames that there are pictures of."""

    success: bool
    totalFrames: int
    frames: list[FrameLine]


class ListFrames(BaseModel):
    """Which frames there are."""

    action: Literal["list_frames"]
    userId: UserName = ""
    sessionId: OwnId = None


class GenerateVideos(BaseModel):
    """A clip for every frame."""

    action: Literal["generate_videos"]
    userId: UserName = ""
    sessionId: OwnId = None
    frameAspectRatio: str = Field(default="1280:720", description=f"One of {', '.join(_RATIOS)}.", examples=["1280:720"])
    prompt: str | None = Field(default=None, max_length=2000, description="Instead of what each frame says.")
    batchSize: int = Field(default=3, ge=1, le=5, description="Clips in flight at once.")
    maxRetries: int = Field(default=2, ge=0, le=3)
    provider: str | None = Field(default=None, max_length=100, examples=["runway"])
    model: str | None = Field(default=None, max_length=200, examples=["gen4_turbo"])


class PrepareMerge(BaseModel):
    """How clips become a film."""

    action: Literal["prepare_merge"]
    userId: UserName = ""
    sessionId: OwnId = None
    videoClipUrls: list[_Address] = Field(min_length=1, max_length=MOST_CLIPS)


class MergeClips(BaseModel):
    """Clips to be merged here."""

    action: Literal["merge"]
    userId: UserName = ""
    sessionId: OwnId = None
    videoClipUrls: list[_Address] = Field(min_length=1, max_length=MOST_CLIPS)
    outputFormat: Literal["mp4", "webm"] = "mp4"
    quality: float | None = Field(default=None, ge=0.1, le=1, description="As the clips have it where it is left out.")
    frameRate: float | None = Field(default=None, ge=1, le=60, description="The first clip's where it is left out.")


Action = Annotated[ListFrames | GenerateVideos | PrepareMerge | MergeClips, Field(discriminator="action")]


class FrameFailure(BaseModel):
    """A frame without a clip."""

    frameId: FrameId
    error: str


class VideosMade(BaseModel):
    """What became of the frames."""

    sessionId: str
    totalFrames: int
    completedCount: int
    failedCount: int
    generatedVideoUrls: list[str] = Field(description="In the order of the frames.")
    failures: list[FrameFailure]


class Videos(BaseModel):
    """The answer when all have settled."""

    success: bool = Field(description="At least one clip was made.")
    data: VideosMade


class Film(BaseModel):
    """A film."""

    mergedVideoUrl: str


class FilmMade(BaseModel):
    """There is a film."""

    success: bool
    data: Film


class Instructions(BaseModel):
    """What a client that merges by itself has to do."""

    instructions: str
    videoClipUrls: list[str]
    totalClips: int


class MergePrepared(BaseModel):
    """Several clips are still to be merged."""

    success: bool
    data: Instructions


@router.get(PATH, responses=refusals())
async def list_frames(
    desk: DeskHere,
    action: Annotated[Literal["list_frames"], Query()],  # noqa: ARG001 - the path has only this one
    userId: Annotated[str, Query(max_length=200)] = "",
    sessionId: Annotated[str, Query(pattern=rf"{ID}|^$")] = "",
) -> FrameList:
    """The frames of a campaign; of the newest one with frames where none is named."""
    async with desk.inside(userId) as user:
        return await _listed(desk, user, sessionId)


@router.post(PATH, responses=refusals(402, 409, 502))
async def process_video_workflow(desk: DeskHere, wish: Action) -> FrameList | Videos | FilmMade | MergePrepared:
    """Lists frames, makes a clip of each, or merges clips, as the action says."""
    async with desk.inside(wish.userId) as user:
        match wish:
            case ListFrames():
                return await _listed(desk, user, wish.sessionId)
            case GenerateVideos():
                return await _generated(desk, user, wish)
            case PrepareMerge():
                return await _prepared(desk, user, wish)
            case MergeClips():
                rate = Fraction(str(wish.frameRate)) if wish.frameRate is not None else None
                how = Merging(wish.outputFormat, rate=rate, quality=wish.quality)
                home, clips = await _kept(desk, user, wish)
                return _film(desk, await desk.older.merges.film(home, clips, how))


async def _listed(desk: Desk, user: UserId, wanted: str | None) -> FrameList:
    campaign = CampaignId(wanted) if wanted else await desk.older.frames.newest(user)
    found = await desk.older.frames.of_campaign(campaign) if campaign else []
    lines = [
        FrameLine(
            id=frame.id, url=desk.url(frame.asset) or "", key=frame.asset.key, timestamp=frame.timestamp, prompt=frame.prompt
        )
        for frame in found
        if frame.asset is not None
    ]
    return FrameList(success=True, totalFrames=len(lines), frames=lines)


async def _generated(desk: Desk, user: UserId, wish: GenerateVideos) -> Videos:
    needs(Scope.PRODUCE).dependency(desk.caller)
    ratio = _RATIOS.get(wish.frameAspectRatio)
    if ratio is None:
        msg = f"frameAspectRatio: {wish.frameAspectRatio[:40]!r} is not one of {', '.join(_RATIOS)}."
        raise InvalidInput(msg)
    clips = desk.older.frame_clips
    model = clips.model_of(wish.provider or "", wish.model or "")
    campaign = await desk.newest(user, wish.sessionId)
    prompt = (wish.prompt or "").strip()
    batch = Batch(campaign, ratio, prompt, at_once=wish.batchSize, tries=1 + wish.maxRetries, model=model)
    return _told(desk, campaign, await clips.make(batch))


def _told(desk: Desk, campaign: CampaignId, outcome: Outcome) -> Videos:
    made = VideosMade(
        sessionId=campaign,
        totalFrames=outcome.frames,
        completedCount=len(outcome.clips),
        failedCount=len(outcome.failures),
        generatedVideoUrls=[desk.url(asset) or "" for _, asset in outcome.clips],
        failures=[FrameFailure(frameId=frame, error=reason) for frame, reason in outcome.failures],
    )
    return Videos(success=bool(outcome.clips), data=made)


async def _prepared(desk: Desk, user: UserId, wish: PrepareMerge) -> FilmMade | MergePrepared:
    home, clips = await _kept(desk, user, wish)
    if len(clips) == 1:
        await desk.older.merges.file(home, clips[0])
        return _film(desk, clips[0])
    urls = [desk.url(clip) or "" for clip in clips]
    return MergePrepared(success=True, data=Instructions(instructions=_HOW, videoClipUrls=urls, totalClips=len(urls)))


async def _kept(desk: Desk, user: UserId, wish: PrepareMerge | MergeClips) -> tuple[CampaignId, list[Asset]]:
    home = await desk.home(user, wish.sessionId, wish.videoClipUrls)
    kind = Wish(home, AssetKind.CLIP, "video", "clip", desk.origins)
    return home, [must_be(await desk.older.fetches.keep(url, kind), "video") for url in wish.videoClipUrls]


def _film(desk: Desk, film: Asset) -> FilmMade:
    return FilmMade(success=True, data=Film(mergedVideoUrl=desk.url(film) or ""))
