"""What a language model is told: the brief's facts in the templates of `prompts/*.md`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template

from reelwright.domain.brief import Brief
from reelwright.domain.card import PromptUnit
from reelwright.domain.concept import Concept


@cache
def _template(name: str) -> Template:
    return Template(files("reelwright.writers").joinpath("prompts", f"{name}.md").read_text(encoding="utf-8"))


def instructions(brief: Brief) -> str:
    """The rules that hold for every text of a campaign."""
    return _template("instructions").substitute(
        language=f"the language with the tag {brief.language}",
        tone=brief.tone or "clear and friendly",
        do_words=", ".join(brief.do_words) or "none in particular",
        dont_words=", ".join(brief.dont_words) or "none",
    )


def concepts_prompt(brief: Brief, count: int) -> str:
    """Asks for concepts."""
    colours = f"; use the brand's {', '.join(brief.colours)}" if brief.colours else ""
    return _template("concepts").substitute(count=count, colours=colours, facts=_facts(brief))


def storyboard_prompt(brief: Brief, concept: Concept) -> str:
    """Asks for the shots of one concept."""
    return _template("storyboard").substitute(
        shots=brief.shots,
        seconds=f"{float(brief.seconds):g}",
        words=int(brief.seconds * 2),
        title=concept.title,
        logline=concept.logline,
        treatment=concept.treatment,
        look=concept.look,
        palette=", ".join(concept.palette),
        facts=_facts(brief),
    )


def refine_prompt(prompt: str, limit: int, unit: PromptUnit) -> str:
    """Asks for a prompt in fewer words; a little below the limit, because models count badly."""
    counted = {
        PromptUnit.CHARACTERS: "characters",
        PromptUnit.UTF16: "characters (an emoji counts as two)",
        PromptUnit.BYTES: "bytes of UTF-8",
    }[unit]
    return _template("refine").substitute(limit=max(1, limit * 9 // 10), counted=counted, prompt=prompt)


def _facts(brief: Brief) -> str:
    """Everything that the brief says, a line each; what it does not say is left out."""
    said = {
        "Name": brief.name,
        "Product": brief.product,
        "Goal": brief.goal,
        "Key message": brief.message,
        "Call to action": brief.call_to_action,
        "Audience": brief.audience,
        "Market": brief.market,
        "Platform": brief.platform,
        "Tone": brief.tone,
        "Style": brief.style,
        "Mood": brief.mood,
        "The person's note": brief.note,
        "Shape": f"{brief.ratio.value}, {float(brief.seconds):g} seconds, {brief.shots} shots",
    }
    return "\n".join(f"{name}: {value}" for name, value in said.items() if value)
