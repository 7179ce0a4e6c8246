"""Chalkboard: dusty slate, drawn by hand in chalk."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from reelwright.media.colour import Colour
from reelwright.media.drawing import (
    Box,
    clouds,
    contours,
    duotone,
    grain,
    lit,
    mask_of,
    roughened,
    rounded,
    streaks,
    tinted,
    vignette,
)
from reelwright.media.looks.look import Look, palette, pasted
from reelwright.media.motifs.pen import Pen, Shape, Tone
from reelwright.media.scene import Form, Role, Scene
from reelwright.media.sheet import Colours, Lettering, Setting, Sheet, stack, strip
from reelwright.media.typesetting import Type

LETTERING = Lettering(
    Type("Caveat", 700, leading=0.98),
    Type("Caveat", 500, leading=1.12),
    Type("Caveat", 700),
    size=1.36,
    text_size=1.5,
    label_size=1.45,
)


def draw(scene: Scene) -> Sheet:
    """White chalk for lines, coloured chalk for what matters."""
    own = palette(scene, "#24322e", "#f4f1e8", "#ffd97a", "#8fd3c8", "#f29a8e")
    board = own.ground.toned(0.29, 0.03) if own.ground.lightness < 0.6 else own.text.toned(0.29, 0.03)
    white = Colour(244, 241, 232)
    chalks = [each.toned(0.84, 0.11) for each in (own.accent, own.second, own.accents[-1])]
    smears = clouds(scene.size, f"{scene.seed}:smear", 2.2, 5)
    sheet = Sheet(scene, grain(vignette(lit(Image.new("RGB", scene.size, tuple(board)), smears, 0.24), 0.35), 2.6, scene.seed))
    type_box, art_box = scene.columns(0.53)
    if scene.picture is not None:
        _photograph(sheet, scene.picture, art_box, white)
    else:
        _chalk(sheet, art_box, white, chalks)
    colours = Colours.on(board, white, chalks[0])
    stack(sheet, type_box, LETTERING, colours, Setting(anchor=0.36 if scene.form is Form.WIDE else 0.06, lines=4, button=-1))
    strip(sheet, LETTERING, colours)
    return sheet


def _chalk(sheet: Sheet, box: Box, white: Colour, chalks: list[Colour]) -> None:
    scene, unit = sheet.scene, sheet.scene.unit
    stage = scene.place() if scene.role in (Role.OPENING, Role.PLACE) else None
    if stage is not None:
        _stroke(sheet, contours(scene.size, _shaky(stage.shapes, unit * 0.2), unit * 0.3), white, 0.4, "place")
    sky = scene.sky()
    if sky is not None and stage is not None:
        _stroke(sheet, contours(scene.size, sky.shapes, unit * 0.3), chalks[0], 0.8, "sky")
    inner = box.inset(unit * (1 if scene.role is Role.DETAIL else 3))
    for group in scene.things(inner):
        shapes = _shaky(group.shapes, unit * 0.16)
        blank = mask_of(scene.size, shapes)
        sheet.paint(tinted(blank, Colour(24, 34, 31), 0.55))
        for tone, colour in ((Tone.MAIN, chalks[1]), (Tone.ACCENT, chalks[0]), (Tone.SECOND, chalks[2]), (Tone.LIGHT, white)):
            _fill(sheet, [shape for shape in shapes if shape.tone is tone and not shape.is_line], colour, f"fill{tone}")
        _stroke(sheet, contours(scene.size, shapes, unit * 0.52), white, 1.0, "line")
        ground = Pen()
        y = group.box.y1 + unit * 0.6
        ground.curve(
            Tone.MAIN,
            unit * 0.5,
            (group.box.x0 - unit * 2, y),
            (group.box.x0 + group.box.width * 0.4, y + unit * 0.5),
            (group.box.x1 + unit * 2, y - unit * 0.3),
        )
        _stroke(sheet, mask_of(scene.size, ground.shapes), chalks[0], 0.9, "ground")


def _shaky(shapes: tuple[Shape, ...], amount: float) -> list[Shape]:
    """A hand's tremble: each point moved by a smooth wave of its place."""

    def moved(x: float, y: float) -> tuple[float, float]:
        return x + amount * float(np.sin(y / (amount * 23) + x / (amount * 61))), y + amount * float(
            np.sin(x / (amount * 19) + y / (amount * 47))
        )

    return [Shape(tuple(moved(x, y) for x, y in shape.points), shape.tone, shape.width) for shape in shapes]


def _stroke(sheet: Sheet, lines: Image.Image, colour: Colour, strength: float, name: str) -> None:
    scene = sheet.scene
    dust = lines.filter(ImageFilter.GaussianBlur(scene.unit * 0.8))
    dry = roughened(lines, f"{scene.shot_seed}:{name}", amount=0.22, length=3)
    sheet.paint(tinted(dust, colour, 0.16 * strength), tinted(dry, colour, strength))


def _fill(sheet: Sheet, shapes: list[Shape], colour: Colour, name: str) -> None:
    """The side of the chalk, rubbed slantwise."""
    if not shapes:
        return
    scene = sheet.scene
    pressure = clouds(scene.size, f"{scene.shot_seed}:{name}:p", 7, 2)
    strokes = streaks(scene.size, f"{scene.shot_seed}:{name}", 14)
    body = np.asarray(mask_of(scene.size, shapes), np.float32)
    alpha = body * np.clip(strokes * 1.25 - 0.28 + (pressure - 0.5) * 0.5, 0.06, 0.95)
    sheet.paint(tinted(Image.fromarray(alpha.astype(np.uint8), "L"), colour, 0.85))


def _photograph(sheet: Sheet, picture: Image.Image, box: Box, white: Colour) -> None:
    """A print pinned to the board, with a chalk frame around it."""
    scene, unit = sheet.scene, sheet.scene.unit
    plate = box.inset(unit * 2)
    sheet.paint(tinted(rounded(scene.size, plate.inset(-unit * 1.2), 2), white))
    sheet.paint(
        pasted(
            scene,
            duotone(picture, Colour(22, 26, 24), Colour(250, 246, 236)) if scene.role is Role.DETAIL else picture,
            plate,
            rounded(scene.size, plate, 2),
        )
    )
    ring = Pen()
    far = plate.inset(-unit * 3)
    ring.line(Tone.MAIN, unit * 0.5, (far.x0, far.y0), (far.x1, far.y0), (far.x1, far.y1), (far.x0, far.y1), (far.x0, far.y0))
    _stroke(sheet, mask_of(scene.size, _shaky(tuple(ring.shapes), unit * 0.3)), white, 0.8, "frame")


LOOK = Look("chalk", draw)
