"""Travel poster: flat layered landscapes under a great sun, a broad band of type."""

from __future__ import annotations

import math

from PIL import Image

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, clouds, gradient, grain, inked, levelled, lit, mask_of, shadow
from reelwright.media.looks.look import Look, hazed, ink, palette, pasted
from reelwright.media.motifs.pen import Pen, Tone
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Unbounded", 700, tracking=-0.02, leading=1.14),
    Type("Outfit", 450, leading=1.38),
    Type("Outfit", 650, tracking=0.05),
    size=0.82,
)


def draw(scene: Scene) -> Sheet:
    """A whole landscape in five flat colours, lit from behind."""
    own = palette(scene, "#fbe3bd", "#19324a", "#e2572f", "#f4a63a", "#2f7f86")
    is_light = own.ground.lightness > 0.55
    top = own.ground if is_light else own.ground.toned(0.3)
    low = top.mixed(own.second.toned(0.8), 0.62) if is_light else own.second.toned(0.5).mixed(own.ground, 0.3)
    text = own.text.readable_on(top, 7)
    sheet = Sheet(scene, gradient(scene.size, top, low))
    type_box, art_box = scene.columns(0.56)
    _rays(sheet, art_box, top, low)
    if scene.picture is not None:
        _photograph(sheet, scene.picture, art_box, own.accent, low, own.accents[-1])
    else:
        _landscape(sheet, art_box, low, own.accent, own.second, own.accents[-1], text)
    sheet.back = grain(lit(sheet.back, clouds(scene.size, f"{scene.seed}:litho", 70, 2), 0.03), 2.0, scene.seed)
    colours = Colours.on(top, text, own.accent)
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=0.0 if scene.form is not Form.WIDE else 0.08, lines=4, button=0.5))
    strip(sheet, LETTERING, colours)
    return sheet


def _rays(sheet: Sheet, box: Box, top: Colour, low: Colour) -> None:
    scene = sheet.scene
    x, y = (box.x0 + box.x1) / 2, scene.height * (0.6 if scene.form is Form.WIDE else 0.68)
    far = math.hypot(*scene.size)
    pen = Pen()
    for step in range(20):
        start, end = math.radians(step * 18), math.radians(step * 18 + 9)
        pen.polygon(
            Tone.MAIN,
            (x, y),
            (x + far * math.cos(start), y + far * math.sin(start)),
            (x + far * math.cos(end), y + far * math.sin(end)),
        )
    rays = inked(scene.size, pen.shapes, ink(*(low.mixed(top, 0.35),) * 5))
    rays.putalpha(levelled(rays.getchannel("A"), 0.42))
    sheet.back.paste(rays, (0, 0), rays.getchannel("A"))


def _landscape(sheet: Sheet, box: Box, low: Colour, accent: Colour, second: Colour, third: Colour, text: Colour) -> None:
    scene, unit = sheet.scene, sheet.scene.unit
    x, y = (box.x0 + box.x1) / 2, scene.height * (0.6 if scene.form is Form.WIDE else 0.68)
    sun = Pen()
    sun.circle(Tone.MAIN, x, y, min(box.width, box.height) * (0.5 if scene.role is not Role.DETAIL else 0.54))
    sheet.paint(inked(scene.size, sun.shapes, ink(*((accent if scene.number % 2 else second),) * 5)))
    cool = third if abs(third.lightness - accent.lightness) + third.chroma > 0.05 and third != accent else accent.turned(160)
    inks = ink(cool.toned(0.5), cool.toned(0.66), second.toned(0.84), text.toned(0.28), low.mixed(cool.toned(0.78), 0.55))
    default = "mountain" if scene.role is Role.OPENING else "hill" if scene.role is Role.CLOSING else "ground"
    stage = scene.place(default)
    if stage is not None:
        sheet.paint(inked(scene.size, stage.shapes, hazed(inks, low, 0.16)))
    if scene.role is Role.OPENING and scene.essence.place and not scene.essence.things:
        return
    if scene.is_closing and not scene.essence.things:
        return
    warm = ink(
        accent.toned(0.6) if scene.number % 2 == 0 else text.toned(0.34),
        accent.mixed(Colour(255, 255, 255), 0.5),
        second.toned(0.84),
        text.toned(0.22),
        Colour(255, 248, 234),
    )
    side = min(box.width, box.height)
    stand = Box(box.x0 + side * 0.08, box.y0 + side * 0.1, box.x1 - side * 0.08, min(box.y1, scene.height * 0.945))
    if scene.role is Role.DETAIL:
        stand = Box(box.x0, box.y0, box.x1, scene.height * 1.04)
    for group in scene.things(stand, last="rays"):
        body = mask_of(scene.size, group.shapes)
        sheet.paint(shadow(body, unit * 0.4, (unit * 0.9, unit * 0.5), text, 0.25), inked(scene.size, group.shapes, warm))


def _photograph(sheet: Sheet, picture: Image.Image, box: Box, ring: Colour, low: Colour, third: Colour) -> None:
    """The picture is the sun: round, with a ring, over the hills."""
    scene = sheet.scene
    side = min(box.width, box.height) * (1.0 if scene.form is Form.WIDE else 0.98)
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    cool = third.toned(0.6)
    stage = scene.place("ground")
    if stage is not None:
        inks = ink(cool, cool.mixed(low, 0.3), ring, cool.toned(0.4), cool.mixed(low, 0.55))
        sheet.paint(inked(scene.size, stage.shapes, hazed(inks, low, 0.16)))
    halo = Pen()
    halo.circle(Tone.MAIN, x, y, side * 0.525)
    disc = Pen()
    disc.circle(Tone.MAIN, x, y, side * 0.49)
    window = Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    sheet.paint(
        inked(scene.size, halo.shapes, ink(*(ring,) * 5)), pasted(scene, picture, window, mask_of(scene.size, disc.shapes))
    )


LOOK = Look("poster", draw)
