"""Agreeing: the price before anything is paid, and a person's word for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.prompt import Confirm, Prompt

from reelwright.domain.budget import Balance, Budget, usd, usd_left
from reelwright.errors import BudgetExceeded, InvalidInput
from reelwright.services.brief_fields import read_cap
from reelwright.services.productions import QuoteLine


@dataclass(frozen=True)
class Offer:
    """What is about to be made, and the money that there is for it."""

    what: str
    """As the first words of a sentence: `This film`."""
    lines: Sequence[QuoteLine]
    used: Balance
    """The campaign's, with the cap that is to hold: None where nobody has said one."""
    month: Budget
    """All campaigns' together."""
    notices: Sequence[str] = ()
    """What a person should know before they agree."""

    @property
    def price(self) -> int:
        """What it costs without retries, in micro-dollars."""
        return sum(line.micro_usd for line in self.lines)


def amount(option: str, text: str) -> int:
    """Micro-dollars from `5` or `$5.00`.

    Raises:
        InvalidInput: it is no amount.
    """
    try:
        return read_cap(text)
    except ValueError as error:
        msg = f"{option}: {error}."
        raise InvalidInput(msg) from error


def agree(offer: Offer, *, is_agreed: bool, as_json: bool) -> int | None:
    """The cap in micro-dollars, after the person has seen the price. What is free needs none.

    Raises:
        BudgetExceeded: there is no cap, it or the month does not cover the price, or nobody agreed. Nothing was paid.
        InvalidInput: what was typed is no amount.
    """
    cap, price = offer.used.cap, offer.price
    if price == 0:
        return cap
    is_asking = sys.stdin.isatty() and not as_json
    if is_asking:
        console = Console(stderr=True, highlight=False, markup=False)
        for notice in offer.notices:
            console.print(f"  note: {notice}", soft_wrap=True)
        for line in (line for line in offer.lines if line.micro_usd):
            console.print(f"  {line.count} {line.what} by {line.model}: {usd(line.micro_usd)}")
    about = f"{offer.what} costs about {usd(price)}"
    if cap is None:
        if not is_asking:
            msg = f"{about}: say the most that it may cost with --cap."
            raise BudgetExceeded(msg)
        cap = amount("cap", Prompt.ask(f"The most that it may cost (about {usd(price)} without retries), in dollars"))
    _check(offer, about, cap)
    if not is_agreed:
        if not is_asking:
            msg = f"{about} ({_room(offer, cap)}): agree with --yes."
            raise BudgetExceeded(msg)
        if not Confirm.ask(f"Spend about {usd(price)} ({_room(offer, cap)})?"):
            msg = "Nothing was submitted, nothing was paid."
            raise BudgetExceeded(msg)
    return cap


def _check(offer: Offer, about: str, cap: int) -> None:
    left = cap - offer.used.used
    if offer.price > left:
        room = f"leaves {usd_left(left)}" if offer.used.used else f"is {usd(cap)}"
        msg = f"{about}, and the cap {room}: raise --cap, or ask for less."
        raise BudgetExceeded(msg)
    if offer.month.balance.cap is not None and offer.price > offer.month.balance.left:
        left = usd_left(offer.month.balance.left)
        msg = f"{about}, and the budget for {offer.month.month} leaves {left}: raise it with `reelwright budget --month USD`."
        raise BudgetExceeded(msg)


def _room(offer: Offer, cap: int) -> str:
    """What the cap leaves, and the month where it has a budget."""
    used = offer.used.used
    room = f"cap {usd(cap)}" + (f", of which {usd_left(cap - used)} are left" if used else ", and never more")
    if offer.month.balance.cap is not None:
        room += f"; {usd_left(offer.month.balance.left)} left for {offer.month.month}"
    return room
