"""Model cards: every one that ships can be used and says where it is from, and a mistake in a card file is named."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest

from reelwright.domain.card import ModelCard, Takes, cut_off
from reelwright.domain.generation import Kind, ModelRef, Request, provider_of
from reelwright.domain.ids import AssetId
from reelwright.domain.planning import plan
from reelwright.domain.timing import AspectRatio, Size
from reelwright.errors import ConfigurationError
from reelwright.providers import card_toml, load_cards

FILES = sorted(Path(__file__).parents[2].glob("src/reelwright/providers/cards/*.toml"))
CARDS = {card.model: card for file in FILES for card in load_cards(file.stem)}
LIVING = [card for card in CARDS.values() if not card.replaced_by]
FREE = {"animatic", "espeak"}


def named(card: ModelCard) -> str:
    return card.model


@pytest.mark.parametrize("card", CARDS.values(), ids=named)
def test_a_card_says_where_its_facts_are_from_and_when_somebody_looked(card: ModelCard) -> None:
    assert card.label
    assert card.source
    assert date.fromisoformat(card.checked_on) > date(2026, 7, 1)
    assert re.fullmatch(r"[a-z-]+:\S+", card.model)


@pytest.mark.parametrize("card", CARDS.values(), ids=named)
def test_what_is_paid_has_a_price(card: ModelCard) -> None:
    assert card.is_paid == (provider_of(card.model) not in FREE)
    if card.kind is Kind.CLIP and card.is_paid:
        for length in card.legal_lengths or (Fraction(5),):
            assert card.quote(length, "A lamp.") >= 10_000


@pytest.mark.parametrize("card", CARDS.values(), ids=named)
def test_a_model_that_ends_is_replaced_by_one_that_makes_the_same(card: ModelCard) -> None:
    assert bool(card.retired_on) == bool(card.replaced_by)
    seen = {card.model}
    while card.replaced_by:
        assert CARDS[card.replaced_by].kind is card.kind
        card = CARDS[card.replaced_by]
        assert card.model not in seen
        seen.add(card.model)


@pytest.mark.parametrize("card", CARDS.values(), ids=named)
def test_a_shape_has_the_pixels_that_its_name_says(card: ModelCard) -> None:
    assert len({shape.value for shape in card.shapes}) == len(card.shapes)
    for shape in card.shapes:
        if sides := re.fullmatch(r"(\d+)[:x](\d+)", shape.value):
            assert cut_off(shape.size, Size(int(sides[1]), int(sides[2]))) < Fraction(1, 10)


@pytest.mark.parametrize("card", [card for card in LIVING if card.kind is not Kind.VOICE], ids=named)
def test_every_shape_of_a_film_is_planned_on_every_model(card: ModelCard) -> None:
    for ratio, seconds in product(AspectRatio, (Fraction(1), Fraction(37, 8), Fraction(30))):
        wished = Request(
            kind=card.kind,
            model=card.model,
            prompt="A lamp glows.",
            size=ratio.size,
            seconds=seconds if card.kind is Kind.CLIP else Fraction(0),
            picture=AssetId("asset_frame") if card.first_frame is Takes.MUST else None,
            last_picture=AssetId("asset_last") if card.last_frame is Takes.MUST else None,
        )
        made = plan(card, wished)
        assert made.cropped < Fraction(1, 2)
        if card.kind is Kind.CLIP and card.legal_lengths:
            assert made.request.seconds in card.legal_lengths
        assert made.request.shape in {shape.value for shape in card.shapes} or not card.shapes


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_card_that_is_printed_can_be_read_again(file: Path, tmp_path: Path) -> None:
    read = load_cards(file.stem)
    copy = tmp_path / "copy.toml"
    copy.write_text("\n\n".join(card_toml(card) for card in read), encoding="utf-8")
    assert load_cards(file.stem, shipped=copy) == read


def written(folder: Path, text: str) -> Path:
    file = folder / "acme.toml"
    file.write_text(text, encoding="utf-8")
    return file


CLIP = '[[card]]\nmodel = "acme:clip"\nkind = "clip"\nlabel = "Clips"\n'


def test_a_persons_own_card_wins_and_adds(tmp_path: Path) -> None:
    shipped = written(tmp_path, f"{CLIP}micro_usd = 1\n{CLIP.replace('acme:clip', 'acme:two')}")
    own = tmp_path / "own.toml"
    assert [card.model for card in load_cards("acme", own, shipped=shipped)] == ["acme:clip", "acme:two"]
    own.write_text(f"{CLIP}micro_usd = 7\nchecked_on = 2026-11-21\n{CLIP.replace('acme:clip', 'acme:three')}")
    read = {card.model: card for card in load_cards("acme", own, shipped=shipped)}
    assert list(read) == ["acme:clip", "acme:two", "acme:three"]
    assert (read[ModelRef("acme:clip")].micro_usd, read[ModelRef("acme:clip")].checked_on) == (7, "2026-11-21")


OLD = 'retired_on = "2026-01-01"\nreplaced_by = "acme:{}"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[card]\n", "Expected ']]'"),
        (f"{CLIP}prise = 1", "card.1.prise: Extra inputs"),
        ('[[cards]]\nmodel = "acme:x"', "cards: Extra inputs"),
        (CLIP.replace("clip", "film"), "card.1.kind: 'film' is not a valid Kind"),
        (CLIP.replace("acme:", "other:"), "other:clip is another provider's"),
        (CLIP + CLIP, "acme:clip stands there twice"),
        (f"{CLIP}micro_usd = -1", "card.1.micro_usd: Input should be greater than or equal to 0"),
        (f"{CLIP}micro_usd = 0.5", "card.1.micro_usd: Input should be a valid integer"),
        (f"{CLIP}concurrency = 0", "card.1.concurrency"),
        (f"{CLIP}poll_every = 0", "card.1.poll_every"),
        (f"{CLIP}lengths = [2.5]", "write it as a whole number or as text"),
        (f"{CLIP}lengths = [0]", "card.1.lengths.1: Input should be greater than 0"),
        (f"{CLIP}lengths = [5]\nlongest = 6", "say either `lengths`, or `shortest` and `longest`"),
        (f"{CLIP}shortest = 6\nlongest = 5", "there is no whole second"),
        (f'{CLIP}shortest = "5.2"\nlongest = "5.8"', "there is no whole second"),
        (f"{CLIP}lengths = [5, 9]\nmicro_usd_by_seconds = {{ 5 = 1 }}", "must give the price of each of `lengths`"),
        (f'{CLIP}shapes = {{ "16:9" = "1280" }}', "write pixels as width and height"),
        (f'{CLIP}checked_on = "yesterday"', "card.1.checked_on"),
        (f'{CLIP}replaced_by = "acme:two"', "`replaced_by` is for a model with `retired_on`"),
        (CLIP + OLD.format("two"), "acme:clip is replaced by acme:two: there is no such card"),
        (CLIP + OLD.format("clip"), "they replace each other"),
        (
            CLIP + OLD.format("two") + CLIP.replace("acme:clip", "acme:two") + OLD.format("clip"),
            "acme:two is replaced by acme:clip: they replace each other",
        ),
        (
            CLIP + OLD.format("two") + CLIP.replace("acme:clip", "acme:two").replace('"clip"', '"frame"'),
            "acme:clip is replaced by acme:two: that makes something else",
        ),
    ],
)
def test_a_mistake_in_a_card_file_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_cards("acme", shipped=written(tmp_path, text))
    assert told in refused.value.message
    assert "acme" in refused.value.message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load_cards("acme")
    shipped = written(tmp_path, CLIP)
    (tmp_path / "own.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"own\.toml"):
        load_cards("acme", tmp_path / "own.toml", shipped=shipped)
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"folder\.toml"):
        load_cards("acme", tmp_path / "folder.toml", shipped=shipped)


def test_another_vendors_model_may_take_a_models_place(tmp_path: Path) -> None:
    text = CLIP + 'retired_on = "2026-01-01"\nreplaced_by = "runway:gen4_turbo"\n'
    [card] = load_cards("acme", shipped=written(tmp_path, text))
    assert card.replaced_by == "runway:gen4_turbo"
