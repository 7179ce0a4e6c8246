"""The built-in provider of pictures: draws every shot's still and films it, on this machine, for nothing."""

from __future__ import annotations

from reelwright.domain.generation import Kind
from reelwright.errors import RenderError
from reelwright.media import front
from reelwright.media.facts import Made as Finished
from reelwright.ports import Workshop
from reelwright.providers.kit import load_cards
from reelwright.providers.local import BuiltIn, Format, Made, Work

NAME = "animatic"
_FORMATS = {Kind.FRAME: Format("png", "image/png"), Kind.CLIP: Format("mp4", "video/mp4")}


def provider(workshop: Workshop) -> Animatic:
    """The entry point."""
    return Animatic(workshop)


class Animatic(BuiltIn):
    """Draws cards (`animatic:cards`) and films stills (`animatic:camera`). The same request gives the same bytes."""

    def __init__(self, workshop: Workshop) -> None:
        """Starts nothing yet."""
        super().__init__(NAME, workshop, load_cards(NAME), _FORMATS)

    async def _make(self, work: Work) -> Made:
        function = front.draw if work.request.kind is Kind.FRAME else front.film
        made = await self._workshop.media(
            function, work.request, work.picture, work.logo, work.target, on_progress=work.on_progress
        )
        if not isinstance(made, Finished):
            msg = "The worker answered something else than a file."
            raise RenderError(msg)
        return made
