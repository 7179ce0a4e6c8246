"""Which way the camera moves, and where it stands at each moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from tomllib import loads

from reelwright.domain.generation import Direction


class MoveKind(StrEnum):
    """The moves that a camera on a still can make."""

    PUSH = "push"
    PULL = "pull"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    TILT_UP = "tilt_up"
    TILT_DOWN = "tilt_down"
    PARALLAX = "parallax"
    DRIFT = "drift"


class Share(StrEnum):
    """What a layer is, and so how much it takes part in a move."""

    WHOLE = "whole"
    BACK = "back"
    MIDDLE = "middle"
    PLATE = "plate"
    """A picture in a frame of its own, which belongs to the page."""
    TYPE = "type"


_PARTS = {
    Share.WHOLE: (1.0, 1.0),
    Share.BACK: (0.5, 0.4),
    Share.MIDDLE: (1.0, 1.0),
    Share.PLATE: (0.34, 0.3),
    Share.TYPE: (0.22, 0.1),
}
"""How much of the camera's zoom, and of its travel, each layer takes."""


@dataclass(frozen=True)
class Move:
    """From one camera to another: zoom (1 shows everything) and centre (-1 to 1 of the room that the zoom leaves)."""

    kind: MoveKind
    zoom: tuple[float, float]
    x: tuple[float, float] = (0.0, 0.0)
    y: tuple[float, float] = (0.0, 0.0)


_MOVES = {
    MoveKind.PUSH: Move(MoveKind.PUSH, (1.0, 1.14), (0.0, 0.12), (0.0, -0.1)),
    MoveKind.PULL: Move(MoveKind.PULL, (1.14, 1.0), (-0.1, 0.0), (0.1, 0.0)),
    MoveKind.PAN_LEFT: Move(MoveKind.PAN_LEFT, (1.09, 1.09), (0.72, -0.72)),
    MoveKind.PAN_RIGHT: Move(MoveKind.PAN_RIGHT, (1.09, 1.09), (-0.72, 0.72)),
    MoveKind.TILT_UP: Move(MoveKind.TILT_UP, (1.09, 1.09), y=(0.72, -0.72)),
    MoveKind.TILT_DOWN: Move(MoveKind.TILT_DOWN, (1.09, 1.09), y=(-0.72, 0.72)),
    MoveKind.PARALLAX: Move(MoveKind.PARALLAX, (1.09, 1.12), (-0.7, 0.7), (0.1, -0.1)),
    MoveKind.DRIFT: Move(MoveKind.DRIFT, (1.05, 1.08), (-0.5, 0.5), (0.35, -0.35)),
}
_VARIED = (
    MoveKind.PUSH,
    MoveKind.PARALLAX,
    MoveKind.PULL,
    MoveKind.PAN_LEFT,
    MoveKind.PUSH,
    MoveKind.TILT_UP,
    MoveKind.PAN_RIGHT,
    MoveKind.PULL,
)


def move_for(direction: Direction, *, has_depth: bool) -> Move:
    """The move that the shot's motion text asks for; where it says nothing known, a varied one by the shot's number."""
    kind = _asked_for(direction.motion.casefold())
    if kind is None:
        kind = MoveKind.PUSH if direction.number >= direction.count > 1 else _VARIED[(direction.number - 1) % len(_VARIED)]
    if kind is MoveKind.PARALLAX and not has_depth:
        kind = MoveKind.PAN_RIGHT
    return _MOVES[kind]


def place(move: Move, share: Share, at: float, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, width and height in the layer's pixels that fill the frame at moment `at` (0 to 1)."""
    zoom_share, travel_share = _PARTS[share]
    eased = _ease(at)
    zoom = (move.zoom[0] * (move.zoom[1] / move.zoom[0]) ** eased) ** zoom_share
    width, height = size[0] / zoom, size[1] / zoom
    limit = size[0] - width, size[1] - height
    x, y = (ends[0] + (ends[1] - ends[0]) * eased for ends in (move.x, move.y))
    # The travel of the nearest layer decides; the others take their share of it, within their own room.
    room = size[0] * (1 - 1 / max(move.zoom)), size[1] * (1 - 1 / max(move.zoom))
    left = limit[0] / 2 + _within(x * room[0] / 2 * travel_share, limit[0] / 2)
    top = limit[1] / 2 + _within(y * room[1] / 2 * travel_share, limit[1] / 2)
    return left, top, width, height


def _within(value: float, limit: float) -> float:
    return max(-limit, min(limit, value))


def _ease(at: float) -> float:
    """Between even and smooth: soft starts and stops that still move when the shot is cut."""
    return at + (at * at * (3 - 2 * at) - at) * 0.6


@cache
def _words() -> tuple[tuple[MoveKind, re.Pattern[str]], ...]:
    table = loads(files("reelwright.media").joinpath("camera.toml").read_text("utf-8"))
    return tuple((MoveKind(name), re.compile("|".join(f"(?:{each})" for each in words))) for name, words in table.items())


def _asked_for(motion: str) -> MoveKind | None:
    """The first move that the text names: the earliest place wins, so that "push in, then pan" pushes."""
    found = [(match.start(), order, kind) for order, (kind, words) in enumerate(_words()) if (match := words.search(motion))]
    return min(found)[2] if found else None
