"""Money is whole micro-dollars, and a cap is a cap."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from reelwright.domain.budget import Balance, decimal_usd, usd
from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Kind, ModelRef

micro = st.integers(0, 10**12)


@given(micro)
def test_dollars_for_programs_are_exact(amount: int) -> None:
    assert Decimal(decimal_usd(amount)) * 1_000_000 == amount


@given(micro)
def test_dollars_for_people_never_look_cheaper_than_they_are(amount: int) -> None:
    assert Decimal(usd(amount).removeprefix("$")) * 1_000_000 >= amount


@given(micro, micro, micro, st.integers(1, 10**9))
def test_what_a_cap_covers_never_exceeds_it(cap: int, reserved: int, charged: int, quote: int) -> None:
    balance = Balance(cap, reserved, charged)
    assert balance.covers(quote) == (reserved + charged + quote <= cap)


def test_without_a_cap_only_what_is_free_is_covered() -> None:
    assert Balance(None).covers(0)
    assert not Balance(None).covers(1)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.fractions(0, 600))
def test_a_quote_is_rounded_up_once(each: int, per_second: int, seconds: Fraction) -> None:
    card = ModelCard(ModelRef("a:b"), Kind.CLIP, "", micro_usd=each, micro_usd_per_second=per_second)
    exact = each + per_second * seconds
    assert exact <= card.quote(seconds) < exact + 1
