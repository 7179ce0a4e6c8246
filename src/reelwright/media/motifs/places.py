"""Places and skies: motifs as wide as the frame. Unit: the frame's height; x runs from 0 to the aspect, and a little beyond."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from random import Random

from reelwright.media.motifs.pen import Pen, Point, Tone, filed, smooth

M, S, A, D, L = Tone.MAIN, Tone.SECOND, Tone.ACCENT, Tone.DARK, Tone.LIGHT
Place = Callable[[Pen, float, Random], None]

PLACES: dict[str, Place] = {}
"""Every place by its name: back to front, its ground reaches below the frame."""
SKIES: dict[str, Place] = {}
"""What hangs above a place."""
_BLEED = 0.12
place = partial(filed, PLACES)
sky = partial(filed, SKIES)


def _ridge(pen: Pen, tone: Tone, aspect: float, heights: list[float], *, is_round: bool) -> None:
    """A skyline through evenly spread heights, filled down below the frame."""
    last = len(heights) - 1
    top: list[Point] = [(-_BLEED + (aspect + 2 * _BLEED) * index / last, y) for index, y in enumerate(heights)]
    line = smooth(top, is_closed=False) if is_round else tuple(top)
    pen.polygon(tone, *line, (aspect + _BLEED, 1.2), (-_BLEED, 1.2))


@place("mountain")
def _mountain(pen: Pen, aspect: float, rng: Random) -> None:
    for tone, base, rise in ((L, 0.62, 0.16), (S, 0.7, 0.24), (M, 0.84, 0.24)):
        count = max(3, round(aspect * 2.2))
        heights: list[float] = []
        for _ in range(count):
            heights += [base - rng.uniform(0, 0.05), base - rng.uniform(0.5, 1.0) * rise]
        heights.append(base)
        _ridge(pen, tone, aspect, heights, is_round=False)
    peak = aspect * rng.uniform(0.6, 0.75)
    pen.polygon(D, (peak - 0.42, 0.86), (peak, 0.34), (peak + 0.46, 0.86))
    pen.polygon(
        L, (peak, 0.34), (peak + 0.1, 0.453), (peak + 0.04, 0.44), (peak, 0.5), (peak - 0.04, 0.44), (peak - 0.085, 0.445)
    )
    _ridge(pen, D, aspect, [0.86, 0.82, 0.85, 0.8, 0.84], is_round=True)


@place("hill")
def _hill(pen: Pen, aspect: float, rng: Random) -> None:
    for tone, base in ((L, 0.6), (S, 0.69), (M, 0.78), (D, 0.88)):
        _ridge(pen, tone, aspect, [base + rng.uniform(-0.055, 0.055) for _ in range(max(4, round(aspect * 3)))], is_round=True)
    for _ in range(max(3, round(aspect * 3))):
        x, y = rng.uniform(0, aspect), rng.uniform(0.72, 0.8)
        pen.line(D, 0.008, (x, y), (x, y + 0.05))
        pen.circle(D, x, y - 0.02, 0.026, 1.25)


@place("sea")
def _sea(pen: Pen, aspect: float, rng: Random) -> None:
    pen.box(S, -_BLEED, 0.58, aspect + _BLEED, 1.2)
    for row, (tone, y) in enumerate(((L, 0.66), (M, 0.73), (A, 0.8), (M, 0.87), (D, 0.95))):
        length = 0.2 + row * 0.05
        count = math.ceil((aspect + 2 * _BLEED) / length) + 1
        shift = rng.uniform(0, length)
        swing = 0.018 + row * 0.004
        crest = [(-_BLEED - shift + index * length / 2, y + (swing if index % 2 else -swing)) for index in range(count * 2 + 1)]
        pen.polygon(tone, *smooth(crest, is_closed=False), (aspect + 0.5, 1.2), (-0.5, 1.2))


@place("city")
def _city(pen: Pen, aspect: float, rng: Random) -> None:
    for tone, low, high, width in ((L, 0.36, 0.56, 0.11), (S, 0.42, 0.66, 0.13), (M, 0.54, 0.76, 0.16)):
        x = -_BLEED
        while x < aspect + _BLEED:
            wide, top = width * rng.uniform(0.65, 1.25), rng.uniform(low, high)
            pen.box(tone, x, top, x + wide * 0.94, 1.2)
            if rng.random() < 0.3:
                pen.line(tone, 0.008, (x + wide * 0.47, top), (x + wide * 0.47, top - 0.07))
            if tone is M:
                _windows(pen, rng, x, wide * 0.94, top)
            x += wide
    pen.box(D, -_BLEED, 0.9, aspect + _BLEED, 1.2)


def _windows(pen: Pen, rng: Random, x: float, wide: float, top: float) -> None:
    columns = max(2, int(wide / 0.042))
    step = wide / columns
    for column in range(columns):
        y = top + 0.035
        while y < 0.88:
            if rng.random() < 0.55:
                left = x + step * (column + 0.3)
                pen.box(A if rng.random() < 0.6 else L, left, y, left + step * 0.42, y + 0.022)
            y += 0.048


@place("forest")
def _forest(pen: Pen, aspect: float, rng: Random) -> None:
    _ridge(pen, L, aspect, [0.6, 0.56, 0.61, 0.57, 0.6], is_round=True)
    for tone, ground, tall in ((S, 0.72, 0.26), (M, 0.84, 0.36), (D, 1.0, 0.5)):
        x = -_BLEED
        while x < aspect + _BLEED:
            height = tall * rng.uniform(0.7, 1.1)
            half = height * 0.24
            if tone is not D or not 0.3 < x / aspect < 0.72:
                for part in (0.0, 0.25, 0.5):
                    top = ground - height + height * part
                    pen.polygon(
                        tone,
                        (x, top),
                        (x + half * (0.5 + part), top + height * 0.5),
                        (x - half * (0.5 + part), top + height * 0.5),
                    )
            x += half * rng.uniform(1.0, 1.9)
        pen.box(tone, -_BLEED, ground - 0.03, aspect + _BLEED, 1.2)


@place("road")
def _road(pen: Pen, aspect: float, rng: Random) -> None:
    _ridge(pen, L, aspect, [0.58, 0.5, 0.57, 0.48, 0.58, 0.52, 0.58], is_round=False)
    _ridge(pen, S, aspect, [0.62, 0.6, 0.63, 0.61, 0.62], is_round=True)
    pen.box(M, -_BLEED, 0.62, aspect + _BLEED, 1.2)
    far = aspect * rng.uniform(0.5, 0.62)
    near = aspect * 0.5
    pen.polygon(D, (far - 0.012, 0.62), (far + 0.012, 0.62), (near + 0.62, 1.2), (near - 0.62, 1.2))
    for step in range(7):
        start, end = (step / 7) ** 2, ((step + 0.5) / 7) ** 2
        (x0, y0), (x1, y1) = ((far + (near - far) * at, 0.62 + 0.58 * at) for at in (start, end))
        pen.polygon(A, (x0 - 0.022 * start, y0), (x0 + 0.022 * start + 0.001, y0), (x1 + 0.022 * end, y1), (x1 - 0.022 * end, y1))


@place("room")
def _room(pen: Pen, aspect: float, rng: Random) -> None:
    left = aspect * 0.52 if aspect > 1.2 else aspect * 0.14
    wide = min(0.62, aspect * (0.44 if aspect > 1.2 else 0.72))
    # In tall frames the window hangs below the type.
    shift, low = (0.0, 0.0) if aspect > 1.2 else (0.3, 0.09)
    pen.box(L, left, 0.16 + shift, left + wide, 0.68 + low, 0.02)
    pen.box(S, left + 0.03, 0.19 + shift, left + wide - 0.03, 0.65 + low, 0.01)
    pen.circle(A, left + wide * rng.uniform(0.22, 0.3), 0.33 + shift * 0.72, 0.07 - shift * 0.1)
    hills = smooth(
        [
            (left + 0.03, 0.54 + low),
            (left + wide * 0.3, 0.49 + low),
            (left + wide * 0.62, 0.56 + low),
            (left + wide - 0.03, 0.51 + low),
        ],
        is_closed=False,
    )
    pen.polygon(M, *hills, (left + wide - 0.03, 0.65 + low), (left + 0.03, 0.65 + low))
    pen.line(L, 0.022, (left + wide / 2, 0.17 + shift), (left + wide / 2, 0.66 + low))
    middle = 0.41 + (shift + low) / 2
    pen.line(L, 0.022, (left + 0.02, middle), (left + wide - 0.02, middle))
    pen.box(D, -_BLEED, 0.83, aspect + _BLEED, 0.87)
    pen.box(M, -_BLEED, 0.87, aspect + _BLEED, 1.2)


@place("ground")
def _ground(pen: Pen, aspect: float, rng: Random) -> None:
    lean = rng.uniform(-0.02, 0.02)
    _ridge(pen, S, aspect, [0.82 + lean, 0.8, 0.82 - lean], is_round=True)
    _ridge(pen, M, aspect, [0.9 - lean, 0.88, 0.9 + lean], is_round=True)


@sky("sun")
def _sun(pen: Pen, aspect: float, rng: Random) -> None:
    pen.circle(A, aspect * rng.uniform(0.58, 0.76), 0.44, 0.2 if aspect > 0.8 else 0.14)


@sky("moon")
def _moon(pen: Pen, aspect: float, rng: Random) -> None:
    x, r = aspect * rng.uniform(0.62, 0.78), 0.12 if aspect > 0.8 else 0.09
    outer = [(x + r * math.cos(math.radians(at)), 0.3 + r * math.sin(math.radians(at))) for at in range(-70, 161, 6)]
    # The shadow's circle passes through both tips of the crescent.
    (x0, y0), (x1, y1) = outer[-1], outer[0]
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    bow_x, bow_y = x + 0.28 * r - middle_x, 0.3 + 0.28 * r - middle_y
    inner = [
        (x0 + (x1 - x0) * at + bow_x * 4 * at * (1 - at), y0 + (y1 - y0) * at + bow_y * 4 * at * (1 - at))
        for at in (step / 24 for step in range(1, 24))
    ]
    pen.polygon(A, *outer, *inner)
    _stars(pen, aspect, rng)


@sky("star")
def _stars(pen: Pen, aspect: float, rng: Random) -> None:
    for _ in range(round(22 * max(aspect, 0.8))):
        pen.circle(L, rng.uniform(0, aspect), rng.uniform(0.03, 0.52), rng.choice((0.0028, 0.004, 0.0055)))


@sky("cloud")
def _cloud(pen: Pen, aspect: float, rng: Random) -> None:
    for _ in range(max(2, round(aspect * 2))):
        x, y, r = rng.uniform(0.05, 0.95) * aspect, rng.uniform(0.14, 0.46), rng.uniform(0.035, 0.06)
        for shift, size in ((-1.5, 0.8), (-0.5, 1.25), (0.7, 1.0), (1.6, 0.7)):
            pen.circle(L, x + shift * r, y - size * r * 0.5, r * size)
        pen.box(L, x - 2.2 * r, y - 0.55 * r, x + 2.2 * r, y + 0.3 * r, r * 0.4)


@sky("rain")
def _rain(pen: Pen, aspect: float, rng: Random) -> None:
    _cloud(pen, aspect, rng)
    for _ in range(round(60 * aspect)):
        x, y = rng.uniform(-0.1, aspect + 0.1), rng.uniform(0.2, 0.95)
        pen.line(S, 0.004, (x, y), (x - 0.018, y + 0.06))


@sky("snow")
def _snow(pen: Pen, aspect: float, rng: Random) -> None:
    for _ in range(round(90 * max(aspect, 0.7))):
        pen.circle(L, rng.uniform(0, aspect), rng.uniform(0, 1), rng.choice((0.003, 0.005, 0.008)))
