"""The front of this floor: what the rest of the house has done here, each in a worker process.

Importing it loads none of the libraries that do the work. So the process that serves people starts a third of a second sooner, is
45 MiB smaller, and cannot decode a stranger's file even by mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from reelwright.domain.film import CutList
from reelwright.domain.generation import Request
from reelwright.media.facts import Made, MediaKind, Merged, Merging, Probe, Rendered, SheetEntry, Spoken


def examine(path: str, is_media: bool) -> tuple[str, Probe | None]:  # noqa: FBT001 - called by a worker, by position
    """See `examine.examine`."""
    from reelwright.media.examine import examine

    return examine(path, is_media)


def verify(path: str, kind: MediaKind) -> Probe:
    """See `probe.verify`."""
    from reelwright.media.probe import verify

    return verify(path, kind)


def render(cut: CutList, clips: Sequence[str], voices: Sequence[str], output: str) -> Rendered:
    """See `render.render`."""
    from reelwright.media.render import render

    return render(cut, clips, voices, output)


def merge(clips: Sequence[str], output: str, how: Merging) -> Merged:
    """See `merge.merge`."""
    from reelwright.media.merge import merge

    return merge(clips, output, how)


def poster(film: str, output: str) -> float:
    """See `stills.poster`."""
    from reelwright.media.stills import poster

    return poster(film, output)


def thumbnail(source: str, output: str, width: int) -> str:
    """See `stills.thumbnail`."""
    from reelwright.media.stills import thumbnail

    return thumbnail(source, output, width)


def contact_sheet(entries: Sequence[SheetEntry], title: str, output: str, subtitle: str, language: str) -> None:
    """See `stills.contact_sheet`."""
    from reelwright.media.stills import contact_sheet

    contact_sheet(entries, title, output, subtitle, language)


def draw(request: Request, picture: Path | None, logo: Path | None, target: Path) -> Made:
    """See `animatic.draw`."""
    from reelwright.media.animatic import draw

    return draw(request, picture, logo, target)


def film(request: Request, still: Path | None, logo: Path | None, target: Path) -> Made:
    """See `animatic.film`."""
    from reelwright.media.animatic import film

    return film(request, still, logo, target)


def speak(text: str, language: str, seconds: Fraction, target: Path) -> Spoken:
    """See `speech.speak`."""
    from reelwright.media.speech import speak

    return speak(text, language, seconds, target)


def examine_media() -> list[tuple[str, bool, str]]:
    """See `equipment.examine_media`."""
    from reelwright.media.equipment import examine_media

    return examine_media()


def missing_glyphs(text: str) -> str:
    """See `fonts.missing_glyphs`."""
    from reelwright.media.fonts import missing_glyphs

    return missing_glyphs(text)


def jpeg_under(content: bytes, limit: int) -> bytes:
    """See `jpeg.jpeg_under`."""
    from reelwright.media.jpeg import jpeg_under

    return jpeg_under(content, limit)
