"""The planner: the nearest that a model makes, what becomes of it, and what it costs at most, known before money."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.domain.card import ModelCard, PromptUnit, Shape, Takes, cut_off
from reelwright.domain.generation import Kind, ModelRef, Request
from reelwright.domain.ids import AssetId
from reelwright.domain.planning import Plan, named, plan, told, told_crop
from reelwright.domain.timing import FRAME_RATE, AspectRatio, Size
from reelwright.errors import InvalidInput

TURBO = ModelCard(
    ModelRef("runway:gen4_turbo"),
    Kind.CLIP,
    "",
    shapes=tuple(Shape(str(ratio.size).replace("x", ":"), ratio.size) for ratio in AspectRatio if "5" not in ratio),
    shortest=Fraction(2),
    longest=Fraction(10),
    prompt_limit=1000,
    prompt_unit=PromptUnit.UTF16,
    first_frame=Takes.MUST,
    micro_usd_per_second=50_000,
)
VEO = ModelCard(
    ModelRef("runway:veo3.1"),
    Kind.CLIP,
    "",
    shapes=(
        Shape("1280:720", Size(1280, 720)),
        Shape("720:1280", Size(720, 1280)),
        Shape("1920:1080", Size(1920, 1080)),
        Shape("1080:1920", Size(1080, 1920)),
    ),
    lengths=(Fraction(4), Fraction(6), Fraction(8)),
    first_frame=Takes.NO,
    micro_usd_by_seconds={Fraction(4): 1_600_000, Fraction(6): 2_400_000, Fraction(8): 3_200_000},
)
FRAMES = ModelCard(ModelRef("luma:photon-1"), Kind.FRAME, "", first_frame=Takes.NO, micro_usd=15_000)
VOICE = ModelCard(ModelRef("openai:tts-1"), Kind.VOICE, "", prompt_limit=40, micro_usd_per_thousand=15_000)
ANY = ModelCard(ModelRef("animatic:camera"), Kind.CLIP, "", needs_prompt=False, logo=True)
FRAME = AssetId("asset_frame")
SHOT = Request(Kind.CLIP, ModelRef("runway:gen4_turbo"), "A lamp glows.", seconds=Fraction(37, 8), picture=FRAME)


def test_what_a_model_makes_as_it_is_wished_is_sent_as_it_is_wished() -> None:
    wished = replace(SHOT, model=ANY.model, prompt="", last_picture=None, logo=AssetId("asset_logo"))
    made = plan(ANY, wished)
    assert made.request == wished
    assert (made.cropped, made.trimmed, made.held, made.excess, made.micro_usd, made.notes) == (0, 0, 0, 0, 0, ())


def test_the_clip_is_made_in_the_shortest_legal_length_that_covers_the_shot_and_trimmed() -> None:
    made = plan(TURBO, SHOT)
    assert (made.request.seconds, made.request.shape) == (5, "1280:720")
    assert (made.trimmed, made.held) == (Fraction(3, 8), 0)
    assert made.micro_usd == 250_000
    [note] = made.notes
    assert note == (
        "runway:gen4_turbo makes clips of 2 to 10 whole seconds: those of the shot are longer than the shot, by 0.38 s at most, "
        "and are trimmed at their end."
    )


def test_a_shot_that_is_longer_than_any_clip_holds_the_last_picture() -> None:
    made = plan(VEO, replace(SHOT, seconds=Fraction(21, 2), picture=None))
    assert (made.request.seconds, made.held, made.trimmed, made.micro_usd) == (8, Fraction(5, 2), 0, 3_200_000)
    assert made.notes == (
        "runway:veo3.1 makes clips of 4 s, 6 s or 8 s: those of the shot are shorter than the shot, "
        "and their last picture stands still, for 2.5 s at most.",
    )


@pytest.mark.parametrize(
    ("ratio", "shape", "sides", "percent"),
    [
        (AspectRatio.WIDE, "1280:720", "left and right", 6),
        (AspectRatio.TALL, "720:1280", "top and bottom", 6),
    ],
)
def test_the_two_old_shapes_that_no_model_makes_are_cropped_out_of_the_nearest(
    ratio: AspectRatio, shape: str, sides: str, percent: int
) -> None:
    made = plan(TURBO, replace(SHOT, size=ratio.size, seconds=Fraction(5)))
    assert made.request.shape == shape
    assert made.request.size == ratio.size
    assert made.cropped == Fraction(1, 16)
    [note] = made.notes
    assert note == (
        f"runway:gen4_turbo does not make {ratio.value}: its clips are {shape}, and the film shows their middle, "
        f"without {percent}% of the picture at {sides}."
    )
    assert told_crop(TURBO, ratio.size) == note


def test_of_shapes_that_are_alike_the_smallest_with_enough_pixels_is_made() -> None:
    assert plan(VEO, replace(SHOT, size=Size(1280, 720), picture=None)).request.shape == "1280:720"
    assert plan(VEO, replace(SHOT, size=Size(1600, 900), picture=None)).request.shape == "1920:1080"
    assert plan(VEO, replace(SHOT, size=Size(3840, 2160), picture=None)).request.shape == "1920:1080"


@given(st.sampled_from(AspectRatio), st.lists(st.tuples(st.integers(16, 4096), st.integers(16, 4096)), min_size=1, max_size=8))
def test_no_other_legal_shape_would_lose_less_of_the_picture(ratio: AspectRatio, sizes: list[tuple[int, int]]) -> None:
    card = replace(TURBO, shapes=tuple(Shape(f"{w}x{h}", Size(w, h)) for w, h in dict.fromkeys(sizes)))
    made = plan(card, replace(SHOT, size=ratio.size))
    assert 0 <= made.cropped < 1
    assert made.cropped == min(cut_off(shape.size, ratio.size) for shape in card.shapes)


def test_a_prompt_is_counted_as_the_model_counts_it() -> None:
    lamps = "💡" * 501
    assert plan(TURBO, replace(SHOT, prompt=lamps)).excess == 2
    assert plan(replace(TURBO, prompt_unit=PromptUnit.CHARACTERS), replace(SHOT, prompt=lamps)).excess == 0
    assert plan(replace(TURBO, prompt_unit=PromptUnit.BYTES), replace(SHOT, prompt=lamps)).excess == 1004
    assert plan(replace(TURBO, prompt_limit=0), replace(SHOT, prompt=lamps)).excess == 0
    assert PromptUnit.UTF16.measure("\ud83d") == 1


def test_a_retired_model_is_planned_on_the_one_that_replaces_it() -> None:
    made = plan(TURBO, replace(SHOT, model=ModelRef("runway:gen3a_turbo"), size=AspectRatio.WIDE.size))
    assert made.request.model == "runway:gen4_turbo"
    assert made.wished.model == "runway:gen3a_turbo"


@pytest.mark.parametrize(
    ("card", "wished", "told_why"),
    [
        (TURBO, replace(SHOT, picture=None), "makes no clip without a first frame, and there is none"),
        (TURBO, replace(SHOT, prompt="  "), "makes no clip without words, and there are none"),
        (TURBO, replace(SHOT, kind=Kind.FRAME), "makes clips, no frame"),
        (TURBO, replace(SHOT, seconds=Fraction(0)), "makes no clip for a shot that lasts no time"),
        (replace(TURBO, last_frame=Takes.MUST), SHOT, "makes no clip without a last frame, and there is none"),
        (
            replace(FRAMES, first_frame=Takes.MUST),
            Request(Kind.FRAME, FRAMES.model, "A lamp"),
            "makes no frame without a picture of yours, and there is none",
        ),
        (
            VOICE,
            Request(Kind.VOICE, VOICE.model, "x" * 55),
            "says at most 40 characters at once, and these words are 15 too many",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(card: ModelCard, wished: Request, told_why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        plan(card, wished)
    assert refused.value.message.startswith(f"{card.model} {told_why}")


def test_what_a_model_does_not_take_is_left_out_and_said() -> None:
    wished = replace(SHOT, last_picture=AssetId("asset_last"), logo=AssetId("asset_logo"), seconds=Fraction(4))
    made = plan(VEO, wished)
    assert (made.request.picture, made.request.last_picture, made.request.logo) == (None, None, None)
    assert made.notes == (
        "runway:veo3.1 takes no first frame: it makes the clips of the shot from words alone, and not from their frames.",
        "runway:veo3.1 takes no last frame: the clips of the shot end as it likes.",
        "runway:veo3.1 adds no logo to its clips.",
    )
    frame = plan(FRAMES, Request(Kind.FRAME, FRAMES.model, "A lamp", picture=FRAME))
    assert frame.request.picture is None
    assert frame.notes == ("luma:photon-1 takes no pictures: yours for the shot cannot be used.",)


def test_a_voice_is_neither_cropped_nor_stretched() -> None:
    wished = Request(Kind.VOICE, VOICE.model, "Good morning.", seconds=Fraction(9, 2))
    made = plan(VOICE, wished)
    assert (made.request, made.notes) == (wished, ())
    assert made.micro_usd == 195


def test_several_shots_are_told_in_one_sentence() -> None:
    lengths = {"shot-01": Fraction(4), "shot-02": Fraction(9, 2), "shot-03": Fraction(47, 8)}
    plans = {shot: plan(TURBO, replace(SHOT, seconds=seconds)) for shot, seconds in lengths.items()}
    [note] = told(plans)
    assert "those of shot-02 and shot-03 are longer than the shot, by 0.5 s at most" in note
    assert told({}) == ()


@pytest.mark.parametrize(
    ("shots", "of", "words"),
    [
        (["shot-01"], 1, "shot-01"),
        (["shot-01"], 2, "shot-01"),
        (["shot-01", "shot-02"], 2, "all shots"),
        (["shot-01", "shot-02", "shot-04"], 6, "shot-01, shot-02 and shot-04"),
        (["1", "2", "3", "4", "5"], 6, "5 shots"),
    ],
)
def test_shots_are_named_as_long_as_they_are_few(shots: list[str], of: int, words: str) -> None:
    assert named(shots, of) == words


def shares(frames: list[int]) -> list[Fraction]:
    return [each / FRAME_RATE for each in frames]


@given(
    frames=st.lists(st.integers(24, 400), min_size=1, max_size=12),
    shortest=st.integers(0, 6),
    more=st.integers(1, 12),
    per_second=st.integers(0, 999_983),
    once=st.integers(0, 1_000_003),
)
def test_a_film_never_costs_more_than_its_quote_however_its_seconds_are_shared(
    frames: list[int], shortest: int, more: int, per_second: int, once: int
) -> None:
    card = replace(
        TURBO, shortest=Fraction(shortest), longest=Fraction(shortest + more), micro_usd_per_second=per_second, micro_usd=once
    )
    lengths = shares(frames)
    paid = sum(plan(card, replace(SHOT, seconds=seconds)).micro_usd for seconds in lengths)
    assert paid <= card.quote_together(len(lengths), sum(lengths, Fraction(0)))


@given(
    frames=st.lists(st.integers(24, 400), min_size=1, max_size=8),
    prices=st.dictionaries(st.integers(2, 24).map(lambda n: Fraction(n, 2)), st.integers(0, 5_000_000), min_size=1, max_size=4),
)
def test_the_same_holds_for_prices_by_length(frames: list[int], prices: dict[Fraction, int]) -> None:
    legal = tuple(sorted(prices))
    card = replace(TURBO, shortest=Fraction(0), longest=Fraction(0), lengths=legal)
    card = replace(card, micro_usd_per_second=0, micro_usd_by_seconds=prices)
    lengths = shares(frames)
    paid = sum(plan(card, replace(SHOT, seconds=seconds)).micro_usd for seconds in lengths)
    assert paid <= card.quote_together(len(lengths), sum(lengths, Fraction(0)))


def test_the_quote_is_what_the_dearest_share_really_costs() -> None:
    assert TURBO.quote_together(1, Fraction(5)) == 250_000
    assert TURBO.quote_together(1, Fraction(5) + 1 / FRAME_RATE) == 300_000
    # Five shots of a frame more than four seconds, and one that takes the rest: every length is rounded up, by a second at most.
    assert TURBO.quote_together(6, Fraction(30)) == 1_750_000
    assert VEO.quote_together(2, Fraction(10)) == 3_200_000 + 1_600_000
    assert VEO.quote_together(2, Fraction(60)) == 6_400_000
    assert FRAMES.quote_together(6, Fraction(0)) == 90_000
    assert VOICE.quote_together(6, Fraction(30)) == 30 * 32 * 15


@given(st.lists(st.text(st.characters(codec="ascii"), max_size=160), min_size=1, max_size=5))
def test_voices_cost_no_more_than_their_quote_as_long_as_nobody_speaks_faster_than_it_assumes(texts: list[str]) -> None:
    card = replace(VOICE, prompt_limit=0, micro_usd_per_thousand=15_001)
    seconds = [max(Fraction(1), Fraction(len(text), 32)) for text in texts]
    paid = sum(card.quote(length, text) for text, length in zip(texts, seconds, strict=True))
    assert paid <= card.quote_together(len(texts), sum(seconds, Fraction(0)))


def test_a_plan_is_priced_with_its_own_prompt() -> None:
    request = Request(Kind.VOICE, VOICE.model, "ab")
    assert Plan(VOICE, request, request).micro_usd == 30
