"""Films a still: eased camera moves, sub-pixel smooth, with depth where the still is one of our own cards.

A card carries its layers (see `layers.py`), and each takes its own share of the camera's move: the background least, the picture
more, the type hardly at all, so that it stays inside the title-safe area and can be read from the first frame to the last. Any
other picture is one layer. The planes of YUV are moved, so that nothing is converted per frame; stills are larger than the frame,
so that the deepest zoom is about 1:1. Moving by whole pixels, as common zoom filters do, is 60 times rougher (measured).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageFilter

from reelwright.domain.generation import Request
from reelwright.domain.timing import Size, frame_count
from reelwright.media.camera import Move, Share, move_for, place
from reelwright.media.encode import ClipWriter
from reelwright.media.layers import LARGER, Layer, open_still

Planes = tuple[Image.Image, Image.Image, Image.Image]
_REPORT_EVERY = 12
_BAND_GAP = 16
"""Empty rows that are worth a cut."""
_AHEAD = 2
"""Frames that are moved while one is encoded: Pillow and x264 both let go of the interpreter lock."""

_SHARP = Image.Resampling.BICUBIC
_SOFT = Image.Resampling.BILINEAR
"""Enough where there are no edges: backgrounds, chroma, and colours whose edge is in the alpha."""


def film_still(still: bytes, request: Request, path: Path, report: Callable[[float], None]) -> None:
    """Writes the clip of `request` (size, rate, seconds, motion) out of one still to `path`.

    The same still and request give the same bytes. `report` is told the fraction done about every twelve frames.

    Raises:
        InvalidMedia: the still is not a picture.
    """
    size = Size(request.size.width & ~1, request.size.height & ~1)
    total = max(1, frame_count(request.seconds, request.rate))
    sheets = [_Sheet.of(layer, size) for layer in open_still(still)]
    move = move_for(request.direction, has_depth=len(sheets) > 1)
    moments = [number / max(1, total - 1) for number in range(total)]
    with ClipWriter(path, size, request.rate) as clip, ThreadPoolExecutor(_AHEAD) as pool:
        waiting = deque(pool.submit(_picture, sheets, move, at, size) for at in moments[:_AHEAD])
        for number in range(total):
            planes = waiting.popleft().result()
            if number + _AHEAD < total:
                waiting.append(pool.submit(_picture, sheets, move, moments[number + _AHEAD], size))
            clip.write(planes)
            if number % _REPORT_EVERY == 0:
                report(number / total)
    report(1.0)


def _picture(sheets: list[_Sheet], move: Move, at: float, size: Size) -> Planes:
    base = sheets[0].window(move, at, size)
    for sheet in sheets[1:]:
        sheet.lay_over(base, move, at, size)
    return base


@dataclass(frozen=True)
class _Sheet:
    """A layer as planes. `alpha` and `alpha_half` are None for the one that covers all; `boxes` are what is not empty."""

    share: Share
    y: Image.Image
    u: Image.Image
    v: Image.Image
    alpha: Image.Image | None = None
    alpha_half: Image.Image | None = None
    boxes: tuple[tuple[int, int, int, int], ...] = ()

    @classmethod
    def of(cls, layer: Layer, size: Size) -> _Sheet:
        """Cover-fits the layer to the clip's shape, with both sides even."""
        image = _covering(layer.image, size)
        if image.mode != "RGBA":
            return cls(layer.share, *_planes(image))
        alpha = image.getchannel("A")
        return cls(layer.share, *_planes(_bled(image)), alpha, alpha.reduce(2), _bands(alpha))

    def window(self, move: Move, at: float, size: Size) -> Planes:
        """The whole frame, as the camera sees this layer at that moment."""
        left, top, width, height = place(move, self.share, at, self.y.size)
        box = (left, top, left + width, top + height)
        half = (box[0] / 2, box[1] / 2, box[2] / 2, box[3] / 2)
        small = (size.width // 2, size.height // 2)
        return (
            self.y.resize(size, _SOFT if self.share is Share.BACK else _SHARP, box),
            self.u.resize(small, _SOFT, half),
            self.v.resize(small, _SOFT, half),
        )

    def lay_over(self, base: Planes, move: Move, at: float, size: Size) -> None:
        """Paints this layer over `base`, touching only where it is not empty."""
        if self.alpha is None or self.alpha_half is None:
            return
        view = place(move, self.share, at, self.y.size)
        for box in self.boxes:
            self._lay(base, box, view, size)

    def _lay(self, base: Planes, box: tuple[int, int, int, int], view: tuple[float, float, float, float], size: Size) -> None:
        if self.alpha is None or self.alpha_half is None:
            return
        left, top, width, height = view
        zoom_x, zoom_y = size.width / width, size.height / height
        x0 = max(0, math.floor((box[0] - left) * zoom_x) - 2) & ~1
        y0 = max(0, math.floor((box[1] - top) * zoom_y) - 2) & ~1
        x1 = min(size.width, (math.ceil((box[2] - left) * zoom_x) + 3) & ~1)
        y1 = min(size.height, (math.ceil((box[3] - top) * zoom_y) + 3) & ~1)
        if x1 <= x0 or y1 <= y0:
            return
        source = (left + x0 / zoom_x, top + y0 / zoom_y, left + x1 / zoom_x, top + y1 / zoom_y)
        half = (source[0] / 2, source[1] / 2, source[2] / 2, source[3] / 2)
        full_size, half_size = (x1 - x0, y1 - y0), ((x1 - x0) // 2, (y1 - y0) // 2)
        base[0].paste(self.y.resize(full_size, _SOFT, source), (x0, y0), self.alpha.resize(full_size, _SHARP, source))
        mask = self.alpha_half.resize(half_size, _SOFT, half)
        base[1].paste(self.u.resize(half_size, _SOFT, half), (x0 // 2, y0 // 2), mask)
        base[2].paste(self.v.resize(half_size, _SOFT, half), (x0 // 2, y0 // 2), mask)


def _bands(alpha: Image.Image) -> tuple[tuple[int, int, int, int], ...]:
    """The parts that are not empty, cut at empty rows: a headline and a line at the top are two small boxes, not a large one."""
    filled = np.asarray(alpha).any(axis=1)
    edges = np.flatnonzero(np.diff(filled.astype(np.int8), prepend=0, append=0))
    found: list[tuple[int, int, int, int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        box = alpha.crop((0, start, alpha.width, end)).getbbox()
        if box is None:
            continue
        if found and start - found[-1][3] < _BAND_GAP:
            last = found.pop()
            found.append((min(last[0], box[0]), last[1], max(last[2], box[2]), end))
        else:
            found.append((box[0], start, box[2], end))
    return tuple(found)


def _covering(image: Image.Image, size: Size) -> Image.Image:
    """The picture cut to the frame's shape and brought to `LARGER` times its size."""
    width, height = image.size
    scale = max(size.width / width, size.height / height)
    cut_width, cut_height = size.width / scale, size.height / scale
    left, top = max(0.0, (width - cut_width) / 2), max(0.0, (height - cut_height) / 2)
    target = (round(size.width * LARGER) & ~1, round(size.height * LARGER) & ~1)
    box = (left, top, min(width, left + cut_width), min(height, top + cut_height))
    if image.size == target and left == top == 0:
        return image
    if image.mode == "RGBA":
        image = image.convert("RGBa").resize(target, Image.Resampling.LANCZOS, box)
        return image.convert("RGBA")
    return image.resize(target, Image.Resampling.LANCZOS, box)


def _bled(image: Image.Image) -> Image.Image:
    """The colours of an RGBA picture carried on into its empty parts, so that moving its edge never draws a dark fringe."""
    premultiplied = image.convert("RGBa")
    colour = np.asarray(image.convert("RGB"), np.float32)
    alpha = np.asarray(image.getchannel("A"), np.float32)[..., None] / 255
    known = alpha > 1 / 255
    for radius in (2, 8):
        soft = np.asarray(premultiplied.filter(ImageFilter.BoxBlur(radius)), np.float32)
        carried = soft[..., :3] * 255 / np.maximum(soft[..., 3:], 1)
        near = soft[..., 3:] > 0.5
        colour = np.where(known | ~near, colour, carried)
        known |= near
    return Image.fromarray(np.clip(colour, 0, 255).astype(np.uint8), "RGB")


def _planes(image: Image.Image) -> Planes:
    """Y, U and V in BT.709, limited range, chroma at half the size."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image.convert("RGB")), format="rgb24")
    flat = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG").to_ndarray().reshape(-1)
    width, height = image.size
    luma, chroma = width * height, width * height // 4
    half = (height // 2, width // 2)
    return (
        Image.fromarray(flat[:luma].reshape(height, width)),
        Image.fromarray(flat[luma : luma + chroma].reshape(half)),
        Image.fromarray(flat[luma + chroma : luma + 2 * chroma].reshape(half)),
    )
