"""Money, in whole micro-dollars: what is held, what was charged, and whether a cap allows more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from reelwright.domain.generation import Kind, ModelRef, provider_of
from reelwright.domain.ids import CampaignId, JobId, ShotId

MICRO = 1_000_000
WARN_PERCENT = 80
"""How much of a budget is used when a person is warned, unless they said otherwise."""


class EntryKind(StrEnum):
    """The lines of the ledger."""

    RESERVE = "reserve"
    RELEASE = "release"
    CHARGE = "charge"


@dataclass(frozen=True)
class Entry:
    """One line of the ledger: a movement of money, with what it was for and why."""

    campaign_id: CampaignId
    subject: str
    """The take, or the text step, that it is for."""
    kind: EntryKind
    micro_usd: int
    at: datetime
    month: str
    """The month to whose budget it belongs, as `2026-11`."""
    model: ModelRef
    """Who is paid; empty where nobody told."""
    note: str
    """Why, for people."""
    shot: ShotId | None = None
    """Of a take, as all that follows."""
    makes: Kind | None = None
    number: int = 0
    job: JobId | None = None

    @property
    def provider(self) -> str:
        """Whose models they are."""
        return provider_of(self.model)

    @property
    def held(self) -> int:
        """What it adds to what is held; less than nothing when it gives back."""
        match self.kind:
            case EntryKind.RESERVE:
                return self.micro_usd
            case EntryKind.RELEASE:
                return -self.micro_usd
            case EntryKind.CHARGE:
                return 0

    @property
    def charged(self) -> int:
        """What it adds to what was paid."""
        return self.micro_usd if self.kind is EntryKind.CHARGE else 0


@dataclass(frozen=True)
class Balance:
    """The money of a campaign or of a month, in micro-dollars."""

    cap: int | None
    """The most that it may ever cost; None allows only what is free."""
    reserved: int = 0
    charged: int = 0

    @property
    def used(self) -> int:
        """What is held or paid."""
        return self.reserved + self.charged

    @property
    def left(self) -> int:
        """What can still be reserved; less than nothing when the cap was lowered, or a vendor took more than it said."""
        return (self.cap or 0) - self.used

    def covers(self, quote: int) -> bool:
        """Whether the cap allows one more job of that price. What is free is always covered."""
        return quote == 0 or quote <= self.left


@dataclass(frozen=True)
class Budget:
    """A balance with the level at which a person is warned that it is nearly used up. The cap is where it stops."""

    balance: Balance
    warn_percent: int = WARN_PERCENT
    warned: str = ""
    """What was warned of last."""
    month: str = ""
    """As `2026-11`; nothing for a campaign's."""

    def after(self, quote: int) -> Budget:
        """What is left of it when as much is held as well."""
        return replace(self, balance=replace(self.balance, reserved=self.balance.reserved + quote))

    @property
    def warning(self) -> str:
        """What this warning is told apart by: another month, cap or level is another warning."""
        return f"{self.month}/{self.balance.cap}/{self.warn_percent}"

    @property
    def is_to_warn(self) -> bool:
        """Whether the level is reached, and was not told."""
        cap = self.balance.cap
        return bool(cap) and self.balance.used * 100 >= (cap or 0) * self.warn_percent and self.warned != self.warning


def month_of(at: datetime) -> str:
    """The calendar month in UTC, as `2026-11`."""
    return at.astimezone(UTC).strftime("%Y-%m")


def usd(micro: int) -> str:
    """For people: `$1.25`, rounded up to the cent; four digits below one cent."""
    amount = Decimal(micro) / MICRO
    step = Decimal("0.01") if amount == 0 or amount >= Decimal("0.01") else Decimal("0.0001")
    return f"${amount.quantize(step, rounding=ROUND_CEILING)}"


def usd_left(micro: int) -> str:
    """As `usd`, for what can still be spent: rounded down, and never less than nothing."""
    return f"${(Decimal(max(0, micro)) / MICRO).quantize(Decimal('0.01'), rounding=ROUND_FLOOR)}"


def exact_usd(micro: int) -> str:
    """For people who add up: every digit there is, and at least the cents."""
    text = decimal_usd(abs(micro))
    whole, _, rest = text.partition(".")
    return f"{'-' if micro < 0 else ''}${whole}.{rest:0<2}"


def decimal_usd(micro: int) -> str:
    """For programs: dollars as an exact decimal string."""
    return str((Decimal(micro) / MICRO).quantize(Decimal("0.000001")).normalize().__format__("f"))
