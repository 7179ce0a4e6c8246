"""International style: one grotesk, one accent, hard geometry on a grid, plenty of air."""

from __future__ import annotations

from random import Random

from PIL import Image

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, duotone, grain, inked, placed, rounded
from reelwright.media.looks.look import Look, ink, palette, pasted
from reelwright.media.motifs.pen import Pen, Shape, Tone
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Inter", 800, tracking=-0.03, leading=1.04), Type("Inter", 450, leading=1.42), Type("Inter", 650), size=1.08
)


def draw(scene: Scene) -> Sheet:
    """Ground, accent and ink change places from shot to shot; geometry carries the picture."""
    own = palette(scene, "#f4f2ec", "#111114", "#e2231a", "#1d4ed8")
    accent = own.accent
    dark, light = sorted((own.ground, own.text), key=lambda each: each.luminance)
    turn = 1 if scene.role is Role.CLOSING else 0 if scene.role is Role.OPENING else scene.number % 3
    ground = (light, accent, light)[turn]
    figure = (accent, light if accent.contrast(light) > 1.8 else dark, dark)[turn]
    type_box, art_box = scene.columns(0.545)
    sheet = Sheet(scene, Image.new("RGB", scene.size, tuple(ground)))
    if scene.picture is not None:
        sheet.is_plate = True
        _picture(sheet, scene.picture, art_box, dark, light, accent)
    else:
        _geometry(sheet, art_box, ground, figure, dark, light)
    sheet.back = grain(sheet.back, 1.6, scene.seed)
    type_colours = Colours.on(ground, dark if ground.luminance > 0.4 else light, figure if turn != 1 else dark)
    if turn == 1:
        strong = max((dark, light), key=ground.contrast)
        type_colours = Colours.on(ground, strong, strong)
    stack(
        sheet,
        type_box,
        LETTERING,
        type_colours,
        Setting(anchor=0.0 if scene.form is not Form.WIDE else 0.12, lines=4, button=0.0),
    )
    strip(sheet, LETTERING, type_colours)
    return sheet


def _geometry(sheet: Sheet, box: Box, ground: Colour, figure: Colour, dark: Colour, light: Colour) -> None:
    scene = sheet.scene
    chance = Random(f"{scene.shot_seed}:swiss")  # noqa: S311 - decoration, not secrets
    side = min(box.width, box.height)
    pen = Pen()
    kind = chance.choice(("disc", "quarter", "block", "half")) if scene.role is not Role.OPENING else "disc"
    match kind:
        case "disc":
            pen.circle(Tone.MAIN, 0.5, 0.5, 0.56)
        case "quarter":
            pen.polygon(Tone.MAIN, *_quarter())
        case "half":
            pen.sector(Tone.MAIN, 0.5, 0.72, 0.62, 180, 360)
        case _:
            pen.box(Tone.MAIN, 0.0, 0.0, 1.2, 1.4)
    shapes = placed(pen.shapes, side, (box.x0 + box.x1 - side) / 2, box.y1 - side, is_mirrored=scene.is_flipped)
    base = ink(figure, figure, figure, figure, figure)
    sheet.paint(inked(scene.size, shapes, base))
    inner = Box(*box).inset(side * 0.12)
    strong = dark if figure.contrast(dark) > figure.contrast(light) else light
    patch = ground if ground.contrast(strong) > 2 else figure
    inks = ink(
        strong, strong.mixed(figure, 0.45), ground if ground.contrast(figure) > 1.8 else strong, strong.mixed(figure, 0.16), patch
    )
    for group in scene.things(inner, 1):
        sheet.paint(inked(scene.size, group.shapes, inks))


def _quarter() -> list[tuple[float, float]]:
    pen = Pen()
    pen.sector(Tone.MAIN, 1.08, 1.08, 1.1, 180, 270)
    return [*pen.shapes[0].points, (1.08, 1.08)]


def _picture(sheet: Sheet, picture: Image.Image, box: Box, dark: Colour, light: Colour, accent: Colour) -> None:
    scene = sheet.scene
    plate = Box(box.x0, box.y0, scene.width if not scene.is_flipped else box.x1, scene.height)
    if scene.is_flipped:
        plate = Box(0, box.y0, box.x1, scene.height)
    if scene.form is not Form.WIDE:
        plate = Box(0, scene.height * 0.55, scene.width, scene.height)
    toned = duotone(picture, dark, light)
    sheet.art = pasted(scene, toned, plate, rounded(scene.size, plate, 0))
    bar = Box(plate.x0, plate.y0 - scene.unit * 1.4, plate.x0 + plate.width * 0.34, plate.y0)
    sheet.paint(
        inked(
            scene.size,
            [Shape(((bar.x0, bar.y0), (bar.x1, bar.y0), (bar.x1, bar.y1), (bar.x0, bar.y1)), Tone.MAIN)],
            ink(*(accent,) * 5),
        )
    )


LOOK = Look("swiss", draw)
