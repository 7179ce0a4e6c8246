"""The storyboard: the shots in their order. A shot is what one camera run shows, the unit that is generated."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from reelwright.domain.ids import AssetId, ShotId


@dataclass(frozen=True)
class Shot:
    """One camera run."""

    id: ShotId
    """`shot-01` and so on; stays with the shot when the order changes."""
    title: str
    """Two to six words: the headline of its storyboard card."""
    text: str
    """What is seen, in a sentence."""
    image_prompt: str
    motion_prompt: str
    """How the camera and the subject move."""
    narration: str
    """What the voice says; may be empty."""
    seconds: Fraction
    """Its length in the film, a whole number of frames at the film's rate."""
    picture: AssetId | None = None
    """The person's own picture for it."""


@dataclass(frozen=True)
class Storyboard:
    """The shots in the order in which they are seen."""

    shots: tuple[Shot, ...]

    @property
    def seconds(self) -> Fraction:
        """The length of the film."""
        return sum((shot.seconds for shot in self.shots), Fraction(0))
