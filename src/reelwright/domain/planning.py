"""The planner: a wish and a model card become a plan, before money. What cannot be made as it was wished is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from reelwright.domain.card import ModelCard, Takes, cut_off
from reelwright.domain.generation import Kind, Request
from reelwright.domain.timing import AspectRatio, Size
from reelwright.errors import InvalidInput

_WORTH_TELLING = Fraction(1, 200)
"""The part of a picture below which a crop rounds to nothing."""
_MOST_NAMED = 4
"""So many shots are named in a sentence; more are counted."""


@dataclass(frozen=True)
class Plan:
    """What will be asked for, what becomes of it, and what it costs."""

    card: ModelCard
    """The living model that is asked."""
    wished: Request
    request: Request
    """As it is sent."""

    @property
    def cropped(self) -> Fraction:
        """The part of the picture, 0 to 1, that is cut off evenly at two sides: the film shows its middle."""
        shape = self.card.shape_for(self.wished.size) if self.request.shape else None
        return cut_off(shape.size, self.wished.size) if shape else Fraction(0)

    @property
    def trimmed(self) -> Fraction:
        """Seconds at the clip's end that are paid for and not seen."""
        return max(Fraction(0), self.request.seconds - self.wished.seconds)

    @property
    def held(self) -> Fraction:
        """Seconds for which the clip's last picture stands still, because the clip is shorter than the shot."""
        return max(Fraction(0), self.wished.seconds - self.request.seconds)

    @property
    def excess(self) -> int:
        """By how much the prompt is too long, as the model counts. Such a prompt is never sent."""
        length = self.card.prompt_unit.measure(self.request.prompt)
        return max(0, length - self.card.prompt_limit) if self.card.prompt_limit else 0

    @property
    def micro_usd(self) -> int:
        """The price by the card, in micro-dollars."""
        return self.card.quote(self.request.seconds, self.request.prompt)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know, a sentence each."""
        return told({"the shot": self})


def plan(card: ModelCard, wished: Request) -> Plan:
    """The nearest to what is wished that the model makes.

    Args:
        card: the model's facts; the wish may name one that this one replaces.
        wished: `size` is the film's, `seconds` the shot's (of a voice: the longest that it may speak), `prompt` all of it.

    Raises:
        InvalidInput: it cannot work; says why.
    """
    _check(card, wished)
    request = replace(wished, model=card.model)
    if card.kind is Kind.VOICE:
        made = Plan(card, wished, request)
        if made.excess:
            most = f"{card.prompt_limit:,} {card.prompt_unit.in_words}"
            msg = (
                f"{card.model} says at most {most} at once, and these words are {made.excess:,} too many: say less in this shot."
            )
            raise InvalidInput(msg)
        return made
    shape = card.shape_for(wished.size)
    request = replace(
        request,
        shape=shape.value if shape else "",
        seconds=card.length_for(wished.seconds) if card.kind is Kind.CLIP else wished.seconds,
        picture=wished.picture if card.first_frame is not Takes.NO else None,
        last_picture=wished.last_picture if card.last_frame is not Takes.NO else None,
        logo=wished.logo if card.logo else None,
    )
    return Plan(card, wished, request)


def _check(card: ModelCard, wished: Request) -> None:
    what = card.kind.value
    reason = ""
    if card.kind is not wished.kind:
        reason = f"makes {what}s, no {wished.kind.value}"
    elif card.needs_prompt and not wished.prompt.strip():
        reason = f"makes no {what} without words, and there are none"
    elif card.kind is Kind.CLIP and wished.seconds <= 0:
        reason = "makes no clip for a shot that lasts no time"
    elif card.first_frame is Takes.MUST and wished.picture is None:
        picture = "first frame" if card.kind is Kind.CLIP else "picture of yours"
        reason = f"makes no {what} without a {picture}, and there is none"
    elif card.last_frame is Takes.MUST and wished.last_picture is None:
        reason = f"makes no {what} without a last frame, and there is none"
    if reason:
        msg = f"{card.model} {reason}."
        raise InvalidInput(msg)


def told(plans: Mapping[str, Plan]) -> tuple[str, ...]:
    """What a person should know about plans for one model, by the shots that they are for: one sentence for all alike."""
    sentences: list[str] = []
    for is_so, tell in _NOTES:
        found = {shot: plan for shot, plan in plans.items() if is_so(plan)}
        if found:
            sentences.append(tell(list(found.values()), named(found, len(plans))))
    return tuple(sentences)


def named(shots: Iterable[str], of: int) -> str:
    """Some of the shots, in words: all of them, a few by name, or how many."""
    some = list(shots)
    if len(some) == of > 1:
        return "all shots"
    if len(some) > _MOST_NAMED:
        return f"{len(some)} shots"
    return " and ".join(filter(None, (", ".join(some[:-1]), some[-1])))


def told_crop(card: ModelCard, film: Size) -> str:
    """What a person should know about the shape in which the model makes a film of that size; nothing where it fits."""
    shape = card.shape_for(film)
    if shape is None or cut_off(shape.size, film) < _WORTH_TELLING:
        return ""
    sides = "left and right" if shape.size.width * film.height > film.width * shape.size.height else "top and bottom"
    return (
        f"{card.model} does not make {_ratio(film)}: its {card.kind.value}s are {shape.value}, and the film shows their middle, "
        f"without {max(1, round(100 * cut_off(shape.size, film)))}% of the picture at {sides}."
    )


def _cropping(plans: Sequence[Plan], _: str) -> str:
    return told_crop(plans[0].card, plans[0].wished.size)


def _trimming(plans: Sequence[Plan], shots: str) -> str:
    card, most = plans[0].card, max(plan.trimmed for plan in plans)
    return (
        f"{card.model} makes clips of {_lengths(card)}: those of {shots} are longer than the shot, "
        f"by {_told_seconds(most)} at most, and are trimmed at their end."
    )


def _holding(plans: Sequence[Plan], shots: str) -> str:
    card, most = plans[0].card, max(plan.held for plan in plans)
    return (
        f"{card.model} makes clips of {_lengths(card)}: those of {shots} are shorter than the shot, "
        f"and their last picture stands still, for {_told_seconds(most)} at most."
    )


def _lengths(card: ModelCard) -> str:
    if not card.lengths:
        return f"{card.legal_lengths[0]} to {card.legal_lengths[-1]} whole seconds"
    *others, last = [_told_seconds(length) for length in card.lengths]
    return " or ".join(filter(None, (", ".join(others), last)))


def _told_seconds(seconds: Fraction) -> str:
    return f"{f'{float(seconds):.2f}'.rstrip('0').rstrip('.')} s"


def _ratio(size: Size) -> str:
    return next((ratio.value for ratio in AspectRatio if ratio.size == size), str(size))


def _without_picture(plans: Sequence[Plan], shots: str) -> str:
    card = plans[0].card
    if card.kind is Kind.CLIP:
        return f"{card.model} takes no first frame: it makes the clips of {shots} from words alone, and not from their frames."
    return f"{card.model} takes no pictures: yours for {shots} cannot be used."


def _without_last(plans: Sequence[Plan], shots: str) -> str:
    return f"{plans[0].card.model} takes no last frame: the clips of {shots} end as it likes."


def _without_logo(plans: Sequence[Plan], _: str) -> str:
    return f"{plans[0].card.model} adds no logo to its {plans[0].card.kind.value}s."


_NOTES: tuple[tuple[Callable[[Plan], object], Callable[[Sequence[Plan], str], str]], ...] = (
    (lambda plan: plan.cropped >= _WORTH_TELLING, _cropping),
    (lambda plan: plan.trimmed, _trimming),
    (lambda plan: plan.held, _holding),
    (lambda plan: plan.wished.picture != plan.request.picture, _without_picture),
    (lambda plan: plan.wished.last_picture != plan.request.last_picture, _without_last),
    (lambda plan: plan.wished.logo != plan.request.logo, _without_logo),
)
"""When something is said, and how."""
