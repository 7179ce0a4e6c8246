"""Cards: pictures that carry their own layers, the same bytes for the same request."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageDraw

from reelwright.domain.generation import Direction, Kind, ModelRef, Request
from reelwright.domain.timing import AspectRatio, Size
from reelwright.errors import InvalidMedia
from reelwright.media.camera import Share
from reelwright.media.cards import draw_card, draw_layers
from reelwright.media.layers import flatten, open_still

DIRECTION = Direction(
    brand="Orbit", title="A quiet morning", text="A cup of coffee by the window.", style="editorial", number=2, count=5, seed="s"
)


def request(size: Size = Size(640, 360), direction: Direction = DIRECTION, language: str = "en") -> Request:
    return Request(Kind.FRAME, ModelRef("animatic:cards"), "", size, Fraction(24), language=language, direction=direction)


def png(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photograph() -> bytes:
    image = Image.linear_gradient("L").resize((300, 200)).convert("RGB")
    ImageDraw.Draw(image).ellipse((90, 40, 210, 160), fill=(200, 60, 40))
    return png(image, "JPEG", quality=90)


def logo(colour: str) -> bytes:
    image = Image.new("RGBA", (200, 80))
    ImageDraw.Draw(image).rounded_rectangle((10, 10, 190, 70), 20, fill=colour)
    return png(image)


def test_the_same_request_gives_the_same_bytes() -> None:
    for style in ("editorial", "noir", "watercolour", "riso"):
        wanted = request(direction=replace(DIRECTION, style=style))

        assert draw_card(wanted, photograph(), logo("#204080")) == draw_card(wanted, photograph(), logo("#204080"))


@pytest.mark.parametrize("ratio", list(AspectRatio))
def test_a_card_has_the_films_shape_and_pixels_to_spare_for_the_move(ratio: AspectRatio) -> None:
    with Image.open(io.BytesIO(draw_card(request(ratio.size), None, None))) as card:
        card.load()

        assert card.width * ratio.size.height == card.height * ratio.size.width
        assert card.width >= ratio.size.width * 1.2


def test_the_layers_in_a_card_are_those_that_one_sees() -> None:
    card = draw_card(request(), None, None)
    layers = open_still(card)
    with Image.open(io.BytesIO(card)) as flat:
        seen = np.asarray(flat.convert("RGB"), float)

    assert [layer.share for layer in layers] == [Share.BACK, Share.PLATE, Share.TYPE]
    assert np.abs(np.asarray(flatten(layers), float) - seen).mean() < 2


def test_a_card_that_an_editor_has_changed_is_an_ordinary_picture() -> None:
    with Image.open(io.BytesIO(draw_card(request(), None, None))) as card:
        edited = png(card.rotate(90, expand=True))

    (layer,) = open_still(edited)

    assert layer.share is Share.WHOLE
    assert layer.image.height > layer.image.width


def test_damaged_layers_are_not_believed() -> None:
    card = bytearray(draw_card(request(), None, None))
    card[card.index(b"rwLY") + 400] ^= 0xFF

    assert len(open_still(bytes(card))) == 1


def test_a_photograph_from_a_phone_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (layer,) = open_still(png(Image.new("RGB", (300, 200), "red"), "JPEG", exif=exif))

    assert layer.image.size == (200, 300)


def test_the_persons_picture_is_in_the_card() -> None:
    wanted = request()
    with_picture = np.asarray(flatten(draw_layers(wanted, photograph(), None)), float)
    without = np.asarray(flatten(draw_layers(wanted, None, None)), float)

    assert np.abs(with_picture - without).mean() > 5


@pytest.mark.parametrize("style", ["swiss", "neon"])
@pytest.mark.parametrize("colour", ["#f8f8f4", "#0c0b14"])
def test_a_logo_stands_out_from_any_ground(style: str, colour: str) -> None:
    wanted = request(direction=replace(DIRECTION, style=style))
    plain = np.asarray(flatten(draw_layers(replace(wanted, direction=replace(wanted.direction, brand="")), None, None)), float)
    marked = np.asarray(flatten(draw_layers(wanted, None, logo(colour))), float)
    corner = np.abs(marked - plain)[:90, :260].max(axis=2)

    assert (corner > 60).sum() > 400


def test_a_picture_that_is_none_is_refused() -> None:
    for broken in (b"", b"not a picture", photograph()[:400], draw_card(request(), None, None)[:2000]):
        with pytest.raises(InvalidMedia):
            draw_card(request(), broken, None)
        with pytest.raises(InvalidMedia):
            draw_card(request(), None, broken)


def test_a_card_can_be_drawn_from_next_to_nothing() -> None:
    for direction in (
        Direction(),
        Direction(title="🦄"),
        Direction(text="x" * 3000),
        Direction(title="a " * 400, count=0, number=0),
    ):
        for size in (Size(1584, 672), Size(64, 64), Size(90, 160)):
            assert draw_card(request(size, direction), None, None)


def test_a_shot_shows_no_words_that_a_client_should_not_see() -> None:
    hidden = replace(DIRECTION, motion="slow push in", mood="tender", palette=())
    shown = draw_card(request(direction=hidden), None, None)

    assert shown == draw_card(request(direction=replace(hidden, motion="pan left")), None, None)
