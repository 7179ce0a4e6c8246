"""A film from one sentence, in this very process: nothing else has to run, and nothing here costs money."""

import asyncio
from pathlib import Path
from typing import Any

from reelwright import Studio


async def main() -> None:
    """Makes it, and says what happens meanwhile."""
    async with Studio() as studio:
        wish: dict[str, Any] = {"seconds": 4, "shots": 2, "ratio": "1:1", "voice_over": False}
        print("It would cost", await studio.quote("A film about Ember, a lamp that wakes you", **wish), "dollars.")

        campaign = await studio.start("A film about Ember, a lamp that wakes you", **wish)
        async for event in studio.events(campaign):
            print(event.number, event.name, dict(event.facts))

        film = await studio.wait(campaign, output=Path("ember.mp4"))
        print(f"{film.files['film']}: {float(film.seconds)} s, {film.cost_usd} dollars")
        for take in await studio.takes(campaign):
            print(take.shot_id, take.kind, take.number, take.state)


asyncio.run(main())
