"""Neon night: glowing tubes over a dark street, a horizon grid, light on wet ground."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from reelwright.media.colour import Colour
from reelwright.media.drawing import (
    Box,
    clouds,
    contours,
    duotone,
    glow,
    gradient,
    grain,
    levelled,
    mask_of,
    over,
    tinted,
    vignette,
)
from reelwright.media.looks.look import Look, curtained, frame, palette, pasted
from reelwright.media.motifs.pen import Pen, Shape, Tone
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Righteous", 600, leading=1.12), Type("Outfit", 400, leading=1.4), Type("Outfit", 600, tracking=0.06), size=1.0
)
_HORIZON = 0.74


def draw(scene: Scene) -> Sheet:
    """Tubes in two colours; the headline glows with them."""
    own = palette(scene, "#0d0b1e", "#f7f4ff", "#ff3ea5", "#29e6ff")
    night = own.ground.toned(0.15, 0.05) if own.ground.lightness < 0.6 else own.accent.toned(0.15, 0.05)
    pink, cyan = (
        _bright(own.accent),
        _bright(
            own.second if abs(own.second.lightness - own.accent.lightness) + own.second.chroma > 0.1 else own.accent.turned(120)
        ),
    )
    type_box, art_box = scene.columns(0.54)
    sheet = Sheet(scene, _street(scene, night, pink, cyan, art_box))
    if scene.picture is not None:
        _photograph(sheet, scene.picture, night, pink, cyan)
    else:
        _tubes(sheet, art_box.inset(scene.unit), night, pink, cyan)
    colours = Colours.on(night.mixed(pink, 0.08), Colour(255, 250, 255), cyan)
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=0.3 if scene.form is Form.WIDE else 0.08, lines=4))
    strip(sheet, LETTERING, colours)
    _aura(sheet, pink)
    return sheet


def _bright(colour: Colour) -> Colour:
    return colour.toned(min(max(colour.lightness, 0.7), 0.86))


def _street(scene: Scene, night: Colour, pink: Colour, cyan: Colour, box: Box) -> Image.Image:
    ground = gradient(scene.size, night.toned(0.11), night.mixed(pink, 0.16))
    x = (box.x0 + box.x1) / 2 / scene.width
    over(ground, glow(scene.size, x, _HORIZON, 0.85, pink, 0.34), glow(scene.size, 1 - x, 0.2, 0.8, cyan, 0.12))
    grid = Pen()
    y0, middle = _HORIZON * scene.height, x * scene.width
    for step in range(-24, 25):
        grid.line(
            Tone.MAIN,
            scene.unit * 0.16,
            (middle + step * scene.unit * 2.4, y0),
            (middle + step * scene.unit * 26, scene.height * 1.04),
        )
    for step in range(1, 9):
        y = y0 + (scene.height - y0) * (step / 8) ** 2
        grid.line(Tone.MAIN, scene.unit * 0.16, (0, y), (scene.width, y))
    below = Pen()
    below.box(Tone.MAIN, -9, y0, scene.width + 9, scene.height + 9)
    floor = tinted(mask_of(scene.size, below.shapes), night.toned(0.09), 0.72)
    lines = mask_of(scene.size, grid.shapes)
    over(ground, floor, tinted(lines.filter(ImageFilter.GaussianBlur(scene.unit * 0.5)), pink, 0.7), tinted(lines, pink, 0.5))
    return grain(vignette(ground, 0.5), 2.6, scene.seed)


def _tubes(sheet: Sheet, box: Box, night: Colour, pink: Colour, cyan: Colour) -> None:
    scene, unit = sheet.scene, sheet.scene.unit
    stage = scene.place("city" if scene.role is Role.OPENING else "") if scene.role in (Role.OPENING, Role.PLACE) else None
    if stage is not None:
        lines = contours(scene.size, [shape for shape in stage.shapes if shape.tone is not Tone.ACCENT], unit * 0.24)
        sky = Pen()
        sky.box(Tone.MAIN, 0, 0, scene.width, _HORIZON * scene.height)
        lines = ImageChops.multiply(lines, mask_of(scene.size, sky.shapes))
        _shine(sheet, lines, cyan.mixed(night, 0.3), 0.55)
    lifted = Box(box.x0, box.y0, box.x1, min(box.y1, scene.height * (_HORIZON + 0.06)))
    for group in scene.things(lifted if scene.role is not Role.DETAIL else box, last="star"):
        body = mask_of(scene.size, group.shapes)
        sheet.paint(tinted(body, night.toned(0.1), 0.86))
        _mirrored(sheet, group.shapes, group.box.y1, pink, unit)
        accents = [shape for shape in group.shapes if shape.tone in (Tone.ACCENT, Tone.LIGHT)]
        others = [shape for shape in group.shapes if shape.tone not in (Tone.ACCENT, Tone.LIGHT)]
        _shine(sheet, contours(scene.size, others, unit * 0.62), pink, 1.0)
        _shine(sheet, contours(scene.size, accents, unit * 0.55), cyan, 1.0)


def _shine(sheet: Sheet, lines: Image.Image, colour: Colour, strength: float) -> None:
    unit = sheet.scene.unit
    wide = levelled(lines.filter(ImageFilter.GaussianBlur(unit * 2.6)), 2.6)
    near = levelled(lines.filter(ImageFilter.GaussianBlur(unit * 0.7)), 1.9)
    sheet.paint(tinted(wide, colour, 0.5 * strength), tinted(near, colour, 0.85 * strength))
    sheet.paint(tinted(lines, colour.mixed(Colour(255, 255, 255), 0.72), strength))


def _mirrored(sheet: Sheet, shapes: tuple[Shape, ...], y: float, colour: Colour, unit: float) -> None:
    """The light on wet ground below."""
    scene = sheet.scene
    flipped = [Shape(tuple((px, y + (y - py) * 0.5) for px, py in shape.points), shape.tone, shape.width) for shape in shapes]
    lines = contours(scene.size, flipped, unit * 0.5).filter(ImageFilter.GaussianBlur(unit * 0.8))
    ripple = clouds(scene.size, f"{scene.shot_seed}:wet", 14, 2)
    faded = np.asarray(lines, np.float32) * np.clip(ripple * 1.4, 0, 1)
    sheet.paint(tinted(Image.fromarray(faded.astype(np.uint8), "L"), colour, 0.6))


def _photograph(sheet: Sheet, picture: Image.Image, night: Colour, pink: Colour, cyan: Colour) -> None:
    scene = sheet.scene
    whole = pasted(scene, picture, frame(scene)).convert("RGB")
    toned = duotone(whole, night.toned(0.12), pink.mixed(Colour(255, 255, 255), 0.25), contrast=1.3)
    cold = duotone(whole, night.toned(0.12), cyan, contrast=1.3)
    side = gradient(scene.size, Colour(0, 0, 0), Colour(255, 255, 255), across=0.9 if not scene.is_flipped else -0.9).convert("L")
    mixed = curtained(scene, vignette(Image.composite(toned, cold, side), 0.6), night.toned(0.1), 0.88)
    sheet.back = grain(mixed, 3, scene.shot_seed)


def _aura(sheet: Sheet, pink: Colour) -> None:
    """The headline's own light, below it."""
    unit = sheet.scene.unit
    halo = levelled(sheet.words.filter(ImageFilter.GaussianBlur(unit * 1.1)), 0.9)
    sheet.type = over(tinted(halo, pink.toned(0.5), 0.6), sheet.type)


LOOK = Look("neon", draw)
