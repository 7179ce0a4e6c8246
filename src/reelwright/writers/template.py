"""The writer that needs no key: concepts and storyboards out of the brief's own words and a drawer of sentence patterns.

It says openly that it is a template. What it writes is a first draft: the person's phrases are quoted whole, the patterns around
them hold in any language that they are written in, and where there are no patterns for a language only the person's words appear.
What an image or a video model is told stays in English, around those same words: it is never seen or heard in the film.
"""

from __future__ import annotations

from fractions import Fraction

from reelwright.domain.brief import Brief
from reelwright.domain.concept import Concept
from reelwright.domain.generation import ModelRef
from reelwright.domain.ids import AssetId, ShotId
from reelwright.domain.storyboard import Shot, Storyboard
from reelwright.errors import ConfigurationError
from reelwright.ports import Workshop, Writer, Written
from reelwright.writers.material import Material, chance, material_of
from reelwright.writers.palettes import colour_words, palette_for
from reelwright.writers.patterns import Words, arcs, words_in
from reelwright.writers.phrases import as_line, headline, together
from reelwright.writers.screenplay import Beat, Step, write_steps

PLAIN = ModelRef("template:plain")
NOTICE = (
    "A template wrote this text from the words of the brief. "
    "For a text written by a language model set OPENAI_API_KEY, ANTHROPIC_API_KEY or GOOGLE_API_KEY and choose it with --text."
)
_PICTURE_ORDER = (Beat.PRODUCT, Beat.VIEW, Beat.CLOSE, Beat.FEELING, Beat.HOOK, Beat.TENSION)
"""Which shots get the person's own pictures first."""
_UNWANTED_IN_PICTURES = "No text, no lettering, no watermark."


def writer(workshop: Workshop, model: str) -> Writer:  # noqa: ARG001 - the shape of every writer's entry point
    """The template writer.

    Raises:
        ConfigurationError: there is no such template.
    """
    if model not in {"", "plain"}:
        msg = f"there is no template {model!r}; the one that exists is {PLAIN}"
        raise ConfigurationError(msg)
    return TemplateWriter()


class TemplateWriter:
    """Writes the same text for the same brief, at once and for nothing."""

    @property
    def model(self) -> ModelRef:
        """`template:plain`."""
        return PLAIN

    @property
    def quote_micro_usd(self) -> int:
        """It is free."""
        return 0

    async def concepts(self, brief: Brief, count: int) -> Written[tuple[Concept, ...]]:
        """`count` different concepts, those first that go best with the brief."""
        material = material_of(brief)
        words = words_in(brief.language)
        chosen = _ranked(brief)
        made = tuple(
            _concept(chosen[index % len(chosen)], index, brief, material, words, again=index // len(chosen))
            for index in range(count)
        )
        return Written(made, PLAIN, NOTICE)

    async def storyboard(self, brief: Brief, concept: Concept) -> Written[Storyboard]:
        """The shots of the film, in whole frames."""
        material = material_of(brief)
        words = words_in(brief.language)
        arc, is_ours = _arc_of(brief, concept, material, words)
        steps, seconds = write_steps(arc, material, words, brief.shots, brief.seconds)
        pictures = _pictures(brief, steps)
        shots = tuple(
            _shot(number, step, length, brief, material, arc, concept, pictures.get(number))
            for number, (step, length) in enumerate(zip(steps, seconds, strict=True))
        )
        if not is_ours:  # somebody else's idea: at least its own title and logline open the film
            shots = (_opened(shots[0], concept, material), *shots[1:])
        return Written(Storyboard(shots), PLAIN, NOTICE)


def _ranked(brief: Brief) -> list[str]:
    """The arcs, the one that goes best with the brief first; equals in an order of the brief's own."""
    said = " ".join(
        (
            brief.product,
            brief.goal,
            brief.message,
            brief.audience,
            brief.platform,
            brief.tone,
            brief.style,
            brief.mood,
            brief.note,
        )
    )
    starts = {word.strip(".,;:!?()\"'“”«»").casefold() for word in said.split()}
    text = f" {said.casefold()}"

    def fits(name: str) -> int:
        return sum(
            any(start.startswith(beginning) for start in starts) or (" " in beginning and f" {beginning}" in text)
            for beginning in arcs().concepts[name].fit
        )

    return sorted(arcs().concepts, key=lambda name: (-fits(name), chance(brief, name)))


def _concept(name: str, index: int, brief: Brief, material: Material, words: Words | None, again: int) -> Concept:
    palette = palette_for(brief, index)
    mark = f" {again + 1}" if again else ""
    if words is None:
        return _neutral(index, brief, material, palette)
    told = words.concepts[name]
    treatment = (
        told.treatment,
        words.treatment_audience,
        words.treatment_product,
        words.treatment_close,
        words.treatment_call,
    )
    style = [as_line(material.without(text)) for text in (brief.style, brief.mood)]
    return Concept(
        title=material.first_fine(material.filled(told.title, words)) + mark,
        logline=material.first_fine(material.filled(told.logline, words), material.message, material.subject),
        treatment=" ".join(filter(None, (material.filled(part, words) for part in treatment))) or material.subject,
        look=" ".join(filter(None, [material.without(told.look), *style])) or material.name,
        palette=palette,
    )


def _neutral(index: int, brief: Brief, material: Material, palette: tuple[str, ...]) -> Concept:
    """A concept in a language that we have no patterns for: the person's own phrases, another one in front each time."""
    facts = [fact.spoken for fact in material.facts]
    phrases = list(dict.fromkeys(filter(None, [material.message, *facts, material.call]))) or [material.name]
    turned = phrases[index % len(phrases) :] + phrases[: index % len(phrases)]
    titles = list(dict.fromkeys(filter(None, [material.name, *(headline(phrase) for phrase in phrases)])))
    title = titles[index] if index < len(titles) else f"{material.name} {index + 1}"
    style = [as_line(material.without(text)) for text in (brief.style, brief.mood)]
    return Concept(
        title=title,
        logline=turned[0],
        treatment=together(*turned),
        look=" ".join(filter(None, style)) or material.name,
        palette=palette,
    )


def _arc_of(brief: Brief, concept: Concept, material: Material, words: Words | None) -> tuple[str, bool]:
    """The arc that a concept of ours follows; for any other concept the one that goes best with the brief."""
    ranked = _ranked(brief)
    if words is None:
        return ranked[0], True
    for name in ranked:
        title = material.first_fine(material.filled(words.concepts[name].title, words))
        if title != material.name and concept.title.startswith(title):
            return name, True
    return ranked[0], False


def _shot(
    number: int,
    step: Step,
    seconds: Fraction,
    brief: Brief,
    material: Material,
    arc: str,
    concept: Concept,
    picture: AssetId | None,
) -> Shot:
    own = (step.line, material.subject)
    return Shot(
        id=ShotId(f"shot-{number + 1:02}"),
        title=material.first_fine(step.title, *(headline(text) for text in own)),
        text=material.first_fine(step.text, *own),
        image_prompt=_image_prompt(step, brief, material, arc, concept),
        motion_prompt=material.without(_motion(step, brief, material)) or "slow push in",
        narration=step.line,
        seconds=seconds,
        picture=picture,
    )


def _image_prompt(step: Step, brief: Brief, material: Material, arc: str, concept: Concept) -> str:
    """Subject, light, lens, style, mood, colours and what must not be in it: as an image model reads it best."""
    picture = arcs().concepts[arc]
    facts = material.facts[0].spoken if material.facts and material.subject == material.name else ""
    idea = step.line if step.beat is Beat.VIEW and step.line else facts
    place = f"Set in {brief.market}." if brief.market and step.beat is Beat.VIEW else ""
    parts = (
        as_line(step.image.format(subject=material.subject, name=material.name)),
        place,
        f"It goes with the words: {idea}" if idea else "",
        as_line(f"{picture.light}, {picture.lens}"),
        f"Style: {brief.style.rstrip('.')}." if brief.style else "Style: natural, photographic, uncluttered.",
        f"Mood: {brief.mood.rstrip('.')}." if brief.mood else "",
        f"Palette of {colour_words(concept.palette)}." if concept.palette else "",
        f"Keywords: {', '.join(material.wishes)}." if material.wishes else "",
        _UNWANTED_IN_PICTURES,
    )
    return " ".join(filter(None, (material.without(part) for part in parts)))


def _motion(step: Step, brief: Brief, material: Material) -> str:
    said = f"{brief.mood} {brief.tone}".casefold()
    pace = next((pace for pace, signs in _PACES if any(sign in said for sign in signs)), "steady")
    return f"{as_line(step.motion.format(name=material.name, subject=material.subject))} {pace.capitalize()} pace."


_PACES = (
    ("unhurried", ("calm", "quiet", "slow", "gentle", "unhurried", "warm", "ruhig", "calme", "tranquil", "rustig")),
    ("lively", ("playful", "fun", "energ", "bold", "fast", "lively", "verspielt", "ludique", "alegre", "gioc", "vrolijk")),
)


def _opened(shot: Shot, concept: Concept, material: Material) -> Shot:
    return Shot(
        id=shot.id,
        title=headline(material.without(concept.title)) or shot.title,
        text=material.without(concept.logline) or shot.text,
        image_prompt=" ".join(filter(None, (as_line(material.without(concept.logline)), shot.image_prompt))),
        motion_prompt=shot.motion_prompt,
        narration=shot.narration,
        seconds=shot.seconds,
        picture=shot.picture,
    )


def _pictures(brief: Brief, steps: tuple[Step, ...]) -> dict[int, AssetId]:
    """The person's pictures in their order, in the shots that show the product before those that do not."""
    by_need = sorted(range(len(steps)), key=lambda number: (_PICTURE_ORDER.index(steps[number].beat), number))
    return dict(zip(sorted(by_need[: len(brief.pictures)]), brief.pictures, strict=False))
