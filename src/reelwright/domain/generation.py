"""What we ask a provider for, what it can do, and what it answers."""

from __future__ import annotations

import hashlib
import json
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
    """Length of the clip that is generated and paid, which may be more than the shot shows; the longest that a voice may speak;
    nothing for a frame."""
    language: str = "en"
    picture: AssetId | None = None
    """The first frame of a clip, or the person's own picture of a frame."""
    last_picture: AssetId | None = None
    """The last frame of a clip, for models that take one."""
    logo: AssetId | None = None
    shape: str = ""
    """The legal shape that was planned, by the vendor's own name for it (`1280:720`, `16:9`, `1024x1536`); empty where a model
    makes any size."""
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


class FailureKind(StrEnum):
    """Why a job failed, by what a person can do about it."""

    MODERATION = "moderation"
    """The vendor's rules forbid it: say it in other words."""
    INPUT = "input"
    """The vendor does not take what was asked: change it."""
    KEY = "key"
    """The key is missing, wrong or not allowed to do this: set another one."""
    CREDITS = "credits"
    """The account has no money or quota left: top it up."""
    INTERNAL = "internal"
    """The vendor broke: try again."""
    LOST = "lost"
    """The vendor no longer has the job or its output."""
    UNUSABLE = "unusable"
    """What arrived is not what was asked for, or does not decode."""
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Failure:
    """Why a job failed, in words for the person, and what may be done."""

    reason: str
    is_retryable: bool = False
    """The same request may succeed when it is asked again, which costs again."""
    is_charged: bool = False
    kind: FailureKind = FailureKind.UNKNOWN
    advice: str = ""
    """One sentence: what the person can do."""


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
    estimated_micro_usd: int | None = None
    """The most that the provider itself says it may take, as long as it has not ended."""
