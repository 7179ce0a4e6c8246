"""Joins clips of one encoder configuration into one film by copying packets, bit for bit, with its sound and captions.

What a naive join gets wrong, and what this does: the decode times of every clip start so early that the largest
reordering of any of them fits; times are rebuilt from each frame's rank, on a track scale in which a frame is a whole
number of ticks; and only IDR pictures are marked as places to seek to.
"""

# PyAV's stubs leave the packets of `mux` and `encode`, and the keywords of some constructors, without types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, BinaryIO

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from reelwright.domain.film import Clip, Cue, CutList
from reelwright.domain.timing import SAMPLE_RATE
from reelwright.errors import RenderError
from reelwright.media.captions import plain
from reelwright.media.h264 import track_scale
from reelwright.media.sound import Sound, frames_of

_AAC_FRAME = 1024
_AAC_OPTIONS = {"b": "192k"}
_AHEAD = Fraction(1, 2)
"""Seconds by which sound may run ahead of the picture in the file."""
_CAPTION_SCALE = 1000
_IDR = 5
_AVC_CONFIGURATION = 1
_LENGTH_SIZE = 3


@dataclass(frozen=True)
class Segment:
    """A run of coded pictures that is copied: the first `frames` of a file."""

    source: str | BinaryIO
    frames: int


@dataclass(frozen=True)
class Order:
    """In which order a segment's packets are shown: the rank of each in decode order, and how far the worst is late."""

    ranks: tuple[int, ...]
    delay: int


def configuration(path: str, clip: Clip, cut: CutList) -> bytes | None:
    """The decoder configuration (avcC) of a clip that may be copied into the film, or None where it must be encoded."""
    try:
        with av.open(path, metadata_errors="replace") as container:
            video = container.streams.video[0]
            context = video.codec_context
            extradata = context.extradata or b""
            is_plain = (
                context.name == "h264"
                and extradata[:1] == bytes([_AVC_CONFIGURATION])
                and context.pix_fmt == "yuv420p"
                and (context.width, context.height) == cut.size
                and (video.sample_aspect_ratio or 1) == 1
            )
            if not is_plain or clip.source_in:
                return None
            return extradata if _may_be_cut(container, video, clip, cut.rate) else None
    except (av.error.FFmpegError, IndexError, UnicodeDecodeError):
        return None


def _may_be_cut(container: InputContainer, video: VideoStream, clip: Clip, rate: Fraction) -> bool:
    """Constant rate, an IDR first, nothing hidden, upright, and no later frame is needed for the ones that are seen."""
    packets = [packet for packet in container.demux(video) if packet.size]
    times = sorted(packet.pts for packet in packets if packet.pts is not None)
    if len(times) < max(len(packets), clip.frames) or any(packet.is_discard for packet in packets):
        return False
    if not _is_idr(packets[0], video):
        return False
    step = 1 / rate / (video.time_base or Fraction(1))
    if any(abs(after - before - step) > 1 for before, after in pairwise(times)):
        return False
    seen = set(times[: clip.frames])
    if {packet.pts for packet in packets[: clip.frames]} != seen:
        return False
    container.seek(0)
    return not next(container.decode(video)).rotation


def aac(sound: Sound) -> list[Packet[Any]]:
    """The sound as AAC packets, 192 kbit/s, times in samples."""
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "stereo", "fltp"
    encoder.time_base = Fraction(1, SAMPLE_RATE)
    encoder.options = dict(_AAC_OPTIONS)
    packets: list[Packet[Any]] = []
    for frame in (*frames_of(sound, _AAC_FRAME), None):
        packets += encoder.encode(frame)
    return packets


def splice(
    output: str,
    cut: CutList,
    segments: Sequence[Segment],
    sound: Sequence[Packet[Any]],
    cues: Sequence[Cue],
    comment: str,
    on_progress: Callable[[float], None],
) -> None:
    """Writes the film: the segments in their order, the sound, a caption track where there are cues, the index first.

    Raises:
        RenderError: a segment has other frames than it should.
    """
    options = {
        "movflags": "+faststart",
        "movie_timescale": str(SAMPLE_RATE),  # Else the sound's length is rounded to a millisecond.
        "video_track_timescale": str(track_scale(cut.rate)),
        "fflags": "+bitexact",
    }
    orders = [_order(segment) for segment in segments]
    delay = max(order.delay for order in orders)
    with _opened(segments[0].source) as first, av.open(output, "w", format="mp4", options=options) as film:
        film.metadata.update({"title": cut.title, "comment": comment})
        video = film.add_stream_from_template(first.streams.video[0])
        video.time_base = Fraction(1, track_scale(cut.rate))
        voice = film.add_stream("aac", rate=SAMPLE_RATE, layout="stereo", options=dict(_AAC_OPTIONS))
        voice.metadata["language"] = _iso_639_2(cut.language)
        tracks = [_Track(voice, deque(sound), Fraction(1, SAMPLE_RATE))]
        if cues:
            texts = film.add_mux_stream("mov_text")
            texts.time_base = Fraction(1, _CAPTION_SCALE)
            texts.metadata["language"] = _iso_639_2(cut.language)
            tracks.append(_Track(texts, deque(_caption_packets(cues, cut)), Fraction(1, _CAPTION_SCALE)))
        start = 0
        for segment, order in zip(segments, orders, strict=True):
            _copy(film, video, segment, order, start, delay, cut.rate, tracks)
            start += segment.frames
            on_progress(start / cut.frames)
        for track in tracks:
            track.mux_until(film, None)


@dataclass
class _Track:
    """Packets that are written beside the picture."""

    stream: Stream
    waiting: deque[Packet[Any]]
    base: Fraction

    def mux_until(self, film: OutputContainer, seconds: Fraction | None) -> None:
        while self.waiting and (seconds is None or (self.waiting[0].dts or 0) * self.base <= seconds):
            packet = self.waiting.popleft()
            packet.stream = self.stream
            film.mux(packet)


def _copy(
    film: OutputContainer,
    video: VideoStream,
    segment: Segment,
    order: Order,
    start: int,
    delay: int,
    rate: Fraction,
    tracks: Sequence[_Track],
) -> None:
    tick = track_scale(rate) // rate.numerator * rate.denominator
    with _opened(segment.source) as container:
        source = container.streams.video[0]
        for number, (packet, rank) in enumerate(zip(_packets(container), order.ranks, strict=False)):
            is_idr = _is_idr(packet, source)
            packet.stream = video
            packet.time_base = Fraction(1, track_scale(rate))
            packet.pts, packet.dts = (start + rank) * tick, (start + number - delay) * tick
            packet.duration = tick
            packet.is_keyframe = is_idr
            film.mux(packet)
            for track in tracks:
                track.mux_until(film, (start + number) / rate + _AHEAD)


def _order(segment: Segment) -> Order:
    with _opened(segment.source) as container:
        times = [packet.pts for _, packet in zip(range(segment.frames), _packets(container), strict=False)]
    shown = {time: rank for rank, time in enumerate(sorted(time for time in times if time is not None))}
    ranks = tuple(shown[time] for time in times if time is not None)
    if len(shown) != segment.frames or len(ranks) != segment.frames:
        msg = f"A part of the film has {len(ranks)} frames instead of {segment.frames}."
        raise RenderError(msg)
    return Order(ranks, max(number - rank for number, rank in enumerate(ranks)))


def _packets(container: InputContainer) -> Iterator[Packet[Any]]:
    return (packet for packet in container.demux(container.streams.video[0]) if packet.size)


def _opened(source: str | BinaryIO) -> InputContainer:
    if not isinstance(source, str):
        source.seek(0)
    return av.open(source, "r", metadata_errors="replace")


def _is_idr(packet: Packet[Any], video: VideoStream) -> bool:
    """Whether the picture is an IDR: recovery points are marked as key frames, but browsers cannot seek to them."""
    if not packet.is_keyframe:
        return False
    extradata = video.codec_context.extradata or b""
    size = (extradata[4] & _LENGTH_SIZE) + 1
    data, at = bytes(packet), 0
    while at + size < len(data):
        if data[at + size] & 31 == _IDR:
            return True
        at += size + int.from_bytes(data[at : at + size], "big")
    return False


def _caption_packets(cues: Sequence[Cue], cut: CutList) -> Iterator[Packet[Any]]:
    """Text samples without gaps, as mov_text wants them: where nothing is said, an empty one."""
    shown: list[tuple[int, int, str]] = []
    end = 0
    for cue in cues:
        start, until = round(cue.start * _CAPTION_SCALE), round(cue.end * _CAPTION_SCALE)
        if start > end:
            shown.append((end, start, ""))
        shown.append((start, until, plain(cue)))
        end = until
    if (last := round(cut.seconds * _CAPTION_SCALE)) > end:
        shown.append((end, last, ""))
    for start, until, text in shown:
        words = text.encode()
        packet = Packet(struct.pack(">H", len(words)) + words)
        packet.time_base = Fraction(1, _CAPTION_SCALE)
        packet.pts = packet.dts = start
        packet.duration = until - start
        packet.is_keyframe = True
        yield packet


def _iso_639_2(language: str) -> str:
    """The three letters that mp4 has room for; `und` (undetermined) for a language that is not on the list."""
    short = language.partition("-")[0].lower()
    return short if len(short) == 3 else _THREE_LETTERS.get(short, "und")


_THREE_LETTERS = {
    pair[:2]: pair[3:]
    for pair in (
        "ar:ara bg:bul bn:ben ca:cat cs:ces da:dan de:deu el:ell en:eng es:spa et:est fa:fas fi:fin fr:fra he:heb "
        "hi:hin hr:hrv hu:hun id:ind it:ita ja:jpn ko:kor lt:lit lv:lav ms:msa nb:nob nl:nld no:nor pl:pol pt:por "
        "ro:ron ru:rus sk:slk sl:slv sr:srp sv:swe ta:tam te:tel th:tha tr:tur uk:ukr ur:urd vi:vie zh:zho"
    ).split()
}
"""Source: ISO 639-2, terminology codes."""
