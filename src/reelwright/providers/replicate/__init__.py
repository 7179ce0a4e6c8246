"""Replicate: any model that it hosts. Its own SDK sends your token to whatever host an output's URL names; ours is not used.

`adapter` is the provider, `inputs` fills a model's own form, `discovery` makes a card of it, `answers` reads what the API says,
`calls` checks who calls us.
"""

from reelwright.providers.replicate.adapter import Replicate, provider

__all__ = ["Replicate", "provider"]
