"""Blueprint: white lines on drafting blue, a grid, construction circles and dimension marks."""

from __future__ import annotations

from PIL import Image, ImageFilter

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, clouds, contours, duotone, grain, levelled, lit, mask_of, rounded, tinted, vignette
from reelwright.media.looks.look import Look, palette, pasted
from reelwright.media.motifs.pen import Pen, Shape, Tone
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Space Grotesk", 600, tracking=-0.01, leading=1.1),
    Type("JetBrains Mono", 400, leading=1.5),
    Type("JetBrains Mono", 500, tracking=0.04),
    size=0.96,
)


def draw(scene: Scene) -> Sheet:
    """The shot as an engineer's drawing."""
    own = palette(scene, "#123c86", "#ffffff", "#ffd166")
    base = own.ground if own.ground.chroma > 0.05 and own.ground.lightness < 0.6 else own.accent
    blue = base.toned(0.36, 0.13)
    white = Colour(240, 246, 255)
    signal = own.accent.toned(0.86, 0.14) if own.is_given else Colour(255, 209, 102)
    sheet = Sheet(scene, _drafting(scene, blue, white))
    type_box, art_box = scene.columns(0.5)
    if scene.picture is not None:
        _photograph(sheet, scene.picture, art_box, blue, white)
    else:
        _drawing(sheet, art_box.inset(scene.unit * 2), blue, white, signal)
    colours = Colours.on(blue, white, signal)
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=0.4 if scene.form is Form.WIDE else 0.05, lines=4, button=0.0))
    strip(sheet, LETTERING, colours)
    return sheet


def _drafting(scene: Scene, blue: Colour, white: Colour) -> Image.Image:
    cell = scene.unit * 3.2
    fine, bold = Pen(), Pen()
    for pen, step in ((fine, cell), (bold, cell * 5)):
        for index in range(int(scene.width / step) + 1):
            pen.line(Tone.MAIN, 1.0, (index * step, 0), (index * step, scene.height))
        for index in range(int(scene.height / step) + 1):
            pen.line(Tone.MAIN, 1.0, (0, index * step), (scene.width, index * step))
    ground = Image.new("RGB", scene.size, tuple(blue))
    for pen, strength in ((fine, 0.09), (bold, 0.16)):
        veil = tinted(mask_of(scene.size, pen.shapes), white, strength)
        ground.paste(veil, (0, 0), veil.getchannel("A"))
    worn = lit(ground, clouds(scene.size, f"{scene.seed}:worn", 3, 4), 0.07)
    return grain(vignette(worn, 0.3), 1.8, scene.seed)


def _drawing(sheet: Sheet, box: Box, blue: Colour, white: Colour, signal: Colour) -> None:
    scene, unit = sheet.scene, sheet.scene.unit
    stage = scene.place() if scene.role in (Role.OPENING, Role.PLACE) else None
    if stage is not None:
        sheet.paint(tinted(contours(scene.size, stage.shapes, unit * 0.2), white, 0.3))
    group = scene.things(box)[0]
    around = group.box
    guides = Pen()
    x, y, radius = (around.x0 + around.x1) / 2, (around.y0 + around.y1) / 2, around.width * 0.56
    guides.ring(Tone.MAIN, unit * 0.14, x, y, radius)
    guides.ring(Tone.MAIN, unit * 0.14, x, y, radius * 0.62)
    guides.line(Tone.MAIN, unit * 0.14, (x - radius * 1.12, y), (x + radius * 1.12, y))
    guides.line(Tone.MAIN, unit * 0.14, (x, y - radius * 1.06), (x, y + radius * 1.06))
    sheet.paint(tinted(mask_of(scene.size, guides.shapes), white, 0.34))
    body = mask_of(scene.size, group.shapes)
    sheet.paint(tinted(body, blue.mixed(white, 0.1), 0.94))
    sheet.paint(tinted(_hatched(scene, group.shapes), white, 0.22))
    sheet.paint(tinted(contours(scene.size, group.shapes, unit * 0.42), white))
    marks = Pen()
    low = min(around.y1 + unit * 2.4, scene.height * 0.965)
    marks.line(Tone.MAIN, unit * 0.22, (around.x0, low), (around.x1, low))
    for end, way in ((around.x0, 1), (around.x1, -1)):
        marks.line(Tone.MAIN, unit * 0.22, (end, low - unit * 1.2), (end, low + unit * 1.2))
        marks.polygon(
            Tone.MAIN, (end, low), (end + way * unit * 1.6, low - unit * 0.5), (end + way * unit * 1.6, low + unit * 0.5)
        )
    sheet.paint(tinted(mask_of(scene.size, marks.shapes), signal))


def _hatched(scene: Scene, shapes: tuple[Shape, ...]) -> Image.Image:
    """Diagonal lines over the darkest surfaces."""
    lines = Pen()
    step = scene.unit * 1.1
    for index in range(int((scene.width + scene.height) / step)):
        lines.line(Tone.MAIN, scene.unit * 0.16, (index * step, 0), (index * step - scene.height, scene.height))
    surfaces = mask_of(scene.size, [shape for shape in shapes if shape.tone in (Tone.DARK, Tone.SECOND) and not shape.is_line])
    hatched = mask_of(scene.size, lines.shapes)
    empty = Image.new("L", scene.size)
    empty.paste(hatched, (0, 0), surfaces)
    return empty


def _photograph(sheet: Sheet, picture: Image.Image, box: Box, blue: Colour, white: Colour) -> None:
    scene, unit = sheet.scene, sheet.scene.unit
    toned = duotone(picture, blue.toned(0.2), white, contrast=1.2)
    sheet.paint(pasted(scene, toned, box, levelled(rounded(scene.size, box, 0), 0.92)))
    edges = levelled(picture.convert("L").filter(ImageFilter.GaussianBlur(2)).filter(ImageFilter.FIND_EDGES), 3)
    lines = pasted(scene, edges.convert("RGB"), box).convert("RGB").convert("L")
    sheet.paint(tinted(lines, white, 0.5))
    corner = Pen()
    for x, y, across, down in (
        (box.x0, box.y0, 1, 1),
        (box.x1, box.y0, -1, 1),
        (box.x0, box.y1, 1, -1),
        (box.x1, box.y1, -1, -1),
    ):
        corner.line(
            Tone.MAIN,
            unit * 0.35,
            (x - across * unit, y + down * unit * 5),
            (x - across * unit, y - down * unit),
            (x + across * unit * 5, y - down * unit),
        )
    sheet.paint(tinted(mask_of(scene.size, corner.shapes), white))


LOOK = Look("blueprint", draw)
