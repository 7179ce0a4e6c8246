"""A pen that records shapes in a unit square, so that each look can ink the same motif in its own way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias, TypeVar

Point = tuple[float, float]


class Tone(IntEnum):
    """What a shape is in the picture; a look gives each its colour."""

    MAIN = 0
    SECOND = 1
    ACCENT = 2
    DARK = 3
    LIGHT = 4


@dataclass(frozen=True)
class Shape:
    """A closed polygon, or an open line of `width`. Units: the motif's square is 0 to 1, y downwards."""

    points: tuple[Point, ...]
    tone: Tone
    width: float = 0.0

    @property
    def is_line(self) -> bool:
        """Whether it is a stroke and not a surface."""
        return self.width > 0


@dataclass
class Pen:
    """Records shapes back to front."""

    shapes: list[Shape] = field(default_factory=list[Shape])

    def polygon(self, tone: Tone, *points: Point) -> None:
        """A surface with straight sides."""
        self.shapes.append(Shape(tuple(points), tone))

    def line(self, tone: Tone, width: float, *points: Point) -> None:
        """A stroke with round ends."""
        self.shapes.append(Shape(tuple(points), tone, width))

    def circle(self, tone: Tone, x: float, y: float, radius: float, squash: float = 1.0) -> None:
        """A disc; `squash` below 1 flattens it."""
        self.shapes.append(Shape(_arc(x, y, radius, radius * squash, 0, 360), tone))

    def ring(self, tone: Tone, width: float, x: float, y: float, radius: float, start: float = 0, end: float = 360) -> None:
        """Part of a circle's line; degrees clockwise from the right."""
        self.shapes.append(Shape(_arc(x, y, radius, radius, start, end), tone, width))

    def sector(self, tone: Tone, x: float, y: float, radius: float, start: float, end: float, squash: float = 1.0) -> None:
        """A slice without its two sides (a half disc for 180 degrees)."""
        self.shapes.append(Shape(_arc(x, y, radius, radius * squash, start, end), tone))

    def box(self, tone: Tone, x0: float, y0: float, x1: float, y1: float, radius: float = 0.0) -> None:
        """A rectangle, with round corners where `radius` is given."""
        if radius <= 0:
            self.polygon(tone, (x0, y0), (x1, y0), (x1, y1), (x0, y1))
            return
        r = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
        corners = ((x1 - r, y0 + r, -90), (x1 - r, y1 - r, 0), (x0 + r, y1 - r, 90), (x0 + r, y0 + r, 180))
        points = [point for x, y, start in corners for point in _arc(x, y, r, r, start, start + 90)]
        self.shapes.append(Shape(tuple(points), tone))

    def blob(self, tone: Tone, *points: Point) -> None:
        """A smooth closed surface through the points."""
        self.shapes.append(Shape(smooth(points, is_closed=True), tone))

    def curve(self, tone: Tone, width: float, *points: Point) -> None:
        """A smooth stroke through the points."""
        self.shapes.append(Shape(smooth(points, is_closed=False), tone, width))

    def wave(self, tone: Tone, width: float, x: float, top: float, bottom: float, swing: float) -> None:
        """A stroke that rises like steam: one and a half swings."""
        steps = 28
        along = (step / steps for step in range(steps + 1))
        points = ((x + swing * math.sin(at * math.pi * 3), bottom + (top - bottom) * at) for at in along)
        self.shapes.append(Shape(tuple(points), tone, width))


Motif: TypeAlias = Callable[[Pen], None]
Drawn = TypeVar("Drawn")


def filed(table: dict[str, Drawn], name: str) -> Callable[[Drawn], Drawn]:
    """A decorator that files a motif, of whatever kind the table holds, under `name`."""

    def file(draw: Drawn) -> Drawn:
        table[name] = draw
        return draw

    return file


def _arc(x: float, y: float, across: float, down: float, start: float, end: float) -> tuple[Point, ...]:
    steps = max(6, round(abs(end - start) / 5))
    angles = (math.radians(start + (end - start) * step / steps) for step in range(steps + 1))
    return tuple((x + across * math.cos(angle), y + down * math.sin(angle)) for angle in angles)


def smooth(points: Sequence[Point], *, is_closed: bool, steps: int = 10) -> tuple[Point, ...]:
    """A Catmull-Rom curve through the points."""
    count = len(points)
    if count < 3:
        return tuple(points)
    found: list[Point] = []
    for index in range(count if is_closed else count - 1):
        around = [
            points[(index + step) % count] if is_closed else points[min(max(index + step, 0), count - 1)]
            for step in (-1, 0, 1, 2)
        ]
        found.extend(_between(around, step / steps) for step in range(steps))
    if not is_closed:
        found.append(points[-1])
    return tuple(found)


def _between(around: Sequence[Point], at: float) -> Point:
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = around
    x, y = (
        0.5 * (2 * b + (c - a) * at + (2 * a - 5 * b + 4 * c - d) * at**2 + (3 * b - a - 3 * c + d) * at**3)
        for a, b, c, d in ((x0, x1, x2, x3), (y0, y1, y2, y3))
    )
    return x, y
