"""Google: pictures of Gemini and clips of Gemini Omni, through the official SDK with a key of AI Studio.

A picture is the answer itself, and is put on the shelf. A clip is an interaction in the background, which is polled; what it made
lies in Google's file service, which wants the key, and is fetched from there as any output is.

`adapter` is the provider, `pictures` and `clips` ask for them and read the answers, `refusals` says what a refusal means.
"""

from reelwright.providers.google.adapter import provider

__all__ = ["provider"]
