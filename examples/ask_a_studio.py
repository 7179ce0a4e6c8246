"""A film from a studio that somebody serves, its link for others, and its file: over HTTP, with a token of one's own.

`STUDIO_URL` says where it is, `STUDIO_TOKEN` who asks: `reelwright token create scripts` makes one.
"""

import asyncio
import os

from reelwright import Client
from reelwright.errors import BudgetExceeded


async def main() -> None:
    """Makes the film, shares it, and saves it."""
    async with Client(os.environ["STUDIO_URL"], os.environ["STUDIO_TOKEN"]) as studio:
        try:
            film = await studio.make("A film about Ember, a lamp that wakes you. 4 seconds, 2 shots, square", cap_usd="5")
        except BudgetExceeded as refused:
            print(refused.message)
            return
        link = await studio.create_share(film["campaign"], can_download=True)
        print("Whoever has this link sees it:", link["url"])
        print("Saved as", await studio.save_media(film["assets"]["film"], "ember.mp4"))


asyncio.run(main())
