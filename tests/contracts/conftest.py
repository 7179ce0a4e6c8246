"""Asserts of the suite that ships tell what they compared, as those of tests do."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("reelwright.testing.contract", "reelwright.testing.counterpart")
