"""Posters, thumbnails and the storyboard sheet, looked at pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reelwright.domain.timing import Size
from reelwright.errors import InvalidMedia
from reelwright.media.encode import ClipWriter
from reelwright.media.stills import SheetEntry, contact_sheet, poster, thumbnail

SIZE = Size(320, 192)


def film_of(path: Path, pictures: list[Image.Image]) -> str:
    with ClipWriter(path, SIZE, Fraction(24)) as clip:
        for picture in pictures:
            grey = Image.new("L", (160, 96), 128)
            clip.write((picture, grey, grey))
    return str(path)


def test_the_poster_is_the_sharp_and_well_lit_frame(tmp_path: Path) -> None:
    black, white = Image.new("L", SIZE, 16), Image.new("L", SIZE, 235)
    sharp = Image.effect_noise(SIZE, 40)
    film = film_of(tmp_path / "film.mp4", [black] * 40 + [sharp] * 10 + [white] * 46)
    second = poster(film, str(tmp_path / "poster.jpg"))
    assert 40 / 24 <= second < 50 / 24
    with Image.open(tmp_path / "poster.jpg") as image:
        assert (image.format, image.size) == ("JPEG", SIZE)
        assert np.asarray(image.convert("L")).std() > 20


@pytest.mark.parametrize("name", ["small.webp", "small.jpg"])
def test_a_thumbnail_has_its_width_and_shape(name: str, tmp_path: Path, make_clip: Callable[..., str]) -> None:
    thumbnail(make_clip("a.mp4", size=Size(640, 360)), str(tmp_path / name), 160)
    with Image.open(tmp_path / name) as image:
        assert image.size == (160, 90)
    Image.new("RGB", (900, 600), "teal").save(tmp_path / "a.png")
    thumbnail(str(tmp_path / "a.png"), str(tmp_path / name), 300)
    with Image.open(tmp_path / name) as image:
        assert image.size == (300, 200)


def test_a_small_picture_is_not_blown_up_and_keeps_what_is_clear(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (10, 200, 30, 0)).save(tmp_path / "logo.png")
    thumbnail(str(tmp_path / "logo.png"), str(tmp_path / "logo.webp"))
    with Image.open(tmp_path / "logo.webp") as image:
        assert image.size == (40, 40)
        assert image.convert("RGBA").getpixel((5, 5))[3] == 0  # pyright: ignore[reportIndexIssue, reportOptionalSubscript] -- RGBA has four


def test_what_is_no_picture_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(InvalidMedia):
        thumbnail(str(tmp_path / "a.png"), str(tmp_path / "b.webp"))
    with pytest.raises(InvalidMedia):
        poster(str(tmp_path / "a.png"), str(tmp_path / "b.jpg"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("count", [1, 2, 4, 6, 7, 12, 20])
@pytest.mark.parametrize("size", [Size(320, 180), Size(180, 320), Size(200, 200)])
def test_the_sheet_shows_every_frame_once_on_paper(count: int, size: Size, tmp_path: Path) -> None:
    path = tmp_path / "frame.png"
    Image.new("RGB", size, (200, 30, 40)).save(path)
    entries = [
        SheetEntry(str(path), number, f"Shot {number}", "What is seen, in a sentence.", f"0:0{number % 10}")
        for number in range(1, count + 1)
    ]
    contact_sheet(entries, "A campaign", str(tmp_path / "sheet.png"), f"{count} shots")
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    red = (pixels[..., 0] > 180) & (pixels[..., 1] < 60)
    across = np.flatnonzero(np.diff(red.any(axis=0).astype(int), prepend=0, append=0))
    down = np.flatnonzero(np.diff(red.any(axis=1).astype(int), prepend=0, append=0))
    columns, rows = len(across) // 2, len(down) // 2
    assert columns * (rows - 1) < count <= columns * rows
    cell = (across[1] - across[0]) * (down[1] - down[0])
    assert abs(red.sum() / cell - count) < 0.1 * count
    assert (pixels[:90] > 240).all(), "the margin is clear"
    assert (pixels[96:200].min(axis=(1, 2)) < 60).any(), "the title is there"


def test_an_arabic_sheet_reads_from_the_right(tmp_path: Path) -> None:
    for name, colour in (("a", (200, 30, 40)), ("b", (30, 40, 200))):
        Image.new("RGB", (320, 180), colour).save(tmp_path / f"{name}.png")
    entries = [
        SheetEntry(str(tmp_path / f"{name}.png"), number, "مطبخ قبل الفجر", "يفتح الباب ويدخل الصباح.", "0:05")
        for number, name in enumerate("ab", 1)
    ]
    contact_sheet(entries, "كل صباح وعد", str(tmp_path / "sheet.png"), language="ar")
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    first = np.flatnonzero((pixels[..., 0] > 180) & (pixels[..., 1] < 60)).mean()
    red = np.argwhere((pixels[..., 0] > 180) & (pixels[..., 1] < 60))[:, 1].mean()
    blue = np.argwhere((pixels[..., 2] > 180) & (pixels[..., 1] < 60))[:, 1].mean()
    assert first
    assert red > blue
