"""One file a vendor, found by entry point. What a model can do and costs is data: `cards/<provider>.toml`."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from reelwright.domain.card import ModelCard, PromptUnit, Shape, Takes
from reelwright.domain.generation import Kind, ModelRef, provider_of
from reelwright.domain.timing import Size
from reelwright.errors import ConfigurationError, KeyRefused
from reelwright.net.guard import origin_of, parse
from reelwright.ports import Workshop


def _seconds(value: object) -> Fraction:
    """A number of seconds: TOML has no fractions, and a float would not be exact."""
    if isinstance(value, float):
        msg = "write it as a whole number or as text: `2` or `'2.5'`"
        raise ValueError(msg)  # noqa: TRY004 - what Pydantic takes for a mistake of the file
    return Fraction(str(value))


_Seconds = Annotated[Fraction, BeforeValidator(_seconds)]


def _size(value: object) -> Size:
    width, _, height = str(value).partition("x")
    return Size(int(width), int(height))


class _Card(BaseModel):
    """One `[[card]]` of a card file; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    kind: Annotated[Kind, BeforeValidator(Kind)]
    label: str
    shapes: dict[str, Annotated[Size, BeforeValidator(_size)]] = {}
    """The vendor's name of each legal shape, and its pixels: `"16:9" = "1280x720"`."""
    lengths: list[_Seconds] = []
    shortest: _Seconds = Fraction(0)
    longest: _Seconds = Fraction(0)
    prompt_limit: int = 0
    prompt_unit: Annotated[PromptUnit, BeforeValidator(PromptUnit)] = PromptUnit.CHARACTERS
    first_frame: Annotated[Takes, BeforeValidator(Takes)] = Takes.MAY
    last_frame: Annotated[Takes, BeforeValidator(Takes)] = Takes.NO
    references: int = 0
    audio: bool = False
    micro_usd: int = 0
    micro_usd_per_second: int = 0
    micro_usd_by_seconds: dict[_Seconds, int] = {}
    micro_usd_per_thousand: int = 0
    concurrency: int = 4
    pool: str = ""
    per_minute: int = 0
    poll_every: _Seconds = Fraction(5)
    deadline: _Seconds = Fraction(3600)
    is_idempotent: bool = False
    key_seconds: _Seconds = Fraction(0)
    settings: dict[str, str] = {}
    source: str = ""
    checked_on: str = ""
    retired_on: str = ""
    replaced_by: str = ""

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


_CARDS = TypeAdapter(list[_Card])


def load_cards(provider: str, own: Path | None = None) -> tuple[ModelCard, ...]:
    """The model cards of `cards/<provider>.toml`, in their order, then the person's `own`, which win over ours of the same model.

    Raises:
        ConfigurationError: there is no such file, or one is not as it should be.
    """
    cards = _read(provider, files(__name__).joinpath("cards", f"{provider}.toml").read_text("utf-8"))
    if own is not None and own.exists():
        added = _read(provider, own.read_text("utf-8"))
        named = {card.model for card in added}
        cards = (*(card for card in cards if card.model not in named), *added)
    return cards


def _read(provider: str, text: str) -> tuple[ModelCard, ...]:
    try:
        cards = tuple(card.card() for card in _CARDS.validate_python(tomllib.loads(text).get("card", [])))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        msg = f"The model cards of {provider} cannot be read: {error}"
        raise ConfigurationError(msg) from error
    if foreign := [card.model for card in cards if provider_of(card.model) != provider]:
        msg = f"The model cards of {provider} name another provider's models: {', '.join(foreign)}"
        raise ConfigurationError(msg)
    return cards


@dataclass(frozen=True)
class Account:
    """Where a vendor is and who pays there, read from the environment at each use."""

    vendor: str
    """For people: `Runway`."""
    workshop: Workshop
    key_names: Sequence[str]
    """The vendor's own variables, the first that is set wins."""
    base_name: str
    base_url: str
    """Where the vendor is unless the variable `base_name` says otherwise."""

    @property
    def is_set_up(self) -> bool:
        """Whether there is a key."""
        return bool(self._key())

    @property
    def key(self) -> str:
        """The key.

        Raises:
            KeyRefused: there is none.
        """
        key = self._key()
        if not key:
            msg = f"{self.vendor} has no key: set {self.key_names[0]}, or run `reelwright keys set {self.key_names[0]}`."
            raise KeyRefused(msg)
        return key

    def _key(self) -> str:
        environment = self.workshop.environment
        return next((environment[name].strip() for name in self.key_names if environment.get(name, "").strip()), "")

    @property
    def base(self) -> str:
        """The API's base URL, without a slash at its end."""
        return (self.workshop.environment.get(self.base_name, "").strip() or self.base_url).rstrip("/")

    @property
    def fingerprint(self) -> str:
        """What tells this key from another one and gives nothing of it away: `Provider.account`."""
        key = self._key()
        return hashlib.sha256(f"reelwright account {key}".encode()).hexdigest()[:12] if key else ""

    @property
    def origins(self) -> frozenset[str]:
        """The API's own origin, which the operator has named: it may be in a private network."""
        return frozenset({origin_of(parse(self.base))})
