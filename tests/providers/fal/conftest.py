"""The adapter, and a vendor that behaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fal_vendor import Met, opened


@pytest.fixture
async def met(tmp_path: Path) -> AsyncIterator[Met]:
    async with opened(tmp_path) as both:
        yield both
