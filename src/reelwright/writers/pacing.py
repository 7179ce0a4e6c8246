"""How long each shot is: long enough for what is said in it, whole frames, and together exactly the film."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from reelwright.domain.brief import SHORTEST_SHOT
from reelwright.domain.languages import spoken_seconds
from reelwright.domain.timing import FRAME_RATE, frame_count

_BREATH = Fraction(3, 5)
"""Seconds of silence around a line: the cut leaves half a second."""
_TIGHT = Fraction(3, 10)
"""The same where time is short: the voice then speaks a little faster."""
_LEAST_SHARE = Fraction(11, 20)
"""A silent shot takes at least this much of an even share, so that the eye has time."""


def lengths(lines: Sequence[str], seconds: Fraction) -> tuple[Fraction, ...] | None:
    """A length for each shot in which its line can be said; None when the lines are too much for the film.

    Args:
        lines: what is said in each shot; may be empty.
        seconds: length of the film.
    """
    total = frame_count(seconds)
    even = Fraction(total, len(lines)) / FRAME_RATE
    for least, breath in ((max(SHORTEST_SHOT, even * _LEAST_SHARE), _BREATH), (min(SHORTEST_SHOT, even), _TIGHT)):
        wanted = [max(least, spoken_seconds(line) + breath if line else least) for line in lines]
        frames = [math.ceil(each * FRAME_RATE) for each in wanted]
        if sum(frames) <= total:
            return _filled(frames, total)
    return None


def scaled(weights: Sequence[Fraction], seconds: Fraction) -> tuple[Fraction, ...]:
    """Lengths in proportion to `weights`, in whole frames, at least a second each where the film is long enough."""
    total = frame_count(seconds)
    least = min(int(SHORTEST_SHOT * FRAME_RATE), total // len(weights))
    spare = total - least * len(weights)
    whole = sum(weights, Fraction(0))
    frames = [least + int(spare * weight / whole) if whole else least for weight in weights]
    return _filled(frames, total)


def _filled(frames: Sequence[int], total: int) -> tuple[Fraction, ...]:
    """What is left over, shared evenly, so that the sum is exact."""
    each, rest = divmod(total - sum(frames), len(frames))
    return tuple((count + each + (index < rest)) / FRAME_RATE for index, count in enumerate(frames))
