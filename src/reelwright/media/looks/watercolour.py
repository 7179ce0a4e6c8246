"""Watercolour: washes that bleed and pool on rough paper, with a light serif."""

from __future__ import annotations

from random import Random

import numpy as np
from PIL import Image, ImageFilter

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, clouds, grain, lit, mask_of, placed, rounded
from reelwright.media.looks.look import Look, palette, pasted
from reelwright.media.motifs.pen import Pen, Shape, Tone
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Cormorant Garamond", 600, tracking=-0.012, leading=1.02),
    Type("Cormorant Italic", 500, leading=1.22),
    Type("Cormorant Garamond", 700, tracking=0.04),
    size=1.18,
    text_size=1.22,
    label_size=1.2,
)


def draw(scene: Scene) -> Sheet:
    """Every shape is a wash; its edge is darker, its inside uneven."""
    own = palette(scene, "#fbf8f1", "#2b3440", "#5b8fa8", "#d98b73", "#e3b75f", "#7f9f78")
    paper = own.ground.toned(max(0.965, own.ground.lightness), 0.015) if own.ground.lightness > 0.55 else Colour(251, 248, 241)
    text = min((own.text, own.ground), key=lambda each: each.luminance).readable_on(paper, 8)
    accents = [own.accent, own.second, *(own.accents[2:] or (own.accent.turned(150), own.second.turned(-60)))]
    washes = [each.toned(min(max(each.lightness, 0.52), 0.74)) for each in accents]
    tooth = clouds(scene.size, f"{scene.seed}:tooth", 90, 2)
    sheet = Sheet(scene, grain(lit(Image.new("RGB", scene.size, tuple(paper)), tooth, 0.022), 1.2, scene.seed))
    type_box, art_box = scene.columns(0.52)
    if scene.picture is not None:
        _photograph(sheet, scene.picture, art_box, washes)
    else:
        _painting(sheet, art_box, washes, text, paper)
    colours = Colours.on(paper, text, washes[0].toned(0.45))
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=0.42 if scene.form is Form.WIDE else 0.1, lines=4, button=0.5))
    strip(sheet, LETTERING, colours)
    return sheet


def _painting(sheet: Sheet, box: Box, washes: list[Colour], text: Colour, paper: Colour) -> None:
    scene = sheet.scene
    chance = Random(f"{scene.shot_seed}:wash")  # noqa: S311 - decoration, not secrets
    side = min(box.width, box.height)
    pen = Pen()
    ring = [
        (0.5 + r * np.cos(a), 0.5 + r * np.sin(a)) for a, r in ((step * 0.7, chance.uniform(0.42, 0.53)) for step in range(9))
    ]
    pen.blob(Tone.MAIN, *((float(x), float(y)) for x, y in ring))
    pool = placed(pen.shapes, side * 1.08, (box.x0 + box.x1 - side * 1.08) / 2, box.y1 - side * 1.1)
    stage = scene.place("hill" if scene.role is Role.OPENING else "") if scene.role in (Role.OPENING, Role.PLACE) else None
    if stage is not None:
        sky = scene.sky("sun" if scene.role is Role.OPENING else "")
        if sky is not None:
            _wash(sheet, [shape for shape in sky.shapes if shape.tone is Tone.ACCENT] or list(sky.shapes), washes[2], 0.6, "sky")
        shades = {
            Tone.LIGHT: (washes[0], 0.22),
            Tone.SECOND: (washes[0], 0.36),
            Tone.MAIN: (washes[0].mixed(washes[3 % len(washes)], 0.5), 0.46),
            Tone.DARK: (washes[0].toned(0.42), 0.6),
            Tone.ACCENT: (washes[1], 0.5),
        }
        for tone, (colour, strength) in shades.items():
            _wash(sheet, [shape for shape in stage.shapes if shape.tone is tone], colour, strength, f"place{tone}")
    else:
        _wash(sheet, pool, washes[2].mixed(paper, 0.25), 0.55, "pool")
    inks = {
        Tone.MAIN: (washes[1], 0.92),
        Tone.SECOND: (washes[1].mixed(paper, 0.45), 0.85),
        Tone.ACCENT: (washes[2].toned(0.72), 0.9),
        Tone.DARK: (text.mixed(washes[0], 0.35), 0.9),
        Tone.LIGHT: (paper, 0.95),
    }
    for group in scene.things(box.inset(side * 0.05)):
        for index, shape in enumerate(group.shapes):
            colour, strength = inks[shape.tone]
            _wash(sheet, [shape], colour, strength, f"thing{index}", reach=0.5)


def _wash(sheet: Sheet, shapes: list[Shape], colour: Colour, strength: float, name: str, *, reach: float = 1.0) -> None:
    """Wet paint: the edge wanders, pigment gathers along it, water leaves light patches inside."""
    scene = sheet.scene
    mask = mask_of(scene.size, shapes)
    bounds = mask.getbbox()
    if bounds is None:
        return
    pad = round(scene.unit * 4)
    crop = (
        max(0, bounds[0] - pad),
        max(0, bounds[1] - pad),
        min(scene.width, bounds[2] + pad),
        min(scene.height, bounds[3] + pad),
    )
    part = mask.crop(crop)
    spread = scene.unit * 0.9 * reach
    seed = f"{scene.shot_seed}:{name}"
    lumps = max(3.0, min(part.size) / (scene.unit * 5))
    wander = clouds(part.size, seed, lumps, 3)
    soft = np.asarray(part.filter(ImageFilter.GaussianBlur(spread)), np.float32) / 255
    body = np.clip((soft - 0.3 - wander * 0.36) * 10 + 0.5, 0, 1)
    inner = (
        np.asarray(Image.fromarray((body * 255).astype(np.uint8), "L").filter(ImageFilter.GaussianBlur(spread * 1.3)), np.float32)
        / 255
    )
    rim = np.clip(body - inner, 0, 1) * 1.2
    pigment = clouds(part.size, f"{seed}:p", lumps * 0.6 + 1, 4)
    alpha = body * strength * (0.62 + 0.5 * pigment) + rim * 0.55 * strength
    layer = Image.new("RGBA", scene.size, (*colour, 0))
    whole = Image.new("L", scene.size)
    whole.paste(Image.fromarray((np.clip(alpha, 0, 1) * 255).astype(np.uint8), "L"), crop[:2])
    layer.putalpha(whole)
    sheet.paint(layer)


def _photograph(sheet: Sheet, picture: Image.Image, box: Box, washes: list[Colour]) -> None:
    """A photograph with a painted edge, a wash showing from under it."""
    scene = sheet.scene
    under = box.inset(-scene.unit * 1.5)
    corners = ((under.x0, under.y0), (under.x1, under.y0), (under.x1, under.y1), (under.x0, under.y1))
    _wash(sheet, [Shape(corners, Tone.MAIN)], washes[0], 0.5, "under")
    wander = clouds(scene.size, f"{scene.shot_seed}:edge", 12, 4)
    soft = np.asarray(rounded(scene.size, box, scene.unit).filter(ImageFilter.GaussianBlur(scene.unit * 2.4)), np.float32) / 255
    edge = np.clip((soft - 0.3 - wander * 0.42) * 7 + 0.5, 0, 1)
    gentle = picture.filter(ImageFilter.MedianFilter(5)) if max(picture.size) < 2400 else picture
    sheet.paint(pasted(scene, gentle, box, Image.fromarray((edge * 255).astype(np.uint8), "L")))


LOOK = Look("watercolour", draw)
