"""An aim: what one run over a campaign is to make: the whole film, takes of some shots, or only another cut of what there is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from reelwright.domain.generation import Kind, Request
from reelwright.domain.ids import ShotId
from reelwright.domain.timing import AspectRatio
from reelwright.errors import InvalidInput

TRIES = 3
"""How often a take is tried that failed for a reason that may pass."""
MOST_TRIES = 4
MOST_AT_ONCE = 60
LONGEST_NOTE = 2000
"""Characters of a note, or of a prompt of one's own."""
LONGEST_CLIP = Fraction(60)


@dataclass(frozen=True)
class Aim:
    """What a run is to make."""

    kinds: tuple[Kind, ...] = tuple(Kind)
    """The takes that every shot is to have; with none the run only cuts and renders what there is."""
    shots: tuple[ShotId, ...] | None = None
    """None for all of them, which are written first where there are none yet."""
    makes_film: bool = True
    is_fresh: bool = False
    """New takes are asked for, and paid, although equal ones are kept; those stay. Else what is there is used."""
    selects: bool = True
    """What is kept is used in the film from then on; else only where nothing else is."""
    note: str = ""
    """What is to be different, beside what the shot says."""
    prompt: str = ""
    """What is asked instead of what the shot says."""
    ratio: AspectRatio | None = None
    """The shape of frames and clips, where that is not the film's."""
    seconds: Fraction | None = None
    """How long clips are to be, where that is not the length of their shots."""
    at_once: int = 0
    """So many shots are worked on at the same time at most; 0 for as many as the providers take."""
    tries: int = TRIES

    @property
    def is_beside(self) -> bool:
        """Whether it runs beside the campaign's own run, which is the one that ends in a film, and leaves the status alone."""
        return not self.makes_film

    def makes(self, kind: Kind, shot: ShotId) -> bool:
        """Whether that is among what it makes."""
        return kind in self.kinds and (self.shots is None or shot in self.shots)

    def shape(self, request: Request) -> Request:
        """What a shot asks for, as this run wants it."""
        prompt = self.prompt or request.prompt
        if self.note:  # in front, because a prompt that is too long loses its end
            prompt = f"{self.note} {prompt}".strip()
        shaped = replace(request, prompt=prompt)
        if self.ratio is not None and request.kind is not Kind.VOICE:
            shaped = replace(shaped, size=self.ratio.size)
        if self.seconds is not None and request.kind is Kind.CLIP:
            shaped = replace(shaped, seconds=self.seconds)
        return shaped


WHOLE = Aim()
"""Brief to film."""


def check(aim: Aim) -> None:
    """Refuses what makes no sense.

    Raises:
        InvalidInput: names the field and what is allowed.
    """
    reason = ""
    if not aim.kinds and not aim.makes_film:
        reason = "kinds: name at least one, or ask for a film"
    elif aim.shots is not None and not aim.shots:
        reason = "shots: name at least one, or leave them out for all"
    elif aim.is_fresh and not aim.kinds:
        reason = "is_fresh: name the kinds of which new takes are wanted"
    elif (aim.note or aim.prompt) and len(aim.kinds) != 1:
        reason = "note, prompt: they are for one kind of take at a time, so name one in kinds"
    elif len(aim.note) > LONGEST_NOTE or len(aim.prompt) > LONGEST_NOTE:
        reason = f"note, prompt: at most {LONGEST_NOTE:,} characters"
    elif aim.seconds is not None and not 0 < aim.seconds <= LONGEST_CLIP:
        reason = f"seconds: more than 0 and at most {LONGEST_CLIP}"
    elif not 0 <= aim.at_once <= MOST_AT_ONCE:
        reason = f"at_once: 0 to {MOST_AT_ONCE}"
    elif not 1 <= aim.tries <= MOST_TRIES:
        reason = f"tries: 1 to {MOST_TRIES}"
    if reason:
        msg = f"{reason}."
        raise InvalidInput(msg)
