"""The page about model cards: it explains every field, and the card that it shows can be used."""

from __future__ import annotations

import re
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

from reelwright.domain.card import ModelCard
from reelwright.providers import load_cards

PAGE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "model-cards.md"
SHOWN_ONLY = {"model", "kind", "label", "source", "checked_on"}


def test_every_field_of_a_card_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [each.name for each in fields(ModelCard) if each.name not in SHOWN_ONLY and f"`{each.name}`" not in text] == []


def test_the_card_that_is_shown_can_be_used(tmp_path: Path) -> None:
    [shown] = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    file = tmp_path / "acme.toml"
    file.write_text(shown)
    [card] = load_cards("acme", shipped=file)
    assert card.quote(Fraction(5)) == 250_000
    assert set(re.findall(r"^(\w+) =", shown, re.MULTILINE)) >= SHOWN_ONLY
