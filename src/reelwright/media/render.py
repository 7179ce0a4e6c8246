"""Renders a film from its cut list: what already is what the film needs is copied bit for bit, the rest is encoded.

One call in one worker. Sound first, since it is quick and may fail; then the clips one by one; then all is spliced into
`<output>.part`, synced and renamed, so a film that is there is whole.
"""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import av.error
import av.logging
from av.packet import Packet

from reelwright.domain.brief import CaptionMode
from reelwright.domain.film import CutList, speech_room, start_frames
from reelwright.domain.timing import samples_at
from reelwright.errors import RenderError
from reelwright.media import music
from reelwright.media.caption_drawing import Overlay, caption_overlay
from reelwright.media.conform import encode, encoder_extradata
from reelwright.media.facts import Rendered
from reelwright.media.sound import (
    CEILING_DBTP,
    SILENCE_LUFS,
    TARGET_LUFS,
    Loudness,
    Sound,
    Voice,
    decoded_packets,
    level,
    measure,
    mix,
    silence,
    voice_track,
)
from reelwright.media.splice import Segment, aac, configuration, splice
from reelwright.media.workers import report

_MIXED, _ENCODED = 0.08, 0.95
"""How much of the work is done when the sound is mixed, and when the last clip is encoded."""


def render(cut: CutList, clips: Sequence[str], voices: Sequence[str], output: str) -> Rendered:
    """Renders the film into `output`: H.264 High, yuv420p, AAC stereo at 48 kHz, index first.

    The same cut list and files give the same frames. Reports its progress.

    Args:
        cut: the cut list.
        clips: the file of each of its clips, in its order.
        voices: the file of each of its speeches, in its order.
        output: the film's path, in a folder that exists; replaced when the film is complete.

    Raises:
        RenderError: the cut list is empty or does not match the files, or one of them does not decode.
    """
    _check(cut, clips, voices)
    av.logging.set_level(None)
    sound, loudness = _sound(cut, voices)
    report(_MIXED)
    encoded = join(cut, clips, sound, output, music.LABEL if cut.has_music else "")
    return Rendered(
        frames=cut.frames,
        copied=cut.frames - encoded,
        encoded=encoded,
        seconds=float(cut.seconds),
        lufs=loudness.lufs,
        true_peak=loudness.true_peak,
    )


def join(cut: CutList, clips: Sequence[str], sound: list[Packet[Any]], output: str, comment: str = "") -> int:
    """Writes the clips, captions and that sound into `output`, and returns how many frames had to be encoded for it.

    Raises:
        RenderError: a clip does not decode, or the disk is full.
    """
    part = Path(f"{output}.part")
    with ExitStack() as files:
        segments, encoded = _segments(cut, clips, files, part.parent)
        cues = cut.cues if cut.captions is CaptionMode.SOFT else ()
        try:
            splice(str(part), cut, segments, sound, cues, comment, partial(_report, _ENCODED if encoded else _MIXED, 1.0))
        except (av.error.FFmpegError, OSError) as error:
            raise RenderError("The film could not be written; is there room left on the disk?") from error
    keep(part, Path(output))
    return encoded


def _report(start: float, end: float, fraction: float) -> None:
    report(start + (end - start) * fraction)


def _check(cut: CutList, clips: Sequence[str], voices: Sequence[str]) -> None:
    if not cut.clips or any(clip.frames < 1 for clip in cut.clips):
        raise RenderError("The cut list has no clip, or one that is not seen for a single frame.")
    if len(clips) != len(cut.clips) or len(voices) != len(cut.speech):
        msg = (
            f"The cut list has {len(cut.clips)} clips and {len(cut.speech)} voices; "
            f"{len(clips)} and {len(voices)} files were given."
        )
        raise RenderError(msg)


# -- sound ------------------------------------------------------------------------------------------------------------


def _sound(cut: CutList, voices: Sequence[str]) -> tuple[list[Packet[Any]], Loudness]:
    """The film's whole sound, coded, and how loud it is when it is decoded again."""
    mixed = _mixed(cut, voices)
    ceiling = CEILING_DBTP
    levelled = level(mixed, TARGET_LUFS, ceiling)
    packets = aac(levelled)
    heard = measure(decoded_packets(packets))
    if heard.lufs > SILENCE_LUFS and heard.true_peak > CEILING_DBTP:
        # AAC drew a peak higher than it mostly does: give it just that much more room.
        ceiling -= heard.true_peak - CEILING_DBTP + 0.1
        packets = aac(level(mixed, TARGET_LUFS, ceiling))
        heard = measure(decoded_packets(packets))
    return packets, heard


def _mixed(cut: CutList, voices: Sequence[str]) -> Sound:
    places = [
        Voice(path, samples_at(speech.start_frame, cut.rate), room)
        for path, speech, room in zip(voices, cut.speech, speech_room(cut), strict=True)
    ]
    spoken = voice_track(places, cut.samples)
    played = music.bed(cut.samples, cut.mood, cut.title) if cut.has_music else silence(cut.samples)
    return mix(spoken, played)


# -- picture ----------------------------------------------------------------------------------------------------------


def _segments(cut: CutList, clips: Sequence[str], files: ExitStack, folder: Path) -> tuple[list[Segment], int]:
    """Every clip as a segment of the one configuration, and how many frames had to be encoded for that.

    Encoded ones lie in files without a name, which vanish with the process.
    """
    captions = _Captions(cut)
    copied = _copied(cut, clips, captions)
    work = sum(clip.frames for clip, is_copied in zip(cut.clips, copied, strict=True) if not is_copied)
    done = 0

    def on_frame() -> None:
        nonlocal done
        done += 1
        _report(_MIXED, _ENCODED, done / work)

    segments: list[Segment] = []
    for path, clip, is_copied, start in zip(clips, cut.clips, copied, start_frames(cut), strict=True):
        if is_copied:
            segments.append(Segment(path, clip.frames))
        else:
            file = cast("BinaryIO", files.enter_context(tempfile.TemporaryFile(dir=folder)))  # noqa: SIM115 -- the stack closes it
            encode(path, clip, cut, file, partial(captions.at, start), on_frame)
            segments.append(Segment(file, clip.frames))
    return segments, work


def _copied(cut: CutList, clips: Sequence[str], captions: _Captions) -> list[bool]:
    """Which clips are copied: all that share one decoder configuration, if that leaves none; else those that share ours."""
    found = [
        None if captions.touch(start, clip.frames) else configuration(path, clip, cut)
        for path, clip, start in zip(clips, cut.clips, start_frames(cut), strict=True)
    ]
    common = Counter(found).most_common(1)[0][0]
    if common is None or any(each != common for each in found):
        common = encoder_extradata(cut.size, cut.rate)
    return [each == common for each in found]


class _Captions:
    """The overlays of burned captions, drawn when their time comes and forgotten after it."""

    def __init__(self, cut: CutList) -> None:
        is_burned = cut.captions is CaptionMode.BURNED
        self._cut = cut
        self._cues = sorted(cut.cues, key=lambda cue: cue.start) if is_burned else []
        self._spans = [(int(cue.start * cut.rate), int(cue.end * cut.rate)) for cue in self._cues]
        self._drawn: tuple[int, Overlay | None] = (-1, None)

    def touch(self, start: int, frames: int) -> bool:
        """Whether a caption is seen in any of `frames` frames of the film from `start`."""
        return any(first < start + frames and last > start for first, last in self._spans)

    def at(self, start: int, number: int) -> Overlay | None:
        """What lies over the n-th frame from `start` on."""
        frame = start + number
        place = bisect_right(self._spans, frame, key=lambda span: span[0]) - 1
        if place < 0 or frame >= self._spans[place][1]:
            return None
        if self._drawn[0] != place:
            self._drawn = place, caption_overlay(self._cues[place], self._cut.size, self._cut.language)
        return self._drawn[1]


def keep(part: Path, output: Path) -> None:
    """Gives a finished file its name. The bytes first, then the name: a crash in between leaves no film that is none."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(output)
    folder = os.open(output.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
