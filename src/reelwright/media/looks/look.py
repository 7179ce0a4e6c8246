"""What a look is, and what looks share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, Ink, covering, over, scrim
from reelwright.media.motifs.pen import Tone
from reelwright.media.scene import Form, Palette, Scene
from reelwright.media.sheet import Sheet


@dataclass(frozen=True)
class Look:
    """An art direction: a name and how it draws a scene."""

    name: str
    draw: Callable[[Scene], Sheet]


def colours(*codes: str) -> tuple[Colour, ...]:
    """Colours from `#rrggbb` literals."""
    return tuple(colour for code in codes if (colour := Colour.parse(code)) is not None)


def palette(scene: Scene, ground: str, text: str, *accents: str) -> Palette:
    """The campaign's palette, or the look's own."""
    if scene.palette is not None:
        return scene.palette
    known = colours(ground, text, *accents)
    return Palette(known[0], known[1], known[2:])


def ink(main: Colour, second: Colour, accent: Colour, dark: Colour, light: Colour) -> Ink:
    """A colour for each tone."""
    return {Tone.MAIN: main, Tone.SECOND: second, Tone.ACCENT: accent, Tone.DARK: dark, Tone.LIGHT: light}


def hazed(inks: Ink, towards: Colour, part: float) -> Ink:
    """Inks seen through air: mixed with the ground."""
    return {tone: colour.mixed(towards, part) for tone, colour in inks.items()}


def pasted(scene: Scene, picture: Image.Image, box: Box, mask: Image.Image | None = None) -> Image.Image:
    """A picture cut into `box`, as an RGBA layer; `mask` is of the frame's size."""
    layer = Image.new("RGBA", scene.size)
    layer.paste(covering(picture, box), box.whole()[:2])
    if mask is not None:
        layer.putalpha(mask)
    return layer


def curtained(scene: Scene, photograph: Image.Image, colour: Colour, strength: float) -> Image.Image:
    """A full-bleed photograph with a soft curtain where the type will stand."""
    side = 0.0 if scene.form is not Form.WIDE else 1.0 if scene.is_flipped else -1.0
    return over(photograph, scrim(scene.size, colour, side=side, strength=strength))


def frame(scene: Scene) -> Box:
    """The whole frame."""
    return Box(0, 0, scene.width, scene.height)
