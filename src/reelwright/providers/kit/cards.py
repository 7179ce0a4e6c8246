"""What a model can do and costs is data: `cards/<provider>.toml`, read into model cards, and written as such."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from reelwright.domain.card import ModelCard, PromptUnit, Shape, Takes
from reelwright.domain.generation import Kind, ModelRef, provider_of
from reelwright.domain.timing import Size
from reelwright.errors import ConfigurationError

_PACKAGE = "reelwright.providers"
"""Where the cards lie that come with the studio."""


def _seconds(value: object) -> Fraction:
    """A number of seconds: TOML has no fractions, and a float would not be exact."""
    if isinstance(value, float):
        msg = "write it as a whole number or as text: `2` or `'2.5'`"
        raise ValueError(msg)  # noqa: TRY004 - what Pydantic takes for a mistake of the file
    return Fraction(str(value))


def _size(value: object) -> Size:
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", str(value))
    if match is None:
        msg = "write pixels as width and height: `1280x720`"
        raise ValueError(msg)
    return Size(int(match[1]), int(match[2]))


def _day(value: object) -> str:
    """A day, as TOML knows it or as text."""
    return date.fromisoformat(str(value)).isoformat() if value else ""


_Seconds = Annotated[Fraction, BeforeValidator(_seconds), Field(ge=0)]
_Day = Annotated[str, BeforeValidator(_day)]
_Count = Annotated[int, Field(ge=0)]


class _Card(BaseModel):
    """One `[[card]]` of a card file; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    kind: Annotated[Kind, BeforeValidator(Kind)]
    label: str
    shapes: dict[str, Annotated[Size, BeforeValidator(_size)]] = {}
    """The vendor's name of each legal shape, and its pixels: `"16:9" = "1280x720"`."""
    lengths: list[Annotated[_Seconds, Field(gt=0)]] = []
    shortest: _Seconds = Fraction(0)
    longest: _Seconds = Fraction(0)
    prompt_limit: _Count = 0
    prompt_unit: Annotated[PromptUnit, BeforeValidator(PromptUnit)] = PromptUnit.CHARACTERS
    needs_prompt: bool = True
    first_frame: Annotated[Takes, BeforeValidator(Takes)] = Takes.MAY
    last_frame: Annotated[Takes, BeforeValidator(Takes)] = Takes.NO
    references: _Count = 0
    logo: bool = False
    audio: bool = False
    micro_usd: _Count = 0
    micro_usd_per_second: _Count = 0
    micro_usd_by_seconds: dict[_Seconds, _Count] = {}
    micro_usd_per_thousand: _Count = 0
    concurrency: Annotated[int, Field(ge=1)] = 4
    pool: str = ""
    per_minute: _Count = 0
    poll_every: Annotated[_Seconds, Field(gt=0)] = Fraction(5)
    deadline: _Seconds = Fraction(3600)
    is_idempotent: bool = False
    key_seconds: _Seconds = Fraction(0)
    list_lag: _Seconds = Fraction(2)
    settings: dict[str, str] = {}
    source: str = ""
    checked_on: _Day = ""
    retired_on: _Day = ""
    replaced_by: str = ""

    @model_validator(mode="after")
    def _must_agree(self) -> _Card:
        if self.longest and self.lengths:
            raise ValueError("say either `lengths`, or `shortest` and `longest`")
        if self.shortest > self.longest or (self.longest and max(1, math.ceil(self.shortest)) > math.floor(self.longest)):
            raise ValueError("there is no whole second from `shortest` to `longest`")
        if self.micro_usd_by_seconds and set(self.micro_usd_by_seconds) != set(self.lengths):
            raise ValueError("`micro_usd_by_seconds` must give the price of each of `lengths`, and of nothing else")
        if self.replaced_by and not self.retired_on:
            raise ValueError("`replaced_by` is for a model with `retired_on`")
        return self

    def card(self) -> ModelCard:
        """As the rest of the house knows it."""
        facts: dict[str, Any] = {
            **dict(self),
            "model": ModelRef(self.model),
            "shapes": tuple(Shape(value, size) for value, size in self.shapes.items()),
            "lengths": tuple(sorted(self.lengths)),
            "replaced_by": ModelRef(self.replaced_by) if self.replaced_by else None,
        }
        return ModelCard(**facts)


class _File(BaseModel):
    """A card file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    card: list[_Card] = []


def load_cards(provider: str, own: Path | None = None, *, shipped: Traversable | None = None) -> tuple[ModelCard, ...]:
    """The model cards of a provider, in their order, then the person's `own`, which win over those of the same model.

    Args:
        provider: the name before the colon.
        own: the person's own file of cards; it need not exist.
        shipped: the file that comes with the provider; `cards/<provider>.toml` of this package unless given.

    Raises:
        ConfigurationError: there is no such file, or one is not as it should be.
    """
    cards = _read(provider, shipped or files(_PACKAGE).joinpath("cards", f"{provider}.toml"))
    if own is not None and own.exists():
        cards |= _read(provider, own)
    for card in cards.values():
        _check_replacement(card, cards)
    return tuple(cards.values())


def _read(provider: str, file: Traversable) -> dict[str, ModelCard]:
    where = f"The model cards of {provider} ({file}) cannot be used"
    try:
        read = _File.model_validate(tomllib.loads(file.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
        msg = f"{where}: {place}: {first['msg'].removeprefix('Value error, ')}."
        raise ConfigurationError(msg) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"{where}: {error}."
        raise ConfigurationError(msg) from error
    cards: dict[str, ModelCard] = {}
    for card in (written.card() for written in read.card):
        if provider_of(card.model) != provider or card.model in cards:
            problem = "stands there twice" if card.model in cards else "is another provider's"
            msg = f"{where}: {card.model} {problem}."
            raise ConfigurationError(msg)
        cards[card.model] = card
    return cards


def _check_replacement(card: ModelCard, cards: Mapping[str, ModelCard]) -> None:
    """Follows what replaces a retired model as far as this provider's models lead: to a living one that makes the same."""
    seen, last = {card.model}, card
    while last.replaced_by is not None and provider_of(last.replaced_by) == provider_of(card.model):
        found = cards.get(last.replaced_by)
        if found is None or found.kind is not card.kind or found.model in seen:
            problem = (
                "there is no such card" if found is None else "that makes something else" if found.kind is not card.kind else ""
            )
            msg = f"{last.model} is replaced by {last.replaced_by}: {problem or 'they replace each other'}."
            raise ConfigurationError(msg)
        seen.add(found.model)
        last = found


def card_toml(card: ModelCard) -> str:
    """A card as a `[[card]]` of a card file; what is as usual is left out."""
    usual = ModelCard(card.model, card.kind, "")
    lines = ["[[card]]"]
    for name in _Card.model_fields:
        value = getattr(card, name)
        if name in {"model", "kind", "label"} or value != getattr(usual, name):
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines)


def _toml(value: object) -> str:
    """A value as TOML writes it; fractions as whole numbers or text, shapes as a table of names and pixels."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return f"{value:_}"
        case Fraction():
            return str(value) if value.denominator == 1 else _toml(str(value))
        case Mapping():
            pairs = cast("Mapping[object, object]", value).items()
            return "{ " + ", ".join(f"{_toml(str(name))} = {_toml(entry)}" for name, entry in pairs) + " }"
        case tuple():
            entries = cast("tuple[object, ...]", value)
            shapes = {entry.value: str(entry.size) for entry in entries if isinstance(entry, Shape)}
            return _toml(shapes) if shapes else f"[{', '.join(_toml(entry) for entry in entries)}]"
        case _:
            return json.dumps(str(value), ensure_ascii=False)
