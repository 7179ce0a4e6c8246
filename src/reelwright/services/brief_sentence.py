"""What one sentence asks for: the product in the person's own words, and what they said of shape, length and name.

A hint counts only where it cannot be part of the product: in the opening ("a 20 second vertical story for ..."), on its
own between commas ("..., 4 shots, square"), or as `9:16`. So "pizza in 15 minutes" stays a pizza.
"""

from __future__ import annotations

import re
from fractions import Fraction

from reelwright.domain.brief import SECONDS_ALLOWED, SHOTS_ALLOWED
from reelwright.domain.languages import detect_language, is_dense
from reelwright.domain.timing import AspectRatio
from reelwright.services.brief_fields import RATIO_NAMES

_FILM = (
    r"(?:films?|video(?:clip)?s?|vídeos?|vidéos?|clips?|ads?|adverts?|commercials?|spots?|story|stories|reels?|"
    r"shorts?|trailers?|teasers?|promos?|animatics?|werbe(?:film|spot|video|clip)|kurzfilm|anuncio|anúncio|pub(?:licité)?|filmpje)"
)
_ABOUT = (
    r"(?:about|for|on|of|showing|introducing|promoting|advertising|that shows|über|für|zu|von|sur|pour|de|du|sobre|para|"
    r"per|su|dedicato a|over|voor)"
)
_ASKING = (
    r"(?:an?|the|please|make|create|produce|shoot|give|i|i['’]d|we|we['’]d|let['’]s|my|short|bitte|mach|erstelle|wir|ich|"
    r"eine?n?|kurze[rs]?|une?|fais|crée|créer|una|uno|haz|crea|uma?|faça|cria|een|maak|vertical|square|tiktok|instagram|"
    r"youtube|\d+)"
)
# "A video editor for podcasters" is no order for a video: it starts like one, and only hints come before "for".
_AHEAD = rf"^\W*(?P<opening>(?:{_ASKING}\b(?:[^.!?;:\n]|(?<=\d):(?=\d)){{0,90}}?)?\b{_FILM}\b"
_BETWEEN = r"(?P<between>(?:[^.!?;:\n]|(?<=\d):(?=\d)){0,40}?)"
_OPENINGS = (
    re.compile(rf"{_AHEAD}{_BETWEEN}\b{_ABOUT})\s+(?!\d+[\s-]*(?:s|min)|tiktok|instagram|youtube)(?=\S)", re.IGNORECASE),
    re.compile(rf"{_AHEAD}{_BETWEEN}):\s+(?=\S)", re.IGNORECASE),
)

_RATIO = re.compile(r"(?<![\d:])(16|9|4|3|1|21|5)\s?[:x×]\s?(16|9|4|3|1|5)(?![\d:])")
_RATIO_WORD = re.compile(
    rf"\b({'|'.join(RATIO_NAMES)}|hochkant|hochformat|quadratisch|querformat|vertikal|carré|verticale?|cuadrado|"
    r"quadrato|quadrado)\b",
    re.IGNORECASE,
)
_LOCAL_RATIO = {
    "hochkant": AspectRatio.PORTRAIT,
    "hochformat": AspectRatio.PORTRAIT,
    "vertikal": AspectRatio.PORTRAIT,
    "verticale": AspectRatio.PORTRAIT,
    "querformat": AspectRatio.LANDSCAPE,
}
_UPRIGHT = re.compile(r"\b(tiktok|reels?|stor(?:y|ies)|shorts)\b", re.IGNORECASE)
_PLATFORM = re.compile(r"\b(tiktok|instagram|youtube|facebook|linkedin|pinterest|snapchat|whatsapp|vimeo)\b", re.IGNORECASE)
_LENGTH = re.compile(
    r"\b(\d{1,3})[\s-]*(seconds?|secs?|s|sekunden?|secondes?|segundos?|secondi|seconden|minutes?|mins?|minuten?|"
    r"minutos?|minuti)\b",
    re.IGNORECASE,
)
_SHOTS = re.compile(
    r"\b(\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten)[\s-]*"
    r"(?:shots?|scenes?|einstellungen?|szenen?|plans?|planos?|escenas?|inquadrature|cenas?|scènes?)\b",
    re.IGNORECASE,
)
_NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
}
_FILLER = re.compile(
    rf"\b(?:{_FILM}|in|and|with|the|a|an|long|format|please|for|of|on|mit|und|im|en|y|et|con|e|de|met|make|it|as|exactly)\b"
    r"|[\W_]+",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“”„«「『]\s*([^\"“”„«»「」『』‘’]{2,40}?)\s*[\"”“»」』’]")
_CALLED = re.compile(
    r"\b(?:called|named|namens|genannt|appelée?s?|nommée?s?|llamad[oa]s?|chiamat[oaie]|chamad[oa]s?|genaamd)\s+"
    r"((?:[^\W\d_][\w'’&.-]*\s?){1,4})"
)
_PROPER = re.compile(r"(?<![.!?]\s)(?<!^)\b(?!I\b)([A-Z][\w'’&-]*(?:\s+(?:[A-Z][\w'’&-]*|&|and(?=\s[A-Z])))*)")
_STARTS_PROPER = re.compile(
    r"([A-Z][\w'’&-]*(?:\s+(?:&\s+)?[A-Z][\w'’&-]*)+|[A-Z][\w'’&-]*(?=\s*[,–—-]\s|\s+(?:is|are|makes|ist|est|es|è|é)\b))"
)
_ARTICLE = re.compile(
    r"^(?:an?|the|our|my|this|der|die|das|den|eine?n?|unsere?|le|la|les|une?|notre|el|los|las|una|nuestr[oa]|il|lo|gli|i|"
    r"o|os|as|uma?|nossa?|de|het|een|onze)\s+|^l['’]",
    re.IGNORECASE,
)
_NAME_ENDS = re.compile(
    r"[,;:.!?–—()、。，！？・]|\s(?:that|which|who|with|for|in|at|on|from|to|by|is|are|and|made|die|der|das|mit|für|aus|im|qui|pour|em|"
    r"avec|en|que|para|con|per|che|com|met|voor|uit|und|et|y|e)\s",
    re.IGNORECASE,
)
_PLACE_AHEAD = re.compile(r"\b(?:in|from|near|at|to|of|aus|à|de|en|em|da|di|uit|by|since|until|every|on)\s+$")
"""What stands before a place, a day or an origin: "in Bristol" is no brand."""
_JOINING = frozenset({"of", "the", "a", "an", "de", "du", "des", "di", "da", "do", "van", "von", "del", "la", "le"})
_MOST_NAME_WORDS = 4
_MOST_NAME_CHARS = 12


def read_sentence(sentence: str) -> dict[str, object]:
    """The fields that a sentence gives, under their names in a brief file: `product`, `name`, `language` and hints."""
    text = " ".join(sentence.split())
    openings = (pattern.match(text) for pattern in _OPENINGS)
    opening = next((found for found in openings if found and _is_order(found)), None)
    said = opening["opening"] if opening else ""
    rest = text[opening.end() :] if opening else text
    parts = re.split(r"(?<=[,.;!?()])\s+|\s+[–—-]\s+", rest)
    hints = [part for part in parts if _is_only_hints(part)]
    kept = rest
    for part in hints:
        kept = kept.replace(part, " ")
    product = re.sub(r"\s+([,.;!?])", r"\1", " ".join(kept.split())).strip(" ,;:–—-") or text
    fields: dict[str, object] = {"product": product, "name": name_from(product), "language": detect_language(text)}
    return fields | _hints(" , ".join([said, *hints]), text)


def _is_order(opening: re.Match[str]) -> bool:
    """Whether what stands between "film" and "about" could be said of a film: its length, its shape, where it runs."""
    between = _PLATFORM.sub(" ", opening["between"])
    return not _FILLER.sub("", between) or _is_only_hints(between)


def _is_only_hints(part: str) -> bool:
    """Whether nothing but shape, length and filler is said."""
    left = part
    found = 0
    for pattern in (_RATIO, _LENGTH, _SHOTS, _RATIO_WORD):
        left, count = pattern.subn(" ", left)
        found += count
    return bool(found) and not _FILLER.sub("", left)


def _hints(said: str, everywhere: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for match in _LENGTH.finditer(said):
        seconds = Fraction(match[1]) * (60 if match[2].lower().startswith("min") else 1)
        if SECONDS_ALLOWED[0] <= seconds <= SECONDS_ALLOWED[1]:
            found["seconds"] = seconds
    for match in _SHOTS.finditer(said):
        shots = _NUMBERS.get(match[1].lower()) or int(match[1])
        if shots in SHOTS_ALLOWED:
            found["shots"] = shots
    if platform := _PLATFORM.search(said):
        found["platform"] = platform[1]
    if ratio := _ratio(said, everywhere):
        found["ratio"] = ratio
    return found


def _ratio(said: str, everywhere: str) -> str | None:
    for match in _RATIO.finditer(everywhere):
        if (shape := f"{match[1]}:{match[2]}") in set(AspectRatio):
            return shape
    if match := _RATIO_WORD.search(said):
        word = match[1].lower()
        return RATIO_NAMES.get(word) or _LOCAL_RATIO.get(word, AspectRatio.SQUARE)
    return AspectRatio.PORTRAIT if _UPRIGHT.search(said) else None


def name_from(product: str) -> str:
    """What a product is called when nobody said: a quoted or capitalised name in it, else its first words."""
    for pattern in (_QUOTED, _CALLED):
        if match := pattern.search(product):
            return _trimmed(match[1])
    if match := _STARTS_PROPER.match(_ARTICLE.sub("", product)):
        return match[1]
    if detect_language(product) == "de":  # every noun has a capital, so that a capital names nothing
        return _first_words(product)
    for match in _PROPER.finditer(product):
        if not _PLACE_AHEAD.search(product[: match.start()]) and not _PLATFORM.search(match[1]):
            return match[1]
    return _first_words(product)


def _trimmed(name: str) -> str:
    """Of "Fernwood which delivers" only the name: words after the first that have no capital do not belong to it."""
    words = name.split()
    kept = [words[0]]
    for word in words[1:]:
        if not word[:1].isupper() and not is_dense(word):
            break
        kept.append(word)
    return " ".join(kept).strip(" .,;:") if words[0][:1].isupper() else name.strip(" .,;:")


def _first_words(product: str) -> str:
    """The head of what it is, written like a name: "Tiny Museum of Typewriters"."""
    plain = _ARTICLE.sub("", product)
    end = _NAME_ENDS.search(plain, 1)
    head = plain[: end.start()] if end else plain
    if is_dense(head):
        return re.sub(r"(?<=..)[でにはがをとものへ]$", "", head[:_MOST_NAME_CHARS])
    words = head.split()[:_MOST_NAME_WORDS]
    while len(words) > 1 and words[-1].lower() in _JOINING:
        words.pop()
    name = " ".join(words) or plain[:40]
    if detect_language(product) == "en":
        return " ".join(word if word.lower() in _JOINING else word[:1].upper() + word[1:] for word in name.split())
    return name[:1].upper() + name[1:]
