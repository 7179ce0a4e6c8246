"""Takes: asked for anew, brought along, listed, chosen; and what a person decides about those in doubt."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from reelwright.api.callers import StudioHere, needs
from reelwright.api.orders import Line, Model, Text, TicketHere, Usd, micro, priced
from reelwright.api.paging import Cursor, Limit, Page
from reelwright.api.problems import problems
from reelwright.api.productions import ProductionView, view_of
from reelwright.bootstrap import Studio
from reelwright.domain.account import Scope
from reelwright.domain.aim import Aim
from reelwright.domain.budget import decimal_usd
from reelwright.domain.generation import FailureKind, Kind, provider_of
from reelwright.domain.ids import AssetId, CampaignId, JobId, ShotId, TakeId
from reelwright.domain.take import Take, TakeState
from reelwright.errors import BudgetExceeded, ConfigurationError, Conflict, InvalidDraft, NotFound, ProviderError
from reelwright.services.briefs import Providers
from reelwright.services.failures import fault_of
from reelwright.services.orders import Order

router = APIRouter(tags=["takes"])
_PAYS = needs(Scope.PRODUCE)
_FIELDS = {Kind.FRAME: "image", Kind.CLIP: "video", Kind.VOICE: "voice"}


class FailureView(BaseModel):
    """Why a take was not kept."""

    kind: FailureKind
    fault: str = Field(description="Whose doing it is.")
    reason: str
    advice: str = Field(description="What you can do.")
    is_retryable: bool
    is_charged: bool


class TakeView(BaseModel):
    """One attempt at a frame, a clip or a voice."""

    id: str = Field(examples=["take_01m7zh3yyb7jg4snzgjr63djpt"])
    campaign: str = Field(examples=["campaign_01m7zh3yyb7jg4snzgjr63djpt"])
    production: str
    shot: str = Field(examples=["shot-01"])
    kind: Kind
    number: int = Field(description="Counts from 1 within shot and kind.")
    provider: str = Field(description="`upload` for what somebody brought along.", examples=["runway"])
    model: str = Field(examples=["runway:gen4_turbo"])
    prompt: str
    state: TakeState
    created_at: datetime
    submitted_at: datetime | None
    job: str | None = Field(description="The provider's own id.")
    asset: str | None
    url: str | None = Field(description="Where it plays, for ever.", examples=["/media/asset_01m7zh3yyb7jg4snzgjr63djpt"])
    quote_usd: str = Field(examples=["0.25"])
    charged_usd: str = Field(examples=["0.25"])
    failure: FailureView | None
    is_selected: bool = Field(description="It is the one that the film uses.")
    is_chosen: bool = Field(description="Because somebody wants it: no production puts another one in its place.")


class Retake(BaseModel):
    """A new take of a shot."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"kind": "frame", "note": "at night", "max_usd": "0.10"}]}
    )

    kind: Kind
    note: Text = Field(default="", description="What is to be different.")
    prompt: Text = Field(default="", description="What is asked instead of what the shot says.")
    model: Model = Field(default="", description="Who makes it; as before where it is left out.")
    seconds: float | None = Field(default=None, gt=0, le=60, description="Of a clip; as long as the shot where it is left out.")
    select: bool = Field(default=False, description="Use it as soon as it is kept; else only where there is no other.")
    cap_usd: Usd | None = Field(default=None, description="The most that the campaign may ever cost from now on.")
    max_usd: Usd | None = Field(
        default=None, description="The price that you were shown: where it has risen since, nothing is started."
    )

    def aim(self, shot: str) -> Aim:
        """As services know it."""
        return Aim(
            kinds=(self.kind,),
            shots=(ShotId(shot),),
            makes_film=False,
            is_fresh=True,
            selects=self.select,
            note=self.note.strip(),
            prompt=self.prompt.strip(),
            seconds=None if self.seconds is None else Fraction(str(self.seconds)),
        )


class OwnTake(BaseModel):
    """A picture, clip or sound of one's own."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    asset_id: str = Field(max_length=64, examples=["asset_01m7zh3yyb7jg4snzgjr63djpt"])
    select: bool = Field(default=True, description="Use it in the film.")


class Adoption(BaseModel):
    """The job that a take in doubt has at its provider."""

    model_config = ConfigDict(extra="forbid")

    job: str = Field(min_length=1, max_length=300, description="The provider's own id, from your account there.")


class Agreed(BaseModel):
    """What somebody agrees to pay."""

    model_config = ConfigDict(extra="forbid")

    max_usd: Usd | None = Field(
        default=None, description="The price that you were shown: where it has risen since, nothing is started."
    )


@router.get("/campaigns/{campaign}/takes", responses=problems(NotFound))
async def list_takes(
    campaign: str,
    studio: StudioHere,
    shot: Annotated[str, Query(max_length=64)] = "",
    kind: Kind | None = None,
    state: TakeState | None = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[TakeView]:
    """The campaign's takes, newest first."""
    name = CampaignId(campaign)
    found = await studio.takes.page(name, shot=ShotId(shot) if shot else None, kind=kind, state=state, before=cursor, limit=limit)
    used = await studio.selections.of_campaign(name)
    items = [_view(take, used) for take in found]
    return Page(items=items, next_cursor=items[-1].id if len(items) == limit else None)


@router.get("/takes", responses=problems(NotFound))
async def list_all_takes(
    studio: StudioHere, state: TakeState | None = None, cursor: Cursor = "", limit: Limit = 50
) -> Page[TakeView]:
    """The takes of all of your campaigns, newest first; `state=in_doubt` are those that you have to decide about."""
    found = await studio.takes.page(state=state, before=cursor, limit=limit)
    used: dict[TakeId, bool] = {}
    for campaign in {take.campaign_id for take in found}:
        used |= await studio.selections.of_campaign(campaign)
    items = [_view(take, used) for take in found]
    return Page(items=items, next_cursor=items[-1].id if len(items) == limit else None)


@router.get("/takes/{take}", responses=problems(NotFound))
async def get_take(take: str, studio: StudioHere) -> TakeView:
    """One take."""
    return await _shown(studio, await studio.takes.get(TakeId(take)))


@router.post(
    "/campaigns/{campaign}/shots/{shot}/takes",
    status_code=202,
    responses=problems(NotFound, BudgetExceeded, Conflict, ConfigurationError, InvalidDraft),
    dependencies=[_PAYS],
)
async def ask_for_take(
    campaign: str, shot: str, wish: Retake, studio: StudioHere, ticket: TicketHere, response: Response
) -> ProductionView:
    """Ask for a new take of a shot, which is paid although others are kept; those stay. It is a production of its own."""
    order = Order(
        CampaignId(campaign),
        wish.aim(shot),
        Providers(**{_FIELDS[wish.kind]: wish.model}),
        cap_micro_usd=micro(wish.cap_usd),
        max_micro_usd=micro(wish.max_usd),
    )
    run = await studio.orders.place(order, ticket)
    response.headers["Location"] = f"/api/v1/productions/{run}"
    return await view_of(studio, await studio.productions.get(run))


@router.post("/campaigns/{campaign}/shots/{shot}/takes/own", status_code=201, responses=problems(NotFound, Conflict))
async def add_own_take(campaign: str, shot: str, own: OwnTake, studio: StudioHere) -> TakeView:
    """Make a picture, clip or sound of yours, uploaded before, a take of the shot. The same one again is the same take."""
    made = await studio.own_takes.add(CampaignId(campaign), ShotId(shot), own.kind, AssetId(own.asset_id), is_selected=own.select)
    return await _shown(studio, made)


@router.post("/takes/{take}/select", responses=problems(NotFound, Conflict))
async def select_take(take: str, studio: StudioHere) -> TakeView:
    """Use this take; the others stay. Productions leave it in its place until somebody wants another one."""
    return await _shown(studio, await studio.selections.select(TakeId(take)))


@router.post("/takes/{take}/adopt", responses=problems(NotFound, Conflict, ProviderError), dependencies=[_PAYS])
async def adopt_take(take: str, adoption: Adoption, studio: StudioHere) -> TakeView:
    """Say that the provider has the job of a take in doubt; it is asked, and what the job made is brought home."""
    return await _shown(studio, await studio.doubts.adopt(TakeId(take), JobId(adoption.job)))


@router.get("/takes/{take}/retake", responses=problems(NotFound, Conflict, ConfigurationError))
async def price_retake(take: str, studio: StudioHere) -> Line:
    """What asking for a take in doubt once more would cost."""
    return priced(await studio.doubts.price(TakeId(take)))


@router.post(
    "/takes/{take}/retake",
    status_code=202,
    responses=problems(NotFound, Conflict, ConfigurationError, BudgetExceeded),
    dependencies=[_PAYS],
)
async def retake_take(take: str, agreed: Agreed, studio: StudioHere) -> ProductionView:
    """Say that the provider never got a take in doubt, and ask again; what was held for it is given back."""
    run = await studio.doubts.retake(TakeId(take), max_micro_usd=micro(agreed.max_usd))
    return await view_of(studio, await studio.productions.get(run))


async def _shown(studio: Studio, take: Take) -> TakeView:
    return _view(take, await studio.selections.of_campaign(take.campaign_id))


def _view(take: Take, used: dict[TakeId, bool]) -> TakeView:
    failure = take.failure
    return TakeView(
        id=take.id,
        campaign=take.campaign_id,
        production=take.production_id,
        shot=take.shot_id,
        kind=take.kind,
        number=take.number,
        provider=provider_of(take.request.model),
        model=take.request.model,
        prompt=take.request.prompt,
        state=take.state,
        created_at=take.created_at,
        submitted_at=take.submitting_at,
        job=take.job_id,
        asset=take.asset_id,
        url=f"/media/{take.asset_id}" if take.asset_id else None,
        quote_usd=decimal_usd(take.quote_micro_usd),
        charged_usd=decimal_usd(take.charged_micro_usd),
        failure=FailureView(
            kind=failure.kind,
            fault=fault_of(failure.kind).value,
            reason=failure.reason,
            advice=failure.advice,
            is_retryable=failure.is_retryable,
            is_charged=failure.is_charged,
        )
        if failure
        else None,
        is_selected=take.id in used,
        is_chosen=used.get(take.id, False),
    )
