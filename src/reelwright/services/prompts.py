"""Prompts: what a shot asks of a model."""

from __future__ import annotations

from fractions import Fraction

from reelwright.domain.campaign import Document
from reelwright.domain.generation import Direction, Kind, ModelRef, Request
from reelwright.domain.ids import AssetId, CampaignId, ShotId
from reelwright.domain.storyboard import Shot, Storyboard
from reelwright.domain.timing import FRAME_RATE
from reelwright.errors import Conflict, NotFound

VOICE_LEAD = Fraction(1, 4)
"""Seconds of a shot before its voice starts; as much is left free behind it."""
_SHORTEST_VOICE = Fraction(1)
LONGEST_PROMPTS = {Kind.FRAME: 900, Kind.CLIP: 300 + 1 + 900}
"""Characters of a prompt by a language model, as `writers.drafts` allows them; one by a person may be longer."""


def shot_of(document: Document, shot: ShotId) -> tuple[Storyboard, Shot, int]:
    """The storyboard, the shot and its place in it, from 1.

    Raises:
        Conflict: there is no storyboard yet.
        NotFound: the shot is not in it.
    """
    if document.storyboard is None:
        msg = "The campaign has no storyboard yet."
        raise Conflict(msg)
    for place, candidate in enumerate(document.storyboard.shots, 1):
        if candidate.id == shot:
            return document.storyboard, candidate, place
    msg = f"The storyboard has no shot {shot!r}."
    raise NotFound(msg)


def request_for(
    campaign: CampaignId,
    document: Document,
    shot_id: ShotId,
    kind: Kind,
    model: ModelRef,
    frame: AssetId | None = None,
) -> Request:
    """What to ask for; `frame` is the selected frame that a clip starts from.

    Raises:
        Conflict: there is no storyboard yet.
        NotFound: the shot is not in it.
    """
    storyboard, shot, place = shot_of(document, shot_id)
    brief = document.brief
    concept = document.concepts[document.concept] if document.concept is not None else None
    is_last = place == len(storyboard.shots)
    direction = Direction(
        brand=brief.name,
        subject=" ".join(filter(None, (brief.product, brief.message, brief.goal))),
        title=shot.title,
        text=shot.text,
        motion=shot.motion_prompt,
        number=place,
        count=len(storyboard.shots),
        style=" ".join(filter(None, (brief.style, concept.look if concept and not brief.style else ""))),
        mood=brief.mood,
        palette=brief.colours or (concept.palette if concept else ()),
        call_to_action=brief.call_to_action if is_last else "",
        seed=campaign,
    )
    match kind:
        case Kind.FRAME:
            prompt, picture, seconds = shot.image_prompt, shot.picture, Fraction(0)
        case Kind.CLIP:
            prompt, picture, seconds = f"{shot.text} {shot.motion_prompt}".strip(), frame, shot.seconds
        case Kind.VOICE:
            prompt, picture = shot.narration, None
            seconds = max(_SHORTEST_VOICE, shot.seconds - 2 * VOICE_LEAD)
    return Request(
        kind=kind,
        model=model,
        prompt=prompt,
        size=brief.ratio.size,
        rate=FRAME_RATE,
        seconds=seconds,
        language=brief.language,
        picture=picture,
        logo=brief.logo if kind is not Kind.VOICE else None,
        direction=direction,
    )
