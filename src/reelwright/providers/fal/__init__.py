"""fal: models behind a queue. Its own SDK sends one submit up to ten times and cannot be led elsewhere; it is not used.

`adapter` is the provider, `inputs` fills what a card's `settings` say, `answers` reads what the queue says, `calls` checks who
calls us.
"""

from reelwright.providers.fal.adapter import Fal, provider

__all__ = ["Fal", "provider"]
