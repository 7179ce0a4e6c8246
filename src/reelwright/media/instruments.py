"""The instruments of the scratch music: a few soft timbres made of sums of sines and shaped noise, and a room for them.

All pitches are MIDI note numbers (69 is 440 Hz), all sounds float32 at 48 kHz. Whatever is random comes from the
generator that is handed in, so the same seed plays the same notes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from reelwright.domain.timing import SAMPLE_RATE

Mono: TypeAlias = npt.NDArray[np.float32]
Instrument: TypeAlias = Callable[[float], Mono]
"""Pitch to one note."""

_TABLE = 8192
_BLOCK = 1 << 18
_TAU = np.float32(2 * np.pi)


def hertz(pitch: float) -> float:
    """The frequency of a MIDI pitch."""
    return 440.0 * 2 ** ((pitch - 69) / 12)


def pad(pitch: float, samples: int, brightness: float, random: np.random.Generator) -> npt.NDArray[np.float32]:
    """A held, softly beating note as (2, samples): two oscillators a few cents apart, one more to the left.

    Args:
        pitch: MIDI pitch.
        samples: its length; the caller fades it in and out.
        brightness: 0 (a hum) to 1 (strings).
        random: decides phases and detuning.
    """
    table = _wave(hertz(pitch), brightness, random)
    count = np.arange(samples, dtype=np.float64)
    sides: list[Mono] = []
    for cents in (-1, 1):
        frequency = hertz(pitch + cents * float(random.uniform(0.03, 0.07)))
        place = (count * (frequency * _TABLE / SAMPLE_RATE) + float(random.uniform(0, _TABLE))).astype(np.int64)
        sides.append(table[place & (_TABLE - 1)])
    left, right = sides
    blend = np.float32(0.35)
    return np.stack([left + blend * right, right + blend * left]).astype(np.float32, copy=False)


def _wave(frequency: float, brightness: float, random: np.random.Generator) -> Mono:
    """One period: harmonics that fall off the faster the darker it is, none above 9 kHz, phases at random."""
    place = np.arange(_TABLE, dtype=np.float64) * (2 * np.pi / _TABLE)
    wave = np.zeros(_TABLE)
    fall = 3.4 - 2.0 * brightness
    for harmonic in range(1, max(2, min(24, int(9000 / frequency)))):
        wave += harmonic**-fall * np.sin(harmonic * place + random.uniform(0, 2 * np.pi))
    return (wave / np.sqrt((wave**2).mean()) * 0.5).astype(np.float32)


def felt_piano(pitch: float) -> Mono:
    """A muted piano: slightly stretched partials, the higher ones gone first."""
    return _struck(pitch, 3.0, 0.009, [(_stretched(n), 0.9 ** (n - 1) / n**1.5, 1.1 + 0.75 * n) for n in range(1, 8)])


def _stretched(number: int) -> float:
    """A real string's partials are a little sharp."""
    return number * (1 + 0.0004 * number**2)


def bell(pitch: float) -> Mono:
    """A small, glassy bell."""
    return _struck(pitch, 2.8, 0.003, [(1, 0.7, 1.5), (2.0, 0.35, 2.2), (2.76, 0.22, 3.6), (5.4, 0.1, 7.0)])


def pizzicato(pitch: float) -> Mono:
    """A plucked string, short and round."""
    return _struck(pitch, 0.7, 0.003, [(number, number**-1.3, 6.0 + 2.5 * number) for number in range(1, 9)])


def synth_pluck(pitch: float) -> Mono:
    """A mellow synthetic pluck of odd harmonics, as if a filter closed on it."""
    return _struck(pitch, 1.1, 0.004, [(number, 1 / number, 3.0 + 1.6 * number) for number in (1, 2, 3, 5, 7, 9)])


def spiccato(pitch: float) -> Mono:
    """A short bow of a section of strings."""
    return _struck(pitch, 0.55, 0.03, [(number, number**-1.1, 6.5 + 0.4 * number) for number in range(1, 13)])


LEADS: dict[str, Instrument] = {each.__name__: each for each in (felt_piano, bell, pizzicato, synth_pluck, spiccato)}
"""What may carry a melody, by the name that `music.toml` calls it."""


def bass(pitch: float) -> Mono:
    """A warm electric bass."""
    return _struck(pitch, 1.6, 0.012, [(1, 1.0, 1.4), (2, 0.32, 2.6), (3, 0.14, 4.0), (4, 0.05, 6.0)])


def _struck(pitch: float, seconds: float, attack: float, partials: Sequence[tuple[float, float, float]]) -> Mono:
    """A note out of partials, each (ratio to the pitch, level, decay a second); higher notes die faster."""
    time = np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)
    frequency = hertz(pitch)
    quicker = np.float32(2 ** ((pitch - 60) / 36))
    note = np.zeros_like(time)
    for ratio, level, decay in partials:
        if frequency * ratio < 0.4 * SAMPLE_RATE:
            turns = np.float32(frequency * ratio) * time
            fall = np.float32(level) * np.exp(-np.float32(decay) * quicker * time)
            note += fall * np.sin(_TAU * (turns - np.floor(turns)))
    return _closed(note * np.minimum(time / np.float32(attack), 1))


def drum(name: str, random: np.random.Generator) -> Mono:
    """One stroke of a soft drum kit: `kick`, `tom`, `taiko`, `clap`, `shaker`, `hat`, `wood`, `rim`."""
    seconds, start, end, sweep, tone, noise, decay, low = _DRUMS[name]
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    frequency = end + (start - end) * np.exp(-time * sweep)
    body = np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE) * np.exp(-time * decay)
    hiss = _band(random.standard_normal(len(time)), low, low * 4) * np.exp(-time * decay * 1.6)
    stroke = (tone * body + noise * hiss) * np.minimum(time / 0.002, 1)
    return _closed(stroke.astype(np.float32))


_DRUMS = {
    # seconds, from Hz, to Hz, sweep a second, tone, noise, decay a second, noise from Hz
    "kick": (0.45, 120, 46, 32, 0.9, 0.02, 9, 900),
    "tom": (0.9, 150, 72, 14, 0.7, 0.05, 5, 400),
    "taiko": (1.5, 110, 52, 12, 0.9, 0.12, 3.4, 250),
    "clap": (0.25, 200, 200, 1, 0.0, 0.5, 22, 1200),
    "shaker": (0.09, 200, 200, 1, 0.0, 0.35, 42, 5000),
    "hat": (0.06, 200, 200, 1, 0.0, 0.3, 60, 7000),
    "wood": (0.16, 1050, 820, 60, 0.5, 0.06, 38, 1500),
    "rim": (0.12, 1800, 1700, 20, 0.25, 0.2, 50, 2500),
}


def room(sound: npt.NDArray[np.float32], seconds: float, random: np.random.Generator) -> npt.NDArray[np.float32]:
    """The sound (2, samples) as a room of that reverberation time gives it back; the dry sound is not in it."""
    length = min(int(seconds * SAMPLE_RATE), _BLOCK)
    time = np.arange(length) / SAMPLE_RATE
    fall = np.exp(-6.9 * time / seconds)
    tails = np.stack([_band(random.standard_normal(length), 180, 4200) * fall for _ in range(2)])
    tails[:, : SAMPLE_RATE // 45] = 0  # The first wall is some metres away.
    tails /= np.sqrt((tails**2).sum(axis=1, keepdims=True))
    spectrum = np.fft.rfft(tails.astype(np.float32), 2 * _BLOCK)
    wet = np.zeros((2, sound.shape[1] + 2 * _BLOCK), np.float32)
    for start in range(0, sound.shape[1], _BLOCK):
        part = np.fft.rfft(sound[:, start : start + _BLOCK], 2 * _BLOCK)
        wet[:, start : start + 2 * _BLOCK] += np.fft.irfft(part * spectrum, 2 * _BLOCK)
    return wet[:, : sound.shape[1]]


def _band(noise: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    """Noise between two frequencies with soft edges."""
    spectrum = np.fft.rfft(noise)
    frequency = np.fft.rfftfreq(len(noise), 1 / SAMPLE_RATE)
    shape = 1 / (1 + (low / np.maximum(frequency, 1.0)) ** 2) / (1 + (frequency / high) ** 2)
    return np.fft.irfft(spectrum * shape, len(noise))


def _closed(note: Mono) -> Mono:
    """The note with its last tenth faded, so that nothing clicks."""
    fade = len(note) // 10
    note[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return note
