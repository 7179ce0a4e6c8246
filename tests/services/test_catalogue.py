"""Which model is used for the one that is named: itself, the one that has taken its place, or none, and then why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Job, Kind, ModelRef, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import ConfigurationError, NotFound
from reelwright.ports import Attachments
from reelwright.services.catalogue import Catalogue


class Shop:
    """A provider that only has cards, and a key or none."""

    trusted_origins: frozenset[str] = frozenset()

    def __init__(self, name: str, cards: Sequence[ModelCard], account: str = "key") -> None:
        self.name = name
        self.account = account
        self._cards = cards

    def cards(self) -> Sequence[ModelCard]:
        return self._cards

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        raise AssertionError

    async def poll(self, job: JobId) -> Job:
        raise AssertionError

    async def cancel(self, job: JobId) -> None:
        raise AssertionError

    async def aclose(self) -> None:
        return


class Market(Shop):
    """One that has more models than cards."""

    async def discover(self, model: ModelRef) -> ModelCard:
        if model.endswith("nothing"):
            msg = "no such model"
            raise NotFound(msg)
        return ModelCard(model, Kind.FRAME, "found")


def clip(model: str, retired_on: str = "", replaced_by: str = "", price: int = 1) -> ModelCard:
    successor = ModelRef(replaced_by) if replaced_by else None
    card = ModelCard(ModelRef(model), Kind.CLIP, "", lengths=(Fraction(5),), micro_usd=price)
    return replace(card, retired_on=retired_on, replaced_by=successor)


def catalogue(*cards: ModelCard, day: int = 21, broken: dict[str, str] | None = None) -> Catalogue:
    shops = [
        Shop("runway", [card for card in cards if card.model.startswith("runway:")]),
        Shop("luma", [card for card in cards if card.model.startswith("luma:")], account=""),
        Market("replicate", [card for card in cards if card.model.startswith("replicate:")]),
    ]
    return Catalogue(shops, {}, broken, now=lambda: datetime(2026, 11, day, tzinfo=UTC))


GEN3, GEN2 = ModelRef("runway:gen3"), ModelRef("runway:gen2")
CHAIN = (
    clip("runway:gen2", "2025-01-01", "runway:gen3"),
    clip("runway:gen3", "2026-06-10", "runway:gen4"),
    clip("runway:gen4"),
)


def test_a_model_that_is_gone_is_followed_to_the_living_one_and_that_is_said() -> None:
    models = catalogue(*CHAIN)
    assert [models.card(model, Kind.CLIP).model for model in (GEN2, GEN3, ModelRef("runway:gen4"))] == ["runway:gen4"] * 3
    assert models.told_retirement(GEN2) == "runway:gen2 is no longer offered since 2025-01-01: runway:gen4 is used."
    assert models.told_retirement(ModelRef("runway:gen4")) == ""
    assert models.told_retirement(ModelRef("runway:nobody")) == ""
    assert [card.model for card in models.cards(Kind.CLIP)] == ["runway:gen4"]
    assert len(models.known) == 3


def test_a_model_is_used_until_its_last_day_and_its_end_is_told_before() -> None:
    cards = (clip("runway:gen4", "2026-11-22", "luma:ray"), clip("luma:ray"))
    before, after = catalogue(*cards), catalogue(*cards, day=22)
    old = ModelRef("runway:gen4")
    assert before.card(old, Kind.CLIP).model == "runway:gen4"
    assert before.told_retirement(old) == "runway:gen4 is offered until 2026-11-22; then luma:ray is used in its place."
    assert after.card(old, Kind.CLIP).model == "luma:ray"
    assert after.told_retirement(old) == "runway:gen4 is no longer offered since 2026-11-22: luma:ray is used."
    far = catalogue(clip("runway:gen5", "2027-11-22"))
    assert far.told_retirement(ModelRef("runway:gen5")) == ""


@pytest.mark.parametrize(
    "cards",
    [
        (clip("runway:gen3", "2026-06-10"),),
        (clip("runway:gen3", "2026-06-10", "luma:old"), clip("luma:old", "2026-06-11", "runway:gen3")),
        (clip("runway:gen3", "2026-06-10", "luma:nobody"),),
    ],
)
def test_a_model_that_nothing_has_replaced_is_refused(cards: tuple[ModelCard, ...]) -> None:
    models = catalogue(*cards, clip("luma:ray"))
    with pytest.raises(ConfigurationError) as refused:
        models.card(GEN3, Kind.CLIP)
    assert refused.value.message == (
        "'runway:gen3' is no longer offered since 2026-06-10, and nothing has taken its place; on offer: luma:ray."
    )
    assert models.told_retirement(GEN3) == ""


def test_whoever_mistypes_is_shown_the_nearest_names() -> None:
    models = catalogue(*[clip(f"luma:ray-{number}") for number in range(12)], clip("runway:gen4_turbo"))
    with pytest.raises(ConfigurationError) as refused:
        models.card(ModelRef("runway:gen4-turbo"), Kind.CLIP)
    assert refused.value.message.startswith("'runway:gen4-turbo' makes no clip; on offer: runway:gen4_turbo, luma:ray-")
    assert refused.value.message.endswith(" and others (`reelwright models --kind clip`).")


def test_a_provider_that_did_not_load_is_the_reason() -> None:
    models = catalogue(broken={"fal": "no card file"})
    with pytest.raises(ConfigurationError, match=r"^'fal:flux' cannot be used, because fal did not load: no card file$"):
        models.card(ModelRef("fal:flux"), Kind.FRAME)


def test_what_has_no_price_cannot_be_paid() -> None:
    models = catalogue(clip("replicate:owner/free", price=0), clip("replicate:owner/priced"), clip("runway:free", price=0))
    with pytest.raises(ConfigurationError) as refused:
        models.card(ModelRef("replicate:owner/name"), Kind.CLIP)
    assert refused.value.message == (
        "'replicate:owner/name' has no model card, so nobody knows its price: `reelwright models show replicate:owner/name` "
        "writes one, for you to put the price in and save in cards/replicate.toml in the data folder."
    )
    with pytest.raises(ConfigurationError, match="has a card without a price"):
        models.card(ModelRef("replicate:owner/free"), Kind.CLIP)
    assert models.card(ModelRef("replicate:owner/priced"), Kind.CLIP).micro_usd == 1
    assert models.card(ModelRef("runway:free"), Kind.CLIP).micro_usd == 0


def test_a_key_is_needed_for_what_is_paid() -> None:
    models = catalogue(clip("luma:ray"), clip("luma:free", price=0), clip("runway:gen4"))
    keys = {card.model: models.has_key(card) for card in models.known}
    assert keys == {"luma:ray": False, "luma:free": True, "runway:gen4": True}


async def test_a_model_is_looked_up_among_the_cards_and_then_at_its_vendor() -> None:
    models = catalogue(*CHAIN)
    assert await models.look_up(GEN3) == (CHAIN[1], True)
    found, is_usable = await models.look_up(ModelRef("replicate:owner/name"))
    assert (found.label, is_usable) == ("found", False)
    with pytest.raises(NotFound):
        await models.look_up(ModelRef("replicate:owner/nothing"))
    with pytest.raises(ConfigurationError, match="There is no model 'runway:gen33'; did you mean runway:gen3"):
        await models.look_up(ModelRef("runway:gen33"))
    with pytest.raises(ConfigurationError, match="There is no provider 'nobody'"):
        await models.look_up(ModelRef("nobody:x"))
