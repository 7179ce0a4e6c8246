"""A scratch voice without a key: a text becomes a 48 kHz mono WAV that fits its shot, on this machine, for nothing.

It is said plainly to be a scratch voice. espeak-ng does the speaking (`scratch_voice`, in a child process); here it is brought to
the film's sample rate, loses its harshness and its silence, and is levelled. The same text gives the same bytes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import wave
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from reelwright.domain.languages import language_of
from reelwright.domain.timing import SAMPLE_RATE
from reelwright.errors import ConfigurationError, InvalidInput, RenderError
from reelwright.files import new_file, sha256_of
from reelwright.media.facts import Spoken
from reelwright.media.scratch_voice import NO_PACKAGE, NO_VOICE, WHY_ABSENT

_PACE = 155
"""Words a minute where there is time; espeak's own 175 sounds hurried."""
_FASTEST = 230
"""Words a minute beyond which nobody follows."""
_CHILD_SECONDS = 30
_MOST_TEXT = 5000
_VOICES = {
    "zh": "cmn",
    "no": "nb",
    "iw": "he",
    "in": "id",
    "pt-br": "pt-br",
    "zh-hk": "yue",
    "zh-tw": "cmn",
    "en": "en-us",
    "fr": "fr-fr",
}
"""espeak's names where they are not the language tag."""
_HARSH = ((0, 0.0), (70, 0.0), (110, 1.0), (1800, 1.0), (2800, 0.72), (4500, 0.6), (7000, 0.35), (9500, 0.0), (24_000, 0.0))
"""(Hz, gain): no rumble, and softly less of the buzz that formant synthesis has between 2 and 7 kHz."""
_LOUDNESS = 0.1
"""Root mean square of the spoken parts, about -20 dBFS."""
_PEAK = 0.7
_KANJI = re.compile("[\u4e00-\u9fff]")
_SILENT = 0.004
_LEAD, _TAIL = Fraction(1, 50), Fraction(2, 25)
"""Seconds that are left before and after the words."""

Samples: TypeAlias = NDArray[np.float64]
"""(n,) float64, -1 to 1, mono."""


def speak(text: str, language: str, seconds: Fraction, target: Path) -> Spoken:
    """Says `text` into `target`, a WAV of 48 kHz, mono, 16 bits.

    Args:
        text: what is said.
        language: BCP 47; espeak's voice for it is taken.
        seconds: the longest that it may take; the pace is raised within limits to keep to it.
        target: written whole or not at all.

    Raises:
        ConfigurationError: espeak-ng is not installed.
        InvalidInput: there is no voice for the language, nothing to say, or too much for the time.
        RenderError: espeak-ng failed.
    """
    plain = " ".join(text.split())
    if not plain or len(plain) > _MOST_TEXT:
        msg = "The voice has nothing to say." if not plain else f"The voice says at most {_MOST_TEXT} characters at once."
        raise InvalidInput(msg)
    if language_of(language) == "ja" and _KANJI.search(plain):
        raise InvalidInput("The scratch voice reads Japanese in kana only and cannot read kanji; the film is better without it.")
    pace = _PACE
    sound = _voiced(plain, language, pace)
    while len(sound) > seconds * SAMPLE_RATE:
        if pace == _FASTEST:
            took = len(sound) / SAMPLE_RATE
            msg = f"The words take {took:.1f} seconds even when spoken fast; the shot has {float(seconds):.1f}. Say less."
            raise InvalidInput(msg)
        needed = int(pace * len(sound) / float(seconds * SAMPLE_RATE) * 1.03) + 1
        pace = min(_FASTEST, max(needed, pace + 5))
        sound = _voiced(plain, language, pace)
    return _write(sound, target, pace)


def _voiced(text: str, language: str, pace: int) -> Samples:
    """Spoken, softened, trimmed and levelled, at 48 kHz."""
    rate, raw = _espeak(text, language, pace)
    sound = _trimmed(_softened(raw, rate))
    if not len(sound):
        msg = f"The scratch voice cannot say this text in {language!r}."
        raise InvalidInput(msg)
    return _levelled(sound)


def _espeak(text: str, language: str, pace: int) -> tuple[int, Samples]:
    tag = language.lower()
    wanted = dict.fromkeys(filter(None, (_VOICES.get(tag), tag, _VOICES.get(language_of(tag)), language_of(tag))))
    command = [sys.executable, "-m", "reelwright.media.scratch_voice", ",".join(wanted), str(pace)]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=_CHILD_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        msg = f"The scratch voice did not answer within {_CHILD_SECONDS} seconds."
        raise RenderError(msg) from None
    match done.returncode:
        case 0:
            rate = int.from_bytes(done.stdout[:4], "little")
            return rate, np.frombuffer(done.stdout[4:], dtype="<i2").astype(np.float64) / 32768
        case _ if done.returncode == NO_PACKAGE:
            raise ConfigurationError(WHY_ABSENT)
        case _ if done.returncode == NO_VOICE:
            msg = f"The scratch voice does not speak {language!r}; choose another voice, or make the film without one."
            raise InvalidInput(msg)
        case code:
            msg = f"The scratch voice stopped with code {code}."
            raise RenderError(msg)


def _softened(sound: Samples, rate: int) -> Samples:
    """At 48 kHz and without harshness: both at once, by its spectrum."""
    if not len(sound):
        return sound
    pad = rate // 10  # the transform is circular: silence keeps the end from ringing into the beginning
    padded = np.concatenate([np.zeros(pad), sound, np.zeros(pad)])
    count = round(len(padded) * SAMPLE_RATE / rate)
    spectrum = np.fft.rfft(padded)
    hertz = np.arange(len(spectrum)) * rate / len(padded)
    spectrum *= np.interp(hertz, [point for point, _ in _HARSH], [gain for _, gain in _HARSH])
    wide = np.zeros(count // 2 + 1, dtype=np.complex128)
    wide[: len(spectrum)] = spectrum[: len(wide)]
    return np.fft.irfft(wide, count) * (count / len(padded))


def _trimmed(sound: Samples) -> Samples:
    """Without the silence around it; ends faded so that nothing clicks."""
    loud = np.flatnonzero(np.abs(sound) > _SILENT)
    if not len(loud):
        return sound[:0]
    lead, tail = int(_LEAD * SAMPLE_RATE), int(_TAIL * SAMPLE_RATE)
    kept = sound[max(0, loud[0] - lead) : loud[-1] + tail].copy()
    fade = min(lead // 2, len(kept) // 2)
    ramp = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, fade))
    kept[:fade] *= ramp
    kept[len(kept) - fade :] *= ramp[::-1]
    return kept


def _levelled(sound: Samples) -> Samples:
    """Always equally loud; what would be too loud is bent, not cut."""
    spoken = sound[np.abs(sound) > _SILENT]
    loud = sound * (_LOUDNESS / max(float(np.sqrt(np.mean(spoken**2))), 1e-6))
    return _PEAK * np.tanh(loud / _PEAK)


def _write(sound: Samples, target: Path, pace: int) -> Spoken:
    samples = np.round(sound * 32767).astype("<i2")
    with new_file(target) as file, wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(samples.tobytes())
    return Spoken(target.stat().st_size, sha256_of(target), Fraction(len(samples), SAMPLE_RATE), pace)
