"""Frames of older clients: `upload_image_s3`, `save_frames`, `frames`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from reelwright.api.contract.refusals import refusals
from reelwright.api.contract.whose import ID, DeskHere, OwnId, UserName
from reelwright.errors import InvalidInput
from reelwright.services.fetches import Wish, is_inline
from reelwright.services.folders import Place, place_of
from reelwright.services.frames import About, Frame, FrameId, Sent, shot_of_frame

router = APIRouter()
_MOST_FRAMES = 200
_Text = Annotated[str | None, Field(max_length=20_000)]
_Id = Annotated[int, Field(ge=0, lt=10**6)] | Annotated[str, Field(pattern=ID)]


class Picture(BaseModel):
    """A picture to keep."""

    imageData: str = Field(description="A data URL in base64.", examples=["data:image/png;base64,iVBORw0KGgo="])
    frameId: _Id | None = Field(default=None, description="Of which frame it is the picture.", examples=[1])
    isUserUpload: bool = Field(default=False, description="A picture that the person brought along, and no frame.")
    folderPath: str | None = Field(
        default=None,
        max_length=400,
        description="Where older clients think that it lies: it names the campaign.",
        examples=["owner/req_1734567890123_ab12cd34e/reference-frames"],
    )


class PictureKept(BaseModel):
    """Where the picture is from now on."""

    imageUrl: str = Field(examples=["https://studio.example/media/asset_01m7zh3yyb7jg4snzgjr63djpt"])
    key: str = Field(examples=["owner/req_1/reference-frames/shot-01-asset_01m7zh3yyb7jg4snzgjr63djpt.png"])
    bytes: int
    sha256: str
    warning: str | None = Field(default=None, description="The storage has not taken it yet.")


class FrameFields(BaseModel):
    """A frame. What is left out stays as it was."""

    id: _Id = Field(examples=[1])
    timestamp: _Text = Field(default=None, examples=["0:05"])
    imageUrl: str | None = Field(default=None, description="An address that stays, or a temporary one: that is made permanent.")
    description: _Text = None
    prompt: _Text = None
    sceneStory: _Text = None
    fullStory: _Text = None

    def sent(self) -> Sent:
        """As services know it."""
        return Sent(
            id=self.id,
            url=self.imageUrl or "",
            timestamp=self.timestamp,
            description=self.description,
            prompt=self.prompt,
            scene_story=self.sceneStory,
            full_story=self.fullStory,
        )


class FramesSent(BaseModel):
    """Frames to save, and what there is to say about all of them."""

    frames: list[FrameFields] = Field(max_length=_MOST_FRAMES)
    userId: UserName = ""
    sessionId: OwnId = None
    originalPrompt: _Text = None
    videoDuration: float | None = Field(default=None, allow_inf_nan=False, description="Seconds.", examples=[30])
    frameCount: int | None = Field(default=None, examples=[6])
    style: _Text = None
    mood: _Text = None


class FramesSaved(BaseModel):
    """What became of them."""

    success: bool
    sessionId: str
    savedCount: int
    warnings: list[str]


class FrameShown(BaseModel):
    """A frame as it is kept."""

    id: FrameId
    timestamp: str
    imageUrl: str | None
    description: str
    prompt: str
    sceneStory: str
    fullStory: str


class FramesShown(BaseModel):
    """The frames of a campaign."""

    frames: list[FrameShown]
    sessionId: str | None


@router.post(
    "/upload_image_s3",
    response_model_exclude_none=True,
    responses={202: {"model": PictureKept, "description": "It is kept here, and moves to the storage by itself."}, **refusals()},
)
async def upload_image(desk: DeskHere, picture: Picture, response: Response) -> PictureKept:
    """Keeps a picture. The same one sent again for the same campaign is answered the same."""
    user = desk.caller.user.id
    place = place_of(picture.folderPath or "", user)
    if not is_inline(picture.imageData):
        msg = "imageData: must be a data URL, `data:image/png;base64,` and base64."
        raise InvalidInput(msg)
    campaign = await desk.home(user, place.campaign)
    is_frame = picture.frameId is not None and not picture.isUserUpload and place.kind is Place.FRAMES
    name = shot_of_frame(picture.frameId) if picture.frameId is not None else "picture"
    asset = await desk.older.fetches.keep(picture.imageData, Wish(campaign, place.kind, "image", name, desk.origins))
    if is_frame and picture.frameId is not None:
        await desk.older.frames.put_picture(campaign, picture.frameId, asset, desk.by)
    kept = PictureKept(imageUrl=desk.url(asset) or "", key=asset.key, bytes=asset.bytes, sha256=asset.sha256)
    if asset.is_spooled:
        response.status_code = 202
        kept.warning = "The storage does not take it now: it is kept here, and moves there by itself."
    return kept


@router.post("/save_frames", responses=refusals(409))
async def save_frames(desk: DeskHere, sent: FramesSent) -> FramesSaved:
    """Saves frames: texts are replaced, pictures are made permanent, and none is ever removed."""
    frames = [frame.sent() for frame in sent.frames]
    about = About(sent.originalPrompt or "", sent.videoDuration, sent.frameCount, sent.style or "", sent.mood or "")
    async with desk.inside(sent.userId) as user:
        campaign = await desk.home(user, sent.sessionId, [frame.url for frame in frames])
        saved = await desk.older.frames.save(campaign, frames, about, desk.by, desk.origins)
    return FramesSaved(success=True, sessionId=saved.campaign, savedCount=saved.count, warnings=list(saved.warnings))


@router.get("/frames", responses=refusals())
async def read_frames(
    desk: DeskHere,
    userId: Annotated[str, Query(max_length=200)] = "",
    sessionId: Annotated[str, Query(pattern=rf"{ID}|^$", description="The newest with frames where it is left out.")] = "",
) -> FramesShown:
    """The frames of a campaign, as they were saved."""
    async with desk.inside(userId) as user:
        campaign = sessionId or await desk.older.frames.newest(user)
        if not campaign:
            return FramesShown(frames=[], sessionId=None)
        found = await desk.older.frames.of_campaign(await desk.newest(user, campaign))
    return FramesShown(frames=[_shown(desk, frame) for frame in found], sessionId=campaign)


def _shown(desk: DeskHere, frame: Frame) -> FrameShown:
    return FrameShown(
        id=frame.id,
        timestamp=frame.timestamp,
        imageUrl=desk.url(frame.asset),
        description=frame.description,
        prompt=frame.prompt,
        sceneStory=frame.scene_story,
        fullStory=frame.full_story,
    )
