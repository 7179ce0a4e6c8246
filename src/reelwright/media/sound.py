"""The film's sound: every voice at its exact sample, music that makes way for it, and the loudness that the web expects.

A sound here is a (2, samples) float32 array at 48 kHz, full scale 1.0. The mix is measured, moved by one linear gain and
caught by a true-peak limiter; one-pass loudness normalisation pumps and is not used.
"""

# PyAV's stubs leave the packets of `mux` and `encode`, and the keywords of some constructors, without types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext
from av.packet import Packet

from reelwright.domain.timing import SAMPLE_RATE
from reelwright.errors import RenderError
from reelwright.media.workers import report

Sound: TypeAlias = npt.NDArray[np.float32]

TARGET_LUFS = -14.0
"""Integrated loudness that web platforms play at. Source: ITU-R BS.1770-4 measure, platforms' help pages, 2026-11."""
CEILING_DBTP = -1.0
"""True peak of the finished film. The mix stays below it, because AAC adds up to half a decibel."""
SILENCE_LUFS = -70.0
"""What the meter says of silence."""
FASTEST_VOICE = 1.25
"""A voice that is too long for its place may be sped up so much; beyond that it is faded out."""

_HEADROOM = 0.6
_CLOSE_ENOUGH = 0.15
"""Decibels that nobody hears."""
_VOICE_LUFS, _MUSIC_LUFS = -16.0, -20.0
_DUCKING = "threshold=0.02:ratio=4:attack=60:release=700:knee=4"
_BREATH = SAMPLE_RATE // 10
"""Silence that is kept between two voices where one of them has to be cut."""
_FADE = SAMPLE_RATE // 12
_CHUNK = 16384
_AAC_STEREO_48K = bytes([0x11, 0x90])
"""AudioSpecificConfig: AAC LC, 48 kHz, two channels."""
_STEREO = "sample_fmts=fltp:sample_rates=48000:channel_layouts=stereo"


@dataclass(frozen=True)
class Loudness:
    """As EBU R128 measures it."""

    lufs: float
    """Integrated; `SILENCE_LUFS` for silence."""
    true_peak: float
    """dBTP; minus infinity for silence."""


@dataclass(frozen=True)
class Voice:
    """A sound file, the sample on which it starts and how many samples it may take."""

    path: str
    start: int
    room: int


def silence(samples: int) -> Sound:
    """Nothing, of that length."""
    return np.zeros((2, samples), np.float32)


def decode(path: str) -> Sound:
    """The whole sound of any file, whatever its rate and channels.

    Raises:
        RenderError: it has no sound, or does not decode.
    """
    try:
        with av.open(path, metadata_errors="replace") as file:
            resampler = av.AudioResampler("fltp", "stereo", SAMPLE_RATE)
            parts: list[Sound] = []
            for frame in file.decode(audio=0):
                frame.pts = None
                parts += [_array(part) for part in resampler.resample(frame)]
            parts += [_array(part) for part in resampler.resample(None)]
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise RenderError("A voice of the film has no sound that can be read; make that take again.") from error
    return np.concatenate(parts, axis=1) if parts else silence(0)


def voice_track(voices: Sequence[Voice], samples: int) -> Sound:
    """All voices in one track of that length. None of them sounds into the next or beyond the end."""
    track = silence(samples)
    for voice in voices:
        room = min(voice.room, samples - voice.start)
        sound = fit(decode(voice.path), room)
        track[:, voice.start : voice.start + sound.shape[1]] += sound
        report(0)
    return track


def fit(sound: Sound, room: int) -> Sound:
    """The voice in at most `room` samples: as it is, else up to `FASTEST_VOICE` times faster, else faded out as well."""
    if sound.shape[1] <= room:
        return sound
    room = max(room - _BREATH, 0)
    speed = min(sound.shape[1] / max(room, 1), FASTEST_VOICE)
    faster = _filtered([sound], "atempo", f"{speed:.6f}")
    if faster.shape[1] > room:
        faster = faster[:, :room].copy()
        fade = min(_FADE, room)
        faster[:, room - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return faster


def mix(voice: Sound, music: Sound) -> Sound:
    """Voice and music of the same length together; the music goes down by about ten decibels where somebody speaks."""
    spoken, played = measure(voice).lufs, measure(music).lufs
    if spoken <= SILENCE_LUFS:
        return music
    voice = _gained(voice, _VOICE_LUFS - spoken)
    if played <= SILENCE_LUFS:
        return voice
    music = _gained(music, _MUSIC_LUFS - played)
    return voice + _exactly(_filtered([music, voice], "sidechaincompress", _DUCKING), voice.shape[1])


def level(sound: Sound, target: float = TARGET_LUFS, ceiling: float = CEILING_DBTP) -> Sound:
    """The same sound at `target` LUFS, its true peak well under `ceiling` dBTP. Silence stays silence.

    What the limiter takes away is given back as gain, so the target is met within a tenth where the peaks allow it.
    """
    measured = measure(sound)
    if measured.lufs <= SILENCE_LUFS:
        return sound
    highest = ceiling - _HEADROOM
    gain, limit = target - measured.lufs, highest
    if measured.true_peak + gain <= limit:
        return _gained(sound, gain)
    levelled = sound
    for _ in range(5):
        levelled = _limited(_gained(sound, gain), limit)
        measured = measure(levelled)
        report(0)
        missing, excess = target - measured.lufs, measured.true_peak - highest
        if abs(missing) < _CLOSE_ENOUGH and excess < _CLOSE_ENOUGH:
            break
        gain, limit = gain + missing, limit - max(excess, 0.0)
    return levelled


def measure(sound: Sound) -> Loudness:
    """Integrated loudness and true peak (four times oversampled)."""
    graph = Graph()
    meter = graph.add("ebur128", "metadata=1:peak=true")
    sources, sink = _wire(graph, meter, 1)
    lufs, peak = SILENCE_LUFS, 0.0
    for frame in _run(sources, sink, [sound]):
        # A short last frame carries no loudness.
        lufs = float(frame.metadata.get("lavfi.r128.I", lufs))
        peak = max(peak, float(frame.metadata.get("lavfi.r128.true_peak", 0.0)))
    return Loudness(max(lufs, SILENCE_LUFS), float(20 * np.log10(peak)) if peak > 0 else float("-inf"))


def decoded_packets(packets: Sequence[Packet[Any]]) -> Sound:
    """What a player hears of AAC packets."""
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = _AAC_STEREO_48K
    return _joined(frame for packet in (*packets, None) for frame in decoder.decode(packet))


def frames_of(sound: Sound, length: int) -> Iterator[AudioFrame]:
    """The sound in frames of `length` samples with time stamps in samples; the last one may be shorter."""
    for start in range(0, sound.shape[1], length):
        part = np.ascontiguousarray(sound[:, start : start + length])
        frame = AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
        yield frame


def _gained(sound: Sound, decibels: float) -> Sound:
    return sound * np.float32(10 ** (decibels / 20))


def _limited(sound: Sound, ceiling: float) -> Sound:
    """Peaks between the samples are seen because the limiter works at four times the rate."""
    graph = Graph()
    up = graph.add("aresample", str(4 * SAMPLE_RATE))
    limiter = graph.add("alimiter", f"limit={10 ** (ceiling / 20):.5f}:level=0:attack=4:release=60:latency=1")
    down = graph.add("aresample", str(SAMPLE_RATE))
    up.link_to(limiter)
    limiter.link_to(down)
    sources, sink = _wire(graph, up, 1, last=down)
    return _exactly(_joined(_run(sources, sink, [sound])), sound.shape[1])


def _filtered(sounds: Sequence[Sound], name: str, arguments: str) -> Sound:
    graph = Graph()
    sources, sink = _wire(graph, graph.add(name, arguments), len(sounds))
    return _joined(_run(sources, sink, sounds))


def _wire(
    graph: Graph, first: FilterContext, inputs: int, last: FilterContext | None = None
) -> tuple[list[FilterContext], FilterContext]:
    """Sources before the filter and a sink after it (or after `last`); the graph is ready to run."""
    sources: list[FilterContext] = []
    for place in range(inputs):
        source = graph.add_abuffer(sample_rate=SAMPLE_RATE, format="fltp", layout="stereo", time_base=Fraction(1, SAMPLE_RATE))
        source.link_to(first, 0, place)
        sources.append(source)
    shape = graph.add("aformat", _STEREO)
    sink = graph.add("abuffersink")
    (last or first).link_to(shape)
    shape.link_to(sink)
    graph.configure()
    return sources, sink


def _run(sources: Sequence[FilterContext], sink: FilterContext, sounds: Sequence[Sound]) -> Iterator[AudioFrame]:
    """Feeds the sources side by side and yields what comes out."""
    feeds = [(source, frames_of(sound, _CHUNK)) for source, sound in zip(sources, sounds, strict=True)]
    while feeds:
        for feed in list(feeds):
            frame = next(feed[1], None)
            feed[0].push(frame)
            if frame is None:
                feeds.remove(feed)
        yield from _drain(sink)


def _drain(sink: FilterContext) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        if isinstance(frame, AudioFrame):
            yield frame


def _array(frame: AudioFrame) -> Sound:
    return frame.to_ndarray().astype(np.float32, copy=False)


def _joined(frames: Iterator[AudioFrame]) -> Sound:
    parts = [_array(frame) for frame in frames]
    return np.concatenate(parts, axis=1) if parts else silence(0)


def _exactly(sound: Sound, samples: int) -> Sound:
    """Filters may owe or add a few samples at the very end."""
    missing = samples - sound.shape[1]
    return np.pad(sound, ((0, 0), (0, missing))) if missing > 0 else sound[:, :samples]
