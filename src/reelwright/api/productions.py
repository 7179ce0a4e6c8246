"""Productions: started with their price agreed on, looked at, paused, resumed, cancelled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from reelwright.api.callers import StudioHere, needs
from reelwright.api.orders import (
    AimFields,
    ModelChoice,
    TicketHere,
    Usd,
    UsedModels,
    VersionHere,
    aim_fields,
    micro,
    used_models,
)
from reelwright.api.paging import Cursor, Limit, Page
from reelwright.api.problems import problems
from reelwright.bootstrap import Studio
from reelwright.domain.account import Scope
from reelwright.domain.budget import decimal_usd
from reelwright.domain.ids import CampaignId, ProductionId
from reelwright.domain.production import Production, ProductionState, Progress
from reelwright.errors import BudgetExceeded, ConfigurationError, Conflict, InvalidDraft, NotFound, VersionConflict
from reelwright.services.orders import Order

router = APIRouter(tags=["productions"])
_STARTS: dict[int | str, dict[str, Any]] = problems(
    NotFound, BudgetExceeded, Conflict, ConfigurationError, InvalidDraft, VersionConflict
)
_PAYS = needs(Scope.PRODUCE)


class ProductionOrder(BaseModel):
    """What is to be made, and what it may cost."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{}, {"aim": {"kinds": ["frame"], "film": False}, "cap_usd": "5.00"}]}
    )

    aim: AimFields = Field(default_factory=AimFields, description="The whole film unless said otherwise.")
    models: ModelChoice = Field(default_factory=ModelChoice)
    cap_usd: Usd | None = Field(
        default=None,
        description="The most that the campaign may ever cost from now on. What is paid needs a cap, this or an earlier one.",
    )
    max_usd: Usd | None = Field(
        default=None, description="The price that you were shown: where it has risen since, nothing is started."
    )


class ShotLine(BaseModel):
    """How far one shot is."""

    shot: str = Field(examples=["shot-01"])
    title: str
    states: dict[str, str] = Field(
        description="By kind: `queued`, `generating`, `storing`, `kept`, `failed`, `in doubt` or `cancelled`.",
        examples=[{"frame": "kept", "clip": "generating"}],
    )
    fractions: dict[str, float] = Field(description="By kind, 0 to 1.")
    reason: str = Field(description="Why it failed.")
    advice: str = Field(description="What you can do about it.")


class ProgressView(BaseModel):
    """How far a production is."""

    stage: str = Field(description="`waiting`, `concepts`, `storyboard`, `shots`, `render` or `ended`.")
    fraction: float = Field(description="The whole, 0 to 1.")
    render: float = Field(description="0 to 1.")
    shots: list[ShotLine]
    notices: list[str] = Field(description="What you should know, beside what has happened.")
    charged_usd: str = Field(examples=["0.25"])


class ProductionLine(BaseModel):
    """A production as a list shows it."""

    id: str = Field(examples=["production_01m7zh3yyb7jg4snzgjr63djpt"])
    campaign: str = Field(examples=["campaign_01m7zh3yyb7jg4snzgjr63djpt"])
    state: ProductionState
    is_beside: bool = Field(description="It makes no film, and leaves the campaign's status alone.")
    aim: AimFields
    models: UsedModels
    created_at: datetime
    ended_at: datetime | None
    error: str = Field(description="Why it failed; empty otherwise.")


class ProductionView(ProductionLine):
    """A production and how far it is."""

    progress: ProgressView


class Started(BaseModel):
    """A production that was started, in the form of the published contract."""

    success: bool = True
    production: str = Field(examples=["production_01m7zh3yyb7jg4snzgjr63djpt"])
    events: str = Field(description="Where to hear how it goes.", examples=["/api/v1/events?campaign=campaign_01m7zh"])


def events_url(campaign: str) -> str:
    """Where to hear what happens in the campaign."""
    return f"/api/v1/events?campaign={campaign}"


@router.post("/campaigns/{campaign}/productions", status_code=202, responses=_STARTS, dependencies=[_PAYS])
async def start_production(
    campaign: str, order: ProductionOrder, studio: StudioHere, ticket: TicketHere, version: VersionHere, response: Response
) -> ProductionView:
    """Start a production. The campaign's run, where one is under way that makes the same, is answered instead.

    With `If-Match` exactly the version that was reviewed is made, or nothing. The same request again under the same
    `Idempotency-Key` answers the same production.
    """
    run = await _place(studio, campaign, order, ticket, version)
    response.headers["Location"] = f"/api/v1/productions/{run}"
    return await view_of(studio, await studio.productions.get(run))


@router.post("/campaigns/{campaign}/generate", status_code=202, responses=_STARTS, dependencies=[_PAYS])
async def generate(
    campaign: str, studio: StudioHere, ticket: TicketHere, version: VersionHere, order: ProductionOrder | None = None
) -> Started:
    """Make the film: the same as starting a production, in one word."""
    run = await _place(studio, campaign, order or ProductionOrder(), ticket, version)
    return Started(production=run, events=events_url(campaign))


@router.get("/campaigns/{campaign}/productions", responses=problems(NotFound))
async def list_productions(campaign: str, studio: StudioHere, cursor: Cursor = "", limit: Limit = 50) -> Page[ProductionLine]:
    """The campaign's productions, those beside its run among them, newest first."""
    found = await studio.productions.page(CampaignId(campaign), before=cursor, limit=limit)
    items = [_line(run) for run in found]
    return Page(items=items, next_cursor=items[-1].id if len(items) == limit else None)


@router.get("/productions/{production}", responses=problems(NotFound))
async def get_production(production: str, studio: StudioHere) -> ProductionView:
    """One production and how far it is."""
    return await view_of(studio, await studio.productions.get(ProductionId(production)))


@router.post("/productions/{production}/pause", responses=problems(NotFound, Conflict))
async def pause_production(production: str, studio: StudioHere) -> ProductionView:
    """Submit nothing more until it is resumed; what was submitted is still brought home."""
    return await view_of(studio, await studio.productions.pause_run(ProductionId(production)))


@router.post("/productions/{production}/resume", responses=problems(NotFound, Conflict), dependencies=[_PAYS])
async def resume_production(production: str, studio: StudioHere) -> ProductionView:
    """Go on after a pause."""
    return await view_of(studio, await studio.productions.resume_run(ProductionId(production)))


@router.post("/productions/{production}/cancel", responses=problems(NotFound, Conflict))
async def cancel_production(production: str, studio: StudioHere) -> ProductionView:
    """End it: nothing more is submitted, and what is paid for is still brought home and kept."""
    return await view_of(studio, await studio.productions.cancel_run(ProductionId(production)))


async def _place(studio: Studio, campaign: str, order: ProductionOrder, ticket: TicketHere, version: int | None) -> ProductionId:
    wanted = Order(
        CampaignId(campaign),
        order.aim.aim(),
        order.models.providers(),
        cap_micro_usd=micro(order.cap_usd),
        max_micro_usd=micro(order.max_usd),
        version=version,
    )
    return await studio.orders.place(wanted, ticket)


def _line(run: Production) -> ProductionLine:
    return ProductionLine(
        id=run.id,
        campaign=run.campaign_id,
        state=run.state,
        is_beside=run.is_beside,
        aim=aim_fields(run.aim),
        models=used_models(run.models),
        created_at=run.created_at,
        ended_at=run.ended_at,
        error=run.error,
    )


async def view_of(studio: Studio, run: Production) -> ProductionView:
    """The production as it is shown."""
    progress = await studio.events.progress(run)
    return ProductionView(**_line(run).model_dump(), progress=_progress(progress))


def _progress(progress: Progress) -> ProgressView:
    shots = [
        ShotLine(
            shot=shot,
            title=each.title,
            states={kind.value: state for kind, state in each.states.items()},
            fractions={kind.value: fraction for kind, fraction in each.fractions.items()},
            reason=each.reason,
            advice=each.advice,
        )
        for shot, each in progress.shots.items()
    ]
    return ProgressView(
        stage=progress.stage,
        fraction=round(progress.fraction, 4),
        render=progress.render,
        shots=shots,
        notices=list(progress.notices),
        charged_usd=decimal_usd(progress.charged_micro_usd),
    )
