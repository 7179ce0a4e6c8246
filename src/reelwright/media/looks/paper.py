"""Cut paper: layered sheets with real shadows, torn and scissored, in warm colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from reelwright.media.colour import Colour
from reelwright.media.drawing import Box, Ink, clouds, grain, inked, lit, mask_of, placed, rounded, shadow
from reelwright.media.looks.look import Look, hazed, ink, palette, pasted
from reelwright.media.motifs.pen import Pen, Shape, Tone
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Fredoka", 650, tracking=-0.01, leading=1.08), Type("Fredoka", 450, leading=1.36), Type("Fredoka", 600), size=1.02
)


def draw(scene: Scene) -> Sheet:
    """Every surface is a sheet of paper of its own."""
    own = palette(scene, "#f6e7cf", "#3a2a26", "#e4572e", "#2a9d8f", "#f2b134")
    ground = (
        own.ground.toned(min(max(own.ground.lightness, 0.86), 0.97)) if own.ground.lightness > 0.5 else own.ground.toned(0.34)
    )
    text = own.text.readable_on(ground, 7)
    accents = [each.toned(min(max(each.lightness, 0.5), 0.8)) for each in (own.accent, own.second, own.accents[-1])]
    sheet = Sheet(scene, _sheet_of(scene, ground, "ground"))
    type_box, art_box = scene.columns(0.54)
    shade = text.toned(0.2) if ground.lightness > 0.5 else Colour(0, 0, 0)
    if scene.picture is not None:
        _torn(sheet, scene.picture, art_box, shade)
    else:
        _layers(sheet, art_box, ground, accents, text, shade)
    colours = Colours.on(ground, text, accents[0])
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=0.35 if scene.form is Form.WIDE else 0.1, lines=4))
    strip(sheet, LETTERING, colours)
    return sheet


def _sheet_of(scene: Scene, colour: Colour, name: str) -> Image.Image:
    flat = Image.new("RGB", scene.size, tuple(colour))
    fibres = clouds(scene.size, f"{scene.seed}:{name}", 26, 3)
    return grain(lit(flat, fibres, 0.035), 2.0, f"{scene.seed}:{name}")


def _layers(sheet: Sheet, box: Box, ground: Colour, accents: list[Colour], text: Colour, shade: Colour) -> None:
    scene = sheet.scene
    pen = Pen()
    pen.blob(
        Tone.MAIN, (-0.12, 0.3), (0.2, -0.06), (0.62, -0.1), (1.06, 0.1), (1.14, 0.58), (0.9, 1.06), (0.3, 1.12), (-0.08, 0.8)
    )
    side = min(box.width, box.height) * 0.88
    spot = placed(pen.shapes, side, (box.x0 + box.x1 - side) / 2, box.y1 - side, is_mirrored=scene.is_flipped)
    soft = ground.mixed(accents[2], 0.55)
    stage = scene.place("ground" if scene.role in (Role.OPENING, Role.PLACE) else "")
    sky = scene.sky()
    if stage is None or scene.role in (Role.PRODUCT, Role.DETAIL, Role.CLOSING):
        _cut(sheet, spot, dict.fromkeys(Tone, soft), shade, 1.0)
    else:
        if sky is not None:
            _cut(sheet, list(sky.shapes), ink(accents[2], soft, accents[2], text, Colour(255, 252, 244)), shade, 0.6)
        inks = hazed(
            ink(accents[1], accents[1].mixed(ground, 0.4), accents[2], accents[1].toned(0.36), ground.mixed(accents[1], 0.25)),
            ground,
            0.12,
        )
        for tone in _bands(stage.shapes):
            _cut(sheet, tone, inks, shade, 0.8)
    inks = ink(
        accents[0], accents[0].mixed(Colour(255, 255, 255), 0.42), accents[2].toned(0.82), text.toned(0.3), Colour(255, 251, 242)
    )
    zoom = 1.18 if scene.role is Role.DETAIL else 0.94
    middle = Box(box.x0, box.y0 + box.height * (1 - zoom) * 0.6, box.x1, box.y1 + (box.height * 0.1 if zoom > 1 else 0))
    for group in scene.things(middle, 2):
        for shape in group.shapes:
            _cut(sheet, [shape], inks, shade, 0.5)


def _bands(shapes: tuple[Shape, ...]) -> list[list[Shape]]:
    """Neighbouring shapes of one tone are one sheet."""
    found: list[list[Shape]] = []
    for shape in shapes:
        if found and found[-1][-1].tone == shape.tone:
            found[-1].append(shape)
        else:
            found.append([shape])
    return found


def _cut(sheet: Sheet, shapes: Sequence[Shape], inks: Ink, shade: Colour, depth: float) -> None:
    """One sheet with its shadow. Only its own part of the frame is touched: a skyline has a hundred of them."""
    scene = sheet.scene
    blur = scene.unit * 1.1 * depth
    pad = blur * 4 + 2
    across = [x for shape in shapes for x, _ in shape.points]
    down = [y for shape in shapes for _, y in shape.points]
    if not across:
        return
    thick = max(shape.width for shape in shapes)
    left, top = max(0, int(min(across) - pad - thick)), max(0, int(min(down) - pad - thick))
    right, bottom = min(scene.width, int(max(across) + pad + thick) + 1), min(scene.height, int(max(down) + pad + thick) + 1)
    if right <= left or bottom <= top:
        return
    size = (right - left, bottom - top)
    moved = [Shape(tuple((x - left, y - top) for x, y in shape.points), shape.tone, shape.width) for shape in shapes]
    below = shadow(mask_of(size, moved), blur, (blur * 0.5, blur), shade, 0.42)
    sheet.art.alpha_composite(Image.alpha_composite(below, inked(size, moved, inks)), (left, top))


def _torn(sheet: Sheet, picture: Image.Image, box: Box, shade: Colour) -> None:
    """A photograph torn out of a magazine: a ragged white edge, a strip of tape."""
    scene = sheet.scene
    ragged = clouds(scene.size, f"{scene.shot_seed}:torn", 30, 4)
    outer = _ragged(rounded(scene.size, box, 2), ragged, scene.unit * 2.0)
    inner = _ragged(rounded(scene.size, box.inset(scene.unit * 1.1), 2), np.flipud(ragged).copy(), scene.unit * 1.6)
    sheet.paint(shadow(outer, scene.unit * 1.4, (scene.unit * 0.5, scene.unit), shade, 0.45))
    white = Image.new("RGBA", scene.size, (255, 253, 247, 0))
    white.putalpha(outer)
    sheet.paint(white, pasted(scene, picture, box, inner))


def _ragged(mask: Image.Image, noise: np.ndarray[tuple[int, ...], np.dtype[np.float32]], reach: float) -> Image.Image:
    soft = np.asarray(mask.filter(ImageFilter.GaussianBlur(reach)), np.float32) / 255
    edge = np.clip((soft - 0.3 - noise * 0.4) * 14 + 0.5, 0, 1)
    return Image.fromarray((edge * 255).astype(np.uint8), "L")


LOOK = Look("paper", draw)
