"""The arc of a film: hook, problem, product, proof, feeling and close, told in the brief's own words, for 1 to 60 shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from fractions import Fraction
from itertools import chain, zip_longest

from reelwright.domain.languages import spoken_seconds
from reelwright.writers.material import Material
from reelwright.writers.pacing import lengths
from reelwright.writers.patterns import Arcs, Words, arcs
from reelwright.writers.phrases import as_line, headline, share_out, together


class Beat(Enum):
    """What a shot is for."""

    HOOK = auto()
    TENSION = auto()
    PRODUCT = auto()
    VIEW = auto()
    FEELING = auto()
    CLOSE = auto()


@dataclass(frozen=True)
class Step:
    """One shot before it has a length."""

    beat: Beat
    title: str
    text: str
    image: str
    motion: str
    line: str = ""


_DETAILS = ("surface", "light", "profile", "table", "above")
_USES = ("hands", "first", "together", "middle", "face")
_PLACES = ("window", "room", "street", "dusk", "distance")
_ORDERS = {
    "day": (_USES[3:] + _USES[:3], _PLACES, _DETAILS),
    "before_after": (_USES[1:] + _USES[:1], _DETAILS, _PLACES),
    "detail": (_DETAILS, _USES, _PLACES),
    "hands": (_DETAILS[1:] + _DETAILS[:1], _USES[1:] + _USES[:1], _PLACES),
    "question": (_USES[2:] + _USES[:2], _DETAILS[2:] + _DETAILS[:2], _PLACES),
    "countdown": (_DETAILS[3:] + _DETAILS[:3], _USES[1:] + _USES[:1], _PLACES[2:] + _PLACES[:2]),
}
"""How each concept looks at the product, in turn."""
_LONGEST = Fraction(7, 4)
"""The longest line of a shot, in even shares of the film."""
_SHORT_ARCS = {
    1: (Beat.PRODUCT,),
    2: (Beat.PRODUCT, Beat.CLOSE),
    3: (Beat.HOOK, Beat.PRODUCT, Beat.CLOSE),
    4: (Beat.HOOK, Beat.PRODUCT, Beat.VIEW, Beat.CLOSE),
    5: (Beat.HOOK, Beat.TENSION, Beat.PRODUCT, Beat.VIEW, Beat.CLOSE),
}


def arc(shots: int, *, has_tension: bool = True) -> tuple[Beat, ...]:
    """The beats of a film with so many shots; long films look at the place before the problem, and at more of the product."""
    if shots in _SHORT_ARCS:
        beats = _SHORT_ARCS[shots]
    else:
        ahead = (shots - 6) // 6
        beats = (
            Beat.HOOK,
            *([Beat.VIEW] * ahead),
            Beat.TENSION,
            Beat.PRODUCT,
            *([Beat.VIEW] * (shots - 5 - ahead)),
            Beat.FEELING,
            Beat.CLOSE,
        )
    if has_tension or Beat.TENSION not in beats:
        return beats
    # The problem makes room for one more look at the product, which then comes after it.
    product = beats.index(Beat.PRODUCT)
    return (*beats[: product - 1], Beat.PRODUCT, Beat.VIEW, *beats[product + 1 :])


def write_steps(
    concept: str, material: Material, words: Words | None, shots: int, seconds: Fraction
) -> tuple[tuple[Step, ...], tuple[Fraction, ...]]:
    """The shots and their lengths, which add up to `seconds` in whole frames."""
    most = seconds / shots * _LONGEST
    for has_tension in (True, False):
        bare = _bare(concept, material, words, arc(shots, has_tension=has_tension))
        steps, is_whole = _spoken(bare, material, words, most)
        if is_whole and (fitting := lengths([step.line for step in steps], seconds)):
            return _with_extras(steps, material, words, most, seconds, fitting)
    return _trimmed(steps, seconds)


def _bare(concept: str, material: Material, words: Words | None, beats: Sequence[Beat]) -> list[Step]:
    """The shots with what they show and without what is said of the product."""
    made = arcs()
    said = words.concepts[concept] if words else None
    shown = made.concepts[concept]
    views = _views(concept, made, words)
    nothing = ("", "", "")
    told = {
        Beat.HOOK: (said.hook if said else nothing, shown.hook),
        Beat.TENSION: (said.tension if said else nothing, shown.tension),
        Beat.PRODUCT: ((words.meet, words.product_text, "") if words else nothing, (made.product.image, made.product.motion)),
        Beat.FEELING: (said.feeling if said else nothing, shown.feeling),
        Beat.CLOSE: ((words.close_title, words.close_text, "") if words else nothing, (made.close.image, made.close.motion)),
    }
    fixed = {beat: _step(beat, *both) for beat, both in told.items()}
    reveal = beats.index(Beat.PRODUCT)
    steps = [
        fixed[beat] if beat in fixed else views.pop(_next_view(views, is_ahead=index < reveal))
        for index, beat in enumerate(beats)
    ]
    return [
        replace(
            step,
            title=material.filled(step.title, words),
            text=material.filled(step.text, words),
            line=material.filled(step.line, words),
        )
        for step in steps
    ]


def _step(beat: Beat, said: tuple[str, str, str], shown: tuple[str, str]) -> Step:
    """A shot out of its words (title, what is seen, what is said) and its picture (image, motion)."""
    title, text, line = said
    return Step(beat, title, text, *shown, line)


def _views(concept: str, made: Arcs, words: Words | None) -> list[Step]:
    """Sixty looks at the product: all fifteen in the concept's own order, and round again from another lens."""
    order = [view for view in chain.from_iterable(zip_longest(*_ORDERS[concept])) if view]
    steps: list[Step] = []
    for mark, again in (("", ""), (" II", ", from the other side"), (" III", ", wider"), (" IV", ", as a silhouette")):
        for view in order:
            title, text = words.views[view] if words else ("", "")
            image, motion = made.views[view]
            steps.append(Step(Beat.VIEW, f"{title}{mark}" if title else "", text, f"{image}{again}", motion))
    return steps


def _next_view(views: Sequence[Step], *, is_ahead: bool) -> int:
    """Before the product has been shown only places are seen, afterwards whatever is next."""
    places = {arcs().views[place][1] for place in _PLACES}
    return next((index for index, view in enumerate(views) if not is_ahead or view.motion in places), 0)


def _spoken(steps: Sequence[Step], material: Material, words: Words | None, most: Fraction) -> tuple[list[Step], bool]:
    """The shots with the facts and the close in place, and whether all of it found a place."""
    said = list(steps)
    close = _close_line(material, words, most)
    places = _fact_places(said) if words else list(range(max(1, len(said) - 1)))
    feeling = next((index for index, step in enumerate(said) if step.beat is Beat.FEELING), None)
    if feeling is not None and close != material.message and material.message and material.message not in close:
        said[feeling] = replace(said[feeling], line=material.message)
        feeling = None
    if feeling is not None and feeling not in places and len(material.facts) > len(places):
        places = [*places, feeling]
    if said[-1].beat is Beat.CLOSE:
        said[-1] = replace(said[-1], line=close, title=headline(material.call, 5) or said[-1].title)
    lines, is_whole = share_out(material.facts, len(places), most)
    for line, place in zip(lines, _spread(places, len(lines)), strict=True):
        title = headline(line) if said[place].beat is Beat.VIEW or not words else ""
        said[place] = replace(said[place], line=line, title=title or said[place].title)
    if lines:
        said[places[0]] = _introduced(said[places[0]], material, words, most)
    if len(said) == 1:
        ask = words.see if words and close.startswith(material.name) and said[0].line.startswith(material.name) else close
        both = together(said[0].line, ask)
        said[0] = replace(said[0], line=both if spoken_seconds(both) <= most else said[0].line)
    return said, is_whole


def _fact_places(steps: Sequence[Step]) -> list[int]:
    """The product's shot and the looks at it that follow."""
    product = next(index for index, step in enumerate(steps) if step.beat is Beat.PRODUCT)
    return [product, *(index for index, step in enumerate(steps) if index > product and step.beat is Beat.VIEW)]


def _spread(places: Sequence[int], count: int) -> list[int]:
    """`count` of the places, evenly, the first one always among them."""
    return [places[index * len(places) // count] for index in range(count)]


def _introduced(step: Step, material: Material, words: Words | None, most: Fraction) -> Step:
    """The product's name is heard when it is first seen."""
    if words is None or material.name.casefold() in step.line.casefold():
        return step
    named = together(words.this_is.format(name=material.called(words)), step.line)
    return replace(step, line=named) if spoken_seconds(named) <= most else step


def _close_line(material: Material, words: Words | None, most: Fraction) -> str:
    """Message and call to action, or as much of them as fits; without either, the name."""
    both = together(material.message, material.call)
    alone = material.name if words is None else f"{as_line(material.name)} {words.see}"
    wishes = [both, material.call, material.message, material.filled(alone, words), as_line(material.name)]
    return next((line for line in wishes if line and spoken_seconds(line) <= most), "")


def _with_extras(
    steps: Sequence[Step],
    material: Material,
    words: Words | None,
    most: Fraction,
    seconds: Fraction,
    fitting: tuple[Fraction, ...],
) -> tuple[tuple[Step, ...], tuple[Fraction, ...]]:
    """Where there is time left: whom it is for, and the words that the brief wants to hear."""
    said = list(steps)
    spoken = " ".join(step.line for step in said).casefold()
    wishes = " ".join(as_line(word) for word in material.wishes if word.casefold() not in spoken)
    audience = material.filled(words.for_whom, words) if words else ""
    for extra in filter(None, (audience, wishes)):
        for place in _extra_places(said, may_add=extra == wishes):
            line = together(said[place].line, extra)
            tried = [*said[:place], replace(said[place], line=line), *said[place + 1 :]]
            longer = lengths([step.line for step in tried], seconds)
            if longer and spoken_seconds(line) <= most:
                said, fitting = tried, longer
                break
    return tuple(said), fitting


def _extra_places(steps: Sequence[Step], *, may_add: bool) -> list[int]:
    """Silent shots after the product; for words that the brief asks for, also shots in which something is said."""
    product = next(index for index, step in enumerate(steps) if step.beat is Beat.PRODUCT)
    silent = [index for index, step in enumerate(steps) if index > product and not step.line]
    order = (Beat.FEELING, Beat.VIEW, Beat.PRODUCT, Beat.CLOSE, Beat.HOOK)
    rest = [index for beat in order for index, step in enumerate(steps) if step.beat is beat and step.line]
    return [*silent, *rest] if may_add else silent


def _trimmed(steps: Sequence[Step], seconds: Fraction) -> tuple[tuple[Step, ...], tuple[Fraction, ...]]:
    """Too much to say: what matters least falls silent until the rest can be said in time."""
    said = list(steps)
    order = (Beat.TENSION, Beat.FEELING, Beat.HOOK, Beat.VIEW, Beat.PRODUCT, Beat.CLOSE)
    places = [index for beat in order for index in reversed(range(len(said))) if said[index].beat is beat]
    for place in places:
        if fitting := lengths([step.line for step in said], seconds):
            return tuple(said), fitting
        said[place] = replace(said[place], line="")
    return tuple(said), lengths([""] * len(said), seconds) or ()
