"""Which prediction a submit made whose answer was lost. Wrong in one way it costs a clip twice, in the other it loses one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reelwright.errors import ProviderError
from reelwright.providers.replicate.answers import Prediction

SKEW = timedelta(seconds=30)
"""By how much Replicate's clock may be behind ours; a seed is proof enough to look so much further back."""
LATE = timedelta(minutes=15)
"""After an intent was written down, the latest moment at which its submit was made."""


@dataclass(frozen=True)
class Trace:
    """What a submit left behind."""

    model: str
    """`owner/name`."""
    prompt: str
    seed: int | None
    """The intent's own; None where the model takes none."""
    since: datetime


def recalled(trace: Trace, predictions: Sequence[Prediction]) -> Prediction | None:
    """The one with the seed, else the only one with the prompt and without a seed; None when surely none is it.

    Args:
        trace: of the submit.
        predictions: all since `trace.since` less `SKEW`.

    Raises:
        ProviderError: it cannot be told.
    """
    asked = [each for each in predictions if each.model in {"", trace.model}]
    own = [each for each in asked if trace.seed is not None and _seed_of(each) == trace.seed]
    if found := next((each for each in own if each.id), None):
        return found
    recent = [each for each in asked if each.created_at is None or trace.since <= each.created_at <= trace.since + LATE]
    possible = [each for each in recent if not each.input or each.data_removed or _is_alike(each, trace)]
    if len(possible) == 1 and not own and possible[0].id and _is_alike(possible[0], trace):
        return possible[0]
    if possible or own:
        names = ", ".join(each.id or "one whose id cannot be read" for each in possible or own)
        message = f"Replicate has predictions that may be the one, or not: {names}."
        raise ProviderError(message)
    return None


def _seed_of(prediction: Prediction) -> object:
    return prediction.input.get("seed")


def _is_alike(prediction: Prediction, trace: Trace) -> bool:
    """Whether it was asked the same, and no seed says that another intent made it."""
    return trace.prompt in prediction.input.values() and (trace.seed is None or _seed_of(prediction) is None)
