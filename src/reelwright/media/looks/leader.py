"""Film leader: a countdown, cross hairs, sprocket holes, dust and a warm lamp."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageFilter

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, clouds, distance, duotone, grain, inked, lit, mask_of, tinted
from reelwright.media.looks.look import Look, ink, palette, pasted
from reelwright.media.motifs.pen import Pen, Shape, Tone, smooth
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Bebas Neue", 700, tracking=0.01, leading=1.06),
    Type("JetBrains Mono", 400, leading=1.48),
    Type("JetBrains Mono", 600, tracking=0.08, is_upper=True),
    size=1.34,
)


def draw(scene: Scene) -> Sheet:
    """Old stock in a projector: the sweep hand goes round with the shots."""
    own = palette(scene, "#d9d0bd", "#1c1a17", "#b8432f")
    stock = (
        own.ground.toned(min(max(own.ground.lightness, 0.8), 0.88), 0.045)
        if own.ground.lightness > 0.5
        else Colour(217, 208, 189)
    )
    black = min((own.text, own.ground), key=lambda each: each.luminance).toned(0.2, 0.02)
    type_box, art_box = scene.columns(0.53)
    sheet = Sheet(scene, Image.new("RGB", scene.size, tuple(stock)))
    _countdown(sheet, art_box, black)
    if scene.picture is not None:
        _projected(sheet, scene.picture, art_box, stock, black)
    else:
        _figure(sheet, art_box, stock, black, own.accent)
    flicker = 1 - distance(scene.size, 0.5, 0.5) * 0.62
    sheet.back = lit(sheet.back, (flicker * 0.72).astype("float32"), 0.34)
    sheet.back = grain(
        lit(sheet.back, clouds(scene.size, f"{scene.shot_seed}:stock", 2, 4), 0.06), 5.0, scene.shot_seed, size=1.5
    )
    _dust(sheet, black, stock)
    colours = Colours.on(stock.mixed(black, 0.1), black.toned(0.16), own.accent)
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=0.34 if scene.form is Form.WIDE else 0.05, lines=4, button=0.0))
    strip(sheet, LETTERING, colours)
    return sheet


def _countdown(sheet: Sheet, box: Box, black: Colour) -> None:
    scene, unit = sheet.scene, sheet.scene.unit
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    far = float(scene.width + scene.height)
    part = scene.number / max(scene.count, 1)
    sweep = Pen()
    sweep.sector(Tone.MAIN, x, y, far, -90, -90 + 360 * min(part, 0.985))
    points = ((x, y), *sweep.shapes[0].points)
    fan = Pen()
    fan.polygon(Tone.MAIN, *points)
    shade = tinted(mask_of(scene.size, fan.shapes), black, 0.13)
    sheet.back.paste(shade, (0, 0), shade.getchannel("A"))
    lines = Pen()
    lines.line(Tone.MAIN, unit * 0.26, (x, -9), (x, scene.height + 9))
    lines.line(Tone.MAIN, unit * 0.26, (-9, y), (scene.width + 9, y))
    radius = min(box.width, box.height)
    lines.ring(Tone.MAIN, unit * 0.5, x, y, radius * 0.6)
    lines.ring(Tone.MAIN, unit * 0.5, x, y, radius * 0.535)
    drawn = tinted(mask_of(scene.size, lines.shapes), black, 0.5)
    sheet.back.paste(drawn, (0, 0), drawn.getchannel("A"))


def _figure(sheet: Sheet, box: Box, stock: Colour, black: Colour, accent: Colour) -> None:
    scene = sheet.scene
    side = min(box.width, box.height) * (0.74 if scene.role is not Role.DETAIL else 0.9)
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    inner = Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    inks = ink(black.toned(0.3), black.mixed(stock, 0.5), accent, black, stock.toned(0.93))
    for group in scene.things(inner):
        drawn = inked(scene.size, group.shapes, inks)
        soft = mask_of(scene.size, group.shapes).filter(ImageFilter.GaussianBlur(scene.unit * 0.9))
        sheet.paint(tinted(soft, black, 0.25), drawn)


def _projected(sheet: Sheet, picture: Image.Image, box: Box, stock: Colour, black: Colour) -> None:
    """The picture in the countdown's ring, in the stock's own two tones."""
    scene = sheet.scene
    x, y, radius = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, min(box.width, box.height) * 0.535
    disc = Pen()
    disc.circle(Tone.MAIN, x, y, radius)
    toned = duotone(picture, black.toned(0.16), stock.toned(0.93), contrast=1.2)
    window = Box(x - radius, y - radius, x + radius, y + radius)
    sheet.paint(pasted(scene, grain(toned, 5, scene.shot_seed), window, mask_of(scene.size, disc.shapes)))


def _dust(sheet: Sheet, black: Colour, stock: Colour) -> None:
    scene, unit = sheet.scene, sheet.scene.unit
    chance = Random(f"{scene.shot_seed}:dust")  # noqa: S311 - decoration, not secrets
    for colour, count in ((black, 16), (stock.toned(0.97), 22)):
        pen = Pen()
        for _ in range(count):
            x, y = chance.uniform(0, scene.width), chance.uniform(0, scene.height)
            if chance.random() < 0.3:
                along, swing = chance.uniform(2, 5) * unit, chance.uniform(-1.2, 1.2) * unit
                pen.shapes.append(
                    Shape(
                        smooth(
                            [
                                (x, y),
                                (x + swing, y + along * 0.3),
                                (x + swing * 1.3, y + along * 0.65),
                                (x + swing * 0.4, y + along),
                            ],
                            is_closed=False,
                        ),
                        Tone.MAIN,
                        unit * 0.1,
                    )
                )
            else:
                pen.circle(Tone.MAIN, x, y, unit * chance.uniform(0.06, 0.2))
        for _ in range(2):
            x = chance.uniform(0, scene.width)
            pen.line(Tone.MAIN, unit * 0.06, (x, -5), (x + chance.uniform(-6, 6), scene.height + 5))
        specks = tinted(mask_of(scene.size, pen.shapes), colour, 0.55)
        sheet.back.paste(specks, (0, 0), specks.getchannel("A"))


LOOK = Look("leader", draw)
