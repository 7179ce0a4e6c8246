"""Reelwright's own contract suite, run against this provider and its vendor."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from reelwright.domain.generation import Kind
from reelwright.testing.abilities import FindableContract
from reelwright.testing.contract import KeyedContract, PaidContract
from reelwright.testing.counterpart import Counterpart
from reelwright.testing.simulators.behaviour import Phase, Trouble

from reelwright_provider_example.vendor import KEY, Postcards

CENT = 10_000
"""Micro-dollars."""


class TestExample(PaidContract, KeyedContract, FindableContract):
    entry_point = "example"
    kinds = (Kind.FRAME,)
    key_names = ("POSTCARDS_API_KEY",)
    troubles: ClassVar[Mapping[Phase, Sequence[Trouble]]] = {
        Phase.SUBMIT: (Trouble.CUT_AFTER, Trouble.THROTTLE, Trouble.UNAVAILABLE, Trouble.GARBLED),
        Phase.FATE: (Trouble.INTERNAL,),
        Phase.POLL: (Trouble.UNAVAILABLE, Trouble.GARBLED),
        Phase.DOWNLOAD: (Trouble.EXPIRED,),
    }

    @asynccontextmanager
    async def serving(self, folder: Path) -> AsyncGenerator[Counterpart]:
        vendor = Postcards()
        async with vendor.served() as base:
            yield Counterpart(
                {"POSTCARDS_BASE_URL": base, "POSTCARDS_API_KEY": KEY},
                submits=lambda: len(vendor.orders),
                charged=lambda: vendor.cents * CENT,
                meet=lambda phase, trouble: vendor.meet(phase.value, trouble.value),
            )
