"""Model cards: what a model can do and what it costs. Data from `providers/cards/*.toml`, never code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.timing import FRAME_RATE, Size


class PromptUnit(StrEnum):
    """What a model counts in a prompt."""

    CHARACTERS = "characters"
    """Unicode code points."""
    UTF16 = "utf16"
    """UTF-16 code units: an emoji is two."""
    BYTES = "bytes"
    """Bytes of UTF-8."""

    def measure(self, prompt: str) -> int:
        """How long the model says that the prompt is."""
        match self:
            case PromptUnit.CHARACTERS:
                return len(prompt)
            case PromptUnit.UTF16:
                return len(prompt.encode("utf-16-le")) // 2
            case PromptUnit.BYTES:
                return len(prompt.encode())


class Takes(StrEnum):
    """Whether a model takes a picture in some place."""

    NO = "no"
    MAY = "may"
    MUST = "must"


@dataclass(frozen=True)
class Shape:
    """One shape that a model makes."""

    value: str
    """As the vendor names it: `1280:720`, `16:9`, `1024x1536`."""
    size: Size
    """What comes out, in pixels; where the vendor tells only proportions, the nearest usual pixels."""


@dataclass(frozen=True)
class ModelCard:
    """The facts about one model, with where they are from."""

    model: ModelRef
    kind: Kind
    label: str
    """For people: what it is, and what it is not."""
    shapes: tuple[Shape, ...] = ()
    """Nothing: it makes whatever size is asked for."""
    lengths: tuple[Fraction, ...] = ()
    """The legal seconds, shortest first; nothing: see `shortest` and `longest`."""
    shortest: Fraction = Fraction(0)
    longest: Fraction = Fraction(0)
    """Whole seconds from `shortest` to `longest` are legal; 0 where any length is."""
    prompt_limit: int = 0
    """In `prompt_unit`s; 0 where none is known."""
    prompt_unit: PromptUnit = PromptUnit.CHARACTERS
    first_frame: Takes = Takes.MAY
    last_frame: Takes = Takes.NO
    references: int = 0
    """How many pictures it takes beside the first and the last frame."""
    audio: bool = False
    """Its clips have sound of their own."""
    micro_usd: int = 0
    """Price of one output, in millionths of a dollar."""
    micro_usd_per_second: int = 0
    """Price of a second of output, in millionths of a dollar, added to `micro_usd`."""
    micro_usd_by_seconds: Mapping[Fraction, int] = field(default_factory=dict[Fraction, int])
    """Price of one output of that length, where it is not so much a second; added to `micro_usd`."""
    micro_usd_per_thousand: int = 0
    """Price of a thousand units of the prompt (a voice's words), added to `micro_usd`."""
    concurrency: int = 4
    """Jobs of one account that the vendor runs at once."""
    pool: str = ""
    """The provider's models that name the same pool have these places together; nothing where each has its own."""
    per_minute: int = 0
    """Submits of one account that the vendor takes within a minute; 0 where it sets no such limit."""
    poll_every: Fraction = Fraction(5)
    """Seconds between two polls, as the vendor asks."""
    deadline: Fraction = Fraction(3600)
    """Seconds after which a production waits no longer. The job is still brought home when it ends."""
    is_idempotent: bool = False
    """The vendor honours our intent key: sending the same submit twice makes one job."""
    key_seconds: Fraction = Fraction(0)
    """How long the vendor remembers an intent key; 0 where it does so for ever."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the adapter must send for this model beside the request, by its own names: `resolution = "720p"`."""
    source: str = ""
    """Where the facts are from."""
    checked_on: str = ""
    """When somebody last looked, as `2026-11-20`."""
    retired_on: str = ""
    """The day on which the vendor took it away; nothing for a living one."""
    replaced_by: ModelRef | None = None
    """The nearest living thing, for a retired one."""

    @property
    def is_paid(self) -> bool:
        """Whether asking for it costs money."""
        prices = (self.micro_usd, self.micro_usd_per_second, self.micro_usd_per_thousand, *self.micro_usd_by_seconds.values())
        return any(prices)

    def quote(self, seconds: Fraction, prompt: str = "") -> int:
        """The price of one output of that length, which must be a legal one, in micro-dollars, rounded up once."""
        exact = self.micro_usd + self.micro_usd_per_second * seconds + self.micro_usd_by_seconds.get(seconds, 0)
        exact += Fraction(self.micro_usd_per_thousand * self.prompt_unit.measure(prompt), 1000)
        return math.ceil(exact)

    def quote_together(self, count: int, seconds: Fraction) -> int:
        """The most that `count` outputs cost in micro-dollars whose lengths add up to `seconds`, each rounded up by itself."""
        by_length = self.micro_usd_per_second * seconds
        is_rounded = (Fraction(self.micro_usd_per_second) / FRAME_RATE).denominator > 1
        return count * self.micro_usd + math.ceil(by_length) + (count - 1 if by_length and is_rounded else 0)
