"""Captions keep the rules that subtitlers work by, in any script."""

from __future__ import annotations

import itertools
import unicodedata
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.domain.film import Cue
from reelwright.domain.timing import Size
from reelwright.media.captions import Narration, captions, line_length, plain, srt, vtt

ENGLISH = (
    "Every morning starts with a promise. Ours is simple: coffee that was roasted yesterday, "
    "ground this minute, and poured by someone who knows your name."
)
JAPANESE = (
    "毎朝、ひとつの約束から始まります。昨日焙煎した豆を、今この瞬間に挽いて、あなたの名前を知っている人が淹れるコーヒーです。"
)
ARABIC = "كل صباح يبدأ بوعد. وعدنا بسيط: قهوة حُمصت أمس، وطُحنت الآن، ويصبها من يعرف اسمك."
TEXTS = [ENGLISH, JAPANESE, ARABIC]
RATE = Fraction(24)


def width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len([each for each in text if not unicodedata.combining(each)]) + wide


def one(text: str, seconds: int, *, until: int | None = None, length: int = 42) -> tuple[Cue, ...]:
    return captions([Narration(text, Fraction(0), Fraction(seconds))], until=Fraction(until or seconds), length=length)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [Size(1280, 720), Size(720, 1280)])
def test_at_most_two_lines_that_fit(text: str, size: Size) -> None:
    cues = one(text, 10, length=line_length(size))
    assert cues
    assert all(1 <= len(cue.lines) <= 2 for cue in cues)
    assert all(width(line) <= line_length(size) for cue in cues for line in cue.lines)


@pytest.mark.parametrize("text", TEXTS)
def test_every_word_is_there_once_and_in_order(text: str) -> None:
    shown = "".join("".join(cue.lines) for cue in one(text, 10))
    assert shown.replace(" ", "") == text.replace(" ", "")


def test_breaks_fall_where_the_sentence_breathes() -> None:
    cues = one(ENGLISH, 10)
    assert cues[0].lines == ("Every morning starts with a promise.",)
    assert all(cue.lines[-1][-1] in ".,:;" for cue in cues)


def test_japanese_lines_neither_start_with_a_mark_nor_split_a_phrase() -> None:
    lines = [line for cue in one(JAPANESE, 10, length=28) for line in cue.lines]
    assert "昨日焙煎した豆を、" in lines
    assert not any(line[0] in "、。ーっゃゅょ" for line in lines)


def test_captions_stay_readable_where_there_is_room() -> None:
    cues = one(ENGLISH, 6, until=20)
    assert all(cue.end - cue.start >= 1 for cue in cues)
    assert all(sum(map(width, cue.lines)) <= 17 * (cue.end - cue.start) + 1 for cue in cues)


def test_a_caption_leaves_soon_after_its_voice() -> None:
    (cue,) = one("Wake up slowly.", 2, until=30)
    assert 2 <= cue.end <= 3


def test_a_word_that_is_longer_than_a_line_is_cut_and_nothing_is_lost() -> None:
    word = "Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüssel"
    cues = one(word, 5, length=28)
    assert "".join("".join(cue.lines) for cue in cues) == word


def test_narrations_follow_each_other_and_silence_has_no_caption() -> None:
    said = [
        Narration("First.", Fraction(1), Fraction(1)),
        Narration("  ", Fraction(3), Fraction(1)),
        Narration("Second.", Fraction(6), Fraction(1)),
    ]
    first, second = captions(said, until=Fraction(10))
    assert first.start == 1
    assert first.end < second.start == 6


spoken = st.lists(st.tuples(st.text(max_size=120), st.integers(1, 150), st.integers(1, 150)), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(spoken, st.sampled_from([Fraction(24), Fraction(24000, 1001), Fraction(30)]), st.sampled_from([28, 42]))
def test_captions_never_overlap_and_change_on_frames(said: list[tuple[str, int, int]], rate: Fraction, length: int) -> None:
    start, narrations = 0, list[Narration]()
    for text, frames, gap in said:
        narrations.append(Narration(text, start / rate, frames / rate))
        start += frames + gap
    cues = captions(narrations, until=start / rate, length=length, rate=rate)
    assert all(before.end <= after.start for before, after in itertools.pairwise(cues))
    assert all(0 <= cue.start < cue.end <= start / rate for cue in cues)
    assert all((at * rate).denominator == 1 for cue in cues for at in (cue.start, cue.end))
    assert all(len(cue.lines) <= 2 for cue in cues)


CUES = (
    Cue(Fraction(1, 24), Fraction(5, 2), ("Fast & <b>loud</b>",)),
    Cue(Fraction(3661), Fraction(3662), ("One", "Two --> three")),
)


def test_subrip_files_have_numbers_times_and_blank_lines() -> None:
    assert srt(CUES) == (
        "1\n00:00:00,042 --> 00:00:02,500\nFast & <b>loud</b>\n\n2\n01:01:01,000 --> 01:01:02,000\nOne\nTwo → three\n"
    )


def test_webvtt_files_escape_what_would_be_markup() -> None:
    assert vtt(CUES) == (
        "WEBVTT\n\n00:00:00.042 --> 00:00:02.500\nFast &amp; &lt;b&gt;loud&lt;/b&gt;\n\n"
        "01:01:01.000 --> 01:01:02.000\nOne\nTwo → three\n"
    )


def test_right_to_left_lines_are_directed_as_a_whole() -> None:
    cue = Cue(Fraction(0), Fraction(1), ("Aurora من يعرف اسمك", "24/7."))
    assert plain(cue) == "\u200f\u202bAurora من يعرف اسمك\u202c\n\u200f\u202b24/7.\u202c"
    assert plain(Cue(Fraction(0), Fraction(1), ("Say مرحبا to everyone",))) == "Say مرحبا to everyone"


def test_no_captions_make_empty_files() -> None:
    assert captions([], until=Fraction(5)) == ()
    assert srt(()) == ""
    assert vtt(()) == "WEBVTT\n"
