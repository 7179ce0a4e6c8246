"""The built-in voice: espeak-ng says each shot's words, on this machine, for nothing. It is a scratch voice and is called one.

Its package is an extra, because it is under the GPL-3.0. Where it is missing there is no card, and `why_absent` says why.
"""

from __future__ import annotations

from reelwright.domain.generation import Job, Kind, Request
from reelwright.domain.ids import IntentKey
from reelwright.errors import ProviderError, RenderError
from reelwright.media import front
from reelwright.media.facts import Spoken
from reelwright.media.scratch_voice import WHY_ABSENT, is_available
from reelwright.ports import Attachments, Workshop
from reelwright.providers.kit import load_cards
from reelwright.providers.local import BuiltIn, Format, Made, Work

NAME = "espeak"
_FORMATS = {Kind.VOICE: Format("wav", "audio/wav")}


def provider(workshop: Workshop) -> Espeak:
    """The entry point."""
    return Espeak(workshop)


class Espeak(BuiltIn):
    """Speaks a shot's words (`espeak:scratch`), in the voice of the film's language."""

    def __init__(self, workshop: Workshop) -> None:
        """Starts nothing yet."""
        super().__init__(NAME, workshop, load_cards(NAME) if is_available() else (), _FORMATS)

    @property
    def why_absent(self) -> str:
        """Why there is no voice, in a sentence; empty where there is one."""
        return "" if self._cards else WHY_ABSENT

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """As every built-in one; without espeak-ng it says how to get it.

        Raises:
            NotSubmitted: the folder could not be written; nothing was started.
            ProviderError: espeak-ng is not installed, it was asked for something else than a voice, or the intent was
                used for another request.
        """
        if not self._cards:
            raise ProviderError(WHY_ABSENT)
        return await super().submit(request, intent=intent, attachments=attachments)

    async def _make(self, work: Work) -> Made:
        request = work.request
        made = await self._workshop.media(front.speak, request.prompt, request.language, request.seconds, work.target)
        if not isinstance(made, Spoken):
            msg = "The worker answered something else than a voice."
            raise RenderError(msg)
        return made
