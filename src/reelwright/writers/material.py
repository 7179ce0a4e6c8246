"""What a brief gives a template to work with: its own words, cleared of those that it does not want to hear."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reelwright.domain.brief import Brief
from reelwright.domain.languages import is_dense, language_of
from reelwright.writers.patterns import Words
from reelwright.writers.phrases import Clause, as_line, audience_of, clauses, sentences, subject_of, together


@dataclass(frozen=True)
class Material:
    """The parts of one brief, each as the person wrote it."""

    name: str
    subject: str
    """The product as the subject of a picture."""
    facts: tuple[Clause, ...]
    """What is said of the product, in clauses that stand alone."""
    message: str
    call: str
    audience: str
    wishes: tuple[str, ...]
    """Words to use."""
    unwanted: tuple[str, ...]
    """Words that must not appear."""
    language: str
    is_described: bool = False
    """The name is no proper name, only the first words of what it is."""
    has_article: bool = False
    """What it is was said with an article in English: "a tiny museum"."""

    def is_fine(self, text: str) -> bool:
        """Whether none of the unwanted words is in it; the name stays, whatever it is."""
        rest = text.casefold().replace(self.name.casefold(), " ")
        return not any(_has(rest, word) for word in self.unwanted)

    def without(self, text: str) -> str:
        """The text less its sentences, and their parts, that hold an unwanted word."""
        if self.is_fine(text):
            return text
        kept: list[str] = []
        for sentence in sentences(text):
            parts = [part for part in re.split(r"\s*[,;:]\s+|\s*[、，；]\s*", sentence) if part and self.is_fine(part)]
            if parts:
                kept.append(as_line(", ".join(parts)))
        return " ".join(kept)

    def first_fine(self, *texts: str) -> str:
        """The first that is neither empty nor holds an unwanted word; else the name."""
        return next((text for text in texts if text and self.is_fine(text)), self.name)

    def filled(self, pattern: str, words: Words | None) -> str:
        """The pattern with the brief's words in its places; empty where the brief has none, or only unwanted ones."""
        whole = together(*self._facts_whole())
        quoted = {"product": whole if whole != as_line(self.name) else "", "message": self.message, "call": self.call}
        values = {
            "name": self.called(words),
            "audience": self.audience,
            **{f"quoted_{part}": _quoted(text, words) if text else "" for part, text in quoted.items()},
        }
        if any(f"{{{place}}}" in pattern and not value for place, value in values.items()):
            return ""
        text = pattern.format_map(values)
        text = re.sub(r"(^|[.!?] )the (?=[A-Z])", r"\1The ", text[:1].upper() + text[1:])
        return text if self.is_fine(text) else ""

    def called(self, words: Words | None) -> str:
        """The name as it stands in a sentence. A mere description gets an article or quotes, else it would want a case."""
        if not self.is_described or not words:
            return self.name
        if language_of(self.language) != "en":
            return _quoted(self.name, words)
        return f"the {self.name}" if self.has_article else self.name

    def _facts_whole(self) -> Sequence[str]:
        """The facts as sentences again."""
        whole: list[Clause] = []
        for fact in self.facts:
            if whole and fact.joint:
                whole[-1] = whole[-1].joined(fact)
            else:
                whole.append(fact)
        return [fact.spoken for fact in whole]


def material_of(brief: Brief) -> Material:
    """The parts of a brief."""
    bare = Material(
        name=brief.name,
        subject="",
        facts=(),
        message=as_line(brief.message),
        call=as_line(brief.call_to_action),
        audience=audience_of(brief.audience),
        wishes=brief.do_words,
        unwanted=brief.dont_words,
        language=brief.language,
        is_described=_is_described(brief.name, brief.product),
        has_article=bool(re.match(r"(?:an?|the|our)\s", brief.product, re.IGNORECASE)),
    )
    return replace(
        bare,
        subject=bare.first_fine(subject_of(brief.product, brief.name)),
        facts=tuple(fact for fact in clauses(brief.product, brief.language) if bare.is_fine(fact.spoken)),
        message=bare.without(bare.message),
        call=bare.without(bare.call),
        audience=bare.audience if bare.is_fine(bare.audience) else "",
        wishes=tuple(word for word in brief.do_words if bare.is_fine(word)),
    )


def chance(brief: Brief, what: str) -> int:
    """A number that is the same for the same brief, to choose by."""
    text = f"{brief.name}\n{brief.product}\n{what}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _is_described(name: str, product: str) -> bool:
    """Whether the name is how the product's description begins, and not a name that the description mentions."""
    if name not in product:
        return name.casefold() in product.casefold()
    return product.startswith(f"{name} ") and " " in name


def _quoted(text: str, words: Words | None) -> str:
    return words.quote.format(text=text) if words else text


def _has(text: str, word: str) -> bool:
    plain = word.casefold().strip()
    if not plain:
        return False
    return plain in text if is_dense(plain) else bool(re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", text))
