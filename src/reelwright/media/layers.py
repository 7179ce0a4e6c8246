"""A card is a PNG that carries its own layers, so that whoever films it later needs nothing but the file.

Viewers see the flat picture. The private chunk `rwLY` (ancillary, not safe to copy: an editor that changes the picture drops it)
holds each layer with its share of the camera's move. Pictures without it are one layer.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from reelwright.errors import InvalidMedia
from reelwright.media.camera import Share
from reelwright.media.facts import PIXELS_ALLOWED, too_large

_CHUNK = b"rwLY"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_QUALITY = 94
LARGER = 1.25
"""Stills are this much larger than the clip that is filmed of them, so that the deepest zoom still shows every pixel."""


@dataclass(frozen=True)
class Layer:
    """A picture (RGB for the backmost, RGBA above it) and how it takes part in a move."""

    image: Image.Image
    share: Share


def flatten(layers: list[Layer]) -> Image.Image:
    """The layers over each other, as RGB."""
    flat = layers[0].image.convert("RGB")
    for layer in layers[1:]:
        flat.paste(layer.image, (0, 0), layer.image.getchannel("A"))
    return flat


def save_card(layers: list[Layer]) -> bytes:
    """The flat picture as a PNG with its layers inside. The same layers give the same bytes."""
    flat = io.BytesIO()
    flatten(layers).save(flat, "PNG", compress_level=3)
    data = flat.getvalue()
    packed = b"".join(_packed(layer) for layer in layers)
    chunk = struct.pack(">I", len(packed)) + _CHUNK + packed + struct.pack(">I", zlib.crc32(_CHUNK + packed))
    end = data.rindex(b"IEND") - 4
    return data[:end] + chunk + data[end:]


def _packed(layer: Layer) -> bytes:
    buffer = io.BytesIO()
    if layer.image.mode == "RGB":
        layer.image.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    else:
        layer.image.save(buffer, "PNG", compress_level=3)
    body = buffer.getvalue()
    return struct.pack(">8sI", layer.share.encode().ljust(8), len(body)) + body


def open_still(data: bytes) -> list[Layer]:
    """The layers of one of our cards, or any other picture as a single layer, upright and without transparency.

    Raises:
        InvalidMedia: it cannot be decoded as a picture, or is unreasonably large.
    """
    try:
        packed = _chunk(data) if data.startswith(_SIGNATURE) else b""
        return _unpacked(packed) if packed else [Layer(open_picture(data), Share.WHOLE)]
    except (struct.error, ValueError) as error:
        msg = "The still's layers are damaged: draw the frame again."
        raise InvalidMedia(msg) from error


def open_picture(data: bytes) -> Image.Image:
    """A picture decoded whole, as RGB, upright.

    Raises:
        InvalidMedia: it is not one, is damaged, or is unreasonably large.
    """
    return _flat(_decoded(data))


def open_logo(data: bytes) -> Image.Image:
    """A logo decoded whole, as RGBA, cut to what can be seen.

    Raises:
        InvalidMedia: it is not a picture.
    """
    image = _decoded(data).convert("RGBA")
    return image.crop(image.getchannel("A").getbbox() or (0, 0, *image.size))


def _decoded(data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > PIXELS_ALLOWED:
            raise InvalidMedia(too_large(image.width, image.height))
        image.load()
        return ImageOps.exif_transpose(image)
    except InvalidMedia:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        msg = "The file is not a picture that can be read, or it is damaged."
        raise InvalidMedia(msg) from error


def _flat(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        over = image.convert("RGBA")
        base = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(base, over).convert("RGB")
    return image.convert("RGB")


def _chunk(data: bytes) -> bytes:
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == _CHUNK:
            body = data[at + 8 : at + 8 + length]
            is_whole = struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(_CHUNK + body)
            return body if is_whole else b""
        at += 12 + length
    return b""


def _unpacked(packed: bytes) -> list[Layer]:
    layers: list[Layer] = []
    at = 0
    while at < len(packed):
        name, length = struct.unpack_from(">8sI", packed, at)
        at += 12
        image = _decoded(packed[at : at + length])
        layers.append(Layer(image.convert("RGBA") if layers else image.convert("RGB"), Share(name.decode().strip())))
        at += length
    return layers
