"""Retro print: two inks on uncoated paper, halftone dots, a little out of register."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, clouds, contours, grain, halftone, inked, levelled, lit, mask_of, placed, tinted
from reelwright.media.looks.look import Look, ink, palette, pasted
from reelwright.media.motifs.pen import Pen, Shape, Tone
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Alfa Slab One", 700, leading=1.08),
    Type("Archivo Narrow", 500, leading=1.34),
    Type("Archivo Narrow", 700, tracking=0.06, is_upper=True),
    size=0.94,
)


def draw(scene: Scene) -> Sheet:
    """Ink that overprints: where both meet, they multiply."""
    own = palette(scene, "#f3ead7", "#1f2a5a", "#ff5a4d", "#f7b538")
    paper = own.ground.toned(max(own.ground.lightness, 0.92), 0.04) if own.ground.lightness > 0.5 else Colour(243, 234, 215)
    dark = min((own.text, own.ground, own.accent), key=lambda each: each.luminance)
    blue = dark.toned(min(dark.lightness, 0.34)).readable_on(paper, 7)
    red = max(own.accents, key=lambda each: each.chroma)
    red = red.toned(min(max(red.lightness, 0.6), 0.76))
    type_box, art_box = scene.columns(0.53)
    sheet = Sheet(
        scene,
        grain(
            lit(Image.new("RGB", scene.size, tuple(paper)), clouds(scene.size, f"{scene.seed}:stock", 60, 2), 0.02),
            2.2,
            scene.seed,
        ),
    )
    if scene.picture is not None:
        _photograph(sheet, scene.picture, art_box, red, blue)
    else:
        _print(sheet, art_box, paper, red, blue)
    colours = Colours.on(paper, blue, red.toned(0.5))
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=0.3 if scene.form is Form.WIDE else 0.08, lines=4, button=0.16))
    strip(sheet, LETTERING, colours)
    return sheet


def _print(sheet: Sheet, box: Box, paper: Colour, red: Colour, blue: Colour) -> None:
    scene, unit = sheet.scene, sheet.scene.unit
    sun = Pen()
    sun.circle(Tone.MAIN, 0.5, 0.48, 0.54)
    side = min(box.width, box.height)
    disc = placed(sun.shapes, side, (box.x0 + box.x1 - side) / 2, box.y1 - side)
    stage = scene.place("hill" if scene.role is Role.OPENING else "") if scene.role in (Role.OPENING, Role.PLACE) else None
    fade = np.clip(np.linspace(0.15, 0.95, scene.height, dtype=np.float32)[:, None].repeat(scene.width, 1), 0, 1)
    dots = halftone(Image.fromarray((fade * 255).astype(np.uint8), "L"), unit * 1.15, 15)
    flat = mask_of(scene.size, disc)
    sheet.paint(tinted(ImageChops.multiply(flat, dots) if stage is None else flat, red))
    if stage is not None:
        tones = {Tone.LIGHT: 0.22, Tone.SECOND: 0.42, Tone.MAIN: 0.62, Tone.DARK: 0.86, Tone.ACCENT: 0.12}
        greys = {tone: Colour(*(round(255 * (1 - level)),) * 3) for tone, level in tones.items()}
        drawn = inked(scene.size, stage.shapes, greys)
        screen = halftone(drawn.convert("RGB").convert("L"), unit * 0.95, 45)
        sheet.paint(tinted(drawn.getchannel("A"), paper))
        sheet.paint(tinted(ImageChops.multiply(drawn.getchannel("A"), screen), blue))
    shift = unit * 0.55
    for group in scene.things(box.inset(side * 0.07)):
        body = mask_of(scene.size, group.shapes)
        sheet.paint(tinted(body, paper))
        moved = [
            Shape(tuple((x + shift, y + shift * 0.7) for x, y in each.points), each.tone, each.width) for each in group.shapes
        ]
        reds = mask_of(scene.size, [each for each in moved if each.tone in (Tone.ACCENT, Tone.MAIN)])
        sheet.paint(tinted(_worn(scene, reds, "red"), red))
        greys = ink(*(Colour(level, level, level) for level in (150, 190, 255, 0, 255)))
        drawn = inked(scene.size, group.shapes, greys)
        screen = halftone(drawn.convert("RGB").convert("L"), unit * 0.85, 75)
        blues = ImageChops.multiply(drawn.getchannel("A"), screen)
        lines = contours(scene.size, group.shapes, unit * 0.45)
        sheet.paint(tinted(_worn(scene, ImageChops.lighter(blues, lines), "blue"), blue))


def _worn(scene: Scene, mask: Image.Image, name: str) -> Image.Image:
    """Ink that did not take everywhere."""
    specks = clouds(scene.size, f"{scene.shot_seed}:{name}", 150, 2)
    kept = np.clip((specks - 0.2) * 9, 0, 1)
    return Image.fromarray((np.asarray(mask, np.float32) * kept).astype(np.uint8), "L")


def _photograph(sheet: Sheet, picture: Image.Image, box: Box, red: Colour, blue: Colour) -> None:
    scene, unit = sheet.scene, sheet.scene.unit
    plate = Box(box.x0, box.y0, box.x1, box.y1)
    grey = pasted(scene, picture.convert("L").convert("RGB"), plate).convert("L").filter(ImageFilter.UnsharpMask(3, 120))
    inside = Pen()
    inside.box(Tone.MAIN, *plate)
    window = mask_of(scene.size, inside.shapes)
    lifted = levelled(grey, 1.15, 12)
    back = Image.new("L", scene.size, 255)
    back.paste(lifted, (0, 0), window)
    reds = halftone(levelled(back, 0.95, 26), unit * 1.0, 75)
    sheet.paint(tinted(ImageChops.multiply(ImageChops.offset(reds, round(unit * 0.4), round(unit * 0.3)), window), red, 0.95))
    sheet.paint(tinted(ImageChops.multiply(halftone(back, unit * 0.78, 45), window), blue))


LOOK = Look("riso", draw)
