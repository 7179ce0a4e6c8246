"""What the adapters of all vendors with an account do alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Request
from reelwright.domain.ids import JobId
from reelwright.errors import InputRefused, JobUnknown
from reelwright.providers.kit.account import Account
from reelwright.providers.kit.cards import load_cards


class Vendor:
    """The part of `Provider` that asks nobody. An adapter adds how to ask, and nothing is built upon adapters."""

    def __init__(self, name: str, account: Account) -> None:
        """Connects to nothing yet.

        Args:
            name: the part of a model reference before the colon.
            account: whom it asks, and for whom.
        """
        self._name = name
        self._account = account
        self._workshop = account.workshop
        self._cards = load_cards(name, account.workshop.cards)

    @property
    def name(self) -> str:
        """The part of a model reference before the colon."""
        return self._name

    @property
    def account(self) -> str:
        """The key's fingerprint."""
        return self._account.fingerprint

    @property
    def trusted_origins(self) -> frozenset[str]:
        """The address that the operator has put in the vendor's place; the vendor itself hands out public URLs."""
        return self._account.trusted_origins

    def cards(self) -> Sequence[ModelCard]:
        """The models, also where there is no key yet."""
        return self._cards

    def _own_card(self, request: Request) -> ModelCard | None:
        """The card of the model that is asked; None where it has none."""
        return next((card for card in self._cards if card.model == request.model and card.kind is request.kind), None)

    def _card(self, request: Request) -> ModelCard:
        """The card of the model that is asked. Whether it is still on offer the vendor knows best.

        Raises:
            InputRefused: it has none.
        """
        card = self._own_card(request)
        if card is None:
            msg = f"{self._account.vendor} makes no {request.kind} with {request.model}."
            raise InputRefused(msg)
        return card


def pasted(typed: JobId, form: re.Pattern[str], unknown: str) -> JobId:
    """The id in what a person has copied: without the spaces around it, and without the address of the page before it.

    Args:
        typed: what the provider is asked about.
        form: what every id of the vendor looks like; nothing else is put into the address of a request.
        unknown: how it is said that there is no such job (`Runway has no task`).

    Raises:
        JobUnknown: it is no id.
    """
    job = typed.strip()
    if job.startswith(("https://", "http://")):
        job = job.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]
    if not form.fullmatch(job):
        msg = f"{unknown} {typed!r}."
        raise JobUnknown(msg)
    return JobId(job)
