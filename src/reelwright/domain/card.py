"""Model cards: what a model can do and what it costs. Data from `providers/cards/*.toml`, never code."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from reelwright.domain.brief import SHORTEST_SHOT
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.timing import FRAME_RATE, Size

SPOKEN_A_SECOND = 32
"""Characters that a voice says in a second at most: 2.3 words of twelve letters, with their spaces and punctuation."""
_BYTES_OF_A_CHARACTER = 3
_LONG_PROMPT = 5000
"""Units of a prompt where the model sets no limit."""
_NEVER = -(10**18)
"""The price of what cannot be."""


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
                return len(prompt.encode("utf-16-le", "surrogatepass")) // 2
            case PromptUnit.BYTES:
                return len(prompt.encode("utf-8", "surrogatepass"))

    @property
    def in_words(self) -> str:
        """For people."""
        return "UTF-16 units" if self is PromptUnit.UTF16 else self.value


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
    needs_prompt: bool = True
    """It makes nothing without words."""
    first_frame: Takes = Takes.MAY
    """The picture that a clip starts from; for a model of frames, the person's own picture that a frame is made after."""
    last_frame: Takes = Takes.NO
    references: int = 0
    """How many pictures it takes beside the first and the last frame."""
    logo: bool = False
    """It puts the campaign's logo where it belongs."""
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
    list_lag: Fraction = Fraction(2)
    """Seconds after a request was sent in which the vendor may still accept it without showing it in its list. Only after them is
    a list in which it is missing believed."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the adapter must send for this model beside the request, by its own names: `resolution = "720p"`."""
    source: str = ""
    """Where the facts are from."""
    checked_on: str = ""
    """When somebody last looked, as `2026-11-20`."""
    retired_on: str = ""
    """The day from which the vendor does not offer it any more, as `2026-06-10`; nothing where it has named none."""
    replaced_by: ModelRef | None = None
    """The nearest to it that is offered then."""

    @property
    def is_paid(self) -> bool:
        """Whether asking for it costs money."""
        prices = (self.micro_usd, self.micro_usd_per_second, self.micro_usd_per_thousand, *self.micro_usd_by_seconds.values())
        return any(prices)

    def is_offered(self, on: date) -> bool:
        """Whether the vendor offers it on that day, as far as it has said."""
        return not self.retired_on or on < date.fromisoformat(self.retired_on)

    def quote(self, seconds: Fraction, prompt: str = "") -> int:
        """The price of one output of that length, which must be a legal one, in micro-dollars, rounded up once."""
        exact = self.micro_usd + self.micro_usd_per_second * seconds + self.micro_usd_by_seconds.get(seconds, 0)
        exact += Fraction(self.micro_usd_per_thousand * self.prompt_unit.measure(prompt), 1000)
        return math.ceil(exact)

    @property
    def legal_lengths(self) -> tuple[Fraction, ...]:
        """The seconds that a clip may have, shortest first; nothing where any length is legal."""
        if self.lengths or not self.longest:
            return self.lengths
        return tuple(Fraction(whole) for whole in range(max(1, math.ceil(self.shortest)), math.floor(self.longest) + 1))

    def length_for(self, seconds: Fraction) -> Fraction:
        """The legal length that is generated for a shot: the shortest that covers it, else the longest."""
        legal = self.legal_lengths
        return next((length for length in legal if length >= seconds), legal[-1] if legal else seconds)

    def shape_for(self, size: Size) -> Shape | None:
        """The legal shape of which least is cut off for a film of that size; None where the model makes any size.

        Of shapes that are alike, the smallest with enough pixels; where none has, the largest.
        """

        def rank(shape: Shape) -> tuple[Fraction, bool, int]:
            pixels = shape.size.width * shape.size.height
            is_enough = shape.size.width >= size.width and shape.size.height >= size.height
            return cut_off(shape.size, size), not is_enough, pixels if is_enough else -pixels

        return min(self.shapes, key=rank, default=None)

    def quote_together(self, count: int, seconds: Fraction) -> int:
        """The most that `count` outputs can cost in micro-dollars, whose shots last `seconds` together, however they share them.

        What a voice will say is not known yet: at most `SPOKEN_A_SECOND` characters a second.
        """
        units = self._most_units(count, seconds)
        exact = Fraction(self.micro_usd_per_thousand, 1000) * units
        if self.kind is Kind.CLIP and (legal := self.legal_lengths):
            exact += dearest_share([(length, self.quote(length)) for length in legal], count, seconds)
            is_whole = True
        else:
            exact += count * self.micro_usd + self.micro_usd_per_second * seconds
            is_whole = not seconds or (Fraction(self.micro_usd_per_second) / FRAME_RATE).denominator == 1
        # Each output is rounded up by itself.
        is_whole = is_whole and not (units and self.micro_usd_per_thousand % 1000)
        return math.ceil(exact) + (0 if is_whole else count - 1)

    def _most_units(self, count: int, seconds: Fraction) -> Fraction:
        """How long `count` prompts can be together, as the model counts."""
        if self.kind is not Kind.VOICE:
            return Fraction(count * (self.prompt_limit or _LONG_PROMPT))
        return SPOKEN_A_SECOND * seconds * (_BYTES_OF_A_CHARACTER if self.prompt_unit is PromptUnit.BYTES else 1)


def cut_off(made: Size, film: Size) -> Fraction:
    """The part of a picture, 0 to 1, that is cut off when it covers the whole frame of a film."""
    wide, high = made.width * film.height, made.height * film.width
    return 1 - Fraction(min(wide, high), max(wide, high))


def dearest_share(prices: Sequence[tuple[Fraction, int]], count: int, seconds: Fraction) -> int:
    """The most that `count` clips cost that show `seconds` together, each made in the shortest legal length that covers it.

    Args:
        prices: the legal lengths, shortest first, with the price of each.
        count: how many clips, one at least; each shows `SHORTEST_SHOT` or an even share.
        seconds: all that they show.
    """
    lowest = prices[0][1]
    least, frame = min(SHORTEST_SHOT, seconds / count), 1 / FRAME_RATE
    parts = math.lcm(*(length.denominator for length, _ in prices))
    # A clip is made in one of the longer lengths when its shot lasts a frame more than the length before it.
    wanted = [(int(before * parts), price) for (before, _), (_, price) in pairwise(prices)]
    best, most = [0] * (int(seconds * parts) + 1), count * lowest
    for made in range(1, count + 1 if wanted else 1):
        best = [max((best[at - need] + price for need, price in wanted if need <= at), default=_NEVER) for at in range(len(best))]
        room = seconds - (count - made) * least - made * frame
        if room >= 0:
            most = max(most, (count - made) * lowest + best[int(room * parts)])
    return most
