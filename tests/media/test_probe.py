"""Files are what they decode to; damage of every kind is named in one sentence."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reelwright.domain.timing import Size
from reelwright.errors import InvalidMedia
from reelwright.media.probe import Probe, probe, verify

Clip = Callable[..., str]
VP9 = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}


def test_a_clip_is_described_to_the_frame(make_clip: Clip, tone: Callable[..., Any]) -> None:
    path = make_clip("a.mp4", frames=36, sound=tone(1.5))
    assert probe(path) == Probe(
        "video", "video/mp4", Size(320, 192), 36, Fraction(24), Fraction(3, 2), True, True, "h264", "yuv420p"
    )


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60)])
def test_the_rate_is_exact(rate: Fraction, make_clip: Clip) -> None:
    found = probe(make_clip("a.mp4", rate=rate))
    assert (found.rate, found.seconds, found.is_constant_rate) == (rate, 24 / rate, True)


def test_milliseconds_in_webm_are_still_a_constant_rate(make_clip: Clip) -> None:
    found = probe(make_clip("a.webm", **VP9))
    assert (found.rate, found.frames, found.is_constant_rate, found.codec) == (Fraction(24), 24, True, "vp9")


def limping(number: int) -> int:
    """The milliseconds of a frame of a clip whose frames come as they like."""
    return number * 40 + number % 3 * 7


def test_a_variable_rate_is_seen_by_the_time_stamps(make_clip: Clip) -> None:
    found = probe(make_clip("a.mp4", times=limping))
    assert not found.is_constant_rate
    assert found.frames == 24


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac", "a.ogg", "a.m4a"])
def test_sounds_are_measured(name: str, make_sound: Callable[..., str], tone: Callable[..., Any]) -> None:
    found = probe(make_sound(name, tone(1.0)))
    assert (found.kind, found.has_sound, found.size) == ("audio", True, None)
    assert found.seconds is not None
    assert abs(found.seconds - 1) < Fraction(1, 20)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.avif"])
def test_pictures_are_measured(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    Image.new("RGB", (64, 48), "teal").save(path)
    found = probe(str(path))
    assert (found.kind, found.size, found.frames) == ("image", Size(64, 48), 1)


def test_a_picture_on_its_side_is_measured_as_it_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    image = Image.new("RGB", (64, 48), "teal")
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    assert probe(str(path)).size == Size(48, 64)


@pytest.mark.parametrize(
    ("name", "part"),
    # Matroska has no table of its packets, so there a loss is seen from a quarter of a second on.
    [(name, part) for name in ("a.mp4", "a.mov") for part in (0.3, 0.6, 0.9, 0.999)]
    + [(name, part) for name in ("a.mkv", "a.webm") for part in (0.3, 0.6, 0.75)],
)
def test_a_clip_that_was_cut_short_is_refused(name: str, part: float, make_clip: Clip) -> None:
    path = Path(make_clip(name, frames=48, **(VP9 if name.endswith("webm") else {})))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(InvalidMedia, match="cut short"):
        probe(str(path))


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac", "a.m4a"])
def test_a_sound_that_was_cut_short_is_refused(name: str, make_sound: Callable[..., str], tone: Callable[..., Any]) -> None:
    path = Path(make_sound(name, tone(3.0)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InvalidMedia, match="cut short"):
        probe(str(path))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.avif"])
def test_a_picture_that_was_cut_short_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InvalidMedia, match="damaged or was cut short"):
        probe(str(path))


def test_a_hole_in_a_clip_is_found(make_clip: Clip) -> None:
    path = Path(make_clip("a.mp4", frames=48))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    with pytest.raises(InvalidMedia, match="damaged"):
        probe(str(path))


def test_flipped_bits_never_crash_and_are_mostly_found(make_clip: Clip) -> None:
    path = Path(make_clip("a.mp4", frames=24))
    whole = path.read_bytes()
    dice = random.Random(7)
    found = 0
    for _ in range(20):
        data = bytearray(whole)
        data[dice.randrange(2000, len(data))] ^= 1 << dice.randrange(8)
        path.write_bytes(data)
        try:
            probe(str(path))
        except InvalidMedia:
            found += 1
    assert found >= 10


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"<!doctype html><html><body>403 Forbidden</body></html>", "web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b'{"error": {"code": 401}}', "JSON"),
        (bytes(range(256)) * 20, "not a picture"),
        (b"\x00\x00\x00\x20ftypisom" + bytes(400), "damaged|neither"),
    ],
)
def test_what_is_no_media_is_named(data: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    with pytest.raises(InvalidMedia, match=sentence):
        probe(str(path))


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    assert path.stat().st_size < 200_000
    with pytest.raises(InvalidMedia, match="megapixels"):
        probe(str(path))


def test_verify_says_what_was_asked_for_and_what_came(make_clip: Clip) -> None:
    path = make_clip("a.mp4")
    assert verify(path, "video", size=Size(320, 192), frames=24).frames == 24
    with pytest.raises(InvalidMedia, match=r"a clip .* a picture was asked for"):
        verify(path, "image")
    with pytest.raises(InvalidMedia, match="320x192 pixels; 1280x720"):
        verify(path, "video", size=Size(1280, 720))
    with pytest.raises(InvalidMedia, match="24 frames; 120"):
        verify(path, "video", frames=120)
