"""Pictures on their way to a vendor: as they are where they may travel so, else as a JPEG that is small enough."""

from __future__ import annotations

import base64
import io
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from reelwright.domain.ids import AssetId
from reelwright.errors import InputRefused, InvalidMedia, NotFound, NotSubmitted, RenderError, StorageError
from reelwright.media.jpeg import jpeg_under
from reelwright.media.workers import Workers
from reelwright.ports import Workshop
from reelwright.providers.kit import picture_for

ASSET = AssetId("asset_1")


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    made = io.BytesIO()
    picture.save(made, kind, **options)
    return made.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(3).randbytes(width * height * 3))


@dataclass
class One:
    """Attachments of one picture."""

    content: bytes | Exception

    async def read(self, asset: AssetId) -> bytes:
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[Workshop]:
    workers = Workers(1)
    yield Workshop(folder=tmp_path, environment={}, media=workers.run)
    await workers.aclose()


def test_a_jpeg_is_as_good_as_fits() -> None:
    picture = encoded(noise(900, 600), "PNG")
    sizes: list[tuple[int, int]] = []
    for limit in (900_000, 300_000, 40_000):
        made = jpeg_under(picture, limit)
        assert limit / 4 < len(made) <= limit
        sizes.append(Image.open(io.BytesIO(made)).size)
    assert sizes[0] == (900, 600)
    assert sizes == sorted(sizes, reverse=True)
    assert all(abs(width / height - 1.5) < 0.02 for width, height in sizes)


def test_a_jpeg_stands_upright_on_white_and_tells_nothing_else() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "A camera"
    lying = encoded(Image.new("RGB", (200, 100), "navy"), "JPEG", exif=exif)
    with Image.open(io.BytesIO(jpeg_under(lying, 100_000))) as made:
        assert made.size == (100, 200)
        assert not made.getexif()
    for clear in (Image.new("RGBA", (80, 80), (255, 0, 0, 0)), Image.new("LA", (80, 80), (0, 0))):
        with Image.open(io.BytesIO(jpeg_under(encoded(clear, "PNG"), 100_000))) as made:
            assert made.getpixel((40, 40)) == (255, 255, 255)


def test_what_cannot_be_made_small_enough_is_refused() -> None:
    with pytest.raises(InvalidMedia, match="smaller than 200 bytes"):
        jpeg_under(encoded(noise(300, 300), "PNG"), 200)
    with pytest.raises(InvalidMedia, match="does not decode"):
        jpeg_under(b"\x89PNG\r\n\x1a\n and nothing more", 1000)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_that_may_travel_is_not_touched(workshop: Workshop, kind: str) -> None:
    content = encoded(Image.new("RGB", (80, 60), "teal"), kind)
    picture = await picture_for(workshop, One(content), ASSET, limit=len(content))
    assert (picture.content, picture.media_type) == (content, f"image/{kind.lower()}")
    assert picture.data_uri == f"data:image/{kind.lower()};base64,{base64.b64encode(content).decode()}"


async def test_another_format_and_too_many_bytes_become_a_jpeg(workshop: Workshop) -> None:
    large = encoded(noise(400, 300), "PNG")
    for content, limit in ((encoded(Image.new("RGB", (80, 60)), "GIF"), 1 << 20), (large, len(large) - 1)):
        picture = await picture_for(workshop, One(content), ASSET, limit=limit)
        assert picture.media_type == "image/jpeg"
        assert Image.open(io.BytesIO(picture.content)).format == "JPEG"
        assert len(picture.content) <= limit


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (NotFound("There is none."), InputRefused),
        (b"no picture at all", InputRefused),
        (StorageError("The disk is away."), NotSubmitted),
        (RenderError("A worker died."), NotSubmitted),
    ],
)
async def test_what_cannot_be_had_says_whether_to_try_again(
    workshop: Workshop, content: bytes | Exception, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await picture_for(workshop, One(content), ASSET, limit=1000)


@dataclass
class CalledOff(One):
    """Of a request that somebody calls off while its picture is converted."""

    async def confirm(self) -> None:
        msg = "It was called off."
        raise NotSubmitted(msg)


async def test_after_a_conversion_it_is_asked_once_more_whether_to_send(workshop: Workshop) -> None:
    large = CalledOff(encoded(noise(900, 600), "PNG"))
    with pytest.raises(NotSubmitted, match="called off"):
        await picture_for(workshop, large, AssetId("picture"), limit=40_000)
