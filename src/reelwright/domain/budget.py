"""Money, in whole micro-dollars: what is held, what was charged, and whether a cap allows more."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

MICRO = 1_000_000


class EntryKind(StrEnum):
    """The lines of the ledger."""

    RESERVE = "reserve"
    RELEASE = "release"
    CHARGE = "charge"


@dataclass(frozen=True)
class Balance:
    """A campaign's money in micro-dollars."""

    cap: int | None
    """The most that it may ever cost; None allows only what is free."""
    reserved: int = 0
    charged: int = 0

    @property
    def left(self) -> int:
        """What can still be reserved."""
        return (self.cap or 0) - self.reserved - self.charged

    def covers(self, quote: int) -> bool:
        """Whether the cap allows one more job of that price. What is free is always covered."""
        return quote == 0 or quote <= self.left


def usd(micro: int) -> str:
    """For people: `$1.25`, rounded up to the cent; four digits below one cent."""
    amount = Decimal(micro) / MICRO
    step = Decimal("0.01") if amount == 0 or amount >= Decimal("0.01") else Decimal("0.0001")
    return f"${amount.quantize(step, rounding=ROUND_CEILING)}"


def decimal_usd(micro: int) -> str:
    """For programs: dollars as an exact decimal string."""
    return str((Decimal(micro) / MICRO).quantize(Decimal("0.000001")).normalize().__format__("f"))
