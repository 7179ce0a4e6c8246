"""A card out of a model's own form."""

from __future__ import annotations

from fractions import Fraction

import pytest

from reelwright.domain.card import Takes
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.timing import Size
from reelwright.errors import NotFound
from replicate_vendor import CLIP, FRAME, Met


async def test_a_model_without_a_card_is_described_by_its_own_form(met: Met) -> None:
    kling = await met.studio.discover(ModelRef("replicate:kwaivgi/kling-v2.1"))
    assert (kling.kind, kling.first_frame, kling.last_frame) == (Kind.CLIP, Takes.MUST, Takes.MAY)
    assert (kling.lengths, kling.is_paid, kling.needs_prompt) == ((Fraction(5), Fraction(10)), False, True)
    wan = await met.studio.discover(CLIP.model)
    assert (wan.shortest, wan.longest, wan.first_frame) == (2, 30, Takes.MAY)
    assert {shape.value: shape.size for shape in wan.shapes}["16:9"] == Size(1280, 720)
    flux = await met.studio.discover(FRAME.model)
    assert (flux.kind, flux.first_frame, flux.last_frame) == (Kind.FRAME, Takes.NO, Takes.NO)
    assert {shape.value: shape.size for shape in flux.shapes}["2:3"] == Size(854, 1280)
    seedream = await met.studio.discover(ModelRef("replicate:bytedance/seedream-4"))
    assert seedream.references == 9
    with pytest.raises(NotFound):
        await met.studio.discover(ModelRef("replicate:nobody/nothing"))
