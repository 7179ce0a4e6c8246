"""The looks: each is its own, readable, composed in every shape, and chosen by what the campaign says."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from reelwright.domain.generation import Direction, Kind, ModelRef, Request
from reelwright.domain.timing import AspectRatio, Size
from reelwright.media.colour import READABLE, Colour
from reelwright.media.layers import flatten
from reelwright.media.looks import LOOKS, choose
from reelwright.media.motifs import essence
from reelwright.media.scene import Role, Scene, palette_of, scene_of
from reelwright.media.sheet import Sheet

BRAND = ("#0b3d2e", "#f4f1e8", "#e9b44c", "#9b2915")


def scene(ratio: AspectRatio, number: int = 1, *, palette: tuple[str, ...] = (), language: str = "en", title: str = "") -> Scene:
    small = Size(ratio.size.width // 2, ratio.size.height // 2)
    direction = Direction(
        brand="Orbit Coffee",
        title=title or "A quiet morning in the city",
        text="Steam rises from a cup on the window sill while the street wakes.",
        number=number,
        count=6,
        palette=palette,
        call_to_action="Order your first bag",
        seed="campaign",
    )
    request = Request(Kind.FRAME, ModelRef("animatic:cards"), "", small, Fraction(24), language=language, direction=direction)
    return scene_of(request, (small.width, small.height), None, None)


def drawn(look: str, ratio: AspectRatio, number: int = 1, *, palette: tuple[str, ...] = ()) -> Sheet:
    sheet = LOOKS[look].draw(scene(ratio, number, palette=palette))
    sheet.layers()
    return sheet


@pytest.mark.parametrize("ratio", list(AspectRatio))
@pytest.mark.parametrize("look", sorted(LOOKS))
def test_type_can_be_read_and_keeps_inside_the_title_safe_area(look: str, ratio: AspectRatio) -> None:
    sheet = drawn(look, ratio, 1 + list(AspectRatio).index(ratio) % 6)
    words = sheet.words.getbbox()

    assert sheet.legibility() >= READABLE
    assert words is not None
    left, top, right, bottom = words
    width, height = sheet.scene.size
    assert left >= width * 0.04
    assert right <= width * 0.96
    assert top >= height * 0.03
    assert bottom <= height * 0.8, "captions need the lowest fifth"


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_a_brands_colours_can_be_read_in_every_look(look: str) -> None:
    for palette in (BRAND, ("#ffffff", "#cccccc", "#ffee00"), ("#101010", "#202020", "#303030"), ("#ff0000",)):
        assert drawn(look, AspectRatio.LANDSCAPE, 2, palette=palette).legibility() >= READABLE


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_a_bright_photograph_does_not_drown_the_type(look: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 320, 3), dtype=np.uint8)
    sheet = LOOKS[look].draw(replace(scene(AspectRatio.LANDSCAPE), picture=Image.fromarray(noise)))
    sheet.layers()

    assert sheet.legibility() >= READABLE


def test_the_looks_do_not_look_alike() -> None:
    pictures = {name: np.asarray(flatten(drawn(name, AspectRatio.LANDSCAPE).layers()).resize((64, 36)), float) for name in LOOKS}

    assert len(LOOKS) >= 10
    for one in LOOKS:
        for other in LOOKS:
            if one < other:
                assert np.abs(pictures[one] - pictures[other]).mean() > 8, f"{one} and {other} look alike"


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_the_shots_of_a_campaign_differ_from_each_other(look: str) -> None:
    shots = [
        np.asarray(flatten(drawn(look, AspectRatio.SQUARE, number).layers()).resize((64, 64)), float) for number in (1, 2, 3, 6)
    ]

    for index, shot in enumerate(shots):
        assert all(np.abs(shot - other).mean() > 1 for other in shots[:index])


@pytest.mark.parametrize(
    ("style", "look"),
    [
        ("minimal, lots of white", "swiss"),
        ("Film noir, dramatic light", "noir"),
        ("verspielte Scherenschnitte", "paper"),
        ("ネオンの街", "neon"),
        ("水彩のやさしい絵", "watercolour"),
        ("affiche de voyage", "poster"),
        ("блюпринт, чертёж", "blueprint"),
        ("تصميم أنيق", "editorial"),
        ("복고 프린트", "riso"),
        ("大胆的街头风", "brutal"),
        ("चॉक से बना", "chalk"),
        ("super 8, old film", "leader"),
        ("soft gradient, modern app", "glass"),
    ],
)
def test_a_style_in_any_language_finds_its_look(style: str, look: str) -> None:
    assert choose(Direction(style=style, mood="whatever", number=4)).name == look


def test_mood_decides_where_the_style_says_nothing() -> None:
    assert choose(Direction(style="qwerty", mood="calm and tender")).name == "watercolour"


def test_all_shots_of_a_campaign_share_one_look() -> None:
    for seed in ("a", "b", "c"):
        assert len({choose(Direction(seed=seed, number=number, count=9)).name for number in range(1, 10)}) == 1
    assert len({choose(Direction(seed=str(seed))).name for seed in range(40)}) > 3


def test_words_call_up_what_they_name() -> None:
    found = essence("Coffee at sunrise", "A woman reads by the sea")

    assert found.things[0] == "cup"
    assert (found.place, found.sky) == ("sea", "sun")
    assert essence("静かな朝のコーヒー").things[0] == "cup"
    assert essence("Ein Fahrrad im Wald").place == "forest"
    assert essence("دراجة في المدينة").place == "city"


def test_the_first_shot_opens_and_the_last_one_closes() -> None:
    roles = [scene(AspectRatio.LANDSCAPE, number).role for number in range(1, 7)]

    assert roles[0] is Role.OPENING
    assert roles[-1] is Role.CLOSING
    assert len(set(roles[1:5])) == 3
    assert scene(AspectRatio.LANDSCAPE, 6).call
    assert not scene(AspectRatio.LANDSCAPE, 5).call


def test_a_right_to_left_card_is_mirrored() -> None:
    sheet = LOOKS["swiss"].draw(scene(AspectRatio.LANDSCAPE, language="ar", title="صباح هادئ مع القهوة"))
    box = sheet.words.getbbox()

    assert box is not None
    columns = np.asarray(sheet.words).sum(axis=0, dtype=np.int64)
    assert columns[sheet.scene.width // 2 :].sum() > columns[: sheet.scene.width // 2].sum() * 4


def test_colours_move_until_they_can_be_read() -> None:
    grey = Colour(128, 128, 128)

    assert grey.readable_on(Colour(130, 130, 130)).contrast(Colour(130, 130, 130)) >= READABLE
    assert Colour.parse("#abc") == Colour(0xAA, 0xBB, 0xCC)
    assert Colour.parse("red") is None
    assert palette_of(("nonsense", "")) is None


def test_the_look_with_the_most_words_in_the_style_wins() -> None:
    assert choose(Direction(style="bold paper cut-outs, flat colour")).name == "paper"


def test_an_image_prompts_subject_is_drawn_and_its_craft_is_not() -> None:
    prompt = "A pour-over coffee set, seen whole. Soft light, 100 mm camera lens. Style: film. Mood: calm like the sea."
    request = Request(Kind.FRAME, ModelRef("animatic:cards"), prompt, direction=Direction(title="Almost too close"))

    found = scene_of(request, (320, 180), None, None).essence

    assert found.things == ("cup",)
    assert found.place == ""


def test_the_last_shot_does_not_say_the_same_twice() -> None:
    direction = Direction(brand="Pocket Orchard", title="Pick your tree", call_to_action="Pick your tree!", number=5, count=5)
    last = scene_of(Request(Kind.FRAME, ModelRef("animatic:cards"), "", direction=direction), (320, 180), None, None)

    assert (last.title, last.call) == ("Pocket Orchard", "Pick your tree!")
