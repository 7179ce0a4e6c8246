"""Campaigns: begun, listed, looked at, renamed, copied, thrown away and taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, status
from pydantic import BaseModel, Field, JsonValue, model_validator

from reelwright.api.callers import CallerHere, StudioHere
from reelwright.api.drafts import Campaign, Client, UserAgent, editor
from reelwright.api.paging import Cursor, Limit, Page
from reelwright.api.problems import problems
from reelwright.db.listing import COUNTED, Sort, Summary
from reelwright.domain.budget import decimal_usd
from reelwright.domain.campaign import Campaign as Made
from reelwright.domain.campaign import CampaignStatus
from reelwright.domain.draft import Draft
from reelwright.domain.ids import CampaignId
from reelwright.errors import CampaignLocked, Conflict, InvalidDraft, NotFound
from reelwright.services.brief_fields import check_fields
from reelwright.services.brief_sentence import read_sentence
from reelwright.services.briefs import MOST_SENTENCE
from reelwright.services.documents import campaign_document
from reelwright.services.draft_fields import draft_of_fields
from reelwright.services.drafts import checked_patch

router = APIRouter(prefix="/campaigns", tags=["campaigns"])
_ID = "campaign_01m7zh3yyb7jg4snzgjr63djpt"
_USD = "Dollars, as an exact decimal."


class CampaignLine(BaseModel):
    """A campaign as a list shows it."""

    id: str = Field(examples=[_ID])
    name: str = Field(examples=["Trail shoe"])
    status: CampaignStatus
    step: int = Field(description="Of the seven steps: where the person was.", examples=[4])
    version: int = Field(examples=[17])
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = Field(
        description="When this draft goes to the trash unless somebody touches it; null where it stays."
    )
    pictures: list[str] = Field(description="Assets: the poster of the newest film, else up to four frames.")
    charged_usd: str = Field(description=_USD, examples=["1.84"])
    reason: str = Field(description="Why it failed, where it did.")


class CampaignCounts(BaseModel):
    """How many campaigns there are of each status."""

    draft: int
    generating: int
    completed: int
    failed: int
    counted_to: int = Field(default=COUNTED, description="A count stops there: it means as many or more.")


class NewCampaign(BaseModel):
    """A campaign to be: from a sentence, from a brief, from a draft, or empty."""

    id: str = Field(
        default="", max_length=64, description="An id of your own, so that doing it twice makes one.", examples=["req_1"]
    )
    name: str = Field(default="", max_length=200, description="What it is called; found by itself where nobody says.")
    sentence: str = Field(
        default="",
        max_length=MOST_SENTENCE,
        description="A film from one sentence.",
        examples=["A 20 second vertical film about Ember, a lamp that wakes you with light"],
    )
    brief: dict[str, JsonValue] | None = Field(
        default=None,
        description="The fields of a brief file; `pictures` and `logo` are assets. It must be right, or is refused.",
        examples=[{"product": "A trail shoe for wet rock", "name": "Ridge", "seconds": 20, "ratio": "9:16"}],
    )
    draft: dict[str, JsonValue] | None = Field(default=None, description="A draft, complete or not.", examples=[{"step": 2}])

    @model_validator(mode="after")
    def _from_one(self) -> NewCampaign:
        if sum((bool(self.sentence), self.brief is not None, self.draft is not None)) > 1:
            raise ValueError("send one of sentence, brief and draft")
        return self

    def begun(self) -> Draft:
        """The draft that it begins with."""
        if self.sentence:
            return draft_of_fields(read_sentence(self.sentence), self.name)
        if self.brief is not None:
            check_fields(self.brief)
            return draft_of_fields(checked_patch(self.brief), self.name)
        named = {"name": self.name} if self.name else {}
        return {"step": 1, **(checked_patch(self.draft) if self.draft is not None else {}), **named}


class CampaignBegun(BaseModel):
    """A campaign, new or there already."""

    id: str = Field(examples=[_ID])
    name: str
    status: CampaignStatus
    version: int = Field(examples=[1])
    created_at: datetime


class Renaming(BaseModel):
    """Another name."""

    name: str = Field(min_length=1, max_length=200, examples=["Trail shoe, autumn"])


class Copying(BaseModel):
    """How a copy is called."""

    id: str = Field(default="", max_length=64, description="An id of your own, so that doing it twice makes one copy.")
    name: str = Field(default="", max_length=200, examples=["Trail shoe for spring"])


class RunModels(BaseModel):
    """Who makes what."""

    text: str = Field(examples=["template:plain"])
    image: str = Field(examples=["animatic:cards"])
    video: str = Field(examples=["animatic:camera"])
    voice: str | None


class CampaignRun(BaseModel):
    """The newest run."""

    id: str
    state: str = Field(examples=["running"])
    error: str
    models: RunModels


class CampaignProgress(BaseModel):
    """How far it is."""

    stage: str = Field(examples=["shots"])
    fraction: float = Field(ge=0, le=1)


class CampaignShot(BaseModel):
    """A shot of the storyboard, and how far it is."""

    id: str = Field(examples=["shot-01"])
    number: int
    title: str
    text: str
    narration: str
    seconds: str = Field(description="An exact fraction.", examples=["5", "119/24"])
    states: dict[str, str] = Field(examples=[{"frame": "kept", "clip": "generating"}])
    reason: str
    advice: str


class CampaignMoney(BaseModel):
    """What it may cost, and costs."""

    cap_usd: str | None = Field(description=_USD)
    reserved_usd: str = Field(description=_USD)
    charged_usd: str = Field(description=_USD)


class WholeCampaign(CampaignBegun):
    """Everything about one campaign. What it says is in its draft; every take has a page of its own."""

    production: CampaignRun | None
    progress: CampaignProgress
    concepts: list[str] = Field(description="Titles.")
    concept: int | None = Field(description="The place of the selected concept, from 0.")
    written_by: dict[str, str]
    shots: list[CampaignShot]
    takes: list[dict[str, Any]] = Field(description="As `GET .../takes` has them.")
    films: list[dict[str, Any]] = Field(description="As `GET .../films` has them.")
    money: CampaignMoney
    writing: list[str] = Field(description="What is being written on request: `concepts`, `storyboard`.")
    notices: list[str]


@router.get("")
async def list_campaigns(
    studio: StudioHere,
    caller: CallerHere,
    campaign_status: Annotated[CampaignStatus | None, Query(alias="status", description="Only those.")] = None,
    sort: Annotated[Sort, Query(description="The latest first: by when they were made, or last changed.")] = Sort.NEWEST,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[CampaignLine]:
    """The caller's campaigns, without those in the trash."""
    found = await studio.dashboard.page(caller.user.id, status=campaign_status, by=sort, cursor=cursor, limit=limit)
    return Page(items=[line(each) for each in found.items], next_cursor=found.next_cursor)


@router.get("/counts")
async def count_campaigns(studio: StudioHere, caller: CallerHere) -> CampaignCounts:
    """How many campaigns there are of each status, without those in the trash."""
    found = await studio.dashboard.counts(caller.user.id)
    return CampaignCounts(**{each.value: number for each, number in found.items()})


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses={200: {"model": CampaignBegun, "description": "It was there already"}, **problems(Conflict, InvalidDraft)},
)
async def create_campaign(studio: StudioHere, caller: CallerHere, wish: NewCampaign, response: Response) -> CampaignBegun:
    """A new campaign: from a sentence, from a brief, from a draft, or empty. An id of your own that is known answers that one."""
    made, is_new = await studio.campaigns.begin(
        wish.begun(), user=caller.user.id, wanted=wish.id, is_whole=wish.brief is not None or bool(wish.sentence)
    )
    return _begun(made, response, is_new=is_new)


@router.put(
    "/{campaign}",
    responses={201: {"model": CampaignBegun, "description": "It is new"}, **problems(Conflict)},
)
async def put_campaign(studio: StudioHere, caller: CallerHere, campaign: Campaign, response: Response) -> CampaignBegun:
    """The campaign with that id: the one that there is, else an empty one."""
    made, is_new = await studio.campaigns.begin({"step": 1}, user=caller.user.id, wanted=campaign)
    return _begun(made, response, is_new=is_new)


@router.get("/{campaign}", responses=problems(NotFound))
async def read_campaign(studio: StudioHere, campaign: Campaign) -> WholeCampaign:
    """Everything about one campaign."""
    return WholeCampaign.model_validate(campaign_document(await studio.campaigns.overview(CampaignId(campaign))))


@router.patch("/{campaign}", responses=problems(NotFound))
async def rename_campaign(
    studio: StudioHere,
    caller: CallerHere,
    campaign: Campaign,
    wish: Renaming,
    x_client: Client = "",
    user_agent: UserAgent = "",
) -> CampaignBegun:
    """Gives it another name; all else is changed in its draft."""
    await studio.drafts.rename(CampaignId(campaign), wish.name, by=editor(caller, x_client, user_agent))
    return _told(await studio.campaigns.get(CampaignId(campaign)), wish.name)


@router.delete("/{campaign}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound, CampaignLocked))
async def delete_campaign(studio: StudioHere, campaign: Campaign) -> None:
    """Puts it into the trash: nothing is removed, and `restore` brings it back. While its film is made that is refused."""
    await studio.campaigns.put_in_trash(CampaignId(campaign))


@router.post("/{campaign}/restore", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound))
async def restore_campaign(studio: StudioHere, campaign: Campaign) -> None:
    """Takes it out of the trash."""
    await studio.campaigns.take_from_trash(CampaignId(campaign))


@router.post(
    "/{campaign}/duplicate",
    status_code=status.HTTP_201_CREATED,
    responses={200: {"model": CampaignBegun, "description": "It was there already"}, **problems(NotFound, Conflict)},
)
async def duplicate_campaign(
    studio: StudioHere, caller: CallerHere, campaign: Campaign, wish: Copying, response: Response
) -> CampaignBegun:
    """A new campaign with the same brief, concepts and storyboard. Takes and films stay with the old one."""
    made, is_new = await studio.campaigns.duplicate(CampaignId(campaign), user=caller.user.id, name=wish.name, wanted=wish.id)
    return _begun(made, response, is_new=is_new)


def line(each: Summary) -> CampaignLine:
    """A campaign as a list shows it."""
    return CampaignLine(
        id=each.id,
        name=each.name,
        status=each.status,
        step=each.step,
        version=each.version,
        created_at=each.created_at,
        updated_at=each.updated_at,
        expires_at=each.expires_at,
        pictures=list(each.pictures),
        charged_usd=decimal_usd(each.charged_micro_usd),
        reason=each.error,
    )


def _begun(made: Made, response: Response, *, is_new: bool) -> CampaignBegun:
    response.status_code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
    response.headers["Location"] = f"/api/v1/campaigns/{made.id}"
    return _told(made, made.name)


def _told(made: Made, name: str) -> CampaignBegun:
    return CampaignBegun(id=made.id, name=name, status=made.status, version=made.version, created_at=made.created_at)
