"""A brief's own words, taken apart at the joints where the parts still stand alone.

Nothing is inflected or rebuilt: a clause is quoted whole, or left out. "A lamp, cast in Porto, that dims by itself" gives
"A lamp", "Cast in Porto" and "Dims by itself", each of which can be said as a line of its own; in German and Dutch a
subordinate clause has its verb at the end and stays with what it belongs to. A Japanese sentence is parted only where the
voice pauses anyway, and goes on in the next shot.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from reelwright.domain.languages import is_dense, language_of, spoken_seconds

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"”»’]?\s+(?=[^a-zà-ÿ])|(?<=[。！？])\s*")
_JOINT = re.compile(r"(\s*[,;:]\s+|\s+[–—-]\s+|\s*[、，；：]\s*|\s*[،؛]\s*)")
_AND = {"en": "and", "de": "und", "fr": "et", "es": "y", "it": "e", "pt": "e", "nl": "en"}
_BEHIND_AND = 3
"""Words that must stand on either side before a sentence is parted at its "and"."""

_DROPPED = {
    "en": re.compile(r"(?:where|which|that|who)\s+(?=[^\W\d_]+)", re.IGNORECASE),
    "fr": re.compile(r"(?:où|qui)\s+", re.IGNORECASE),
    "es": re.compile(r"(?:donde|que)\s+", re.IGNORECASE),
    "it": re.compile(r"(?:dove|che)\s+", re.IGNORECASE),
    "pt": re.compile(r"(?:onde|que)\s+", re.IGNORECASE),
}
"""A relative word that may go when its clause stands alone."""
_EN_VERB = (
    r"(?:(?!this\b|yours\b|always\b|perhaps\b|unless\b|less\b|its\b|us\b|as\b|is\b)[a-z]+[^s\W]s|is|has|can|will|does|"
    r"never|always|are|have|do|fit|make|keep|let|last|need|give|turn|bring|help)"
)
_EN_RELATIVE = re.compile(rf"\s+(?:that|which|who)\s+(?={_EN_VERB}\b)", re.IGNORECASE)
_SUBORDINATE = {
    "de": re.compile(
        r"(?:der|die|das|den|dem|dessen|deren|welche[rsnm]?|wo|wenn|weil|damit|dass|ob|bis|während|sodass|um|ohne)\b",
        re.IGNORECASE,
    ),
    "nl": re.compile(r"(?:die|dat|waar\w*|als|omdat|zodat|of|tot|terwijl|om|zonder)\b", re.IGNORECASE),
    "en": re.compile(r"(?:that|which|who|whose|whom|when|while|because|so|if|unless|until|or|but)\b", re.IGNORECASE),
    "fr": re.compile(r"(?:que|qu['’]|dont|quand|parce|si|ou|mais|pour que)", re.IGNORECASE),
    "es": re.compile(r"(?:cuando|porque|si|o|pero|cuyo|cuya)\b", re.IGNORECASE),
    "it": re.compile(r"(?:quando|perché|se|o|ma|cui)\b", re.IGNORECASE),
    "pt": re.compile(r"(?:quando|porque|se|ou|mas|cujo|cuja)\b", re.IGNORECASE),
}
"""Beginnings of clauses that lean on the one before and stay with it."""

_COPULA = r"(?:is|are|ist|sind|est|sont|es|son|è|sono|é|são|is een|zijn)"
_ARTICLES = (
    r"(?:an?|the|our|eine?|der|die|das|unsere?|une?|le|la|les|l['’]|notre|una?|el|los|las|uno|il|lo|gli|i|uma?|o|os|as|"
    r"een|de|het)"
)
_AGE = re.compile(
    r"\s*\(?(?:aged?\s+|zwischen\s+|de\s+)?\b\d{2}\s*(?:-|–|to|bis|à|a|tot|und|and)\s*\d{2}\b"
    r"(?:\s*(?:years?(?:\s+old)?|Jahren?|ans|años|anni|anos|jaar))?\)?"
)
_FOR = re.compile(r"^(?:for|für|pour|para|per|voor)\s+", re.IGNORECASE)
_FEW_WORDS = 3
_SMALL = frozenset(
    "a an the of in on at to for with by from and or that which who is are its your our das der die ein eine und oder mit "
    "von zu le la les un une de du des et ou à au pour avec el los las y o en con del il lo gli e di da per um uma os as em "
    "com do na no een het van met voor op te".split()
)
"""Words that no title ends with."""


@dataclass(frozen=True)
class Clause:
    """A part of a sentence that can be said alone."""

    text: str
    """As written, without the joint before it."""
    joint: str
    """What parts it from the clause before in the same sentence; empty at the start of a sentence."""
    language: str

    @property
    def spoken(self) -> str:
        """Said as a line of its own."""
        return as_line(standalone(self.text, self.language) if self.joint else self.text)

    def joined(self, after: Clause) -> Clause:
        """Both as one: with their own joint inside a sentence, else as two sentences."""
        if after.joint:
            return Clause(self.text + after.joint + after.text, self.joint, self.language)
        # A sentence that ended keeps its end: what follows starts anew.
        return Clause(together(as_line(self.text), after.text), self.joint, self.language)


def as_line(text: str) -> str:
    """With a capital and a full stop, where the script has them."""
    plain = text.strip().strip(",;:，；：").strip()
    if not plain:
        return ""
    ended = plain if plain[-1] in '.!?…。、！？؟।»”"' else plain + _full_stop(plain)
    return ended[:1].upper() + ended[1:]


def _full_stop(text: str) -> str:
    if re.search("[\u3040-\u30ff\u3400-\u9fff]", text[-1]):
        return "。"
    if re.search("[\u0900-\u097f]", text[-1]):
        return "।"
    return "" if re.search("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]", text[-1]) else "."


def standalone(text: str, language: str) -> str:
    """A clause without the relative word that tied it to the one before."""
    drop = _DROPPED.get(language_of(language))
    return drop.sub("", text, count=1) if drop and drop.match(text) else text


def together(*texts: str) -> str:
    """The texts one after the other, with a space between where the script has spaces."""
    whole = ""
    for text in filter(None, (text.strip() for text in texts)):
        whole += text if not whole or is_dense(whole[-12:]) else f" {text}"
    return whole


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, each as written."""
    return tuple(part.strip() for part in _SENTENCE_END.split(text.strip()) if part and part.strip())


def clauses(text: str, language: str) -> tuple[Clause, ...]:
    """All sentences taken apart as far as their parts stand alone."""
    return tuple(clause for sentence in sentences(text) for clause in _clauses_of(sentence, language_of(language)))


def _clauses_of(sentence: str, language: str) -> tuple[Clause, ...]:
    if language == "ja":
        return tuple(Clause(part, "", language) for part in re.split("(?<=、)", sentence) if part)
    parts = _JOINT.split(sentence)
    found = [Clause(parts[0], "", language)]
    for joint, part in zip(parts[1::2], parts[2::2], strict=True):
        if _leans(found[-1].text, part, language):
            found[-1] = found[-1].joined(Clause(part, joint, language))
        else:
            found.append(Clause(part, joint, language))
    if language == "en":
        found = [piece for clause in found for piece in _at_relative(clause)]
    return tuple(piece for clause in found for piece in _at_and(clause))


def _leans(before: str, part: str, language: str) -> bool:
    """Whether a part cannot stand without the one before it: a subordinate clause, or an entry of a list."""
    if not part or (language in _SUBORDINATE and _SUBORDINATE[language].match(part) and not _droppable(part, language)):
        return True
    return not is_dense(part) and min(len(part.split()), len(before.split())) < _FEW_WORDS


def _droppable(part: str, language: str) -> bool:
    drop = _DROPPED.get(language)
    if not drop or not drop.match(part):
        return False
    return language != "en" or bool(re.match(rf"where\b|\w+\s+{_EN_VERB}\b", part, re.IGNORECASE))


def _at_relative(clause: Clause) -> tuple[Clause, ...]:
    """English only: "a shop that delivers by bike" is a shop, and it delivers by bike."""
    match = _EN_RELATIVE.search(clause.text)
    if (
        match is None
        or len(clause.text[match.end() :].split()) < _FEW_WORDS
        or len(clause.text[: match.start()].split()) < _FEW_WORDS
    ):
        return (clause,)
    first = Clause(clause.text[: match.start()], clause.joint, clause.language)
    return (first, Clause(clause.text[match.end() :], match[0], clause.language))


def _at_and(clause: Clause) -> tuple[Clause, ...]:
    word = _AND.get(clause.language)
    match = re.search(rf"\s+(?={word}\s)", clause.text) if word else None
    if match is None:
        return (clause,)
    ahead, behind = clause.text[: match.start()], clause.text[match.end() :]
    if len(ahead.split()) <= _BEHIND_AND or len(behind.split()) <= _BEHIND_AND:
        return (clause,)
    return (Clause(ahead, clause.joint, clause.language), Clause(behind, match[0], clause.language))


def subject_of(product: str, name: str) -> str:
    """What the product is, as a picture's subject: "a pour-over coffee set in speckled stoneware"."""
    first = (sentences(product) or (product,))[0]
    plain = re.sub(rf"^{re.escape(name)}\s*(?:,|:|–|—|-|\s{_COPULA}\b)\s*", "", first, flags=re.IGNORECASE)
    if plain == first and not re.match(rf"{_ARTICLES}\s", first, re.IGNORECASE) and len(first.split()) > 8:  # noqa: PLR2004 - a whole sentence
        return name
    head = _JOINT.split(plain, maxsplit=1)[0]
    relative = _EN_RELATIVE.search(head)
    head = head[: relative.start()] if relative else head
    plain = re.sub(r"\s+(?:and|und|et|y|e|en)$", "", head).strip(" .!?。")
    return plain[:1].lower() + plain[1:] if re.match(rf"{_ARTICLES}\s", plain, re.IGNORECASE) else plain or name


def audience_of(audience: str) -> str:
    """Whom the film speaks to, fit to stand after "for": without ages and brackets, its first part only, or nothing."""
    plain = re.sub(r"\s*\([^)]*\)", "", _AGE.sub("", _FOR.sub("", audience.strip())))
    plain = re.split(r"\s*[.;]\s*|\s*,\s*$", plain)[0].strip(" ,.;")
    return plain if spoken_seconds(plain) <= 6 else ""  # noqa: PLR2004 - seconds, as long as one line may be


def headline(text: str, most_words: int = 6, most_dense: int = 14) -> str:
    """The text as a title when it is short enough, else empty: nothing is cut in the middle."""
    plain = text.strip().strip(".。!！,;:、，")
    if is_dense(plain):
        return plain if len(plain) <= most_dense else ""
    words = plain.split()
    fits = 2 <= len(words) <= most_words and len(plain) <= 44  # noqa: PLR2004 - two words make a title
    return plain[:1].upper() + plain[1:] if fits and words[-1].lower() not in _SMALL else ""


def share_out(units: Sequence[Clause], places: int, most: Fraction) -> tuple[tuple[str, ...], bool]:
    """Lines for at most `places` shots, none longer than `most` seconds, and whether everything is said.

    Neighbours are joined while there are more clauses than places, the shortest pair first and better within a sentence than
    across two; what then still finds no place is left out from the end.
    """
    kept = [unit for unit in units if spoken_seconds(unit.spoken) <= most]
    is_whole = len(kept) == len(units)
    while len(kept) > places:
        pairs = [
            (spoken_seconds(joined.spoken) + (0 if kept[index + 1].joint else 2), index, joined)
            for index in range(len(kept) - 1)
            if spoken_seconds((joined := kept[index].joined(kept[index + 1])).spoken) <= most
        ]
        if not pairs:
            return tuple(unit.spoken for unit in kept[:places]), False
        _, index, joined = min(pairs, key=lambda pair: pair[:2])
        kept[index : index + 2] = [joined]
    return tuple(unit.spoken for unit in kept), is_whole
