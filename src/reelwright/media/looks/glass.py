"""Soft light: a mesh of colours, frosted glass, rounded things, quiet type."""

from __future__ import annotations

from random import Random

import numpy as np
from PIL import Image, ImageFilter

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, grain, inked, mask_of, over, rounded, shadow, tinted
from reelwright.media.looks.look import Look, frame, ink, palette, pasted
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Outfit", 600, tracking=-0.02, leading=1.08), Type("Outfit", 350, leading=1.4), Type("Outfit", 600), size=1.06
)


def draw(scene: Scene) -> Sheet:
    """Colours flow behind a pane; the motif floats in front of it."""
    own = palette(scene, "#f3f1ff", "#1b1540", "#6a5cff", "#ff8fb1", "#5ad1ff")
    is_light = own.ground.lightness > 0.55
    base = own.ground.toned(0.95, 0.03) if is_light else own.ground.toned(0.2, 0.06)
    blobs = [own.accent, own.second, own.accents[2] if len(own.accents) > 2 else own.accent.turned(-60)]
    level = 0.82 if is_light else 0.48
    lights = [each.toned(level if is_light else min(each.lightness, level)) for each in blobs]
    type_box, art_box = scene.columns(0.55)
    text = own.text.readable_on(base, 7)
    if scene.picture is not None:
        sheet = Sheet(scene, pasted(scene, scene.picture, frame(scene)).convert("RGB"))
        pane = Box(type_box.x0, scene.height * 0.065, type_box.x1, type_box.y1).inset(-scene.unit * 3.4)
        _pane(sheet, pane, base, 0.8)
    else:
        sheet = Sheet(scene, _mesh(scene, base, lights), is_plate=True)
        _floating(sheet, art_box, base, own.accent, lights, text, is_light)
    colours = Colours.on(base if scene.picture is not None else base.mixed(lights[0], 0.3), text, own.accent)
    strip(sheet, LETTERING, colours, has_number=scene.picture is None)
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=0.45 if scene.form is Form.WIDE else 0.12, lines=4, button=0.5))
    return sheet


def _mesh(scene: Scene, base: Colour, lights: list[Colour]) -> Image.Image:
    chance = Random(f"{scene.shot_seed}:mesh")  # noqa: S311 - decoration, not secrets
    width, height = scene.size
    across = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    mixed = np.zeros((height, width, 3), np.float32) + np.array(base, np.float32)
    spots = [(0.85, 0.15), (0.15, 0.9), (0.75, 0.85), (0.05, 0.1)]
    for index, (x, y) in enumerate(spots):
        at_x = (1 - x if scene.is_flipped else x) + chance.uniform(-0.14, 0.14)
        at_y = y + chance.uniform(-0.14, 0.14)
        fall = np.exp(-(((across - at_x) / 0.42) ** 2 + ((down - at_y) / 0.52) ** 2))[..., None] * (0.95 if index < 3 else 0.5)
        mixed += (np.array(lights[index % len(lights)], np.float32) - mixed) * fall
    noise = np.random.Generator(np.random.PCG64(7)).random((height, width, 1), dtype=np.float32)
    return grain(Image.fromarray(np.clip(mixed + noise, 0, 255).astype(np.uint8), "RGB"), 1.4, scene.seed)


def _pane(sheet: Sheet, box: Box, tint: Colour, strength: float) -> None:
    """Frosted glass: what is behind it blurred and tinted, with a bright edge."""
    scene, unit = sheet.scene, sheet.scene.unit
    behind = over(sheet.back.copy(), sheet.art)
    small = behind.reduce(4).filter(ImageFilter.GaussianBlur(unit * 0.9)).resize(scene.size, Image.Resampling.BICUBIC)
    frosted = Image.blend(small, Image.new("RGB", scene.size, tuple(tint)), strength).convert("RGBA")
    mask = rounded(scene.size, box, unit * 4)
    frosted.putalpha(mask)
    sheet.paint(shadow(mask, unit * 3, (0, unit * 1.6), Colour(20, 16, 50), 0.2), frosted)
    inner = rounded(scene.size, box.inset(unit * 0.22), unit * 3.8)
    rim = Image.fromarray(np.clip(np.asarray(mask, np.int16) - np.asarray(inner, np.int16), 0, 255).astype(np.uint8), "L")
    sheet.paint(tinted(rim, Colour(255, 255, 255), 0.6))


def _floating(sheet: Sheet, box: Box, base: Colour, accent: Colour, lights: list[Colour], text: Colour, is_light: bool) -> None:  # noqa: FBT001
    scene, unit = sheet.scene, sheet.scene.unit
    side = min(box.width, box.height) * 0.95
    pane = Box((box.x0 + box.x1 - side) / 2, box.y1 - side * 1.02, (box.x0 + box.x1 + side) / 2, box.y1 - side * 0.02)
    if scene.role is Role.PLACE and scene.form is Form.WIDE:
        pane = Box(box.x0, pane.y0, box.x1, pane.y1)
    orb_x = pane.x0 - side * 0.12 if scene.is_flipped else pane.x1 - side * 0.34
    orb = rounded(scene.size, Box(orb_x, pane.y0 - side * 0.06, orb_x + side * 0.46, pane.y0 + side * 0.4), side)
    sheet.paint(tinted(orb, accent.toned(0.66)))
    _pane(sheet, pane, Colour(255, 255, 255) if is_light else base, 0.42)
    inks = ink(
        accent, accent.mixed(Colour(255, 255, 255), 0.5), lights[1].toned(0.74), text.mixed(accent, 0.15), Colour(255, 255, 255)
    )
    inner = pane.inset(side * (0.14 if scene.role is not Role.DETAIL else 0.04))
    stage = scene.place() if scene.role in (Role.OPENING, Role.PLACE) else None
    if stage is not None:
        pale = ink(
            accent.mixed(base, 0.45), accent.mixed(base, 0.62), lights[1], accent.mixed(base, 0.2), base.mixed(accent, 0.22)
        )
        drawn = inked(scene.size, stage.shapes, pale)
        cut = Image.new("RGBA", scene.size)
        cut.paste(drawn, (0, 0), rounded(scene.size, pane.inset(unit * 0.5), unit * 3.6))
        sheet.paint(cut)
    for group in scene.things(inner):
        body = mask_of(scene.size, group.shapes)
        sheet.paint(shadow(body, unit * 2.2, (0, unit * 1.8), text, 0.3), inked(scene.size, group.shapes, inks))
        sheet.paint(_sheen(body))


def _sheen(body: Image.Image) -> Image.Image:
    """Light from above over a whole motif."""
    height = body.height
    fall = np.clip(np.linspace(0.3, -0.12, height, dtype=np.float32), 0, 1)[:, None]
    return tinted(Image.fromarray((np.asarray(body, np.float32) * fall).astype(np.uint8), "L"), Colour(255, 255, 255))


LOOK = Look("glass", draw)
