"""Stills of finished things: a film's poster, thumbnails, and the storyboard sheet that one shows to a client."""

# PyAV's stubs leave the packets of `mux` and `encode`, and the keywords of some constructors, without types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from PIL import Image, ImageDraw, ImageOps
from thumbhash import rgba_to_thumb_hash

from reelwright.errors import InvalidMedia
from reelwright.files import new_file
from reelwright.media.captions import is_rtl
from reelwright.media.facts import SheetEntry
from reelwright.media.sniff import HEAD_BYTES, kind_of, sniff
from reelwright.media.typesetting import Block, Type, set_text
from reelwright.media.workers import report

THUMBNAIL_WIDTH = 480
_CANDIDATES = 12
_SCORE_WIDTH = 320

_BLUR_SIDE = 48
"""A ThumbHash holds a handful of waves: a larger picture gives the same one, and takes its square in time."""

_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".png": "PNG", ".avif": "AVIF"}
_QUALITY = {
    "JPEG": {"quality": 90, "optimize": True, "progressive": True},
    "WEBP": {"quality": 82},
    "PNG": {},
    "AVIF": {"quality": 63, "speed": 7, "max_threads": 1},
}


def poster(film: str, output: str) -> float:
    """Writes the best of twelve frames from all over the film, at its full size, and returns its second.

    The best one is sharp, neither dark nor blown out, and has contrast; so it is never the black that a film starts with.

    Raises:
        InvalidMedia: the film has no frame.
    """
    second, image = _best(film, _CANDIDATES)
    _save(image, output)
    return float(second)


def thumbnail(source: str, output: str, width: int = THUMBNAIL_WIDTH) -> str:
    """Writes a small still of a picture or a clip, at most `width` pixels wide; the name's ending says the format.

    Returns the blur of it that can be shown before it is there: a ThumbHash, in base64.

    Raises:
        InvalidMedia: the source is neither, or does not decode.
    """
    with Path(source).open("rb") as file:
        media_type = sniff(file.read(HEAD_BYTES)) or ""
    image = _best(source, 3)[1] if kind_of(media_type) == "video" else _opened(source, width)
    if image.width > width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)
    _save(image, output)
    return _blur(image)


def _blur(image: Image.Image) -> str:
    """On white where it is transparent: thumbhash 0.1.2 fails on what is not opaque."""
    small = ImageOps.contain(image, (_BLUR_SIDE, _BLUR_SIDE)).convert("RGBA")
    opaque = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    return base64.b64encode(bytes(rgba_to_thumb_hash(*opaque.size, list(opaque.tobytes())))).decode()


def _opened(source: str, width: int) -> Image.Image:
    try:
        with Image.open(source) as image:
            image.draft("RGB", (width, width))  # A JPEG is decoded at an eighth of its size where that is enough.
            upright = ImageOps.exif_transpose(image)
            has_alpha = "A" in upright.getbands() or "transparency" in upright.info
            return upright.convert("RGBA" if has_alpha else "RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidMedia("The picture does not decode.") from error


def _best(film: str, count: int) -> tuple[Fraction, Image.Image]:
    try:
        with av.open(film, metadata_errors="replace") as container:
            found = max(_candidates(container, count), key=lambda each: _score(each[1]), default=None)
    except (av.error.FFmpegError, IndexError) as error:
        raise InvalidMedia("The film does not decode.") from error
    if found is None:
        raise InvalidMedia("The film has no frame.")
    return found


def _candidates(container: InputContainer, count: int) -> Iterator[tuple[Fraction, Image.Image]]:
    """Frames from the middles of `count` equal parts."""
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    base = stream.time_base or Fraction(1, 1000)
    length = Fraction(container.duration or 0, 1_000_000)
    for place in range(count):
        wanted = length * (2 * place + 1) / (2 * count)
        container.seek(int(wanted / base), stream=stream)
        frame = next((f for f in container.decode(stream) if f.pts is None or f.pts * base >= wanted), None)
        report(place / count)
        if frame is not None:
            yield wanted, frame.to_image()


def _score(image: Image.Image) -> float:
    """How good a poster it makes: sharpness by its edges, times how well it is exposed."""
    small = image.convert("L").resize((_SCORE_WIDTH, max(1, _SCORE_WIDTH * image.height // image.width)))
    light = np.asarray(small, np.float32) / 255
    edges = 4 * light[1:-1, 1:-1] - light[:-2, 1:-1] - light[2:, 1:-1] - light[1:-1, :-2] - light[1:-1, 2:]
    exposure = float(np.exp(-(((light.mean() - 0.45) / 0.32) ** 2))) * min(1.0, float(light.std()) / 0.18)
    return float(np.log1p(1000 * edges.var())) * exposure


# -- the storyboard sheet ---------------------------------------------------------------------------------------------


_PAPER, _INK, _GREY, _LINE = (250, 249, 246), (22, 23, 27), (110, 112, 120), (222, 220, 214)
_WIDTH, _MARGIN, _GUTTER = 2160, 96, 48
_HEAD = Type("Inter", weight=600, tracking=-0.02, leading=1.08)
_TITLE = Type("Inter", weight=600, leading=1.2)
_TEXT = Type("Inter", weight=400, leading=1.36)
_RADIUS = 12


def contact_sheet(entries: Sequence[SheetEntry], title: str, output: str, subtitle: str = "", language: str = "en") -> None:
    """Writes the storyboard as one picture: a grid of frames, each with its number, title, time and text.

    Args:
        entries: the shots in their order, at least one.
        title: the campaign's.
        output: the path; its ending says the format.
        subtitle: one line under it, such as the number of shots and the length.
        language: BCP 47, of the texts.

    Raises:
        InvalidMedia: a frame does not decode.
    """
    pictures = [_opened(entry.picture, _WIDTH) for entry in entries]
    shape = max(Fraction(picture.height, picture.width) for picture in pictures)
    columns = _columns(len(entries), shape)
    cell = (_WIDTH - 2 * _MARGIN - (columns - 1) * _GUTTER) // columns
    em = max(22, min(30, cell // 20))
    printer = _Printer(language, is_rtl([title, *(entry.text for entry in entries)]), cell, em)
    head = printer.set(title, _HEAD, _WIDTH - 2 * _MARGIN, 84, 2)
    line = printer.set(subtitle, _TEXT, _WIDTH - 2 * _MARGIN, 30, 1)
    top = _MARGIN + round(head.height) + (30 + round(line.height) if subtitle else 0) + 56
    high = round(cell * shape)
    step = high + round(max(printer.height(entry) for entry in entries) + em * 2.6)
    rows = -(-len(entries) // columns)
    sheet = Image.new("RGB", (_WIDTH, top + rows * step + _MARGIN - round(em * 1.6)), _PAPER)
    printer.print(sheet, head, (_MARGIN, _MARGIN), _WIDTH - 2 * _MARGIN, _INK)
    printer.print(sheet, line, (_MARGIN, _MARGIN + round(head.height) + 30), _WIDTH - 2 * _MARGIN, _GREY)
    for place, (entry, picture) in enumerate(zip(entries, pictures, strict=True)):
        column = columns - 1 - place % columns if printer.is_rtl else place % columns
        x, y = _MARGIN + column * (cell + _GUTTER), top + place // columns * step
        _mount(sheet, picture, (x, y, cell, high))
        printer.caption(sheet, entry, x, y + high + round(em * 0.9))
        report(place / len(entries))
    _save(sheet, output)


def _columns(count: int, shape: Fraction) -> int:
    """Three across for wide frames, more for tall ones; never more than there are shots."""
    most = 3 if shape <= Fraction(7, 10) else 4 if shape <= Fraction(5, 4) else 5
    if count > 4 * most:
        most += 1
    if count % most and count % (most - 1) == 0 and count <= 2 * most:
        most -= 1
    return max(1, min(most, count))


def _mount(sheet: Image.Image, picture: Image.Image, box: tuple[int, int, int, int]) -> None:
    """The frame with rounded corners and a hairline, centred in its box."""
    x, y, width, height = box
    fitted = ImageOps.contain(picture.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
    corner = x + (width - fitted.width) // 2, y + (height - fitted.height) // 2
    large = Image.new("L", (fitted.width * 2, fitted.height * 2))
    ImageDraw.Draw(large).rounded_rectangle((0, 0, large.width - 1, large.height - 1), _RADIUS * 2, fill=255)
    sheet.paste(fitted, corner, large.resize(fitted.size, Image.Resampling.BOX))
    right, bottom = corner[0] + fitted.width - 1, corner[1] + fitted.height - 1
    ImageDraw.Draw(sheet).rounded_rectangle((*corner, right, bottom), _RADIUS, outline=_LINE, width=1)


@dataclass(frozen=True)
class _Printer:
    """Sets texts in one language and direction on a sheet, and captions into its columns."""

    language: str
    is_rtl: bool
    width: int
    """Of a column, in pixels."""
    em: int
    """Of a caption's title, in pixels."""

    def set(self, text: str, style: Type, width: float, size: float, lines: int) -> Block:
        directed = f"\u200f{text}" if self.is_rtl and text else text
        height = size * style.leading * lines
        smallest = size * 0.8
        return set_text(
            directed,
            style,
            width=width,
            height=height,
            largest=size,
            lines=lines,
            language=self.language,
            smallest=smallest,
        )

    def print(self, sheet: Image.Image, block: Block, at: tuple[int, int], width: int, ink: tuple[int, int, int]) -> None:
        if block.lines:
            size = width + 2, round(block.height + block.size) + 2
            sheet.paste(ink, at, block.mask(size, 0, 0, width))

    def height(self, entry: SheetEntry) -> float:
        """Pixels that an entry's caption takes."""
        return self.em * 1.6 + self._text(entry).height

    def caption(self, sheet: Image.Image, entry: SheetEntry, x: int, y: int) -> None:
        """Number, title and time in one line, the text under it."""
        number = self.set(f"{entry.number:02}", _TITLE, self.width, self.em, 1)
        time = self.set(entry.timecode, _TEXT, self.width, self.em * 0.82, 1)
        gap = round(number.width + self.em * 0.6)
        room = self.width - gap - round(time.width + self.em * 0.6)
        title = self.set(entry.title, _TITLE, room, self.em, 1)
        baseline = max(block.baselines()[0] for block in (number, title, time) if block.lines)
        left, wide = x, self.width
        for block, start, width, ink in (
            (number, 0, round(number.width), _GREY),
            (title, gap, room, _INK),
            (time, wide - round(time.width), round(time.width), _GREY),
        ):
            if block.lines:
                at = left + (wide - start - width if self.is_rtl else start)
                self.print(sheet, block, (at, y + round(baseline - block.baselines()[0])), width, ink)
        self.print(sheet, self._text(entry), (x, y + round(baseline + self.em * 0.75)), self.width, _GREY)

    def _text(self, entry: SheetEntry) -> Block:
        return self.set(entry.text, _TEXT, self.width, self.em * 0.92, 3)


def _save(image: Image.Image, output: str) -> None:
    path = Path(output)
    kind = _FORMATS[path.suffix.lower()]
    flat = image.convert("RGB") if kind == "JPEG" else image
    with new_file(path) as file:
        flat.save(file, kind, **_QUALITY[kind])
