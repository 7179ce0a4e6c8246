"""Quotes: what a production would make and cost, line by line and take by take, before anybody pays."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from reelwright.api.callers import StudioHere
from reelwright.api.orders import AimFields, Line, ModelChoice, UsedModels, priced, used_models
from reelwright.api.problems import problems
from reelwright.domain.budget import decimal_usd
from reelwright.domain.generation import Kind
from reelwright.domain.ids import CampaignId
from reelwright.errors import ConfigurationError, InvalidDraft, NotFound
from reelwright.services.orders import Order
from reelwright.services.quotes import Planned

router = APIRouter(tags=["quotes"])


class PlanWish(BaseModel):
    """What is to be priced."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{}, {"what": "concepts"}, {"aim": {"shots": ["shot-01"], "kinds": ["clip"], "film": False}}]
        },
    )

    what: Literal["production", "concepts", "storyboard"] = Field(
        default="production", description="A production, or only the text of one of its first steps, written anew."
    )
    aim: AimFields = Field(default_factory=AimFields, description="The whole film unless said otherwise.")
    models: ModelChoice = Field(default_factory=ModelChoice)


class PlannedTake(BaseModel):
    """One take that a production needs, as it would be asked for."""

    shot: str = Field(examples=["shot-01"])
    kind: Kind
    model: str = Field(examples=["runway:gen4_turbo"])
    is_there: bool = Field(description="It is kept, chosen, or on its way, so it is not paid again.")
    usd: str = Field(examples=["0.25"])
    seconds: str | None = Field(description="Of the clip that is made and paid, exact.", examples=["5"])
    shape: str | None = Field(description="As the vendor names it.", examples=["1280:720"])
    prompt: str | None = Field(description="As it is sent.")
    warnings: list[str] = Field(description="What is not made as it was wished.")
    problem: str = Field(description="Why it cannot be made; empty otherwise.")


class PlanView(BaseModel):
    """What would be made, and what it would cost at most without retries, which the cap covers."""

    usd: str = Field(examples=["1.5"])
    lines: list[Line]
    models: UsedModels
    takes: list[PlannedTake] = Field(description="Nothing where there is no storyboard yet.")
    warnings: list[str]
    cap_usd: str | None = Field(
        description="The most that the campaign may ever cost; null where nobody has said.", examples=["20"]
    )
    left_usd: str = Field(description="What can still be spent of it.", examples=["18.5"])


@router.post("/campaigns/{campaign}/plan", responses=problems(NotFound, ConfigurationError, InvalidDraft))
async def plan_production(campaign: str, wish: PlanWish, studio: StudioHere) -> PlanView:
    """Look at what a production would make and cost. Free, and changes nothing."""
    offer = await studio.orders.price(Order(CampaignId(campaign), wish.aim.aim(), wish.models.providers(), what=wish.what))
    budget = await studio.budgets.of_campaign(CampaignId(campaign))
    cap = budget.balance.cap
    return PlanView(
        usd=decimal_usd(offer.outlook.micro_usd),
        lines=[priced(line) for line in offer.outlook.lines],
        models=used_models(offer.models),
        takes=[_take(each) for each in offer.outlook.takes],
        warnings=list(offer.notices),
        cap_usd=None if cap is None else decimal_usd(cap),
        left_usd=decimal_usd(max(0, budget.balance.left)),
    )


def _take(planned: Planned) -> PlannedTake:
    facts: dict[str, Any] = {"seconds": None, "shape": None, "prompt": None, "warnings": []}
    if planned.plan is not None:
        request = planned.plan.request
        facts["prompt"], facts["warnings"] = request.prompt, list(planned.plan.notes)
        facts["shape"] = request.shape or None
        facts["seconds"] = str(request.seconds) if planned.kind is Kind.CLIP else None
    return PlannedTake(
        shot=planned.shot,
        kind=planned.kind,
        model=planned.model,
        is_there=planned.is_there,
        usd=decimal_usd(planned.micro_usd + planned.rewriting_micro_usd),
        problem=planned.problem,
        **facts,
    )
