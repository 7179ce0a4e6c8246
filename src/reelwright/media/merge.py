"""Merges clips as they are into one file: copied where they share their codec, else encoded; their sound stays as it was."""

# PyAV's stubs leave what `mux` and `encode` take and return without types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import av.error
import av.logging
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from reelwright.domain.film import Clip, CutList, start_frames
from reelwright.domain.ids import AssetId, TakeId
from reelwright.domain.timing import FRAME_RATE, SAMPLE_RATE, Size, frame_count, samples_at
from reelwright.errors import InvalidInput, RenderError
from reelwright.media.conform import conformed
from reelwright.media.facts import Merged, Merging, Probe
from reelwright.media.h264 import BT709, track_scale
from reelwright.media.probe import verify
from reelwright.media.render import join, keep
from reelwright.media.sound import Sound, decode, frames_of, silence
from reelwright.media.splice import aac
from reelwright.media.workers import report

_WEBM = "webm"
_QUALITY = 0.8
_RATES = (Fraction(1), Fraction(60))
_SMALLEST = 16
_OPUS_FRAME = 960
_AAC_FRAME = 1024


def merge(clips: Sequence[str], output: str, how: Merging) -> Merged:
    """Merges the clips into `output`, in their order.

    Args:
        clips: their files, one at least.
        output: the path of the result, in a folder that exists.
        how: the container, and what is to be different from the first clip.

    Raises:
        InvalidInput: a clip has no picture.
        RenderError: a clip does not decode, or the disk is full.
    """
    av.logging.set_level(None)
    found = [verify(path, "video") for path in clips]
    cut = _cut(found, how)
    sound = _sound(cut, clips, found)
    if how.container == _WEBM or how.quality is not None:
        _encode(cut, clips, sound, output, how)
    else:
        join(cut, clips, aac(sound), output)
    return Merged(cut.size, cut.rate, cut.frames)


def _cut(found: Sequence[Probe], how: Merging) -> CutList:
    first = found[0]
    size = how.size or first.size
    if size is None:
        msg = "A clip without a picture cannot be merged."
        raise InvalidInput(msg)
    size = Size(*(max(_SMALLEST, side - side % 2) for side in size))
    rate = how.rate or (first.rate if first.is_constant_rate else None) or FRAME_RATE
    rate = min(max(rate, _RATES[0]), _RATES[1])
    nobody, nothing = TakeId(""), AssetId("")
    clips = [Clip(nobody, nothing, max(1, frame_count(each.seconds or Fraction(0), rate))) for each in found]
    return CutList(size, tuple(clips), rate)


def _sound(cut: CutList, clips: Sequence[str], found: Sequence[Probe]) -> Sound:
    """What is heard in each clip, where it is seen."""
    track = silence(cut.samples)
    for path, each, clip, start in zip(clips, found, cut.clips, start_frames(cut), strict=True):
        if each.has_sound:
            begin, end = samples_at(start, cut.rate), samples_at(start + clip.frames, cut.rate)
            heard = decode(path)[:, : end - begin]
            track[:, begin : begin + heard.shape[1]] = np.clip(heard, -1, 1)
    return track


def _encode(cut: CutList, clips: Sequence[str], sound: Sound, output: str, how: Merging) -> None:
    part = Path(f"{output}.part")
    is_webm = how.container == _WEBM
    options = {"fflags": "+bitexact"} if is_webm else {"movflags": "+faststart", "fflags": "+bitexact"}
    if not is_webm:
        options["video_track_timescale"] = str(track_scale(cut.rate))
    quality = _QUALITY if how.quality is None else how.quality
    try:
        with av.open(str(part), "w", format=how.container, options=options) as file:
            video, audio = _streams(file, cut, quality, is_webm=is_webm)
            spoken = frames_of(sound, _OPUS_FRAME if is_webm else _AAC_FRAME)
            heard: Any = next(spoken, None)
            for number, frame in enumerate(_pictures(cut, clips)):
                frame.pts, frame.time_base = number, 1 / cut.rate
                frame.pict_type = PictureType.NONE
                file.mux(video.encode(frame))
                while heard is not None and Fraction(heard.pts, SAMPLE_RATE) <= number / cut.rate:
                    file.mux(audio.encode(heard))
                    heard = next(spoken, None)
                report(number / cut.frames)
            for rest in chain([] if heard is None else [heard], spoken, [None]):
                file.mux(audio.encode(rest))
            file.mux(video.encode(None))
    except (av.error.FFmpegError, OSError) as error:
        part.unlink(missing_ok=True)
        raise RenderError("The clips could not be merged; is there room left on the disk?") from error
    keep(part, Path(output))


def _pictures(cut: CutList, clips: Sequence[str]) -> Iterator[VideoFrame]:
    for path, clip in zip(clips, cut.clips, strict=True):
        yield from conformed(path, clip, cut)


def _streams(file: OutputContainer, cut: CutList, quality: float, *, is_webm: bool) -> tuple[VideoStream, AudioStream]:
    video = file.add_stream("libvpx-vp9" if is_webm else "libx264", rate=cut.rate)
    video.width, video.height, video.pix_fmt = cut.size.width, cut.size.height, "yuv420p"
    video.time_base = 1 / cut.rate
    if is_webm:
        video.bit_rate = 0
        crf = round(52 - 30 * quality)
        video.options = {"crf": str(crf), "b": "0", "deadline": "good", "cpu-used": "6", "row-mt": "1"}
    else:
        video.options = {"preset": "veryfast", "crf": str(round(38 - 22 * quality)), "profile": "high"}
    context = video.codec_context
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = ColorRange.MPEG.value
    audio = file.add_stream("libopus" if is_webm else "aac", rate=SAMPLE_RATE, layout="stereo", options={"b": "128k"})
    return video, audio
