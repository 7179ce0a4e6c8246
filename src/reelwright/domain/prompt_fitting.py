"""Fitting a prompt to a model's limit without a language model: it ends where one of its sentences ends, never in the middle.

Where even the first sentence is too long, it ends at a clause of it; where there is none, nobody but its author can shorten it.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reelwright.domain.card import ModelCard, PromptUnit
from reelwright.domain.planning import named
from reelwright.errors import InvalidInput


class Fit(StrEnum):
    """What was done to a prompt."""

    REWRITTEN = "rewritten"
    """A language model said the same in fewer words."""
    SHORTENED = "shortened"
    """Its last sentences were left out."""
    CLIPPED = "clipped"
    """It is one long sentence, and its last clauses were left out."""


@dataclass(frozen=True)
class FittedPrompt:
    """A prompt that fits a limit."""

    prompt: str
    fit: Fit
    writer: str = ""
    """Who rewrote it."""
    notice: str = ""
    """Why it was not rewritten, where somebody might have done so."""


def fit_key(prompt: str, limit: int, unit: PromptUnit) -> str:
    """Under which a fitted prompt is kept, so that the same shot asks for the same words again."""
    return hashlib.sha256(json.dumps([prompt, limit, unit.value]).encode()).hexdigest()


def shorten(prompt: str, limit: int, unit: PromptUnit) -> FittedPrompt:
    """As many whole sentences from the prompt's start as the limit allows.

    Args:
        prompt: in any language.
        limit: in `unit`s.
        unit: what the model counts.

    Raises:
        InvalidInput: it has no sentence and no clause that is short enough.
    """
    text = prompt.strip()
    if unit.measure(text) <= limit:
        return FittedPrompt(text, Fit.SHORTENED)
    most = _reach(text, limit, unit)
    for fit, ends in ((Fit.SHORTENED, _sentence_ends), (Fit.CLIPPED, _clause_ends)):
        found = [end for end in ends(text) if end <= most and _is_between_characters(text, end)]
        # Better not inside of brackets or quotes; an odd one may have been opened long before, and then it must not matter.
        if best := [end for end in found if _is_closed(text[:end])] or found:
            return FittedPrompt(text[: best[-1]], fit)
    msg = (
        f"The prompt has {unit.measure(text):,} {unit.in_words} and at most {limit:,} are allowed; it is one sentence "
        "that cannot be shortened without breaking it: say it in fewer words."
    )
    raise InvalidInput(msg)


def told_fits(card: ModelCard, fits: Mapping[str, FittedPrompt], of: int) -> tuple[str, ...]:
    """What a person should know about the prompts for one model that were too long for it: one sentence for all alike.

    Args:
        card: the model's facts.
        fits: what became of them, by the shots that they are for.
        of: how many shots there are.
    """
    sentences: dict[str, list[str]] = {}
    for shot, fitted in fits.items():
        sentences.setdefault(_done(fitted), []).append(shot)
    limit = f"at most {card.prompt_limit:,} {card.prompt_unit.in_words}"
    return tuple(
        f"The {card.kind.value} prompts of {named(shots, of)} are too long for {card.model} ({limit}): {done}"
        for done, shots in sentences.items()
    )


def _done(fitted: FittedPrompt) -> str:
    match fitted.fit:
        case Fit.REWRITTEN:
            done = f"{fitted.writer} said the same in fewer words."
        case Fit.SHORTENED:
            done = "what does not fit is left out, from the end of a sentence on."
        case Fit.CLIPPED:
            done = "it is one long sentence, and what does not fit is left out, from the end of a clause on."
    return f"{done} {fitted.notice}".strip()


def _reach(text: str, limit: int, unit: PromptUnit) -> int:
    """How many code points of the text are within the limit."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if unit.measure(text[:middle]) <= limit else (low, middle - 1)
    return low


_STOPS = ".!?…‼⁇⁈⁉\u037e"
"""Ends of a sentence in scripts that put a space behind them."""
_DENSE_STOPS = "。｡．！？؟۔।॥။።፧፨។៕༎։"
"""Ends of a sentence that need no space behind them."""
_SENTENCE_END = re.compile(rf"[{_STOPS}{_DENSE_STOPS}]+(?P<closers>[\"'“”’»›)\]}}」』》〉）】｣]*)")
_PARAGRAPH = re.compile(r"\s*\n\s*\n")
_EAST_ASIAN = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uff00-\uffef]")
_WORD = re.compile(r"[^\s(\[\"'“‘„«/–—-]*$")
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])*")
"""`J`, `e.g`, `z.B`: with a point behind them they end no sentence."""
_ABBREVIATIONS = frozenset(
    "approx bspw bzw ca cf dept dr engl evtl fig figs gen ggf gov inkl jr mlle mme mr mrs ms mt nr prof rev sen sr sra srta st "
    "ste vgl vol vs zzgl".split()
)
_LONGEST_WORD = 24


def _sentence_ends(text: str) -> Iterator[int]:
    """Where sentences end, as places behind their last character, in order."""
    is_small = next((char for char in text if char.isupper() or char.islower()), "A").islower()
    ends = {match.end() for match in _SENTENCE_END.finditer(text) if _ends_sentence(text, match, is_small=is_small)}
    ends |= {match.start() for match in _PARAGRAPH.finditer(text)}
    start = 0
    for end in sorted(ends):
        # The number of a list is no sentence: `1. A lamp. 2. A table.`
        if any(char.isalpha() for char in text[start:end]):
            yield end
            start = end


def _ends_sentence(text: str, match: re.Match[str], *, is_small: bool) -> bool:
    """Whether what looks like the end of a sentence is one; `is_small` says that the author writes without capitals."""
    behind = text[match.end() :]
    following = behind.lstrip()[:1]
    if text[match.start()] in _DENSE_STOPS:
        return not behind[:1].isdigit()
    if behind and not behind[0].isspace() and not _EAST_ASIAN.match(behind):
        return False
    if following.islower() and (not is_small or match["closers"]):
        return False
    word = _WORD.search(text[max(0, match.start() - _LONGEST_WORD) : match.start()])
    return text[match.start()] != "." or word is None or not _is_abbreviation(word[0], following)


def _is_abbreviation(word: str, following: str) -> bool:
    if word.lower() == "no" and following.isdigit():
        return True
    return bool(_INITIALS.fullmatch(word)) or word.lower() in _ABBREVIATIONS


_CLAUSE_END = re.compile("[,;:–—](?=\\s)|[，、；：،؛፣፤၊]|\\s[–—-](?=\\s)")
_UNSPACED_GAP = re.compile("(?<=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\\s+(?=[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])")
"""Thai, Lao, Burmese and Khmer put a space where a clause ends, and nowhere else."""


def _clause_ends(text: str) -> Iterator[int]:
    """Where clauses end, before the comma that ends them."""
    starts = {match.start() for pattern in (_CLAUSE_END, _UNSPACED_GAP) for match in pattern.finditer(text)}
    yield from sorted(len(text[:start].rstrip()) for start in starts if text[:start].strip())


_PREPENDED = re.compile(
    "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3\U000113d1\U0001193f\U00011941"
    "\U00011a3a\U00011a84-\U00011a89\U00011d46\U00011f02]"
)
"""Signs that belong to the character behind them. Source: Unicode 17, GraphemeBreakProperty.txt, Prepend."""


def _is_between_characters(text: str, place: int) -> bool:
    """Whether a cut there tears no character that people see as one: no accent, skin colour or part of an emoji is left behind.

    Sentences and clauses end before or behind a sign of punctuation, so flags and conjoining letters are never in question.
    """
    if place >= len(text):
        return True
    following = text[place]
    is_joined = following in "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f" or "\U0001f3fb" <= following <= "\U0001f3ff"
    is_tag = "\U000e0020" <= following <= "\U000e007f"
    is_mark = unicodedata.category(following).startswith("M")
    return not (is_joined or is_tag or is_mark or _PREPENDED.match(text[place - 1]))


_PAIRS = ("()", "[]", "{}", "（）", "【】", "「」", "『』", "《》", "«»")


def _is_closed(text: str) -> bool:
    """Whether every bracket and quote in it is closed."""
    quotes = text.count("„") == text.count("“") if "„" in text else text.count("“") == text.count("”")
    return quotes and text.count('"') % 2 == 0 and all(text.count(left) == text.count(right) for left, right in _PAIRS)
