"""The film and its cut list: which clip from where to where, what is said when. Whole frames and exact rates only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import accumulate, pairwise

from reelwright.domain.brief import CaptionMode
from reelwright.domain.ids import AssetId, CampaignId, FilmId, ProductionId, TakeId
from reelwright.domain.timing import FRAME_RATE, Size, samples_at


@dataclass(frozen=True)
class Clip:
    """A selected take with a source range, in the film's frames."""

    take_id: TakeId
    asset_id: AssetId
    frames: int
    """How long it is seen in the film; at least 1."""
    source_in: int = 0
    """The first of its frames that is seen."""


@dataclass(frozen=True)
class Speech:
    """A voice and the film's frame on which it starts."""

    asset_id: AssetId
    start_frame: int
    text: str


@dataclass(frozen=True)
class Cue:
    """One caption: when it is seen, in seconds, and its one or two lines."""

    start: Fraction
    end: Fraction
    lines: tuple[str, ...]


@dataclass(frozen=True)
class CutList:
    """Everything that decides how a film looks and sounds, apart from the bytes of its clips and voices."""

    size: Size
    clips: tuple[Clip, ...]
    """In the order in which they are seen; each starts where the one before ends."""
    rate: Fraction = FRAME_RATE
    speech: tuple[Speech, ...] = ()
    """In the order in which it is heard."""
    cues: tuple[Cue, ...] = ()
    captions: CaptionMode = CaptionMode.NONE
    has_music: bool = False
    mood: str = ""
    language: str = "en"
    title: str = ""

    @property
    def frames(self) -> int:
        """The length of the film in frames."""
        return sum(clip.frames for clip in self.clips)

    @property
    def seconds(self) -> Fraction:
        """The length of the film."""
        return self.frames / self.rate

    @property
    def samples(self) -> int:
        """The length of the film's sound, to the sample."""
        return samples_at(self.frames, self.rate)


def start_frames(cut: CutList) -> tuple[int, ...]:
    """The film's frame on which each clip starts."""
    return tuple(accumulate((clip.frames for clip in cut.clips[:-1]), initial=0)) if cut.clips else ()


def speech_room(cut: CutList) -> tuple[int, ...]:
    """How many samples each voice may take before the next one starts, or the film ends."""
    starts = [*(samples_at(speech.start_frame, cut.rate) for speech in cut.speech), cut.samples]
    return tuple(after - start for start, after in pairwise(starts))


def whole_frames(seconds: Fraction, rate: Fraction = FRAME_RATE) -> Fraction:
    """The start of the frame nearest to `seconds`, in seconds; a half goes up."""
    return int(seconds * rate + Fraction(1, 2)) / rate


@dataclass(frozen=True)
class Film:
    """A rendered film, or one that is being rendered, with the cut list that it is made from."""

    id: FilmId
    campaign_id: CampaignId
    production_id: ProductionId
    number: int
    """Counts from 1 within the campaign."""
    cut_list: CutList
    assets: dict[str, AssetId]
    """`film`, `poster`, `sheet`, `srt` and `vtt`, as far as they are made; empty until it is rendered."""
    report: dict[str, float]
    """What the render measured: frames copied and encoded, loudness in LUFS, true peak in dBTP."""
    created_at: datetime
