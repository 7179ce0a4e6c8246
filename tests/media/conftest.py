"""Small generated media, and a path on which workers find the tests' own functions."""

# PyAV's stubs leave the packets of `mux` and `encode`, and the keywords of some constructors, without types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from reelwright.domain.timing import Size

Sound = npt.NDArray[np.float32]
_CODECS = {".wav": "pcm_s16le", ".mp3": "libmp3lame", ".flac": "flac", ".ogg": "libopus", ".m4a": "aac"}


@pytest.fixture(autouse=True)
def importable_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers import what they run by its module's name, with our `sys.path`."""
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[2]), *sys.path])


def _picture(frame: int, size: Size, tint: int) -> npt.NDArray[np.uint8]:
    """A moving gradient, (height, width, 3) sRGB; `tint` (0 to 2) makes clips tell apart."""
    y, x = np.mgrid[: size.height, : size.width]
    image = np.stack([(x + 5 * frame) % 256, (y + 3 * frame) % 256, (x + y) % 256], axis=-1)
    image[..., tint % 3] //= 4
    return image.astype(np.uint8)


class ClipMaker:
    """Encodes small clips into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self,
        name: str,
        *,
        frames: int = 24,
        size: Size = Size(320, 192),
        rate: Fraction = Fraction(24),
        tint: int = 0,
        codec: str = "libx264",
        options: dict[str, str] | None = None,
        sound: Sound | None = None,
        times: Callable[[int], int] | None = None,
    ) -> str:
        """Makes one and returns its path; `times` gives the n-th frame's time in milliseconds."""
        path = str(self._folder / name)
        with av.open(path, "w", options={"movflags": "+faststart"} if path.endswith(("mp4", "mov")) else {}) as file:
            video = file.add_stream(codec, rate=rate, options=options or {"preset": "veryfast"})
            assert isinstance(video, VideoStream)
            video.width, video.height, video.pix_fmt = size.width, size.height, "yuv420p"
            base = Fraction(1, 1000) if times else 1 / rate
            video.codec_context.time_base = base
            voice: AudioStream | None = None
            if sound is not None:
                voice = file.add_stream("libopus" if path.endswith("webm") else "aac", rate=48000, layout="stereo")
            for number in range(frames):
                frame = av.VideoFrame.from_ndarray(_picture(number, size, tint), format="rgb24")
                frame.pts, frame.time_base = (times(number) if times else number), base
                file.mux(video.encode(frame))
            file.mux(video.encode())
            if voice is not None and sound is not None:
                heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout="stereo")
                heard.sample_rate, heard.pts = 48000, 0
                file.mux(voice.encode(heard))
                file.mux(voice.encode())
        return path


@pytest.fixture
def make_clip(tmp_path: Path) -> ClipMaker:
    """Makes clips in the test's own folder."""
    return ClipMaker(tmp_path)


@pytest.fixture
def make_sound(tmp_path: Path) -> Callable[..., str]:
    """Writes (channels, samples) float32 into a file whose ending says the format, and returns its path."""

    def make(name: str, sound: Sound, rate: int = 48000) -> str:
        path = str(tmp_path / name)
        layout = "mono" if sound.shape[0] == 1 else "stereo"
        with av.open(path, "w") as file:
            stream = file.add_stream(_CODECS[Path(name).suffix], rate=rate, layout=layout)
            assert isinstance(stream, AudioStream)
            resampler = av.AudioResampler(stream.codec_context.format, layout, rate)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, 0
            for part in (*resampler.resample(frame), *resampler.resample(None)):
                file.mux(stream.encode(part))
            file.mux(stream.encode())
        return path

    return make


@pytest.fixture
def tone() -> Callable[..., Sound]:
    """A sine as (2, samples) float32."""

    def make(seconds: float, hertz: float = 440, level: float = 0.3, rate: int = 48000) -> Sound:
        time = np.arange(round(seconds * rate)) / rate
        return np.stack([level * np.sin(2 * np.pi * hertz * time)] * 2).astype(np.float32)

    return make


@pytest.fixture
def frames_in() -> Callable[[str], list[npt.NDArray[np.uint8]]]:
    """All frames of a film as YUV 4:2:0 planes, one (height * 3 / 2, width) uint8 each."""

    def decode(path: str) -> list[npt.NDArray[np.uint8]]:
        with av.open(path) as file:
            return [np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8) for frame in file.decode(video=0)]

    return decode


@pytest.fixture
def sound_in() -> Callable[[str], Sound]:
    """The whole sound of a file at 48 kHz, (2, samples) float32."""

    def decode(path: str) -> Sound:
        resampler = av.AudioResampler("fltp", "stereo", 48000)
        with av.open(path) as file:
            parts = [part.to_ndarray() for frame in file.decode(audio=0) for part in resampler.resample(frame)]
        parts += [part.to_ndarray() for part in resampler.resample(None)]
        return np.concatenate(parts, axis=1).astype(np.float32)

    return decode
