"""What goes into the workers and comes back from them: plain facts, in a file that loads no library of media."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from reelwright.domain.timing import Size

MediaKind = Literal["image", "video", "audio"]

PIXELS_ALLOWED = 80_000_000
"""A picture or a frame with more is a decompression bomb."""


def too_large(width: int, height: int) -> str:
    """What a person is told about one."""
    return f"{width}x{height} pixels are too many: at most {PIXELS_ALLOWED // 1_000_000} megapixels."


@dataclass(frozen=True)
class Probe:
    """The facts about a file that decodes from end to end."""

    kind: MediaKind
    media_type: str
    size: Size | None = None
    """As it is to be shown: rotation and pixel shape are applied."""
    frames: int | None = None
    """Shown frames of a clip; 1 for a picture."""
    rate: Fraction | None = None
    """Frames a second of a clip, from its time stamps; samples a second of a sound."""
    seconds: Fraction | None = None
    is_constant_rate: bool = True
    has_sound: bool = False
    codec: str = ""
    pixel_format: str = ""


@dataclass(frozen=True)
class Made:
    """The facts about a finished file."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Spoken:
    """The facts about a finished voice file."""

    size: int
    sha256: str
    seconds: Fraction
    pace: int
    """Words a minute that it was spoken at."""


@dataclass(frozen=True)
class SheetEntry:
    """One shot on the sheet."""

    picture: str
    """The path of its frame."""
    number: int
    title: str
    text: str
    timecode: str
    """When and how long, as it is printed: `0:05 – 0:10`."""


@dataclass(frozen=True)
class Rendered:
    """What came out."""

    frames: int
    copied: int
    """Frames whose packets are those of their clips."""
    encoded: int
    seconds: float
    lufs: float
    """Integrated loudness of the finished file's sound; -70 for a silent film."""
    true_peak: float
    """dBTP of the finished file's sound; minus infinity for a silent film."""


@dataclass(frozen=True)
class Merging:
    """How clips are merged."""

    container: Literal["mp4", "webm"] = "mp4"
    size: Size | None = None
    """The first clip's where it is None; what has another shape is cropped in its middle."""
    rate: Fraction | None = None
    """Frames a second; the first clip's where it is None."""
    quality: float | None = None
    """0.1 to 1; None keeps the quality and copies what can be copied."""


@dataclass(frozen=True)
class Merged:
    """The facts about merged clips."""

    size: Size
    rate: Fraction
    frames: int
