"""What looks paint with: inked motifs, gradients, paper, grain, light, halftone. All are pure functions of their arguments."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from reelwright.media.colour import Colour
from reelwright.media.motifs.pen import Point, Shape, Tone

_FINE = 3
"""Supersampling of inked shapes, per axis."""
Plane = NDArray[np.float32]
Ink = Mapping[Tone, Colour]


class Box(NamedTuple):
    """A rectangle in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Pixels across."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Pixels down."""
        return self.y1 - self.y0

    def inset(self, by: float) -> Box:
        """Smaller by that much on each side."""
        return Box(self.x0 + by, self.y0 + by, self.x1 - by, self.y1 - by)

    def whole(self) -> tuple[int, int, int, int]:
        """Rounded to pixels."""
        return round(self.x0), round(self.y0), round(self.x1), round(self.y1)


def rng(seed: str) -> np.random.Generator:
    """Randomness that is the same for the same seed."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(seed.encode())))


def placed(shapes: Sequence[Shape], scale: float, x: float, y: float, *, is_mirrored: bool = False) -> list[Shape]:
    """Shapes moved from their unit square to pixels."""
    way = -1.0 if is_mirrored else 1.0
    shift = x + (scale if is_mirrored else 0.0)
    return [
        Shape(tuple((shift + way * px * scale, y + py * scale) for px, py in shape.points), shape.tone, shape.width * scale)
        for shape in shapes
    ]


def inked(
    size: tuple[int, int], shapes: Sequence[Shape], ink: Ink, *, outline: float = 0.0, line: Colour | None = None
) -> Image.Image:
    """Shapes in flat colours, as RGBA; with `outline` pixels of `line` around each surface."""
    big = Image.new("RGBA", (size[0] * _FINE, size[1] * _FINE))
    draw = ImageDraw.Draw(big)
    for shape in shapes:
        points = [(x * _FINE, y * _FINE) for x, y in shape.points]
        if shape.is_line:
            _stroke(draw, points, shape.width * _FINE, ink[shape.tone])
        else:
            draw.polygon(points, fill=(*ink[shape.tone], 255))
            if outline and line is not None:
                _stroke(draw, [*points, points[0]], outline * _FINE, line)
    return _reduced(big)


def mask_of(size: tuple[int, int], shapes: Sequence[Shape]) -> Image.Image:
    """Where the shapes are, as L."""
    big = Image.new("L", (size[0] * _FINE, size[1] * _FINE))
    draw = ImageDraw.Draw(big)
    for shape in shapes:
        points = [(x * _FINE, y * _FINE) for x, y in shape.points]
        if shape.is_line:
            _stroke(draw, points, shape.width * _FINE, 255)
        else:
            draw.polygon(points, fill=255)
    return big.reduce(_FINE)


def contours(size: tuple[int, int], shapes: Sequence[Shape], width: float) -> Image.Image:
    """Line art as L: every surface hides what is behind it and keeps its outline of `width` pixels."""
    big = Image.new("L", (size[0] * _FINE, size[1] * _FINE))
    draw = ImageDraw.Draw(big)
    for shape in shapes:
        points = [(x * _FINE, y * _FINE) for x, y in shape.points]
        if shape.is_line:
            _stroke(draw, points, max(width, min(shape.width, width * 1.6)) * _FINE, 255)
        else:
            draw.polygon(points, fill=0)
            _stroke(draw, [*points, points[0]], width * _FINE, 255)
    return big.reduce(_FINE)


def _stroke(draw: ImageDraw.ImageDraw, points: list[Point], width: float, fill: Colour | int) -> None:
    colour = fill if isinstance(fill, int) else (*fill, 255)
    draw.line(points, fill=colour, width=max(1, round(width)), joint="curve")
    half = width / 2
    for x, y in (points[0], points[-1]):
        draw.ellipse((x - half, y - half, x + half, y + half), fill=colour)


def _reduced(big: Image.Image) -> Image.Image:
    """RGBA made smaller without dark fringes."""
    return big.convert("RGBa").reduce(_FINE).convert("RGBA")


def rounded(size: tuple[int, int], box: Box, radius: float) -> Image.Image:
    """A rounded rectangle as L."""
    big = Image.new("L", (size[0] * 2, size[1] * 2))
    ImageDraw.Draw(big).rounded_rectangle(tuple(each * 2 for each in box), radius * 2, fill=255)
    return big.reduce(2)


def levelled(mask: Image.Image, factor: float, lift: float = 0) -> Image.Image:
    """An L image with each level times `factor` plus `lift`, kept within 0 to 255."""
    return mask.point([min(255, max(0, round(level * factor + lift))) for level in range(256)])


def tinted(mask: Image.Image, colour: Colour, strength: float = 1.0) -> Image.Image:
    """One colour through a mask, as RGBA."""
    image = Image.new("RGBA", mask.size, (*colour, 0))
    image.putalpha(mask if strength >= 1 else levelled(mask, strength))
    return image


def over(base: Image.Image, *others: Image.Image) -> Image.Image:
    """RGBA pictures laid over an RGB or RGBA one."""
    for other in others:
        if base.mode == "RGBA":
            base = Image.alpha_composite(base, other)
        else:
            base.paste(other, (0, 0), other.getchannel("A"))
    return base


def shadow(mask: Image.Image, blur: float, shift: tuple[float, float], colour: Colour, strength: float) -> Image.Image:
    """What a flat thing throws on the paper below it, as RGBA."""
    moved = Image.new("L", mask.size)
    moved.paste(mask, (round(shift[0]), round(shift[1])))
    return tinted(moved.filter(ImageFilter.GaussianBlur(blur)), colour, strength)


def gradient(size: tuple[int, int], top: Colour, bottom: Colour, *, across: float = 0.0) -> Image.Image:
    """A dithered blend downwards and, by `across` (-1 to 1), sideways; mixed in OKLab, so that it stays clean."""
    width, height = size
    at_y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    at_x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    at = np.clip(at_y * (1 - abs(across)) + (at_x if across >= 0 else 1 - at_x) * abs(across), 0, 1)
    stops = np.array([top.mixed(bottom, step / 16) for step in range(17)], np.float32)
    return ramp(at.astype(np.float32), stops)


def ramp(at: Plane, stops: NDArray[np.float32], seed: str = "dither") -> Image.Image:
    """Colours looked up for each pixel (0 to 1), dithered by less than a step so that no bands show."""
    places = np.linspace(0, 1, len(stops))
    noise = rng(seed).random(at.shape, dtype=np.float32) - 0.5
    channels = [np.interp(at, places, stops[:, index]).astype(np.float32) + noise for index in range(3)]
    return Image.fromarray(np.clip(np.stack(channels, -1) + 0.5, 0, 255).astype(np.uint8), "RGB")


def clouds(size: tuple[int, int], seed: str, cells: float = 4, octaves: int = 4) -> Plane:
    """Soft noise from 0 to 1, (height, width): `cells` lumps across the shorter side, finer ones laid over."""
    source = rng(seed)
    total = np.zeros((size[1], size[0]), np.float32)
    weight, sum_of = 1.0, 0.0
    for octave in range(octaves):
        lumps = cells * 2**octave
        across = max(2, round(lumps * size[0] / min(size))), max(2, round(lumps * size[1] / min(size)))
        small = Image.fromarray(source.random((across[1], across[0]), dtype=np.float32), "F")
        total += np.asarray(small.resize(size, Image.Resampling.BICUBIC)) * weight
        sum_of += weight
        weight *= 0.5
    total /= sum_of
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def grain(image: Image.Image, strength: float, seed: str, *, size: float = 1.0) -> Image.Image:
    """Film grain or paper tooth: the same grey noise on every channel, `strength` in levels of 255."""
    width, height = image.size
    small = rng(seed).standard_normal((round(height / size), round(width / size)), dtype=np.float32)
    noise = np.asarray(Image.fromarray(small, "F").resize(image.size, Image.Resampling.BICUBIC)) if size != 1 else small
    pixels = np.asarray(image.convert("RGB"), np.float32) + noise[..., None] * strength
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8), "RGB")


def lit(image: Image.Image, light: Plane, strength: float) -> Image.Image:
    """Lighter where `light` is above 0.5 and darker below: multiplies by 1 ± `strength`."""
    pixels = np.asarray(image.convert("RGB"), np.float32) * (1 + (light[..., None] - 0.5) * 2 * strength)
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8), "RGB")


def vignette(image: Image.Image, strength: float) -> Image.Image:
    """Darker towards the corners."""
    return lit(image, 0.5 - 0.5 * np.clip(distance(image.size, 0.5, 0.5) - 0.35, 0, 1), strength)


def distance(size: tuple[int, int], x: float, y: float) -> Plane:
    """Distance of each pixel from a point (parts of the frame), in half diagonals, (height, width)."""
    width, height = size
    across = (np.arange(width, dtype=np.float32) - x * width)[None, :]
    down = (np.arange(height, dtype=np.float32) - y * height)[:, None]
    return (np.sqrt(across**2 + down**2) * 2 / float(np.hypot(width, height))).astype(np.float32)


def glow(size: tuple[int, int], x: float, y: float, radius: float, colour: Colour, strength: float) -> Image.Image:
    """A soft light, as RGBA; `radius` in half diagonals."""
    fall = np.clip(1 - distance(size, x, y) / radius, 0, 1) ** 2 * 255 * strength
    return tinted(Image.fromarray(fall.astype(np.uint8), "L"), colour)


def halftone(tone: Image.Image, cell: float, angle: float) -> Image.Image:
    """Dots whose size follows how dark `tone` (L) is, as L with 255 where there is ink; `cell` in pixels, `angle` in degrees."""
    width, height = tone.size
    turn = np.deg2rad(angle)
    across, down = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    u = (across * np.cos(turn) + down * np.sin(turn)) * np.pi / cell
    v = (-across * np.sin(turn) + down * np.cos(turn)) * np.pi / cell
    screen = (np.cos(2 * u) + np.cos(2 * v)) / 4 + 0.5
    dark = 1 - np.asarray(tone, np.float32) / 255
    softness = 2.2 / cell
    ink = np.clip((dark * 1.06 - (1 - screen)) / softness + 0.5, 0, 1)
    return Image.fromarray((ink * 255).astype(np.uint8), "L")


def streaks(size: tuple[int, int], seed: str, length: int) -> Plane:
    """Fine slanting strokes from 0 to 1, as of chalk drawn over rough ground, (height, width); `length` in pixels."""
    noise = rng(seed).random((size[1], size[0]), dtype=np.float32)
    drawn = noise + np.roll(noise, 1, 0)
    for step in range(1, length):
        drawn += np.roll(noise, (-step, step), (0, 1)) + np.roll(noise, (1 - step, step), (0, 1))
    low, high = np.quantile(drawn[::4, ::4], (0.02, 0.98))
    return np.clip((drawn - low) / (high - low), 0, 1).astype(np.float32)


def roughened(mask: Image.Image, seed: str, *, amount: float, length: int) -> Image.Image:
    """A mask with gaps, as dry chalk leaves them; `amount` 0 to 1, `length` of the gaps in pixels."""
    kept = np.clip((streaks(mask.size, seed, length) - amount) * 4 + 0.5, 0, 1)
    return Image.fromarray((np.asarray(mask, np.float32) * kept).astype(np.uint8), "L")


def duotone(picture: Image.Image, dark: Colour, light: Colour, *, contrast: float = 1.15) -> Image.Image:
    """A picture in two colours, as RGB."""
    grey = np.asarray(picture.convert("L"), np.float32) / 255
    low, high = np.quantile(grey, (0.02, 0.98))
    at = np.clip(((grey - low) / max(float(high - low), 0.05) - 0.5) * contrast + 0.5, 0, 1).astype(np.float32)
    return ramp(at, np.array([dark.mixed(light, step / 16) for step in range(17)], np.float32))


def covering(picture: Image.Image, box: Box) -> Image.Image:
    """The picture cut to the box, a little above its middle, where faces are."""
    width, height = max(2, round(box.width)), max(2, round(box.height))
    scale = max(width / picture.width, height / picture.height)
    cut_width, cut_height = width / scale, height / scale
    left, top = max(0.0, (picture.width - cut_width) / 2), max(0.0, (picture.height - cut_height) * 0.42)
    part = (left, top, min(picture.width, left + cut_width), min(picture.height, top + cut_height))
    return picture.resize((width, height), Image.Resampling.LANCZOS, part)


def scrim(size: tuple[int, int], colour: Colour, *, side: float, strength: float) -> Image.Image:
    """A soft curtain for type over a photograph, as RGBA: from the left (-1), the right (1) or the top (0), and along the top."""
    width, height = size
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    across = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    edge = np.clip(1 - down / 0.16, 0, 1) ** 1.5 * 0.8
    if side == 0:
        curtain = np.clip(1.25 - down / 0.5, 0, 1) + across * 0
    else:
        curtain = np.clip(1.45 - (across if side < 0 else 1 - across) / 0.46, 0, 1) + down * 0
    smooth = curtain * curtain * (3 - 2 * curtain)
    return tinted(Image.fromarray((np.clip(np.maximum(smooth, edge), 0, 1) * 255 * strength).astype(np.uint8), "L"), colour)
