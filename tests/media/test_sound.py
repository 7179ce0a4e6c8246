"""Voices at their sample, music that makes way, loudness as promised; measured on the samples themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reelwright.errors import RenderError
from reelwright.media import music
from reelwright.media.sound import (
    FASTEST_VOICE,
    SILENCE_LUFS,
    Sound,
    Voice,
    decode,
    fit,
    level,
    measure,
    mix,
    silence,
    voice_track,
)

RATE = 48_000
Tone = Callable[..., Sound]


def decibels(sound: Sound, start: float, end: float) -> float:
    part = sound[:, int(start * RATE) : int(end * RATE)].astype(np.float64)
    return float(20 * np.log10(np.sqrt((part**2).mean()) + 1e-9))


def speech(seconds: float) -> Sound:
    """Something with the rhythm and the peaks of speech."""
    time = np.arange(int(seconds * RATE)) / RATE
    syllables = np.maximum(np.sin(2 * np.pi * 3.5 * time), 0) ** 2
    voice = sum(np.sin(2 * np.pi * 140 * harmonic * time) / harmonic for harmonic in range(1, 12))
    return np.stack([voice * syllables * 0.2] * 2).astype(np.float32)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac", "a.ogg", "a.m4a"])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_file_becomes_48_khz_stereo(name: str, channels: int, make_sound: Callable[..., str], tone: Tone) -> None:
    rate = 48000 if name.endswith("ogg") else 22050
    sound = decode(make_sound(name, tone(1.0, rate=rate)[:channels], rate))
    assert sound.shape[0] == 2
    assert abs(sound.shape[1] - RATE) < 2500
    spectrum = np.abs(np.fft.rfft(sound[0, 8000:40000]))
    assert abs(np.argmax(spectrum) * RATE / 32000 - 440) < 2


def test_a_file_without_sound_is_an_error_that_names_what_to_do(make_clip: Callable[..., str]) -> None:
    with pytest.raises(RenderError, match="make that take again"):
        decode(make_clip("a.mp4", frames=3))


def test_voices_start_on_their_sample(make_sound: Callable[..., str]) -> None:
    click = np.zeros((1, 4800), np.float32)
    click[0, 0] = 0.5
    path = make_sound("a.wav", click)
    track = voice_track([Voice(path, 12_345, 48_000), Voice(path, 90_001, 48_000)], 200_000)
    assert track.shape == (2, 200_000)
    assert np.flatnonzero(track[0] > 0.2).tolist() == [12_345, 90_001]


def test_a_voice_that_fits_is_left_alone(tone: Tone) -> None:
    sound = tone(1.0)
    assert fit(sound, RATE) is sound


def test_a_voice_that_is_a_little_long_is_sped_up_at_the_same_pitch(tone: Tone) -> None:
    faster = fit(tone(5.0), int(4.5 * RATE))
    assert 4.3 * RATE < faster.shape[1] <= 4.4 * RATE + 1
    part = faster[0, RATE : 3 * RATE]
    assert abs(np.argmax(np.abs(np.fft.rfft(part))) * RATE / len(part) - 440) < 3


def test_a_voice_that_is_far_too_long_is_sped_up_no_more_than_that_and_faded(tone: Tone) -> None:
    room = 2 * RATE
    cut = fit(tone(5.0), room)
    assert cut.shape[1] <= room
    assert room < 5 / FASTEST_VOICE * RATE
    assert abs(cut[:, -1]).max() < 1e-3


def test_voices_never_sound_into_each_other_or_beyond_the_end(make_sound: Callable[..., str], tone: Tone) -> None:
    long, short = make_sound("a.wav", tone(4.0)), make_sound("b.wav", tone(0.5, hertz=880))
    track = voice_track([Voice(long, 0, RATE), Voice(short, RATE, 2 * RATE), Voice(long, 3 * RATE, 9 * RATE)], 4 * RATE)
    assert track.shape[1] == 4 * RATE
    assert decibels(track, 0.95, 1.0) < -60
    assert decibels(track, 1.0, 1.4) > -20


def test_music_goes_down_under_the_voice_and_comes_back(tone: Tone) -> None:
    voice = silence(16 * RATE)
    voice[:, 5 * RATE : 10 * RATE] = speech(5.0)
    mixed = mix(voice, tone(16.0, hertz=3000, level=0.1))

    def music_level(start: float, end: float) -> float:
        part = mixed[0, int(start * RATE) : int(end * RATE)]
        carrier = np.exp(-2j * np.pi * 3000 * np.arange(len(part)) / RATE)
        return float(20 * np.log10(2 * abs((part * carrier).mean())))

    before, under, after = music_level(1, 4), music_level(6, 9), music_level(13, 15)
    assert before - under > 7
    assert abs(before - after) < 1


def test_a_film_may_have_voice_only_music_only_or_nothing(tone: Tone) -> None:
    nothing, sound = silence(3 * RATE), tone(3.0)
    assert not mix(nothing, nothing).any()
    assert np.array_equal(mix(nothing, sound), sound)
    assert measure(mix(sound, nothing)).lufs > SILENCE_LUFS


@pytest.mark.parametrize(
    "sound",
    [speech(8.0), 0.01 * speech(8.0), np.tanh(20 * speech(8.0)), music.bed(8 * RATE, "epic", "a")],
    ids=["speech", "quiet", "loud", "music"],
)
def test_loudness_is_met_within_half_a_unit_and_peaks_stay_under_the_ceiling(sound: Any) -> None:
    levelled = level(sound)
    found = measure(levelled)
    assert levelled.shape == sound.shape
    assert abs(found.lufs + 14) <= 0.5
    assert found.true_peak <= -1.3


def test_silence_stays_silence() -> None:
    assert not level(silence(RATE)).any()
    assert measure(silence(2 * RATE)).lufs == SILENCE_LUFS


def test_the_limiter_moves_nothing_in_time() -> None:
    sound = speech(4.0)
    sound[:, 100_000] = 0.9
    levelled = level(sound)
    assert int(np.argmax(np.abs(levelled[0]))) in range(99_995, 100_006)


@pytest.mark.parametrize("mood", list(music.CHARACTERS))
def test_a_bed_has_its_length_a_body_and_an_ending(mood: str) -> None:
    bed = music.bed(20 * RATE + 7, mood, "campaign")
    assert bed.shape == (2, 20 * RATE + 7)
    assert bed.dtype == np.float32
    assert 0.45 < np.abs(bed).max() <= 0.5001
    body = decibels(bed, 5, 12)
    assert body > -30
    assert decibels(bed, 19.9, 20) < body - 30
    assert np.abs(bed[:, 0]).max() < 1e-3
    assert not np.array_equal(bed[0], bed[1])


def test_moods_sound_different_and_the_same_seed_sounds_the_same() -> None:
    def colour(mood: str) -> tuple[int, int]:
        """Centroid of the spectrum in 20 Hz and strokes a second: timbre and pace."""
        bed = music.bed(12 * RATE, mood, "a")[0].astype(np.float64)
        spectrum = np.abs(np.fft.rfft(bed))
        centroid = (spectrum * np.fft.rfftfreq(len(bed), 1 / RATE)).sum() / spectrum.sum()
        energy = (bed[: len(bed) // 480 * 480].reshape(-1, 480) ** 2).mean(axis=1)
        return int(centroid // 20), int((np.diff(np.log(energy + 1e-7)) > 0.35).sum())

    assert len({colour(mood) for mood in music.CHARACTERS}) == len(music.CHARACTERS) >= 5
    assert np.array_equal(music.bed(RATE, "calm", "a"), music.bed(RATE, "calm", "a"))
    assert not np.array_equal(music.bed(4 * RATE, "calm", "a"), music.bed(4 * RATE, "calm", "b"))


@pytest.mark.parametrize(
    ("mood", "name"),
    [
        ("warm, hopeful", "calm"),
        ("Upbeat and fresh", "bright"),
        ("dark thriller", "dark"),
        ("fun", "playful"),
        ("cinematic", "epic"),
        ("nostalgic", "dreamy"),
        ("sleek", "modern"),
        ("", "calm"),
        ("静か", "calm"),
    ],
)
def test_a_mood_in_free_words_finds_its_character(mood: str, name: str) -> None:
    assert music.character_of(mood) == name


@pytest.mark.parametrize("samples", [1, 500, RATE // 2, 2 * RATE])
def test_even_the_shortest_film_gets_its_bed(samples: int) -> None:
    assert music.bed(samples, "epic", "a").shape == (2, samples)
