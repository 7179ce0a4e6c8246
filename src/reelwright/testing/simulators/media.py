"""What simulated vendors make: real media that decode, small, and other bytes for every job."""

# PyAV's stubs leave what `encode` returns without types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import hashlib
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, PngImagePlugin

from reelwright.domain.generation import Kind
from reelwright.domain.timing import SAMPLE_RATE, Size, frame_count
from reelwright.media.encode import ClipWriter

_MOLDS = threading.Lock()
_EDGE = 32
"""Pixels that no output is smaller than."""
TYPES = {Kind.FRAME: ("png", "image/png"), Kind.CLIP: ("mp4", "video/mp4"), Kind.VOICE: ("mp3", "audio/mpeg")}
"""Suffix and media type of what is made."""


def make(kind: Kind, size: Size, seconds: float, seed: str, folder: Path) -> Path:
    """A file of that kind: the same bytes for the same seed, other ones for another. Made once, kept in `folder`.

    Pictures are encoded once for each size and length; what makes each job's bytes its own is a box of its own in the file.
    """
    suffix, _ = TYPES[kind]
    digest = hashlib.sha256(f"{kind} {size} {seconds} {seed}".encode()).digest()
    target = folder / f"{digest.hex()[:32]}.{suffix}"
    if target.exists():
        return target
    part = target.with_suffix(f".{threading.get_ident()}.part")
    match kind:
        case Kind.FRAME:
            note = PngImagePlugin.PngInfo()
            note.add_text("Comment", digest.hex())
            _picture(size, digest, 0).save(part, format="PNG", pnginfo=note)
        case Kind.CLIP:
            box = b"free" + digest
            part.write_bytes(_mold_of_clip(size, seconds, folder).read_bytes() + (len(box) + 4).to_bytes(4, "big") + box)
        case Kind.VOICE:
            _voice(part, seconds, digest)
    part.replace(target)
    return target


def scaled(size: Size, scale: float) -> Size:
    """Smaller, even on both sides, of nearly the same shape."""
    return Size(max(_EDGE, round(size.width * scale / 2) * 2), max(_EDGE, round(size.height * scale / 2) * 2))


def _mold_of_clip(size: Size, seconds: float, folder: Path) -> Path:
    mold = folder / f"mold-{size}-{seconds:g}.mp4"
    with _MOLDS:
        if not mold.exists():
            part = mold.with_suffix(".part")
            with ClipWriter(part, size, Fraction(24)) as writer:
                for number in range(frame_count(Fraction(seconds))):
                    luma, blue, red = _picture(size, bytes(range(40, 72)), number).convert("YCbCr").split()
                    half = (size.width // 2, size.height // 2)
                    writer.write((luma, blue.resize(half), red.resize(half)))
            part.replace(mold)
    return mold


def _picture(size: Size, seed: bytes, number: int) -> Image.Image:
    picture = Image.new("RGB", size, (seed[0], seed[1], seed[2]))
    x = (number * 4 + seed[3]) % size.width
    box = (x, size.height // 3, x + size.width // 6, size.height * 2 // 3)
    ImageDraw.Draw(picture).rectangle(box, fill=(seed[4], seed[5], seed[6]))
    return picture


def _voice(path: Path, seconds: float, seed: bytes) -> None:
    pitch = 120 + seed[0]
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = (np.sin(2 * np.pi * pitch * times) * 0.3 * np.sin(2 * np.pi * 3 * times) ** 2).astype(np.float32)
    with av.open(str(path), "w", format="mp3") as container:
        stream = container.add_stream("mp3", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="fltp", layout="mono")
        frame.rate = SAMPLE_RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
