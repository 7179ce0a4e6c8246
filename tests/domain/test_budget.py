"""Money is whole micro-dollars, and a cap is a cap."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from reelwright.domain.budget import Balance, Budget, decimal_usd, exact_usd, usd, usd_left
from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Kind, ModelRef

micro = st.integers(0, 10**12)


@given(micro)
def test_dollars_for_programs_are_exact(amount: int) -> None:
    assert Decimal(decimal_usd(amount)) * 1_000_000 == amount


@given(micro)
def test_dollars_for_people_never_look_cheaper_than_they_are(amount: int) -> None:
    assert Decimal(usd(amount).removeprefix("$")) * 1_000_000 >= amount


@given(micro)
def test_what_is_left_never_looks_more_than_it_is(amount: int) -> None:
    assert Decimal(usd_left(amount).removeprefix("$")) * 1_000_000 <= amount
    assert usd_left(-amount) == "$0.00"


@given(st.integers(-(10**12), 10**12))
def test_what_is_to_be_added_up_has_all_its_digits_and_at_least_cents(amount: int) -> None:
    shown = exact_usd(amount)
    assert Decimal(shown.replace("$", "")) * 1_000_000 == amount
    assert len(shown.partition(".")[2]) >= 2


@given(micro, micro, st.integers(1, 10**9), st.integers(1, 100))
def test_a_budget_is_warned_of_from_its_level_on_until_it_was_told(reserved: int, charged: int, cap: int, percent: int) -> None:
    budget = Budget(Balance(cap, reserved, charged), percent, month="2026-11")
    assert budget.is_to_warn == (Decimal(reserved + charged) / cap >= Decimal(percent) / 100)
    assert not Budget(budget.balance, percent, budget.warning, "2026-11").is_to_warn
    for other in (Budget(Balance(cap + 1), percent, month="2026-11"), Budget(Balance(cap), percent, month="2026-12")):
        assert other.warning != budget.warning
    assert not Budget(Balance(None, reserved, charged), percent).is_to_warn


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
