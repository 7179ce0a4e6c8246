"""A prompt in fewer words: the form in which a language model hands it in, and what is wrong with it."""

from __future__ import annotations

import re

from pydantic import BaseModel

from reelwright.domain.card import PromptUnit

INSTRUCTIONS = "You edit prompts for image and video models. You answer with the prompt alone."


class RefinedDraft(BaseModel):
    """The answer to the question for fewer words."""

    prompt: str

    @property
    def text(self) -> str:
        """In one line."""
        return re.sub(r"\s+", " ", self.prompt).strip()


def fault_in_refined(draft: RefinedDraft, limit: int, unit: PromptUnit) -> str:
    """What must be done better, or nothing."""
    length = unit.measure(draft.text)
    if not length:
        return "The prompt is empty."
    if length > limit:
        return f"The prompt has {length} {unit.in_words}; at most {limit} are allowed. Say the same in fewer words."
    return ""
