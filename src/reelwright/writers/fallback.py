"""When a language model fails, the template stands in, and says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from reelwright.domain.brief import Brief
from reelwright.domain.card import PromptUnit
from reelwright.domain.concept import Concept
from reelwright.domain.generation import ModelRef
from reelwright.domain.storyboard import Storyboard
from reelwright.errors import ProviderError
from reelwright.ports import Refining, Writer, Written

T = TypeVar("T")


class PaidInVain(ProviderError):
    """A model took money and gave nothing that can be used."""

    charged_micro_usd: int = 0
    """What it took, as far as we know; not kept by the durable log."""


def with_fallback(primary: Writer, fallback: Writer) -> Writer:
    """`primary`, and `fallback` for every text that it fails to deliver; the notice then says so and why.

    A wrong or missing key is a matter of the settings and not answered by standing in.
    """
    return _Understudied(primary, fallback)


class _Understudied:
    def __init__(self, primary: Writer, fallback: Writer) -> None:
        self._primary = primary
        self._fallback = fallback

    @property
    def model(self) -> ModelRef:
        """The writer that was asked for."""
        return self._primary.model

    @property
    def quote_micro_usd(self) -> int:
        """What both can cost, one after the other."""
        return self._primary.quote_micro_usd + self._fallback.quote_micro_usd

    async def concepts(self, brief: Brief, count: int) -> Written[tuple[Concept, ...]]:
        """Concepts by whoever delivers."""
        return await self._either(lambda: self._primary.concepts(brief, count), lambda: self._fallback.concepts(brief, count))

    async def storyboard(self, brief: Brief, concept: Concept) -> Written[Storyboard]:
        """A storyboard by whoever delivers."""
        return await self._either(
            lambda: self._primary.storyboard(brief, concept), lambda: self._fallback.storyboard(brief, concept)
        )

    def refine_quote(self, prompt: str) -> int:
        """What the first can cost: nobody else can rewrite."""
        return self._primary.refine_quote(prompt) if isinstance(self._primary, Refining) else 0

    async def refine(self, prompt: str, limit: int, unit: PromptUnit) -> Written[str]:
        """The prompt in fewer words; as it was where the first does not deliver."""
        if not isinstance(self._primary, Refining):
            return Written(prompt, self._fallback.model)
        try:
            return await self._primary.refine(prompt, limit, unit)
        except ProviderError as error:
            notice = f"{self._primary.model} did not deliver: {error.message}"
            return Written(prompt, self._fallback.model, notice, _spent_on(error))

    async def _either(
        self, first: Callable[[], Awaitable[Written[T]]], second: Callable[[], Awaitable[Written[T]]]
    ) -> Written[T]:
        try:
            return await first()
        except ProviderError as error:
            stand_in = await second()
            notice = f"{self._primary.model} did not deliver: {error.message} {self._fallback.model} stood in for it."
            return replace(stand_in, notice=notice, charged_micro_usd=stand_in.charged_micro_usd + _spent_on(error))


def _spent_on(error: ProviderError) -> int:
    return error.charged_micro_usd if isinstance(error, PaidInVain) else 0
