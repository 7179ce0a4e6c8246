"""Brings a clip to the film's size, rate and pixel format, exactly as many frames as the cut list says, and encodes it.

A clip of another shape covers the frame and is cropped in its middle; one of another rate keeps its speed (frames are
repeated or left out); one that is too short holds its last frame.
"""

# PyAV's stubs leave the packets of `mux` and `encode`, and the keywords of some constructors, without types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.error
from av.filter import Graph
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from reelwright.domain.film import Clip, CutList
from reelwright.domain.timing import Size
from reelwright.errors import RenderError
from reelwright.media.caption_drawing import Overlay, planes_of
from reelwright.media.h264 import BT709, add_film_stream, track_scale

_UNSPECIFIED = 2
_SD_MATRICES = {Colorspace.ITU601.value: "bt601", 5: "bt601", 6: "bt601", 4: "fcc", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
_TURNS = {90: ("transpose", "cclock"), 270: ("transpose", "clock")}


def encoder_extradata(size: Size, rate: Fraction) -> bytes:
    """The decoder configuration (avcC) that `encode` gives its files: one black frame tells."""
    file = io.BytesIO()
    write(file, iter([VideoFrame(size.width, size.height, "yuv420p")]), size, rate)
    file.seek(0)
    with av.open(file) as container:
        return container.streams.video[0].codec_context.extradata or b""


def encode(
    path: str,
    clip: Clip,
    cut: CutList,
    file: BinaryIO,
    overlay_at: Callable[[int], Overlay | None],
    on_frame: Callable[[], None],
) -> None:
    """Conforms a clip and writes it into `file` as an mp4 of `clip.frames` frames.

    Args:
        path: the clip's file.
        clip: which part of it is seen.
        cut: the film that it becomes a part of.
        file: open for reading and writing, empty.
        overlay_at: what lies over the clip's n-th frame in the film.
        on_frame: called after every frame.

    Raises:
        RenderError: the clip has no frame, or does not decode.
    """

    def drawn() -> Iterator[VideoFrame]:
        for number, frame in enumerate(conformed(path, clip, cut)):
            overlay = overlay_at(number)
            yield _with(overlay, frame) if overlay else frame
            on_frame()

    write(file, drawn(), cut.size, cut.rate)


def write(file: BinaryIO, frames: Iterator[VideoFrame], size: Size, rate: Fraction) -> None:
    """Encodes the frames in their order into an mp4."""
    options = {"video_track_timescale": str(track_scale(rate)), "fflags": "+bitexact"}
    with av.open(file, "w", format="mp4", options=options) as container:
        stream = add_film_stream(container, size, rate)
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, 1 / rate
            frame.pict_type = PictureType.NONE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def conformed(path: str, clip: Clip, cut: CutList) -> Iterator[VideoFrame]:
    """Exactly `clip.frames` frames of the film's size in yuv420p. The same frame may come more than once.

    Raises:
        RenderError: the clip has no frame, or does not decode.
    """
    try:
        yield from _retimed(_shaped(path, cut.size), clip, cut.rate)
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise RenderError(f"The clip {Path(path).name} does not decode; make that take again.") from error


def _retimed(source: Iterator[tuple[Fraction, VideoFrame]], clip: Clip, rate: Fraction) -> Iterator[VideoFrame]:
    """For each frame of the film the clip's frame that is on screen at that time; its last one is held."""
    slack = 1 / rate / 4  # Time stamps in milliseconds are rounded to either side.
    shown = next(source, None)
    if shown is None:
        raise RenderError("A clip of the film has no picture; make that take again.")
    following = next(source, None)
    for number in range(clip.source_in, clip.source_in + clip.frames):
        while following is not None and following[0] <= number / rate + slack:
            shown, following = following, next(source, None)
        yield shown[1]


def _shaped(path: str, size: Size) -> Iterator[tuple[Fraction, VideoFrame]]:
    """The clip's frames at the film's size, with their time since the first one."""
    with av.open(path, metadata_errors="replace") as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        base = stream.time_base or Fraction(1, 1000)
        graph: Graph | None = None
        first: int | None = None
        for count, frame in enumerate(container.decode(stream)):
            if first is None:
                first = frame.pts or 0
                graph = None if _fits(frame, stream, size) else _graph(frame, stream, size)
            time = (frame.pts - first) * base if frame.pts is not None else count / (stream.average_rate or Fraction(24))
            if graph is not None:
                graph.push(frame)
                shaped = graph.pull()
                assert isinstance(shaped, VideoFrame)  # noqa: S101 -- a graph of video filters ends in nothing else
                yield time, shaped
            else:
                yield time, frame


def _fits(frame: VideoFrame, stream: VideoStream, size: Size) -> bool:
    has_colour = int(frame.colorspace) in (BT709, _UNSPECIFIED) and int(frame.color_range) != ColorRange.JPEG.value
    is_square = (stream.sample_aspect_ratio or 1) == 1
    is_plain = frame.format.name == "yuv420p" and not frame.rotation and is_square and has_colour
    return is_plain and (frame.width, frame.height) == size


def _graph(frame: VideoFrame, stream: VideoStream, size: Size) -> Graph:
    """Turns it upright, scales it until it covers the frame, crops the middle."""
    rotation = frame.rotation % 360
    width = frame.width * Fraction(stream.sample_aspect_ratio or 1)
    height = Fraction(frame.height)
    if rotation in _TURNS:
        width, height = height, width
    scale = max(size.width / width, size.height / height)
    wide, high = (max(_even(side * scale), least) for side, least in zip((width, height), size, strict=True))
    matrix = _SD_MATRICES.get(int(frame.colorspace), "bt709")
    is_full = int(frame.color_range) == ColorRange.JPEG.value or (frame.format.name or "").startswith("yuvj")
    steps = [_TURNS[rotation]] if rotation in _TURNS else []
    if rotation == 180:
        steps = [("hflip", ""), ("vflip", "")]
    colours = f"in_color_matrix={matrix}:out_color_matrix=bt709:in_range={'full' if is_full else 'tv'}:out_range=tv"
    steps += [
        ("scale", f"{wide}:{high}:flags=lanczos+accurate_rnd:{colours}"),
        ("crop", f"{size.width}:{size.height}"),
        ("setsar", "1"),
        ("format", "yuv420p"),
    ]
    graph = Graph()
    last = graph.add_buffer(template=stream, width=frame.width, height=frame.height, format=frame.format)
    for name, arguments in steps:
        step = graph.add(name, arguments)
        last.link_to(step)
        last = step
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def _with(overlay: Overlay, frame: VideoFrame) -> VideoFrame:
    """A copy of the frame with the overlay on it: the decoder still needs its own."""
    copy = VideoFrame(frame.width, frame.height, "yuv420p")
    copy.colorspace, copy.color_range = frame.colorspace, frame.color_range
    planes = planes_of(copy)
    for target, source in zip(planes, planes_of(frame), strict=True):
        target[:] = source
    overlay.draw(planes)
    return copy


def _even(length: Fraction) -> int:
    """The next even number that is not smaller."""
    return -(-length.numerator // (2 * length.denominator)) * 2
