"""Asserts of the contract tell what they compared, as those of tests do."""

import pytest

pytest.register_assert_rewrite(*(f"reelwright.testing.{name}" for name in ("abilities", "contract", "counterpart")))
