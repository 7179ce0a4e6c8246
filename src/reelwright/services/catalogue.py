"""The catalogue: which models there are, what they can do, and who makes them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Kind, ModelRef, provider_of
from reelwright.errors import ConfigurationError
from reelwright.ports import Discovering, Provider, Writer

_MOST_OFFERED = 6
"""So many models are named to whoever asks for one that is not there; of more, the nearest."""
_SOON = timedelta(days=90)
"""So long before its end a model's end is told."""


class Catalogue:
    """Providers by name, writers by name, cards by model."""

    def __init__(
        self,
        providers: Sequence[Provider],
        writers: Mapping[str, Callable[[str], Writer]],
        broken: Mapping[str, str] | None = None,
        *,
        now: Callable[[], datetime],
    ) -> None:
        """`broken` are plug-ins that did not load, by name, with the reason."""
        self.broken = dict(broken or {})
        self._now = now
        self._providers = {provider.name: provider for provider in providers}
        self._writers = dict(writers)
        self._cards = {card.model: card for provider in providers for card in provider.cards()}

    @property
    def providers(self) -> tuple[Provider, ...]:
        """All of them."""
        return tuple(self._providers.values())

    @property
    def writers(self) -> tuple[str, ...]:
        """The names before the colon of every model that writes."""
        return tuple(sorted(self._writers))

    @property
    def known(self) -> tuple[ModelCard, ...]:
        """Every card, those of models that are no longer offered among them."""
        return tuple(self._cards.values())

    def cards(self, kind: Kind | None = None) -> tuple[ModelCard, ...]:
        """The models on offer: all, or those of one kind."""
        return tuple(card for card in self.known if self.is_offered(card) and (kind is None or card.kind is kind))

    def is_offered(self, card: ModelCard) -> bool:
        """Whether its vendor offers the model today."""
        return card.is_offered(self._now().date())

    def card(self, model: ModelRef, kind: Kind) -> ModelCard:
        """The facts about a model, or about the one that is used in the place of one that is no longer offered.

        Raises:
            ConfigurationError: nobody offers it, it makes something else, or nobody knows its price.
        """
        known = self._cards.get(model)
        living = self._living(known)
        if known is None or living is None or living.kind is not kind or self._has_no_price(living):
            raise ConfigurationError(self._why_not(model, known, kind))
        return living

    def _has_no_price(self, card: ModelCard) -> bool:
        """Whether somebody forgot it: who has models without cards has none for nothing."""
        return not card.is_paid and isinstance(self._providers.get(provider_of(card.model)), Discovering)

    def has_key(self, card: ModelCard) -> bool:
        """Whether there is a key to pay the model with; nobody needs one for what is free."""
        return not card.is_paid or bool(self.provider(card.model).account)

    def told_retirement(self, model: ModelRef) -> str:
        """What a person should know about a model that is no longer offered, or will soon not be; nothing about another."""
        known = self._cards.get(model)
        living = self._living(known)
        if known is None or living is None:
            return ""
        if living is not known:
            return f"{model} is no longer offered since {known.retired_on}: {living.model} is used."
        if not known.is_offered(self._now().date() + _SOON):
            return f"{model} is offered until {known.retired_on}; then {known.replaced_by or 'nothing'} is used in its place."
        return ""

    def _living(self, card: ModelCard | None) -> ModelCard | None:
        """The card, or at the end of a chain of replacements the living one; None where there is none."""
        seen = set[ModelRef]()
        while card is not None and not self.is_offered(card):
            if card.model in seen or card.replaced_by is None:
                return None
            seen.add(card.model)
            card = self._cards.get(card.replaced_by)
        return card

    def _why_not(self, model: ModelRef, known: ModelCard | None, kind: Kind) -> str:
        name = provider_of(model)
        offered = sorted(card.model for card in self.cards(kind))
        if known is not None and not self.is_offered(known) and known.kind is kind:
            problem = f"{model!r} is no longer offered since {known.retired_on}, and nothing has taken its place"
        elif known is None and name in self.broken:
            return f"{model!r} cannot be used, because {name} did not load: {self.broken[name]}"
        elif known is None and isinstance(self._providers.get(name), Discovering):
            return (
                f"{model!r} has no model card, so nobody knows its price: `reelwright models show {model}` writes one, "
                f"for you to put the price in and save in cards/{name}.toml in the data folder."
            )
        elif known is not None and known.kind is kind and self._has_no_price(known):
            return f"{model!r} has a card without a price: put it in, in cards/{name}.toml in the data folder."
        else:
            problem = f"{model!r} makes no {kind.value}"
        if len(offered) <= _MOST_OFFERED:
            return f"{problem}; on offer: {', '.join(offered) or 'nothing in this installation'}."
        offered.sort(key=lambda other: difflib.SequenceMatcher(None, model, other).ratio(), reverse=True)
        nearest = ", ".join(offered[:_MOST_OFFERED])
        return f"{problem}; on offer: {nearest} and others (`reelwright models --kind {kind.value}`)."

    def sharers(self, model: ModelRef) -> tuple[ModelRef, ...]:
        """The models that share their places at the provider with this one, itself among them; always in the same order."""
        card = self._cards.get(model)
        if card is None or not card.pool:
            return (model,)
        own = provider_of(model)
        return tuple(sorted(c.model for c in self._cards.values() if c.pool == card.pool and provider_of(c.model) == own))

    def provider(self, model: ModelRef) -> Provider:
        """Who makes what the model makes.

        Raises:
            ConfigurationError: there is no such provider.
        """
        provider = self._providers.get(provider_of(model))
        if provider is None:
            msg = f"There is no provider {provider_of(model)!r}; installed are {', '.join(sorted(self._providers))}."
            raise ConfigurationError(msg)
        return provider

    async def look_up(self, model: ModelRef) -> tuple[ModelCard, bool]:
        """The model's card, or what its vendor tells about it where there is none; and whether it may be used as it is.

        Raises:
            ConfigurationError: there is no such provider, or it has no such model.
            NotFound: the vendor has no such model.
            ProviderError: the vendor did not answer.
        """
        card = self._cards.get(model)
        if card is not None:
            return card, True
        provider = self.provider(model)
        if isinstance(provider, Discovering):
            return await provider.discover(model), False
        offered = [card.model for card in self.known]
        nearest = difflib.get_close_matches(model, offered, n=3, cutoff=0.4) or sorted(offered)[:3]
        msg = f"There is no model {model!r}; did you mean {', '.join(nearest)}? `reelwright models` lists them all."
        raise ConfigurationError(msg)

    def writer(self, model: ModelRef) -> Writer:
        """Who writes.

        Raises:
            ConfigurationError: there is no such writer, or its key is missing.
        """
        make = self._writers.get(provider_of(model))
        if make is None:
            msg = f"{model!r} writes no text; text comes from {', '.join(self.writers)}, as in `openai:gpt-5.4-mini`."
            raise ConfigurationError(msg)
        return make(model.partition(":")[2])

    async def aclose(self) -> None:
        """Lets every provider give back what it holds."""
        for provider in self._providers.values():
            await provider.aclose()
