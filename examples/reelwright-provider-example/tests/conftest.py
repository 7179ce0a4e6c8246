"""Asserts of the contract tell what they compared, as those of tests do."""

import pytest

pytest.register_assert_rewrite("reelwright.testing.contract", "reelwright.testing.counterpart")
