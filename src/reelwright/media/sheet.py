"""The three layers of a card in the making, and how type is set onto them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from reelwright.media.camera import Share
from reelwright.media.colour import READABLE, Colour
from reelwright.media.drawing import Box, over, rounded, tinted
from reelwright.media.layers import Layer
from reelwright.media.scene import Form, Scene
from reelwright.media.typesetting import Align, Block, Type, set_text


@dataclass(frozen=True)
class Lettering:
    """The type of a look: headline, running text, labels, each with how large it looks beside the others."""

    title: Type
    text: Type
    label: Type
    size: float = 1.0
    text_size: float = 1.0
    label_size: float = 1.0


@dataclass(frozen=True)
class Colours:
    """What type is painted with, all of it readable on `ground`."""

    ground: Colour
    title: Colour
    text: Colour
    label: Colour
    call: Colour
    """Of the button; its words are black or white."""

    @classmethod
    def on(cls, ground: Colour, text: Colour, accent: Colour) -> Colours:
        """Colours that can be read on `ground`, whatever was asked for."""
        ink = text.readable_on(ground, 7)
        return cls(ground, ink, ink.mixed(ground, 0.18).readable_on(ground), accent.readable_on(ground), accent)


@dataclass
class Sheet:
    """Three layers: `back` (RGB), `art` and `type` (RGBA). Looks paint on them and replace them."""

    scene: Scene
    back: Image.Image
    is_plate: bool = False
    """The art is a framed picture on the page, and hardly moves against the type."""
    art: Image.Image = field(init=False)
    type: Image.Image = field(init=False)
    veil: Image.Image = field(init=False)
    """A soft ground under the type, where it needs one."""
    words: Image.Image = field(init=False)
    """Where type stands on the picture itself, and not on a plate of its own, as L."""

    def __post_init__(self) -> None:
        self.art = Image.new("RGBA", self.scene.size)
        self.type = Image.new("RGBA", self.scene.size)
        self.veil = Image.new("RGBA", self.scene.size)
        self.words = Image.new("L", self.scene.size)

    def paint(self, *pictures: Image.Image) -> None:
        """Lays RGBA pictures over the art."""
        self.art = over(self.art, *pictures)

    def write(self, block: Block, box: Box, y: float, colour: Colour, align: Align = "start", *, has_plate: bool = False) -> None:
        """Sets a block with its top at `y`, in the column of `box`; `has_plate` when it stands on a plate of its own."""
        mask = block.mask(self.scene.size, box.x0, y, box.width, align)
        self.type = over(self.type, tinted(mask, colour))
        if not has_plate:
            self.words = ImageChops.lighter(self.words, mask)

    def layers(self) -> list[Layer]:
        """The finished layers, with a soft ground under type that would be hard to read."""
        for strength in (0.5, 0.75, 0.92):
            if self.legibility() >= READABLE:
                break
            self.veil = over(self.veil, self._veil(strength))
        return [
            Layer(self.back, Share.BACK),
            Layer(self.art, Share.PLATE if self.is_plate else Share.MIDDLE),
            Layer(over(self.veil, self.type), Share.TYPE),
        ]

    def legibility(self) -> float:
        """The contrast (1 to 21) that all but the worst twentieth of the words' pixels have with what is behind them."""
        return _worst_contrast(over(self.back.copy(), self.art, self.veil), self.type, self.words)

    def _veil(self, strength: float) -> Image.Image:
        """A soft cloud around the type, dark behind light type and light behind dark type."""
        alpha = self.words
        reach = round(self.scene.unit * 3)
        spread = alpha.reduce(4).filter(ImageFilter.MaxFilter(2 * (reach // 8) + 1)).filter(ImageFilter.GaussianBlur(reach / 4))
        mask = spread.resize(alpha.size, Image.Resampling.BICUBIC)
        pixels = np.asarray(self.type)
        light = float(pixels[..., :3][np.asarray(alpha) > 200].mean())
        return tinted(mask, Colour(10, 10, 14) if light > 128 else Colour(250, 250, 248), strength)


def _worst_contrast(below: Image.Image, written: Image.Image, words: Image.Image) -> float:
    """The contrast that all but the worst twentieth of the solid pixels of `words` have with what is behind them."""
    pixels = np.asarray(written)
    solid = np.asarray(words) > 250
    if not solid.any():
        return 21.0
    fore = _luminance(pixels[..., :3][solid])
    back = _luminance(np.asarray(below.convert("RGB"))[solid])
    contrast = (np.maximum(fore, back) + 0.05) / (np.minimum(fore, back) + 0.05)
    return float(np.quantile(contrast, 0.05))


def _luminance(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    share = pixels.astype(np.float32) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Setting:
    """How the words of a shot are stacked in their box."""

    align: Align = "start"
    anchor: float = 0.5
    """0 at the top of the box, 1 at its bottom."""
    lines: int = 3
    button: float = 0.5
    """Corner radius of the button, in its heights; below 0 it is an underlined word."""
    has_text: bool = True


_LARGEST = {Form.WIDE: 12.6, Form.SQUARE: 12.6, Form.TALL: 13.2}
"""The em of a short headline, in units."""


def stack(sheet: Sheet, box: Box, lettering: Lettering, colours: Colours, setting: Setting) -> Box:
    """Sets headline, text and, on the last shot, the call to action into `box`; returns what they fill."""
    scene, unit = sheet.scene, sheet.scene.unit
    largest = unit * _LARGEST[scene.form] * lettering.size
    call = _call(scene, box, lettering) if scene.call else None
    gap = unit * 3.0
    below = (call.height + gap * 2.6) if call else 0.0
    body = _body(scene, box, lettering, setting)
    room = box.height - below - (body.height + gap if body.lines else 0.0)
    title = set_text(
        scene.title, lettering.title, width=box.width, height=room, largest=largest, lines=setting.lines, language=scene.language
    )
    total = title.height + (body.height + gap if body.lines else 0.0) + below
    y = top = box.y0 + max(0.0, box.height - total) * setting.anchor
    sheet.write(title, box, y, colours.title, setting.align)
    y += title.height
    if body.lines:
        y += gap
        sheet.write(body, box, y, colours.text, setting.align)
        y += body.height
    if call is not None:
        y += gap * 1.1
        _button(sheet, box, y, call, colours, setting)
        y += call.height + gap * 1.5
    return Box(box.x0, top, box.x1, y)


def _body(scene: Scene, box: Box, lettering: Lettering, setting: Setting) -> Block:
    text = scene.text if setting.has_text and not scene.call else ""
    size = scene.unit * (4.3 if scene.form is Form.TALL else 3.9) * lettering.text_size
    width = min(box.width, size * 24 / lettering.text_size)
    return set_text(
        text, lettering.text, width=width, height=box.height * 0.42, largest=size, lines=3, language=scene.language,
        smallest=size * 0.78,
    )  # fmt: skip


def _call(scene: Scene, box: Box, lettering: Lettering) -> Block:
    size = scene.unit * 4.2 * lettering.label_size
    return set_text(
        scene.call, lettering.label, width=box.width - size * 2, height=size * 3, largest=size, lines=2, language=scene.language,
        smallest=size * 0.5,
    )  # fmt: skip


def _button(sheet: Sheet, box: Box, y: float, call: Block, colours: Colours, setting: Setting) -> None:
    unit = sheet.scene.unit
    pad_x, pad_y = (0.0 if setting.button < 0 else unit * 3.0), unit * 2.0
    width, height = call.width + pad_x * 2, call.height + pad_y * 2
    match setting.align:
        case "centre":
            x = box.x0 + (box.width - width) / 2
        case _:
            x = box.x1 - width if call.is_rtl == (setting.align == "start") else box.x0
    plate = Box(x, y, x + width, y + height)
    if setting.button < 0:
        sheet.write(call, plate, y + pad_y, colours.label, setting.align)
        line = Box(x + pad_x, y + height - unit * 0.9, x + width - pad_x, y + height - unit * 0.45)
        sheet.type = over(sheet.type, tinted(rounded(sheet.scene.size, line, 1), colours.label))
        return
    fill = colours.call
    words = max((Colour(255, 255, 255), Colour(14, 14, 18)), key=fill.contrast)
    sheet.type = over(sheet.type, tinted(rounded(sheet.scene.size, plate, height * setting.button), fill))
    sheet.write(
        call, Box(x + pad_x, y, x + width - pad_x, y + height), y + pad_y, words.readable_on(fill), "centre", has_plate=True
    )


def strip(
    sheet: Sheet, lettering: Lettering, colours: Colours, *, y: float = 0.065, inset: float = 0.065, has_number: bool = True
) -> None:
    """The discreet line at the top: the logo or the brand at its start, the shot's number at its end."""
    scene = sheet.scene
    box = Box(scene.width * inset, scene.height * y, scene.width * (1 - inset), scene.height * (y + 0.05))
    size = scene.unit * 2.5 * lettering.label_size
    if scene.logo is not None:
        _logo(sheet, box, colours)
    elif scene.brand and scene.brand != scene.title:
        block = set_text(
            scene.brand, lettering.label, width=box.width * 0.7, height=size * 2, largest=size, lines=1, language=scene.language
        )
        x = box.x1 - block.width if scene.is_rtl else box.x0
        sheet.write(block, Box(x, box.y0, x + block.width, box.y1), box.y0, colours.label)
    if has_number:
        number = set_text(f"{scene.number:02d}", lettering.label, width=box.width, height=size * 2, largest=size * 0.86, lines=1)
        x = box.x0 if scene.is_rtl else box.x1 - number.width
        sheet.write(number, Box(x, box.y0, x + number.width, box.y1), box.y0, colours.text)


def _logo(sheet: Sheet, box: Box, colours: Colours) -> None:
    scene = sheet.scene
    if scene.logo is None:
        return
    share = 1.3 if scene.is_closing else 1.0
    tallest, widest = scene.unit * 6.5 * share, scene.unit * 22 * share
    scale = min(tallest / scene.logo.height, widest / scene.logo.width)
    width, height = max(1, round(scene.logo.width * scale)), max(1, round(scene.logo.height * scale))
    logo = scene.logo.convert("RGBa").resize((width, height), Image.Resampling.LANCZOS).convert("RGBA")
    x = round(box.x1 - width) if scene.is_rtl else round(box.x0)
    y = round(box.y0 - scene.unit * 1.2)
    plate = _plate_for(logo, colours.ground)
    if plate is not None:
        pad = scene.unit * 1.1
        around = Box(x - pad, y - pad, x + width + pad, y + height + pad)
        sheet.type = over(sheet.type, tinted(rounded(scene.size, around, pad), plate))
    layer = Image.new("RGBA", scene.size)
    layer.paste(logo, (x, y))
    sheet.type = over(sheet.type, layer)


def _plate_for(logo: Image.Image, ground: Colour) -> Colour | None:
    """A plate behind a logo that would not stand out on the ground."""
    pixels = np.asarray(logo)
    solid = pixels[..., 3] > 128
    if not solid.any():
        return None
    red, green, blue = (round(float(each)) for each in pixels[..., :3][solid].mean(axis=0))
    mean = Colour(red, green, blue)
    if mean.contrast(ground) >= 1.9:
        return None
    return max((Colour(255, 255, 255), Colour(16, 16, 20)), key=mean.contrast)
