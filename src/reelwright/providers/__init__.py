"""One file a vendor, found by entry point. What a model can do and costs is data: `cards/<provider>.toml`."""

from __future__ import annotations

import tomllib
from fractions import Fraction
from importlib.resources import files
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from reelwright.domain.generation import Kind, ModelCard, ModelRef, provider_of
from reelwright.errors import ConfigurationError


class _Card(BaseModel):
    """One `[[card]]` of a card file; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    kind: Annotated[Kind, BeforeValidator(Kind)]
    label: str
    micro_usd: int = 0
    micro_usd_per_second: int = 0
    concurrency: int = 4
    poll_every: Annotated[Fraction, BeforeValidator(Fraction)] = Fraction(5)
    is_idempotent: bool = False
    source: str = ""
    checked_on: str = ""


_CARDS = TypeAdapter(list[_Card])


def load_cards(provider: str) -> tuple[ModelCard, ...]:
    """The model cards of `cards/<provider>.toml`, in their order.

    Raises:
        ConfigurationError: there is no such file, or it is not as it should be.
    """
    file = files(__name__).joinpath("cards", f"{provider}.toml")
    try:
        cards = _CARDS.validate_python(tomllib.loads(file.read_text("utf-8")).get("card", []))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        msg = f"The model cards of {provider} cannot be read: {error}"
        raise ConfigurationError(msg) from error
    found = tuple(_model_card(card) for card in cards)
    if foreign := [card.model for card in found if provider_of(card.model) != provider]:
        msg = f"The model cards of {provider} name another provider's models: {', '.join(foreign)}"
        raise ConfigurationError(msg)
    return found


def _model_card(card: _Card) -> ModelCard:
    facts: dict[str, Any] = {**dict(card), "model": ModelRef(card.model)}
    return ModelCard(**facts)
