"""Captions out of the script's own words: what fits two lines, when it is read, and the files that carry it.

The rules are those that subtitlers work by: at most two lines, breaks where the sentence breathes, no faster than 17
characters a second where the film leaves room, never shorter than a second, nothing overlaps, and every change falls on a frame.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from reelwright.domain.film import Cue, whole_frames
from reelwright.domain.timing import FRAME_RATE, Size
from reelwright.media.phrasing import phrases

READING_SPEED = 17
"""Narrow characters a second; a wide (CJK) one counts as two."""
SHORTEST = Fraction(1)
LINGER = Fraction(3, 4)
"""How long a caption may stay after its voice has ended."""

_LANDSCAPE, _PORTRAIT = 42, 28
"""Narrow characters a line. Half as many wide ones are 21 and 14."""
_SENTENCE_ENDS = ".!?…。！？؟।۔"
_CLAUSE_ENDS = ",;:–—、，；：،؛"
_CLOSERS = "\"'”’»)]）」』】"
_CONTINUES = "、。，．！？…・：；」』）】〕〉》”’ーゝゞ々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ"
"""Never at the start of a line."""


@dataclass(frozen=True)
class Narration:
    """A text that is spoken from `start` for `seconds`, both in the film's time."""

    text: str
    start: Fraction
    seconds: Fraction


def line_length(size: Size) -> int:
    """How many narrow characters a line of captions has in a film of that size."""
    return _PORTRAIT if size.height > size.width else _LANDSCAPE


def captions(
    narrations: Sequence[Narration], *, until: Fraction, length: int = _LANDSCAPE, rate: Fraction = FRAME_RATE
) -> tuple[Cue, ...]:
    """The captions of a film that ends at `until`, for narrations in the order of their start.

    Args:
        narrations: what is said when; empty texts are passed over.
        until: the film's end in seconds.
        length: narrow characters a line, see `line_length`.
        rate: the film's frames a second, on which every start and end falls.
    """
    spoken = [narration for narration in narrations if narration.text.strip()]
    found: list[Cue] = []
    for place, narration in enumerate(spoken):
        following = spoken[place + 1].start if place + 1 < len(spoken) else until
        found += _captions_of(narration, following, length, rate)
    return tuple(found)


def srt(cues: Sequence[Cue]) -> str:
    """The captions as a SubRip file."""
    blocks = (
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{plain(cue)}\n" for number, cue in enumerate(cues, 1)
    )
    return "\n".join(blocks)


def vtt(cues: Sequence[Cue]) -> str:
    """The captions as a WebVTT file."""
    blocks = (f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_escaped(plain(cue))}\n" for cue in cues)
    return "\n".join(("WEBVTT\n", *blocks))


def plain(cue: Cue) -> str:
    """The caption's lines, directed so that Arabic and Hebrew read right in players that assume the other direction."""
    lines = (f"\u200f\u202b{line}\u202c" for line in cue.lines) if is_rtl(cue.lines) else cue.lines
    return "\n".join(lines).replace("-->", "→")


def is_rtl(texts: Iterable[str]) -> bool:
    """Whether they are read from right to left: an Arabic line that starts with a Latin name is, too."""
    directions = [unicodedata.bidirectional(character) for text in texts for character in text]
    return sum(each in ("R", "AL") for each in directions) > directions.count("L")


def _clock(seconds: Fraction, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# -- words ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Word:
    """What is never broken, with the space before it."""

    text: str
    glue: str

    @property
    def width(self) -> int:
        return _width(self.text)

    @property
    def end(self) -> str:
        """Its last character that says how the sentence goes on."""
        return self.text.rstrip(_CLOSERS)[-1:] or self.text[-1]

    @property
    def time(self) -> int:
        """How long it takes to say, in narrow characters: the pauses after clauses and sentences count."""
        return self.width + 1 + (8 if self.end in _SENTENCE_ENDS else 4 if self.end in _CLAUSE_ENDS else 0)


def _width(text: str) -> int:
    """Narrow characters: a wide one counts as two, a mark on another character as none."""
    return sum(0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def _words(text: str, length: int) -> list[_Word]:
    found: list[_Word] = []
    for spaced in text.split():
        parts = [piece for part in _phrases(spaced) for piece in _pieces(part, length)]
        found += [_Word(part, "" if place or not found else " ") for place, part in enumerate(parts)]
    return found


def _phrases(word: str) -> list[str]:
    """The word's phrases, none of which starts with what may not start a line."""
    joined: list[str] = []
    for part in phrases(word):
        if joined and part[0] in _CONTINUES:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _pieces(word: str, length: int) -> list[str]:
    """A word that is longer than a line, cut into pieces that are not."""
    pieces = [""]
    for character in word:
        if _width(pieces[-1] + character) > length:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _joined(words: Sequence[_Word]) -> str:
    return "".join(word.glue + word.text for word in words).strip()


# -- where to break ---------------------------------------------------------------------------------------------------


def _chunks(words: list[_Word], length: int) -> list[list[_Word]]:
    """The words in captions, cut where it hurts least: the cheapest of all ways, found from the end backwards."""
    best: list[tuple[float, int]] = [(0.0, len(words))] * (len(words) + 1)
    for first in range(len(words) - 1, -1, -1):
        ways: list[tuple[float, int]] = []
        for last in range(first + 1, len(words) + 1):
            if last > first + 1 and _lines(words[first:last], length) is None:
                break
            ways.append((_cost(words[first:last], length, is_last=last == len(words)) + best[last][0], last))
        best[first] = min(ways)
    chunks: list[list[_Word]] = []
    first = 0
    while first < len(words):
        last = best[first][1]
        chunks.append(words[first:last])
        first = last
    return chunks


def _cost(words: list[_Word], length: int, *, is_last: bool) -> float:
    """What is wrong with a caption of these words; one more caption costs 1."""
    end = words[-1].end
    cost = 1.0 if is_last or end in _SENTENCE_ENDS else 1.5 if end in _CLAUSE_ENDS else 3.0
    cost += sum(0.7 for word in words[:-1] if word.end in _SENTENCE_ENDS)
    return cost + max(0.0, 1.5 - 3 * _width(_joined(words)) / length)


def _lines(words: Sequence[_Word], length: int) -> tuple[str, ...] | None:
    """One line if they fit, else the most even two, rather broken after a comma; None if they do not fit."""
    whole = _joined(words)
    if _width(whole) <= length:
        return (whole,)
    ways: list[tuple[float, tuple[str, str]]] = []
    for place in range(1, len(words)):
        pair = _joined(words[:place]), _joined(words[place:])
        upper, lower = map(_width, pair)
        if max(upper, lower) <= length:
            breath = length / 4 if words[place - 1].end in _CLAUSE_ENDS + _SENTENCE_ENDS else 0
            ways.append((abs(upper - lower) + (upper > lower) - breath, pair))
    return min(ways)[1] if ways else None


# -- when -------------------------------------------------------------------------------------------------------------


def _captions_of(narration: Narration, following: Fraction, length: int, rate: Fraction) -> list[Cue]:
    chunks = _chunks(_words(narration.text, length), length)
    room = max(following - narration.start, Fraction(0))
    spans = _spans(chunks, min(narration.seconds, room), min(room, narration.seconds + LINGER), room)
    cues: list[Cue] = []
    for chunk, (start, end) in zip(chunks, spans, strict=True):
        first, last = (whole_frames(narration.start + at, rate) for at in (start, end))
        cues.append(Cue(first, last, _lines(chunk, length) or (_joined(chunk),)))
    return [cue for cue in cues if cue.end > cue.start]


def _spans(chunks: list[list[_Word]], spoken: Fraction, wished: Fraction, room: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Start and end of each caption in seconds from the narration's start.

    They follow the voice (`spoken` shared by what is long to say), stay until `wished`, and are moved as little as needed,
    into the silence up to `room`, for everyone to be readable.
    """
    times = [sum(word.time for word in chunk) for chunk in chunks]
    needed = [max(SHORTEST, Fraction(_width(_joined(chunk)), READING_SPEED)) for chunk in chunks]
    scale = min(Fraction(1), room / sum(needed))
    needed = [seconds * scale for seconds in needed]
    starts: list[Fraction] = []
    said = 0
    for time, before in zip(times, [Fraction(0), *needed], strict=False):
        earliest = starts[-1] + before if starts else Fraction(0)
        starts.append(max(spoken * said / sum(times), earliest))
        said += time
    end = min(room, max(wished, starts[-1] + needed[-1]))
    latest = end
    for place in range(len(starts) - 1, -1, -1):
        latest = max(min(starts[place], latest - needed[place]), Fraction(0))
        starts[place] = latest
    return list(zip(starts, [*starts[1:], end], strict=True))
