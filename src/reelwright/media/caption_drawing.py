"""Burned captions: drawn once a cue, then laid over each frame inside their own box only.

The look is the one that people know from good streaming and social video: white type on a soft dark plate, inside the
areas that neither a television's edge nor a vertical feed's buttons cover.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from PIL import Image, ImageDraw, ImageFilter

from reelwright.domain.film import Cue
from reelwright.domain.timing import Size
from reelwright.media.captions import is_rtl
from reelwright.media.typesetting import Block, Type, set_text

Plane = npt.NDArray[np.uint8]

_TYPE = Type("Inter", weight=600, leading=1.28)
_PLATE = (12, 13, 16)
_PLATE_OPACITY = 0.66
_TEXT = (255, 255, 255)
_WIDEST = Fraction(86, 100)
"""Share of the frame's width that a line may take."""
_SUPERSAMPLED = 4
_RIGHT_TO_LEFT = "\u200f"

# Luma and chroma of sRGB in limited-range BT.709, as (Y, U, V) rows over (R, G, B) 0 to 255.
_BT709 = np.array([[0.1826, 0.6142, 0.0620], [-0.1006, -0.3386, 0.4392], [0.4392, -0.3989, -0.0403]])
_OFFSET = np.array([16.0, 128.0, 128.0])


@dataclass(frozen=True)
class Overlay:
    """A picture with its opacity, ready to be blended into the planes of a 4:2:0 frame at an even place."""

    x: int
    y: int
    colours: tuple[npt.NDArray[np.uint16], ...]
    """Y, U and V, each multiplied by its opacity (0 to 256)."""
    opacities: tuple[npt.NDArray[np.uint16], ...]

    def draw(self, planes: Sequence[Plane]) -> None:
        """Blends it into Y, U and V, in place."""
        for number, (plane, colour, opacity) in enumerate(zip(planes, self.colours, self.opacities, strict=True)):
            half = 2 if number else 1
            top, left = self.y // half, self.x // half
            box = plane[top : top + colour.shape[0], left : left + colour.shape[1]]
            box[:] = (box * (256 - opacity) + colour + 128) >> 8


def caption_overlay(cue: Cue, size: Size, language: str) -> Overlay | None:
    """The cue as it is laid over a film of that size; None for one without a word."""
    image = caption_image(cue, size, language)
    if image is None:
        return None
    x = (size.width - image.width) // 2 & ~1
    # Vertical feeds cover the lowest fifth with names and buttons.
    margin = size.height * (22 if size.height > size.width else 7) // 100
    return overlay(image, x, (size.height - margin - image.height) & ~1)


def caption_image(cue: Cue, size: Size, language: str) -> Image.Image | None:
    """The caption's plate and text, RGBA, just as large as they are."""
    blocks = _set(cue, size, language)
    if not blocks:
        return None
    em = blocks[0].size
    step = em * _TYPE.leading
    side, lid = em * 0.55, em * 0.46
    width = _even(max(block.width for block in blocks) + 2 * side)
    first = max(block.ascent for block in blocks) * em
    height = _even(first + step * (len(blocks) - 1) + em * 0.14 + 2 * lid)
    mask = Image.new("L", (width, height))
    for number, block in enumerate(blocks):
        top = lid + first - block.ascent * em + step * number
        line = block.mask((width, height), 0, top, width, "centre")
        mask.paste(255, mask=line)
    plate = _rounded(width, height, em * 0.3)
    image = Image.new("RGBA", (width, height), (*_PLATE, 0))
    image.putalpha(plate.point(lambda value: value * _PLATE_OPACITY))
    glow = mask.filter(ImageFilter.GaussianBlur(em * 0.07)).point(lambda value: value * 0.7)
    image.alpha_composite(_inked((0, 0, 0), glow))
    image.alpha_composite(_inked(_TEXT, mask))
    return image


def overlay(image: Image.Image, x: int, y: int) -> Overlay:
    """An RGBA picture of even size as an overlay at an even place (pixels from the frame's top left)."""
    pixels = np.asarray(image, np.float64)
    yuv = pixels[..., :3] @ _BT709.T + _OFFSET
    opacity = pixels[..., 3] * (256 / 255)
    half = opacity.reshape(image.height // 2, 2, image.width // 2, 2)
    small = half.mean(axis=(1, 3))
    weighted = (yuv * opacity[..., None]).reshape(image.height // 2, 2, image.width // 2, 2, 3).mean(axis=(1, 3))
    colours = yuv[..., 0] * opacity, weighted[..., 1], weighted[..., 2]
    return Overlay(
        x,
        y,
        tuple(np.rint(colour).astype(np.uint16) for colour in colours),
        tuple(np.rint(each).astype(np.uint16) for each in (opacity, small, small)),
    )


def planes_of(frame: VideoFrame) -> tuple[Plane, Plane, Plane]:
    """The Y, U and V planes of a yuv420p frame without their padding; writing to them changes the frame."""
    shown: list[Plane] = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        shown.append(rows[: plane.height, : plane.width])
    luma, blue, red = shown
    return luma, blue, red


def _set(cue: Cue, size: Size, language: str) -> list[Block]:
    """Each line set by itself, all at the size of the longest."""
    largest = size.width * 0.062 if size.height > size.width else min(size.height * 0.052, size.width * 0.036)
    width = float(size.width * _WIDEST) - largest * 1.1
    mark = _RIGHT_TO_LEFT if is_rtl(cue.lines) else ""
    texts = [mark + line for line in cue.lines if line.strip()]
    em = largest
    for text in texts:
        block = set_text(text, _TYPE, width=width, height=em * 2, largest=em, lines=1, language=language)
        em = min(em, block.size)
    return [set_text(text, _TYPE, width=width, height=em * 2, largest=em, lines=1, language=language) for text in texts]


def _rounded(width: int, height: int, radius: float) -> Image.Image:
    scale = _SUPERSAMPLED
    large = Image.new("L", (width * scale, height * scale))
    box = (0, 0, width * scale - 1, height * scale - 1)
    ImageDraw.Draw(large).rounded_rectangle(box, radius=radius * scale, fill=255)
    return large.resize((width, height), Image.Resampling.BOX)


def _inked(colour: tuple[int, int, int], mask: Image.Image) -> Image.Image:
    image = Image.new("RGBA", mask.size, (*colour, 0))
    image.putalpha(mask)
    return image


def _even(length: float) -> int:
    return int(length + 1) + 1 & ~1
