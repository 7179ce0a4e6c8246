"""What a language model hands in, and what is wrong with it: told to the model in one sentence, so that it can do better."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

from pydantic import BaseModel, Field

from reelwright.domain.brief import Brief
from reelwright.domain.colours import ink_for, is_readable, parse_colour
from reelwright.domain.concept import Concept
from reelwright.domain.ids import ShotId
from reelwright.domain.languages import is_dense, spoken_seconds
from reelwright.domain.storyboard import Shot, Storyboard
from reelwright.writers.material import Material, material_of
from reelwright.writers.pacing import lengths, scaled

_TITLE = 60
_LOGLINE = 300
_PARAGRAPH = 1200
_PROMPT = 900
"""Characters; image and video models take about a thousand."""


class ConceptDraft(BaseModel):
    """One concept as the model writes it."""

    title: str
    logline: str
    treatment: str
    look: str
    palette: list[str]


class ConceptDrafts(BaseModel):
    """The answer to the question for concepts."""

    concepts: list[ConceptDraft]


class ShotDraft(BaseModel):
    """One shot as the model writes it."""

    title: str
    text: str
    image_prompt: str
    motion_prompt: str
    narration: str
    seconds: float = Field(gt=0, le=600)


class BoardDraft(BaseModel):
    """The answer to the question for a storyboard."""

    shots: list[ShotDraft]


def fault_in_concepts(drafts: ConceptDrafts, brief: Brief, count: int) -> str:
    """What must be done better, or nothing."""
    if len(drafts.concepts) != count:
        return f"There must be exactly {count} concepts, not {len(drafts.concepts)}."
    titles = Counter(draft.title.strip().casefold() for draft in drafts.concepts)
    if twice := [title for title, times in titles.items() if times > 1]:
        return f"The titles must differ; this one occurs twice: {twice[0]!r}."
    for number, draft in enumerate(drafts.concepts, 1):
        lengths_allowed = {
            "title": (draft.title, _TITLE),
            "logline": (draft.logline, _LOGLINE),
            "treatment": (draft.treatment, _PARAGRAPH),
            "look": (draft.look, _LOGLINE * 2),
        }
        if fault := _fault(f"Concept {number}", lengths_allowed, material_of(brief)):
            return fault
        if len(colours_of(draft.palette)) < 3:  # noqa: PLR2004 - background, text, accent
            return f"Concept {number}: the palette needs at least three colours written as #rrggbb."
    return ""


def fault_in_board(draft: BoardDraft, brief: Brief) -> str:
    """What must be done better, or nothing. Lengths are ours to set, so that they need not add up."""
    if len(draft.shots) != brief.shots:
        return f"There must be exactly {brief.shots} shots, not {len(draft.shots)}."
    material = material_of(brief)
    for number, shot in enumerate(draft.shots, 1):
        lengths_allowed = {
            "title": (shot.title, _TITLE),
            "text": (shot.text, _LOGLINE),
            "image_prompt": (shot.image_prompt, _PROMPT),
            "motion_prompt": (shot.motion_prompt, _PROMPT),
        }
        if fault := _fault(f"Shot {number}", lengths_allowed, material):
            return fault
        if not material.is_fine(shot.narration):
            return f"Shot {number}: the narration holds a word that must never appear."
    if lengths([shot.narration.strip() for shot in draft.shots], brief.seconds) is None:
        spoken = sum((spoken_seconds(shot.narration) for shot in draft.shots), Fraction(0))
        return (
            f"The narration takes {float(spoken):.0f} seconds to say, and pauses; the film has {float(brief.seconds):g}. "
            "Say less, or leave more shots silent."
        )
    return ""


def concepts_of(drafts: ConceptDrafts) -> tuple[Concept, ...]:
    """The concepts, with a text colour that can be read on the background."""
    return tuple(
        Concept(
            title=_line(draft.title),
            logline=_line(draft.logline),
            treatment=_line(draft.treatment),
            look=_line(draft.look),
            palette=_readable(colours_of(draft.palette)),
        )
        for draft in drafts.concepts
    )


def board_of(draft: BoardDraft, brief: Brief) -> Storyboard:
    """The storyboard in whole frames: as the model weighed the shots where every line fits so, else as the lines need."""
    lines = [_line(shot.narration) for shot in draft.shots]
    wished = scaled([Fraction(str(shot.seconds)) for shot in draft.shots], brief.seconds)
    is_fitting = all(spoken_seconds(line) <= length for line, length in zip(lines, wished, strict=True))
    seconds = wished if is_fitting else lengths(lines, brief.seconds) or wished
    pictures = {_spread(index, len(brief.pictures), brief.shots): picture for index, picture in enumerate(brief.pictures)}
    return Storyboard(
        tuple(
            Shot(
                id=ShotId(f"shot-{number + 1:02}"),
                title=_line(shot.title),
                text=_line(shot.text),
                image_prompt=_line(shot.image_prompt),
                motion_prompt=_line(shot.motion_prompt),
                narration=line,
                seconds=length,
                picture=pictures.get(number),
            )
            for number, (shot, line, length) in enumerate(zip(draft.shots, lines, seconds, strict=True))
        )
    )


def colours_of(palette: list[str]) -> tuple[str, ...]:
    """The colours that are colours, as `#rrggbb`, none twice, at most five."""
    found: list[str] = []
    for text in palette:
        try:
            found.append(parse_colour(text))
        except ValueError:
            continue
    return tuple(dict.fromkeys(found))[:5]


def _readable(palette: tuple[str, ...]) -> tuple[str, ...]:
    if is_readable(palette[1], palette[0]):
        return palette
    return (palette[0], ink_for(palette[0], palette[2:]), *palette[2:])


def _fault(where: str, texts: dict[str, tuple[str, int]], material: Material) -> str:
    for name, (text, most) in texts.items():
        if not text.strip():
            return f"{where}: {name} is empty."
        if len(text) > most:
            return f"{where}: {name} has {len(text)} characters; at most {most} are allowed."
        if not material.is_fine(text):
            return f"{where}: {name} holds a word that must never appear."
    title = texts["title"][0]
    if not is_dense(title) and len(title.split()) > 8:  # noqa: PLR2004 - a headline
        return f"{where}: the title has {len(title.split())} words; 2 to 6 are wanted."
    return ""


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _spread(index: int, pictures: int, shots: int) -> int:
    """The shot for the person's picture: evenly over the film, in their order."""
    return index if pictures >= shots else (2 * index + 1) * shots // (2 * pictures)
