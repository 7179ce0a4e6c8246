"""The line for a place at a provider: first come, first served, and woken at once."""

from __future__ import annotations

import asyncio

import pytest

from reelwright.domain.generation import ModelRef
from reelwright.services.lanes import Lanes

MODELS = (ModelRef("p:clip"),)
OTHERS = (ModelRef("p:frame"),)


class Places:
    """So many places, and who got one in which order."""

    def __init__(self, count: int) -> None:
        self.free = count
        self.entered: list[int] = []

    async def enter(self, lanes: Lanes, number: int) -> None:
        async def try_enter() -> bool:
            if self.free < 1:
                return False
            self.free -= 1
            self.entered.append(number)
            return True

        await lanes.enter(MODELS, try_enter)


async def test_whoever_came_first_is_served_first() -> None:
    lanes, places = Lanes(ask_again=3600.0), Places(0)  # unwoken, each would wait for ever
    waiting = [asyncio.create_task(places.enter(lanes, number)) for number in range(5)]
    await asyncio.sleep(0)
    for _ in range(5):
        places.free += 1
        lanes.leave(MODELS)
        await asyncio.sleep(0.01)
    await asyncio.gather(*waiting)
    assert places.entered == [0, 1, 2, 3, 4]


async def test_a_place_that_another_process_gives_back_is_noticed() -> None:
    lanes, places = Lanes(), Places(0)
    waiting = asyncio.create_task(places.enter(lanes, 1))
    await asyncio.sleep(0.05)
    places.free = 1  # nobody tells this process
    await asyncio.wait_for(waiting, 60)
    assert places.entered == [1]


async def test_one_that_gives_up_or_fails_does_not_hold_up_the_line() -> None:
    lanes, places = Lanes(), Places(0)

    async def fail() -> bool:
        raise ValueError("no")

    first = asyncio.create_task(places.enter(lanes, 1))
    second = asyncio.create_task(lanes.enter(MODELS, fail))
    third = asyncio.create_task(places.enter(lanes, 3))
    await asyncio.sleep(0.05)
    first.cancel()
    with pytest.raises(ValueError, match="no"):
        await second
    places.free = 1
    lanes.leave(MODELS)
    await asyncio.wait_for(third, 60)
    assert places.entered == [3]


async def test_the_lines_of_different_models_do_not_wait_for_each_other() -> None:
    lanes, places = Lanes(), Places(0)
    waiting = asyncio.create_task(places.enter(lanes, 1))
    await asyncio.sleep(0)

    async def at_once() -> bool:
        return True

    await asyncio.wait_for(lanes.enter(OTHERS, at_once), 60)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
