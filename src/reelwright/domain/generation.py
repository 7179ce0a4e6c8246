"""What we ask a provider for, what it can do, and what it answers."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import NewType

from reelwright.domain.ids import AssetId, JobId
from reelwright.domain.timing import FRAME_RATE, Size

ModelRef = NewType("ModelRef", str)
"""`provider:model`, such as `animatic:cards` or `runway:gen4_turbo`."""


def provider_of(model: ModelRef) -> str:
    """The provider's name in a model reference."""
    return model.partition(":")[0]


class Kind(StrEnum):
    """What a take is a take of."""

    FRAME = "frame"
    CLIP = "clip"
    VOICE = "voice"


@dataclass(frozen=True)
class ModelCard:
    """The facts about one model. Data, never code."""

    model: ModelRef
    kind: Kind
    label: str
    """For people: what it is, and what it is not."""
    micro_usd: int = 0
    """Price of one output, in millionths of a dollar."""
    micro_usd_per_second: int = 0
    """Price of a second of output, in millionths of a dollar, added to `micro_usd`."""
    concurrency: int = 4
    """Jobs of one account that the vendor runs at once."""
    pool: str = ""
    """The provider's models that name the same pool have these places together; nothing where each has its own."""
    poll_every: Fraction = Fraction(5)
    """Seconds between two polls, as the vendor asks."""
    is_idempotent: bool = False
    """The vendor honours our intent key: sending the same submit twice makes one job."""
    source: str = ""
    checked_on: str = ""

    @property
    def is_paid(self) -> bool:
        """Whether asking for it costs money."""
        return bool(self.micro_usd or self.micro_usd_per_second)

    def quote(self, seconds: Fraction) -> int:
        """The price of one output of that length in micro-dollars, rounded up once."""
        exact = self.micro_usd + self.micro_usd_per_second * seconds
        return -(-exact.numerator // exact.denominator)

    def quote_together(self, count: int, seconds: Fraction) -> int:
        """The most that `count` outputs cost in micro-dollars whose lengths add up to `seconds`, each rounded up by itself."""
        by_length = self.micro_usd_per_second * seconds
        is_rounded = (Fraction(self.micro_usd_per_second) / FRAME_RATE).denominator > 1
        return count * self.micro_usd + math.ceil(by_length) + (count - 1 if by_length and is_rounded else 0)


@dataclass(frozen=True)
class Direction:
    """What a director tells about a shot beside the prompt: models that only read prompts ignore it, the animatic draws by it."""

    brand: str = ""
    subject: str = ""
    """What the film is about, in the person's own words: the product, its message, its goal."""
    title: str = ""
    text: str = ""
    motion: str = ""
    number: int = 1
    """The shot's place in the film, from 1."""
    count: int = 1
    """How many shots the film has."""
    style: str = ""
    mood: str = ""
    palette: tuple[str, ...] = ()
    """`#rrggbb`: background, text, accent, then more accents; empty lets the look choose."""
    call_to_action: str = ""
    seed: str = ""
    """Anything that stays the same for one campaign, so that its shots look like one film."""


@dataclass(frozen=True)
class Request:
    """One thing that we ask a model for. What it holds decides `digest`; nothing in it is secret."""

    kind: Kind
    model: ModelRef
    prompt: str
    size: Size = Size(1280, 720)
    rate: Fraction = FRAME_RATE
    seconds: Fraction = Fraction(5)
    """Length of a clip; the longest that a voice may speak; nothing for a frame."""
    language: str = "en"
    picture: AssetId | None = None
    """The first frame of a clip, or the person's own picture of a frame."""
    logo: AssetId | None = None
    direction: Direction = field(default_factory=Direction)

    @property
    def digest(self) -> str:
        """SHA-256 of everything that was asked, in hex: equal requests have equal digests."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, default=str).encode()).hexdigest()


class JobState(StrEnum):
    """Where a job stands at the provider."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class Output:
    """What a job made, at a URL that soon dies."""

    url: str
    media_type: str = ""
    """As the provider says it; never believed."""
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Failure:
    """Why a job failed, in words for the person, and what may be done."""

    reason: str
    is_retryable: bool = False
    is_charged: bool = False


@dataclass(frozen=True)
class Job:
    """The provider's receipt. `outputs` is filled when it has succeeded, `failure` when it has failed."""

    id: JobId
    state: JobState
    progress: Fraction | None = None
    """0 to 1 where the provider tells it."""
    outputs: tuple[Output, ...] = ()
    failure: Failure | None = None
    charged_micro_usd: int | None = None
    """What the provider itself says that it took."""
