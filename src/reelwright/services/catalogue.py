"""The catalogue: which models there are, what they can do, and who makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Kind, ModelRef, provider_of
from reelwright.errors import ConfigurationError
from reelwright.ports import Provider, Writer


class Catalogue:
    """Providers by name, writers by name, cards by model."""

    def __init__(
        self,
        providers: Sequence[Provider],
        writers: Mapping[str, Callable[[str], Writer]],
        broken: Mapping[str, str] | None = None,
    ) -> None:
        """`broken` are plug-ins that did not load, by name, with the reason."""
        self.broken = dict(broken or {})
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

    def cards(self, kind: Kind | None = None) -> tuple[ModelCard, ...]:
        """The models on offer: all, or those of one kind."""
        return tuple(card for card in self._cards.values() if kind is None or card.kind is kind)

    def card(self, model: ModelRef, kind: Kind) -> ModelCard:
        """The facts about a model.

        Raises:
            ConfigurationError: nobody offers it, or it makes something else.
        """
        card = self._cards.get(model)
        if card is None or card.kind is not kind:
            offered = ", ".join(sorted(card.model for card in self.cards(kind))) or "nothing in this installation"
            msg = f"{model!r} makes no {kind.value}; on offer: {offered}."
            raise ConfigurationError(msg)
        return card

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
