"""A storyboard card: a shot's words, colours and pictures, drawn in the campaign's look."""

from __future__ import annotations

from reelwright.domain.generation import Request
from reelwright.media.layers import LARGER, Layer, open_logo, open_picture, save_card
from reelwright.media.looks import choose
from reelwright.media.scene import scene_of


def draw_card(request: Request, picture: bytes | None, logo: bytes | None) -> bytes:
    """The card as a PNG that carries its layers, 1.25 times the request's size. The same input gives the same bytes.

    Raises:
        InvalidMedia: the picture or the logo cannot be read.
    """
    return save_card(draw_layers(request, picture, logo))


def draw_layers(request: Request, picture: bytes | None, logo: bytes | None) -> list[Layer]:
    """The card's layers, backmost first: ground, picture, type.

    Raises:
        InvalidMedia: as for `draw_card`.
    """
    size = tuple(max(2, round(side * LARGER) & ~1) for side in request.size)
    scene = scene_of(
        request,
        (size[0], size[1]),
        open_picture(picture) if picture is not None else None,
        open_logo(logo) if logo is not None else None,
    )
    return choose(request.direction).draw(scene).layers()
