"""The one way in which we encode H.264. All that shares it has one decoder configuration, and so joins by packet copy."""

# PyAV's stubs leave the keywords of `add_stream` without types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from functools import cache
from pathlib import Path

from av.container import OutputContainer
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from reelwright.domain.timing import Size

CRF = 18
PRESET = "veryfast"
_KEYFRAME_SECONDS = 2
_THREADS = 2
"""Fixed: the number of threads changes what x264 decides, and the same pictures must give the same bytes everywhere."""
BT709 = 1
"""The number of BT.709 for primaries, transfer and matrix alike. Source: ITU-T H.273."""


def track_scale(rate: Fraction) -> int:
    """Ticks a second of a film's track: a whole number of ticks a frame, also at 24000/1001."""
    return rate.numerator * max(1, -(-10_000 // rate.numerator))


def add_film_stream(container: OutputContainer, size: Size, rate: Fraction) -> VideoStream:
    """A stream with the film's encoder: High, yuv420p, BT.709 limited, closed GOPs of at most two seconds.

    The same pictures give the same bytes.
    """
    stream = container.add_stream("libx264", rate=rate)
    stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
    stream.time_base = 1 / rate
    keyint = int(rate * _KEYFRAME_SECONDS)
    stream.options = {
        "preset": PRESET,
        "crf": str(CRF),
        "profile": "high",
        "x264-params": (
            f"keyint={keyint}:min-keyint={keyint}:scenecut=0:open-gop=0:aq-mode=3:threads={_THREADS}:sliced-threads=0"
            f"{_instructions()}"
        ),
    }
    context = stream.codec_context
    context.thread_count = _THREADS
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = ColorRange.MPEG.value
    return stream


@cache
def _instructions() -> str:
    """Keeps x264 from AVX-512, which in macroblock-tree with B-frames reads memory that nobody wrote.

    Two encodes of the same pictures then differ. All x86 instruction sets from SSSE3 to AVX2 give equal bytes. Measured with
    the x264 of PyAV 18.1 by filling new memory with different values, 2026-11.
    """
    with suppress(OSError):
        if "avx512" in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
            return ":asm=AVX2"
    return ""
