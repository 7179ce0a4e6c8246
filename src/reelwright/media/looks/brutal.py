"""Kinetic brutalism: type as large as the frame allows, raw blocks, echoes of the headline."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageFilter

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, duotone, grain, inked, mask_of, tinted
from reelwright.media.looks.look import Look, ink, palette, pasted
from reelwright.media.motifs.pen import Pen, Tone
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type, set_text

LETTERING = Lettering(
    Type("Anton", 800, leading=1.08, is_upper=True),
    Type("Space Grotesk", 500, leading=1.34),
    Type("Space Grotesk", 700, tracking=0.02),
    size=1.9,
)


def draw(scene: Scene) -> Sheet:
    """The word is the picture; the motif stands in its way."""
    own = palette(scene, "#f2f0e9", "#0c0c0c", "#e6ff2a", "#ff4b1f")
    dark, light = sorted((own.ground, own.text), key=lambda each: each.luminance)
    grounds = (own.accent, light, dark)
    ground = grounds[0] if scene.role in (Role.OPENING, Role.CLOSING) else grounds[scene.number % 3]
    strong = max((dark, light), key=ground.contrast)
    figure = own.second if ground == own.accent else own.accent
    sheet = Sheet(scene, grain(Image.new("RGB", scene.size, tuple(ground)), 2.0, scene.seed))
    type_box, art_box = _boxes(scene)
    _echo(sheet, ground, strong)
    if scene.picture is not None:
        _photograph(sheet, scene.picture, art_box, ground, dark, light)
    else:
        _motif(sheet, art_box, ground, figure, strong, dark, light)
    colours = Colours.on(ground, strong, strong)
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=0.0, lines=4, button=0.0))
    strip(sheet, LETTERING, colours, y=0.052)
    return sheet


def _boxes(scene: Scene) -> tuple[Box, Box]:
    match scene.form:
        case Form.WIDE:
            return scene.part(0.065, max(0.15, scene.top), 0.64, 0.78), scene.part(0.67, 0.16, 1.03, 1.02)
        case Form.SQUARE:
            return scene.part(0.065, max(0.13, scene.top), 0.935, 0.54), scene.part(0.46, 0.56, 1.02, 1.02)
        case Form.TALL:
            return scene.part(0.065, max(0.11, scene.top), 0.935, 0.5), scene.part(0.2, 0.53, 1.04, 1.0)


def _echo(sheet: Sheet, ground: Colour, strong: Colour) -> None:
    """The headline's first word again and again, as outlines across the frame."""
    scene = sheet.scene
    word = set_text(
        scene.title.split(" ")[0],
        LETTERING.title,
        width=scene.width * 3,
        height=scene.height,
        largest=scene.height * 0.27,
        lines=1,
        language=scene.language,
    )
    if not word.lines:
        return
    outline = Image.new("L", scene.size)
    step = word.height * 1.12
    y = scene.height - step * 0.82
    row = 0
    while y > -step:
        x = -scene.width * 0.06 * (row % 2) - scene.width * 0.02
        while x < scene.width:
            mask = word.mask(scene.size, x, y, word.width, "centre")
            outline = ImageChops.lighter(outline, mask)
            x += word.width + word.size * 0.32
        y -= step
        row += 1
    edges = ImageChops.subtract(outline.filter(ImageFilter.MaxFilter(3)), outline.filter(ImageFilter.MinFilter(3)))
    sheet.back.paste(Image.new("RGB", scene.size, tuple(ground.mixed(strong, 0.16))), (0, 0), edges)


def _motif(sheet: Sheet, box: Box, ground: Colour, figure: Colour, strong: Colour, dark: Colour, light: Colour) -> None:
    scene = sheet.scene
    side = min(box.width, box.height)
    block = Pen()
    x0 = box.x0 + (box.width - side) / 2
    block.polygon(
        Tone.MAIN,
        (x0 - side * 0.02, box.y1 - side * 0.72),
        (x0 + side * 1.2, box.y1 - side * 0.86),
        (x0 + side * 1.2, box.y1 + side * 0.2),
        (x0 - side * 0.02, box.y1 + side * 0.2),
    )
    shapes = block.shapes
    sheet.paint(inked(scene.size, shapes, ink(*(figure,) * 5)))
    on_block = max((dark, light), key=figure.contrast)
    inks = ink(
        on_block,
        on_block.mixed(figure, 0.55),
        ground if ground.contrast(on_block) > 1.6 else light,
        strong if strong is on_block else on_block,
        light if on_block is dark else dark,
    )
    zoom = 1.1 if scene.role is Role.DETAIL else 0.94
    inner = Box(x0 + side * (1 - zoom) / 2, box.y1 - side * zoom, x0 + side * (1 + zoom) / 2, box.y1)
    for group in scene.things(inner):
        offset = mask_of(scene.size, group.shapes)
        moved = Image.new("L", scene.size)
        moved.paste(offset, (round(scene.unit * 1.3), round(scene.unit * 1.3)))
        sheet.paint(tinted(moved, figure.mixed(dark, 0.5)), inked(scene.size, group.shapes, inks))


def _photograph(sheet: Sheet, picture: Image.Image, box: Box, ground: Colour, dark: Colour, light: Colour) -> None:
    """Two hard tones in a slanted block that runs out of the frame."""
    scene = sheet.scene
    window = Box(
        0 if scene.is_flipped and scene.form is Form.WIDE else box.x0,
        box.y0 - scene.unit * 4,
        scene.width if not scene.is_flipped or scene.form is not Form.WIDE else box.x1,
        scene.height,
    )
    if scene.form is not Form.WIDE:
        window = Box(0, scene.height * 0.53, scene.width, scene.height)
    block = Pen()
    block.polygon(
        Tone.MAIN, (window.x0, window.y0 + scene.unit * 5), (window.x1, window.y0), (window.x1, window.y1), (window.x0, window.y1)
    )
    toned = duotone(picture, dark, ground if ground.luminance > 0.3 else light, contrast=1.9)
    sheet.paint(pasted(scene, grain(toned, 4, scene.shot_seed), window, mask_of(scene.size, block.shapes)))


LOOK = Look("brutal", draw)
