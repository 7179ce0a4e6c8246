"""The scratch voice, judged by the sound that it makes."""

from __future__ import annotations

import hashlib
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.domain.timing import SAMPLE_RATE
from reelwright.errors import InvalidInput
from reelwright.media.scratch_voice import is_available
from reelwright.media.speech import speak

LINE = "Alderkiln is a pour-over coffee set in speckled stoneware, thrown by hand in a two-person workshop in Ghent."


def heard(path: Path) -> NDArray[np.float64]:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (SAMPLE_RATE, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float64) / 32768


def loudness(sound: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(sound**2)))


def test_a_line_is_spoken_at_an_easy_pace_without_silence_around_it(tmp_path: Path) -> None:
    spoken = speak(LINE, "en", Fraction(10), tmp_path / "line.wav")
    sound = heard(tmp_path / "line.wav")
    assert spoken.pace == 155
    assert Fraction(len(sound), SAMPLE_RATE) == spoken.seconds
    assert 5 < spoken.seconds < 8
    assert loudness(sound[int(0.02 * SAMPLE_RATE) : int(0.2 * SAMPLE_RATE)]) > 0.01
    assert 0.03 < loudness(sound) < 0.2
    assert np.abs(sound).max() < 0.75
    assert abs(sound[0]) < 0.01
    assert abs(sound[-1]) < 0.01


def test_it_has_no_rumble_and_little_buzz(tmp_path: Path) -> None:
    speak(LINE, "en", Fraction(10), tmp_path / "line.wav")
    sound = heard(tmp_path / "line.wav")
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    assert power[hertz < 60].sum() < 0.01 * power.sum()
    assert power[hertz > 4000].sum() < 0.01 * power.sum()
    assert power[(hertz > 200) & (hertz < 2000)].sum() > 0.4 * power.sum()


def test_the_same_text_is_the_same_bytes(tmp_path: Path) -> None:
    first, second = (speak(LINE, "en", Fraction(10), tmp_path / name) for name in ("one.wav", "two.wav"))
    assert first == second
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "two.wav").read_bytes()
    assert first.sha256 == hashlib.sha256((tmp_path / "one.wav").read_bytes()).hexdigest()
    assert first.size == (tmp_path / "one.wav").stat().st_size


def test_a_tight_shot_makes_it_speak_faster_and_never_longer_than_the_shot(tmp_path: Path) -> None:
    spoken = speak(LINE, "en", Fraction(5), tmp_path / "line.wav")
    assert 155 < spoken.pace <= 230
    assert spoken.seconds <= 5


def test_too_many_words_are_refused_in_words_and_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidInput, match=r"The words take \d\.\d seconds even when spoken fast; the shot has 2\.0\. Say less\."
    ):
        speak(LINE, "en", Fraction(2), tmp_path / "line.wav")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Handgemachte Seife aus Köln."),
        ("fr", "Une boulangerie de quartier."),
        ("pt-BR", "Agora é com você."),
        ("zh-Hant-TW", "一家小茶馆"),
        ("ja", "おはようございます"),
        ("ar", "مقهى صغير في عمان"),
        ("hi", "यह एक छोटी दुकान है"),
        ("ru", "Маленькая пекарня"),
    ],
)
def test_it_speaks_many_languages_by_their_tags(tmp_path: Path, language: str, text: str) -> None:
    assert Fraction(1, 2) < speak(text, language, Fraction(8), tmp_path / "line.wav").seconds < 6
    assert loudness(heard(tmp_path / "line.wav")) > 0.03


@pytest.mark.parametrize(
    ("language", "text", "told"),
    [("tlh", "nuqneH", "does not speak 'tlh'"), ("ja", "抹茶椀です", "cannot read kanji"), ("en", "  ", "nothing to say")],
)
def test_what_it_cannot_say_is_told_in_words(tmp_path: Path, language: str, text: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        speak(text, language, Fraction(5), tmp_path / "line.wav")


def test_it_is_there_when_its_package_is() -> None:
    assert is_available()
