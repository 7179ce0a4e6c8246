"""What the simulated vendor is asked for, and the media that it makes of it."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

from PIL import Image, ImageDraw
from pydantic import BaseModel

from reelwright.domain.timing import Size, frame_count
from reelwright.media.encode import ClipWriter


class Order(BaseModel):
    """The body of a submit."""

    reference: str
    kind: str
    digest: str
    width: int
    height: int
    rate: str
    seconds: str
    has_picture: bool = False
    prompt: str = ""
    model: str = ""
    call: str = ""
    """Where to call when the job moves."""


def make_media(order: Order, folder: Path) -> Path:
    """The file that an order makes: the same bytes for the same request, other ones for another."""
    seed = hashlib.sha256(order.digest.encode()).digest()
    size = Size(order.width, order.height)
    target = folder / f"{order.digest[:32]}.{'mp4' if order.kind == 'clip' else 'png'}"
    if target.exists():
        return target
    if order.kind != "clip":
        part = target.with_suffix(".part")
        _picture(size, seed, 0).save(part, format="PNG")
        part.replace(target)
        return target
    rate = Fraction(order.rate)
    with ClipWriter(target, size, rate) as writer:
        for number in range(frame_count(Fraction(order.seconds), rate)):
            luma, blue, red = _picture(size, seed, number).convert("YCbCr").split()
            half = (size.width // 2, size.height // 2)
            writer.write((luma, blue.resize(half), red.resize(half)))
    return target


def _picture(size: Size, seed: bytes, number: int) -> Image.Image:
    picture = Image.new("RGB", size, (seed[0], seed[1], seed[2]))
    draw = ImageDraw.Draw(picture)
    x = (number * 8 + seed[3]) % size.width
    draw.rectangle((x, size.height // 3, x + size.width // 6, size.height * 2 // 3), fill=(seed[4], seed[5], seed[6]))
    return picture
