"""A model card out of what Replicate tells about a model. It does not tell prices."""

from __future__ import annotations

import math
from datetime import datetime
from fractions import Fraction

from reelwright.domain.card import ModelCard, Shape, Takes
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.timing import AspectRatio, Size
from reelwright.providers.replicate.answers import Model
from reelwright.providers.replicate.inputs import Inputs, Part

_LONG_EDGE = 1280
"""Pixels of what comes out, where only proportions are told."""
_LABEL = 120
_SPOKEN = frozenset({"voice", "voice_id", "speaker", "audio_prompt"})
_FILMED = frozenset({"num_frames", "fps", "frames_per_second", "first_frame_image", "start_image", "last_frame_image"})


def card_of(reference: ModelRef, model: Model, inputs: Inputs, today: datetime) -> ModelCard:
    """The card. What is not told is left as a card has it by itself; the price is 0."""
    kind = _kind_of(model, inputs)
    first, last = (inputs.field_for(part) for part in (Part.FIRST_FRAME, Part.LAST_FRAME))
    several = inputs.fields[first].max_items or 1 if first and inputs.takes_list(first) else 1
    prompt = inputs.field_for(Part.PROMPT)
    lengths, shortest, longest = _lengths(inputs) if kind is Kind.CLIP else ((), Fraction(0), Fraction(0))
    return ModelCard(
        model=reference,
        kind=kind,
        label=(model.description or f"{model.owner}/{model.name} at Replicate").strip().partition("\n")[0][:_LABEL],
        shapes=_shapes(inputs),
        lengths=lengths,
        shortest=shortest,
        longest=longest,
        prompt_limit=inputs.fields[prompt].max_length or 0 if prompt else 0,
        needs_prompt=prompt in inputs.required,
        first_frame=_takes(inputs, first),
        last_frame=_takes(inputs, last),
        references=max(0, several - 1),
        audio=inputs.fields["generate_audio"].default is True if "generate_audio" in inputs.fields else False,
        source="the model's own input schema, as the API tells it; the price is not told",
        checked_on=today.date().isoformat(),
    )


def _kind_of(model: Model, inputs: Inputs) -> Kind:
    """By what its example made, else by what it wants to know."""
    if model.default_example is not None and model.default_example.urls:
        return model.default_example.kind
    if inputs.field_for(Part.SECONDS) or _FILMED & set(inputs.fields):
        return Kind.CLIP
    return Kind.VOICE if _SPOKEN & set(inputs.fields) else Kind.FRAME


def _takes(inputs: Inputs, name: str) -> Takes:
    if not name:
        return Takes.NO
    return Takes.MUST if name in inputs.required else Takes.MAY


def _shapes(inputs: Inputs) -> tuple[Shape, ...]:
    name = inputs.field_for(Part.SHAPE)
    ratios = inputs.fields[name].ratios if name else {}
    return tuple(Shape(told, _size_of(told, ratio)) for told, ratio in ratios.items())


def _size_of(told: str, ratio: Fraction) -> Size:
    if told in set(AspectRatio):
        return AspectRatio(told).size
    short = 2 * round(_LONG_EDGE * float(min(ratio, 1 / ratio)) / 2)
    return Size(_LONG_EDGE, short) if ratio >= 1 else Size(short, _LONG_EDGE)


def _lengths(inputs: Inputs) -> tuple[tuple[Fraction, ...], Fraction, Fraction]:
    """The legal seconds: those that are listed, or the shortest and the longest."""
    name = inputs.field_for(Part.SECONDS)
    if not name:
        return (), Fraction(0), Fraction(0)
    form = inputs.fields[name]
    if form.numbers:
        return tuple(sorted(number for number in form.numbers if number > 0)), Fraction(0), Fraction(0)
    if form.maximum is None:
        return (), Fraction(0), Fraction(0)
    return (), Fraction(max(1, math.ceil(form.minimum or 1))), Fraction(math.floor(form.maximum))
