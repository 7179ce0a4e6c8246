"""Editorial: a magazine page with a high-contrast serif, hairlines and one framed plate."""

from __future__ import annotations

from PIL import Image

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, gradient, grain, inked, mask_of, over, rounded, tinted
from reelwright.media.looks.look import Look, ink, palette, pasted
from reelwright.media.motifs.pen import Pen, Tone
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Playfair Display", 500, tracking=-0.015, leading=1.06),
    Type("Inter", 400, leading=1.5),
    Type("Inter", 550, tracking=0.14, is_upper=True),
    size=1.12,
)


def draw(scene: Scene) -> Sheet:
    """Type on the page, the picture on its plate."""
    own = palette(scene, "#f5f0e8", "#231f20", "#9c4a3c", "#c9a58a", "#6f7f78")
    page = own.ground
    ink_of_page = own.text.readable_on(page, 7)
    sheet = Sheet(scene, grain(Image.new("RGB", scene.size, tuple(page)), 1.5, scene.seed), is_plate=True)
    type_box, plate = _page(scene)
    _plate(sheet, plate, own.accent, own.second, own.accents[-1], page, ink_of_page)
    colours = Colours.on(page, ink_of_page, own.accent)
    strip(sheet, LETTERING, colours)
    rules = Pen()
    y = scene.height * (max(0.105, scene.top - 0.012) if scene.logo is not None else 0.118)
    rules.line(Tone.MAIN, scene.unit * 0.16, (scene.width * 0.065, y), (scene.width * 0.935, y))
    sheet.type = over(sheet.type, tinted(mask_of(scene.size, rules.shapes), ink_of_page, 0.55))
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=0.5 if scene.form is Form.WIDE else 0.1, lines=4, button=-1))
    return sheet


def _page(scene: Scene) -> tuple[Box, Box]:
    match scene.form:
        case Form.WIDE if scene.role is Role.DETAIL:
            return scene.part(0.065, max(0.2, scene.top), 0.42, 0.77), scene.part(0.47, 0.165, 0.935, 0.93)
        case Form.WIDE:
            return scene.part(0.065, max(0.2, scene.top), 0.54, 0.77), scene.part(0.6, 0.165, 0.935, 0.93)
        case Form.SQUARE:
            return scene.part(0.065, max(0.16, scene.top), 0.935, 0.5), scene.part(0.36, 0.53, 0.935, 0.935)
        case Form.TALL:
            return scene.part(0.065, max(0.145, scene.top), 0.935, 0.43), scene.part(0.065, 0.465, 0.935, 0.94)


def _plate(sheet: Sheet, box: Box, accent: Colour, second: Colour, third: Colour, page: Colour, text: Colour) -> None:
    scene = sheet.scene
    window = rounded(scene.size, box, 0)
    if scene.picture is not None:
        sheet.paint(pasted(scene, scene.picture, box, window))
        return
    light = accent.mixed(page, 0.5) if accent.lightness < 0.8 else accent
    backs = (
        (accent.toned(0.62, 0.12), light),
        (third.toned(0.55, 0.06), third.toned(0.82, 0.05)),
        (second.toned(0.7, 0.09), second.toned(0.88, 0.05)),
    )
    top, bottom = backs[scene.number % 3]
    blend = gradient(scene.size, top, bottom, across=0.2).convert("RGBA")
    blend.putalpha(window)
    sheet.paint(blend)
    drawn = Image.new("RGBA", scene.size)
    stage = scene.place("ground" if scene.role is Role.OPENING else "") if scene.role in (Role.OPENING, Role.PLACE) else None
    if stage is not None:
        pale = ink(
            top.mixed(text, 0.32), top.mixed(bottom, 0.4), page.mixed(bottom, 0.3), top.mixed(text, 0.55), bottom.mixed(page, 0.4)
        )
        drawn = over(drawn, inked(scene.size, stage.shapes, pale))
    figure = page if top.lightness < 0.74 else text
    inks = ink(figure, figure.mixed(top, 0.4), accent.toned(0.5) if figure is page else accent, text.mixed(top, 0.15), page)
    side = min(box.width, box.height)
    inner = Box(
        (box.x0 + box.x1 - side * 0.76) / 2,
        box.y0 + box.height * 0.12,
        (box.x0 + box.x1 + side * 0.76) / 2,
        box.y1 - box.height * 0.1,
    )
    if scene.role is Role.DETAIL:
        inner = Box(box.x0 - side * 0.1, box.y0 + box.height * 0.06, box.x1 + side * 0.2, box.y1 + box.height * 0.18)
    for group in scene.things(inner):
        drawn = over(drawn, inked(scene.size, group.shapes, inks))
    clipped = Image.new("RGBA", scene.size)
    clipped.paste(drawn, (0, 0), window)
    sheet.paint(clipped)


LOOK = Look("editorial", draw)
