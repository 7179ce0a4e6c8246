"""A picture as a JPEG that is no larger than somebody takes."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from reelwright.errors import InvalidMedia

_LONGEST = 2560
"""Pixels: more than any model looks at."""
_SHORTEST = 64
"""Pixels below which there is no picture left to look at."""
_QUALITIES = (92, 85, 75)
_SHRINK = 0.75
_PAPER = (255, 255, 255)


def jpeg_under(content: bytes, limit: int) -> bytes:
    """The picture as a JPEG of at most `limit` bytes: upright, what is transparent on white, without what a camera wrote into it.

    Raises:
        InvalidMedia: it does not decode, or cannot be made so small.
    """
    picture = _flat(content)
    picture.thumbnail((_LONGEST, _LONGEST), Image.Resampling.LANCZOS)
    while True:
        for quality in _QUALITIES:
            made = _encoded(picture, quality)
            if len(made) <= limit:
                return made
        if min(picture.size) < _SHORTEST:
            msg = f"The picture cannot be made smaller than {limit} bytes."
            raise InvalidMedia(msg)
        size = (round(picture.width * _SHRINK), round(picture.height * _SHRINK))
        picture = picture.resize(size, Image.Resampling.LANCZOS)


def _flat(content: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content)) as opened:
            upright = ImageOps.exif_transpose(opened)
            if "A" not in upright.getbands() and "transparency" not in upright.info:
                return upright.convert("RGB")
            layer = upright.convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidMedia("The picture does not decode.") from error
    paper = Image.new("RGB", layer.size, _PAPER)
    paper.paste(layer, mask=layer.getchannel("A"))
    return paper


def _encoded(picture: Image.Image, quality: int) -> bytes:
    made = io.BytesIO()
    picture.save(made, "JPEG", quality=quality, optimize=True)
    return made.getvalue()
