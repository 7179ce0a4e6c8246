"""What the animatic's jobs run in a worker process: a still, or a clip, from files to a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reelwright.domain.generation import Request
from reelwright.files import new_file, sha256_of
from reelwright.media.cards import draw_card
from reelwright.media.facts import Made
from reelwright.media.moves import film_still
from reelwright.media.workers import report


def draw(request: Request, picture: Path | None, logo: Path | None, target: Path) -> Made:
    """Draws the card of `request` to `target` as a PNG.

    Raises:
        InvalidMedia: the picture or the logo cannot be read.
    """
    card = draw_card(request, picture.read_bytes() if picture else None, logo.read_bytes() if logo else None)
    report(0.9)
    with new_file(target) as file:
        file.write(card)
    return Made(target.stat().st_size, sha256_of(target))


def film(request: Request, still: Path | None, logo: Path | None, target: Path) -> Made:
    """Films the still, or where there is none the card of `request`, to `target` as an mp4.

    Raises:
        InvalidMedia: the still or the logo cannot be read.
    """
    if still is None:
        card = draw_card(replace(request, picture=None), None, logo.read_bytes() if logo else None)
    else:
        card = still.read_bytes()
    film_still(card, request, target, report)
    return Made(target.stat().st_size, sha256_of(target))
