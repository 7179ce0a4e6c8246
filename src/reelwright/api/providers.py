"""Providers and their models: who there is, what each takes and costs, and whether there is a key to pay with."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from reelwright.api.callers import StudioHere
from reelwright.api.paging import Page
from reelwright.api.problems import problems
from reelwright.bootstrap import Studio
from reelwright.domain.budget import decimal_usd
from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Kind, ModelRef, provider_of
from reelwright.errors import NotFound

router = APIRouter(tags=["providers"])


class ProviderView(BaseModel):
    """Who makes frames, clips and voices."""

    name: str = Field(examples=["runway"])
    kinds: list[Kind]
    models: int = Field(description="How many of its models are on offer.")
    has_key: bool = Field(description="Whether there is a key to pay it with; who is free needs none.")
    is_free: bool


class ProviderList(BaseModel):
    """Everybody who makes something."""

    items: list[ProviderView]
    writers: list[str] = Field(description="Who writes, by the names before the colon.", examples=[["openai", "template"]])
    broken: dict[str, str] = Field(description="What is installed and did not load, with the reason.")


class PriceView(BaseModel):
    """What a model costs: the parts add up."""

    output_usd: str = Field(description="For each output.", examples=["0.04"])
    second_usd: str = Field(description="For each second of output.", examples=["0.05"])
    thousand_usd: str = Field(description="For each thousand units of the prompt.", examples=["0"])
    by_seconds_usd: dict[str, str] = Field(description="For an output of that many seconds.", examples=[{"5": "0.3"}])


class ShapeView(BaseModel):
    """One shape that a model makes."""

    value: str = Field(description="As the vendor names it.", examples=["1280:720"])
    size: str = Field(description="In pixels.", examples=["1280x720"])


class ModelView(BaseModel):
    """The facts about one model."""

    model: str = Field(examples=["runway:gen4_turbo"])
    provider: str = Field(examples=["runway"])
    kind: Kind
    label: str
    price: PriceView
    shapes: list[ShapeView] = Field(description="Nothing: it makes whatever size is asked for.")
    seconds: list[str] = Field(description="Lengths of a clip that it makes, exact.", examples=[["5", "10"]])
    prompt_limit: int = Field(description="The longest prompt; 0 for no limit.")
    prompt_unit: str = Field(description="What the limit counts: `characters`, `utf16` or `bytes`.")
    needs_prompt: bool
    first_frame: str = Field(description="`no`, `may` or `must`.")
    last_frame: str = Field(description="`no`, `may` or `must`.")
    concurrency: int = Field(description="Jobs at the same time.")
    per_minute: int = Field(description="Submits a minute; 0 for any.")
    is_paid: bool
    has_key: bool
    is_offered: bool
    retired_on: str | None
    replaced_by: str | None
    source: str = Field(description="Where the facts are from.")
    checked_on: str


@router.get("/providers")
async def list_providers(studio: StudioHere) -> ProviderList:
    """Everybody who makes something."""
    catalogue = studio.catalogue
    items: list[ProviderView] = []
    for provider in catalogue.providers:
        cards = [card for card in catalogue.cards() if provider_of(card.model) == provider.name]
        items.append(
            ProviderView(
                name=provider.name,
                kinds=[kind for kind in Kind if any(card.kind is kind for card in cards)],
                models=len(cards),
                has_key=all(catalogue.has_key(card) for card in cards),
                is_free=not any(card.is_paid for card in cards),
            )
        )
    return ProviderList(items=items, writers=list(catalogue.writers), broken=catalogue.broken)


@router.get("/models")
async def list_models(studio: StudioHere, kind: Kind | None = None) -> Page[ModelView]:
    """Every model that is on offer, or those of one kind: all of them on one page."""
    return Page(items=[_view(studio, card) for card in studio.catalogue.cards(kind)], next_cursor=None)


@router.get("/models/{model:path}", responses=problems(NotFound))
async def get_model(model: str, studio: StudioHere) -> ModelView:
    """The facts about one model, also where it is no longer on offer."""
    card = next((card for card in studio.catalogue.known if card.model == ModelRef(model)), None)
    if card is None:
        msg = f"There is no model {model!r}."
        raise NotFound(msg)
    return _view(studio, card)


def _view(studio: Studio, card: ModelCard) -> ModelView:
    facts: dict[str, Any] = {
        name: getattr(card, name)
        for name in "model kind label prompt_limit needs_prompt concurrency per_minute is_paid source replaced_by".split()
    }
    return ModelView(
        **facts,
        provider=provider_of(card.model),
        price=PriceView(
            output_usd=decimal_usd(card.micro_usd),
            second_usd=decimal_usd(card.micro_usd_per_second),
            thousand_usd=decimal_usd(card.micro_usd_per_thousand),
            by_seconds_usd={str(seconds): decimal_usd(price) for seconds, price in card.micro_usd_by_seconds.items()},
        ),
        shapes=[ShapeView(value=shape.value, size=str(shape.size)) for shape in card.shapes],
        seconds=[str(length) for length in card.legal_lengths] if card.kind is Kind.CLIP else [],
        prompt_unit=card.prompt_unit.value,
        first_frame=card.first_frame.value,
        last_frame=card.last_frame.value,
        has_key=studio.catalogue.has_key(card),
        is_offered=studio.catalogue.is_offered(card),
        retired_on=str(card.retired_on) if card.retired_on else None,
        checked_on=str(card.checked_on),
    )
