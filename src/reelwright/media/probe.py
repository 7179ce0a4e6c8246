"""What a file really is: decoded from its first to its last byte, because a header proves nothing.

A faststart file that was cut at 60 % opens and probes without a complaint. So the packets are counted against the
header, every frame is decoded with the decoder set to refuse what it would otherwise conceal, and a frame that it marks
as corrupt condemns the file. The file is hostile input: run this in a worker.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import av.error
import av.logging
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageSequence

from reelwright.domain.timing import Size
from reelwright.errors import InvalidMedia
from reelwright.media.facts import PIXELS_ALLOWED, MediaKind, Probe, too_large
from reelwright.media.sniff import HEAD_BYTES, kind_of, sniff
from reelwright.media.workers import report

_FRAMES_OF_A_PICTURE = 500
"""How many frames of an animated picture are decoded."""
_STANDARD_RATES = tuple(
    Fraction(rate) for rate in ("24000/1001", "24", "25", "30000/1001", "30", "48", "50", "60000/1001", "60", "12", "15")
)
_PILLOW_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/avif": "AVIF",
}
_EXIF_ORIENTATION = 0x0112
_ON_ITS_SIDE = range(5, 9)
"""EXIF orientations that swap width and height."""
_SHORTFALL = {"audio/mpeg": Fraction(1, 10), "audio/ogg": Fraction(1)}
"""Part of the announced length that may be missing where the header only estimates it."""
_RIFF_UNKNOWN = 0x7FFF_FFFF
_SHORTFALL_SECONDS = Fraction(1, 4)
"""Announced lengths are not exact, and to refuse a whole file that was paid for is worse than to miss a lost blink."""


def probe(path: str) -> Probe:
    """Decodes the whole file and says what it is.

    Raises:
        InvalidMedia: it is empty, not media, damaged, cut short or too large, in one sentence that says which.
    """
    with Path(path).open("rb") as file:
        head = file.read(HEAD_BYTES)
    media_type = sniff(head)
    if media_type is None:
        raise InvalidMedia(_what_else(head))
    if media_type == "audio/wav":
        _check_riff(head, Path(path).stat().st_size)
    return _picture(path, media_type) if kind_of(media_type) == "image" else _recording(path, media_type)


def verify(path: str, kind: MediaKind, *, size: Size | None = None, frames: int | None = None) -> Probe:
    """Probes the file and checks that it is what was asked for.

    Raises:
        InvalidMedia: as for `probe`; or another kind, another size or another number of frames.
    """
    found = probe(path)
    if found.kind != kind:
        raise InvalidMedia(f"This is {_article(found.kind)} ({found.media_type}); {_article(kind)} was asked for.")
    if size is not None and found.size != size:
        raise InvalidMedia(f"The {_NAMES[kind]} is {found.size} pixels; {size} were asked for.")
    if frames is not None and found.frames != frames:
        raise InvalidMedia(f"The clip has {found.frames} frames; {frames} were asked for.")
    return found


_NAMES = {"image": "picture", "video": "clip", "audio": "sound"}


def _article(kind: MediaKind) -> str:
    return f"a {_NAMES[kind]}"


def _what_else(head: bytes) -> str:
    """One sentence about bytes that are no media, so that the person knows where to look."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "The file is empty (0 bytes)."
    if text.startswith((b"<!doctype html", b"<html")):
        return "This is a web page (HTML), not a picture, clip or sound."
    if text.startswith((b"<svg", b"<?xml", b"<!doctype svg")):
        return "This is an SVG or XML document; a picture must be PNG, JPEG, WebP, GIF or AVIF."
    if text.startswith((b"{", b"[")):
        return "This is a JSON text, not a picture, clip or sound."
    return "This is not a picture (PNG, JPEG, WebP, GIF, AVIF), clip (MP4, MOV, WebM, MKV) or sound (WAV, MP3, M4A, FLAC, Ogg)."


def _check_riff(head: bytes, size: int) -> None:
    """FFmpeg takes whatever is there of a WAV, so its own header is asked. Streams that did not know say 0 or all ones."""
    announced = int.from_bytes(head[4:8], "little") + 8
    if head.startswith(b"RIFF") and size < announced < _RIFF_UNKNOWN:
        raise InvalidMedia(f"The file was cut short: {size} of {announced} bytes are there.")


def _picture(path: str, media_type: str) -> Probe:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=[_PILLOW_FORMATS[media_type]]) as image:
                if image.width * image.height > PIXELS_ALLOWED:
                    raise InvalidMedia(too_large(image.width, image.height))
                orientation = image.getexif().get(_EXIF_ORIENTATION)
                for number, frame in enumerate(ImageSequence.Iterator(image)):
                    frame.load()
                    report(0)
                    if number == _FRAMES_OF_A_PICTURE:
                        break
                size = Size(*image.size)
                mode = image.mode
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidMedia(f"The picture is too large: at most {PIXELS_ALLOWED // 1_000_000} megapixels.") from error
    except InvalidMedia:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        raise InvalidMedia("The picture is damaged or was cut short: it does not decode to its end.") from error
    if orientation in _ON_ITS_SIDE:
        size = Size(size.height, size.width)
    return Probe("image", media_type, size, 1, codec=media_type.partition("/")[2], pixel_format=mode)


def _recording(path: str, media_type: str) -> Probe:
    av.logging.set_level(None)
    try:
        with av.open(path, metadata_errors="replace") as container:
            reading = _Reading(container, media_type)
            reading.decode()
            return reading.probe()
    except InvalidMedia:
        raise
    except (av.error.FFmpegError, UnicodeDecodeError, AttributeError, EOFError, ValueError) as error:
        # PyAV has no context, only None, for a stream whose codec it does not know: hence the AttributeError.
        raise InvalidMedia("The file is damaged or was cut short: it does not decode to its end.") from error


@dataclass(eq=False)
class _Reading:
    """One pass over a clip or a sound."""

    container: InputContainer
    media_type: str
    video: VideoStream | None = field(init=False, default=None)
    audio: AudioStream | None = field(init=False, default=None)
    packets: dict[int, int] = field(init=False, default_factory=dict[int, int])
    times: list[int] = field(init=False, default_factory=list[int])
    """Time stamps of the shown frames, in the clip's own time base."""
    last_duration: int = field(init=False, default=0)
    samples: int = field(init=False, default=0)
    rotation: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        # A cover picture in a sound file is a video stream that is none.
        films = [s for s in self.container.streams.video if not s.disposition & s.disposition.attached_pic]
        self.video = films[0] if films else None
        self.audio = self.container.streams.audio[0] if self.container.streams.audio else None
        if self.video is None and self.audio is None:
            raise InvalidMedia("The file holds neither picture nor sound.")
        if self.video is not None:
            if self.video.width * self.video.height > PIXELS_ALLOWED:
                raise InvalidMedia(too_large(self.video.width, self.video.height))
            self.video.thread_type = "AUTO"
            self.video.codec_context.options = {"err_detect": "explode"}

    def decode(self) -> None:
        """Decodes every packet of both streams."""
        streams = [stream for stream in (self.video, self.audio) if stream is not None]
        self.packets = {stream.index: 0 for stream in streams}
        expected = sum(stream.frames for stream in streams) or 1
        for packet in self.container.demux(streams):
            if packet.is_corrupt:
                raise InvalidMedia("The file is damaged or was cut short: not all of its packets are there.")
            if packet.size:
                self.packets[packet.stream.index] += 1
                report(sum(self.packets.values()) / expected)
            for frame in packet.decode():
                if isinstance(frame, VideoFrame):
                    self._see(frame)
                elif isinstance(frame, av.AudioFrame):
                    self.samples += frame.samples

    def _see(self, frame: VideoFrame) -> None:
        if frame.is_corrupt:
            raise InvalidMedia(f"The clip is damaged: frame {len(self.times) + 1} does not decode.")
        if not self.times:
            self.rotation = frame.rotation
        self.times.append(frame.pts if frame.pts is not None else len(self.times))
        self.last_duration = frame.duration or 0

    def probe(self) -> Probe:
        """What was seen.

        Raises:
            InvalidMedia: it is less than the header announces.
        """
        for stream, name in ((self.video, "frames"), (self.audio, "packets of sound")):
            if stream is not None and stream.frames > self.packets[stream.index]:
                found = self.packets[stream.index]
                raise InvalidMedia(f"The file was cut short: it holds {found} of {stream.frames} {name}.")
        return self._clip(self.video) if self.video is not None else self._sound()

    def _clip(self, video: VideoStream) -> Probe:
        if kind_of(self.media_type) != "video":
            raise InvalidMedia("A clip must be MP4, MOV, WebM or MKV.")
        if not self.times:
            raise InvalidMedia("The clip has no frame that can be shown.")
        rate, is_constant = _frame_rate(sorted(self.times), video)
        base = video.time_base or Fraction(1, 1000)
        shown = (max(self.times) - min(self.times) + (self.last_duration or round(1 / (rate * base)))) * base
        seconds = len(self.times) / rate if is_constant else shown
        self._check_length(max(shown, self._heard()))
        context = video.codec_context
        return Probe(
            "video",
            self.media_type,
            _shown_size(video, self.rotation),
            len(self.times),
            rate,
            seconds,
            is_constant,
            bool(self.samples),
            context.codec.canonical_name,
            context.pix_fmt or "",
        )

    def _sound(self) -> Probe:
        if self.audio is None or not self.samples:
            raise InvalidMedia("The sound is empty.")
        seconds = self._heard()
        self._check_length(seconds)
        context = self.audio.codec_context
        media_type = {"video/mp4": "audio/mp4", "video/quicktime": "audio/mp4"}.get(self.media_type, self.media_type)
        if kind_of(media_type) != "audio":
            raise InvalidMedia("The file has sound but no picture; a sound must be WAV, MP3, M4A, FLAC or Ogg.")
        rate = Fraction(context.sample_rate)
        return Probe("audio", media_type, rate=rate, seconds=seconds, has_sound=True, codec=context.codec.canonical_name)

    def _heard(self) -> Fraction:
        return Fraction(self.samples, self.audio.codec_context.sample_rate) if self.audio else Fraction(0)

    def _check_length(self, seconds: Fraction) -> None:
        """Against the header, where it announces a length: containers without an index count no packets."""
        announced = Fraction(self.container.duration or 0, 1_000_000)
        missing = announced - seconds
        if missing > max(announced * _SHORTFALL.get(self.media_type, Fraction(1, 50)), _SHORTFALL_SECONDS):
            raise InvalidMedia(f"The file was cut short: {float(seconds):.2f} of {float(announced):.2f} seconds are there.")


def _shown_size(video: VideoStream, rotation: int) -> Size:
    pixel_shape = video.sample_aspect_ratio or Fraction(1)
    size = Size(round(video.width * pixel_shape), video.height)
    return Size(size.height, size.width) if rotation % 180 else size


def _frame_rate(times: list[int], video: VideoStream) -> tuple[Fraction, bool]:
    """The rate by the time stamps, and whether it is constant: headers of phone clips say `90000/2999`."""
    gaps = [after - before for before, after in pairwise(times)]
    base = video.time_base
    if not gaps or base is None or times[-1] == times[0]:
        return video.average_rate or Fraction(24), True
    middle = sorted(gaps)[len(gaps) // 2]
    slack = max(1, middle // 50)
    is_constant = all(abs(gap - middle) <= slack for gap in gaps)
    measured = 1 / (Fraction(times[-1] - times[0], len(gaps)) * base)
    # Rounded time stamps (milliseconds in WebM) move the mean by less than one tick over the whole clip, so several
    # standard rates may fit a short one: then the header decides, if it names one of them.
    fitting = [rate for rate in _STANDARD_RATES if abs(rate - measured) / rate * (times[-1] - times[0]) <= 1]
    announced = video.average_rate
    if announced is not None and announced in fitting:
        return announced, is_constant
    return min(fitting, key=lambda rate: abs(rate - measured), default=measured.limit_denominator(1001)), is_constant
