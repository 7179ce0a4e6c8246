"""What tokens cost, for vendors that tell how many an output took."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from reelwright.domain.card import ModelCard

PRICES: Final = "usd_"
"""Settings of a card that begin so are prices of a million tokens, in dollars; they are not sent."""


def sent(card: ModelCard) -> dict[str, str]:
    """The settings of a card that go out with a request."""
    return {name: value for name, value in card.settings.items() if not name.startswith(PRICES)}


def priced(tokens: Mapping[str, int], card: ModelCard) -> int | None:
    """What they cost in micro-dollars, which is the price of a million in dollars times their number; rounded up once.

    Args:
        tokens: by the setting that has their price.
        card: of the model; None is answered where it lacks a price.
    """
    if any(count and name not in card.settings for name, count in tokens.items()):
        return None
    return math.ceil(sum(Fraction(card.settings.get(name, "0")) * count for name, count in tokens.items()))
