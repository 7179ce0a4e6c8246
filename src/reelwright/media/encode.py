"""Writes H.264 clips that fit together: every clip of a film has the same settings, so that they join by packet copy."""

# PyAV's stubs leave what `encode` returns without types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.video.reformatter import ColorRange
from PIL import Image

from reelwright.domain.timing import Size
from reelwright.media.h264 import BT709, add_film_stream, track_scale


class ClipWriter:
    """An mp4 in the making: H.264 High, yuv420p, BT.709 limited, constant rate, closed GOPs of at most two seconds, index first.

    It is written beside as `*.part`, synced and renamed when the block ends well; else nothing is left.
    """

    def __init__(self, path: Path, size: Size, rate: Fraction) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._rate = rate
        self._count = 0
        options = {"movflags": "+faststart", "video_track_timescale": str(track_scale(rate)), "fflags": "+bitexact"}
        self._container = av.open(str(self._part), "w", format="mp4", options=options)
        stream = add_film_stream(self._container, size, rate)
        self._stream = stream

    def write(self, planes: tuple[Image.Image, Image.Image, Image.Image]) -> None:
        """Adds a frame: Y of the clip's size, U and V of half that, each an L image."""
        frame = av.VideoFrame(self._stream.width, self._stream.height, "yuv420p")
        for target, source in zip(frame.planes, planes, strict=True):
            target.update(_padded(source, target.line_size))
        frame.pts = self._count
        frame.time_base = 1 / self._rate
        frame.colorspace = BT709
        frame.color_range = ColorRange.MPEG.value
        self._count += 1
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
            if kind is None:
                with self._part.open("rb+") as file:
                    os.fsync(file.fileno())
                self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)


def _padded(plane: Image.Image, stride: int) -> bytes:
    """The plane's bytes with each row filled up to `stride`."""
    rows = plane.tobytes()
    width, height = plane.size
    if width == stride:
        return rows
    gap = bytes(stride - width)
    return b"".join(rows[at : at + width] + gap for at in range(0, width * height, width))
