"""Colours: reading, contrast and names."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.domain.colours import NAMES, blend, contrast, ink_for, is_readable, name_of, parse_colour

COLOURS = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


@pytest.mark.parametrize(
    ("text", "colour"), [("#ABC", "#aabbcc"), ("1f4d36", "#1f4d36"), (" Navy ", "#14264a"), ("Gray", NAMES["grey"])]
)
def test_a_colour_is_read_in_the_ways_people_write_it(text: str, colour: str) -> None:
    assert parse_colour(text) == colour


@pytest.mark.parametrize("text", ["", "#12", "#12345", "blurple", "#gggggg"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a colour"):
        parse_colour(text)


@given(COLOURS)
def test_there_is_always_an_ink_that_can_be_read(background: str) -> None:
    assert contrast(ink_for(background), background) > 4


@given(COLOURS, COLOURS)
def test_contrast_is_the_same_both_ways_and_a_blend_stays_between(one: str, other: str) -> None:
    assert contrast(one, other) == contrast(other, one) >= 1
    assert (blend(one, other, Fraction(0)), blend(one, other, Fraction(1))) == (one, other)


def test_black_on_white_is_as_clear_as_can_be() -> None:
    assert contrast("#000000", "#ffffff") == 21
    assert is_readable("#000000", "#ffffff")
    assert not is_readable("#777777", "#808080")


def test_every_named_colour_is_called_by_its_name() -> None:
    assert all(name_of(colour) == name for name, colour in NAMES.items())
