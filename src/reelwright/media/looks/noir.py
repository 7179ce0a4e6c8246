"""Film noir: one hard light, blinds, silhouettes, smoke and grain."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, clouds, contours, distance, duotone, grain, inked, lit, mask_of, ramp, shadow, tinted
from reelwright.media.looks.look import Look, curtained, frame, ink, palette, pasted
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Oswald", 600, tracking=0.035, leading=1.16, is_upper=True),
    Type("Cormorant Italic", 600, leading=1.24),
    Type("Oswald", 400, tracking=0.16, is_upper=True),
    size=0.98,
    text_size=1.22,
)


def draw(scene: Scene) -> Sheet:
    """A pool of light through blinds behind black shapes."""
    own = palette(scene, "#0b0b0d", "#f1ece2", "#c9a25b")
    black = own.ground.toned(0.13, 0.02) if own.ground.lightness < 0.6 else own.text.toned(0.13, 0.02)
    white = Colour(243, 238, 228)
    warm = own.accent.toned(max(0.74, own.accent.lightness), 0.11)
    type_box, art_box = scene.columns(0.53)
    if scene.picture is not None:
        sheet = Sheet(scene, _photograph(scene, scene.picture, black))
    else:
        sheet = Sheet(scene, _light(scene, art_box.x0 + art_box.width / 2, black, warm))
        _silhouette(sheet, art_box, black, warm)
    sheet.back = grain(sheet.back, 4.5, scene.shot_seed, size=1.4)
    colours = Colours.on(black.mixed(warm, 0.08), white, warm)
    anchor = 0.92 if scene.form is Form.WIDE else 0.1
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=anchor, lines=4, button=-1))
    strip(sheet, LETTERING, colours)
    return sheet


def _light(scene: Scene, x: float, black: Colour, warm: Colour) -> Image.Image:
    width, height = scene.size
    centre_x, centre_y = x / width, 0.5 if scene.form is Form.WIDE else 0.7
    pool = np.clip(1.05 - distance(scene.size, centre_x, centre_y) / (0.78 if scene.form is Form.WIDE else 0.62), 0, 1) ** 1.5
    slope = np.arange(height, dtype=np.float32)[:, None] + np.arange(width, dtype=np.float32)[None, :] * 0.16
    period = scene.unit * 7.6
    blinds = np.clip((np.abs(((slope / period) % 1.0) - 0.5) - 0.14) * 9, 0, 1)
    smoke = clouds(scene.size, f"{scene.shot_seed}:smoke", 2.4, 4)
    strength = 0.66 if scene.role in (Role.OPENING, Role.DETAIL) else 0.4
    level = pool * (1 - strength * (1 - blinds)) * (0.72 + 0.42 * smoke)
    middle = warm.toned(0.42, 0.05)
    stops = np.array([black, black.mixed(middle, 0.32), middle, warm.toned(0.76, 0.07), warm.toned(0.93, 0.045)], np.float32)
    return ramp(np.clip(level, 0, 1).astype(np.float32), stops)


def _silhouette(sheet: Sheet, art_box: Box, black: Colour, warm: Colour) -> None:
    scene = sheet.scene
    if (place := scene.place("room" if scene.role is Role.PLACE else "")) is not None and scene.role is not Role.DETAIL:
        haze = ink(
            black.mixed(warm, 0.14),
            black.mixed(warm, 0.36),
            warm.toned(0.8, 0.09),
            black.mixed(warm, 0.03),
            black.mixed(warm, 0.26),
        )
        sheet.paint(inked(scene.size, place.shapes, haze))
    for group in scene.things(art_box, last="podium"):
        shade = mask_of(scene.size, group.shapes)
        sheet.paint(shadow(shade, scene.unit * 1.2, (scene.unit * 2.5, scene.unit), black, 0.8))
        rim = black.mixed(warm, 0.5)
        inks = ink(black.mixed(warm, 0.05), black.mixed(warm, 0.22), warm, black, rim)
        sheet.paint(inked(scene.size, group.shapes, inks))
        edge = contours(scene.size, group.shapes, scene.unit * 0.2).filter(ImageFilter.GaussianBlur(scene.unit * 0.12))
        sheet.paint(tinted(edge, warm.toned(0.8), 0.5))


def _photograph(scene: Scene, picture: Image.Image, black: Colour) -> Image.Image:
    grey = duotone(pasted(scene, picture, frame(scene)).convert("RGB"), black, Colour(236, 230, 218), contrast=1.45)
    dark = 1 - np.clip(distance(scene.size, 0.3 if scene.is_flipped else 0.7, 0.45) * 0.95, 0, 1)
    lighted = lit(grey, (dark * 0.62).astype(np.float32), 0.9).filter(ImageFilter.UnsharpMask(2, 60))
    return curtained(scene, lighted, black, 0.86)


LOOK = Look("noir", draw)
