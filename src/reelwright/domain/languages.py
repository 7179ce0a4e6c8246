"""Languages: their tags, which one a text is in, and how long a text takes to say."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

_TWO_LETTERS = frozenset(
    re.findall(
        "..",
        "aaabaeafakamanarasavayazbabebgbibmbnbobrbscacechcocrcscucvcydadedvdzeeeleneoeseteufafffifjfofrfy"
        "gagdglgngugvhahehihohrhthuhyhziaidieigiiikioisitiujajvkakgkikjkkklkmknkokrkskukvkwkylalblglilnlo"
        "ltlulvmgmhmimkmlmnmrmsmtmynanbndnengnlnnnonrnvnyocojomorospapiplpsptqurmrnrorurwsascsdsesgsisksl"
        "smsnsosqsrssstsusvswtatetgthtitktltntotrtstttwtyugukuruzvevivowawoxhyiyozazhzu",
    )
)
"""Source: ISO 639-1, 2002."""
_TAG = re.compile(r"([a-z]{2,3})((?:-[a-z0-9]{2,8})*)", re.IGNORECASE)
_NAMES = {
    "english": "en",
    "german": "de",
    "deutsch": "de",
    "french": "fr",
    "français": "fr",
    "spanish": "es",
    "español": "es",
    "italian": "it",
    "italiano": "it",
    "portuguese": "pt",
    "português": "pt",
    "dutch": "nl",
    "nederlands": "nl",
    "polish": "pl",
    "russian": "ru",
    "ukrainian": "uk",
    "turkish": "tr",
    "arabic": "ar",
    "hebrew": "he",
    "hindi": "hi",
    "japanese": "ja",
    "日本語": "ja",
    "chinese": "zh",
    "中文": "zh",
    "korean": "ko",
    "한국어": "ko",
}
_LEFTWARD = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "ur", "yi"})

_SCRIPTS = (
    ("ja", "\u3040-\u30ff"),
    ("ko", "\u1100-\u11ff\uac00-\ud7af"),
    ("zh", "\u3400-\u4dbf\u4e00-\u9fff"),
    ("ar", "\u0600-\u06ff\u0750-\u077f"),
    ("ru", "\u0400-\u04ff"),
    ("el", "\u0370-\u03ff"),
    ("he", "\u0590-\u05ff"),
    ("hi", "\u0900-\u097f"),
    ("bn", "\u0980-\u09ff"),
    ("pa", "\u0a00-\u0a7f"),
    ("gu", "\u0a80-\u0aff"),
    ("ta", "\u0b80-\u0bff"),
    ("te", "\u0c00-\u0c7f"),
    ("kn", "\u0c80-\u0cff"),
    ("ml", "\u0d00-\u0d7f"),
    ("si", "\u0d80-\u0dff"),
    ("th", "\u0e00-\u0e7f"),
    ("lo", "\u0e80-\u0eff"),
    ("my", "\u1000-\u109f"),
    ("ka", "\u10a0-\u10ff"),
    ("am", "\u1200-\u137f"),
    ("km", "\u1780-\u17ff"),
    ("hy", "\u0530-\u058f"),
)
"""The language that a script most likely stands for, and its code points."""
_LETTERS = (
    ("ru", "uk", "іїєґ"),
    ("ru", "sr", "ђћџјљњ"),
    ("ar", "fa", "پچژگ"),
    ("ar", "ur", "ٹڈڑے"),
)
"""(script's language, the language that these letters of the same script give away, the letters)."""
_STOP_WORDS = {
    "en": "the a an and of for with in to that is your from by our on it you who this at about which its",
    "de": "der die das und ein eine einen einem für mit von zu im ist auf aus nicht den dem ihr wir sie auch über bei",
    "fr": "le la les et un une des pour avec dans du de est qui vous nous sur au aux chaque par ce cette votre notre",
    "es": "el la los las y un una para con en de del que es por su sus se al más tu nuestra nuestro hecho hecha",
    "it": "il lo la gli le e un una per con di del della che è nel nella dal dei delle tuo suo ogni fatto alla",
    "pt": "o a os as e um uma para com em de do da que é no na dos das por seu sua feito mais à ao",
    "nl": "de het een en van voor met in op dat is die te zijn aan uit bij onze je ons naar ook elke",
}
_GIVE_AWAYS = (("de", "ß"), ("es", "ñ¿¡"), ("pt", "ãõ"), ("fr", "œêëùâî"), ("de", "äü"), ("it", "ìò"))

_DENSE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u1100-\u11ff\uac00-\ud7af]")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_WORD = re.compile(r"[^\W_]+(?:['’\-.,][^\W_]+)*")
_WORDS_A_SECOND = Fraction(23, 10)
_DENSE_A_SECOND = Fraction(9, 2)
_FULL_STOP = re.compile(r"[.!?…](?=\s)|[。！？؟।]")
_FULL_STOP_SECONDS = Fraction(1, 5)
"""Silence between two sentences; the pace above holds all shorter pauses."""
_UNSPACED_A_SECOND = Fraction(10)
"""Thai, Lao, Burmese and Khmer write no spaces; their letters are spoken about as fast as ours."""


def parse_language(text: str) -> str:
    """The BCP 47 tag in its usual spelling (`pt-BR`), from a tag or from a language's common name.

    Raises:
        ValueError: it is no language.
    """
    plain = text.strip().replace("_", "-")
    if plain.lower() in _NAMES:
        return _NAMES[plain.lower()]
    match = _TAG.fullmatch(plain)
    if match is None or (len(match[1]) == 2 and match[1].lower() not in _TWO_LETTERS):  # noqa: PLR2004 - ISO 639-1
        msg = f"{text!r} is not a language tag"
        raise ValueError(msg)
    return "-".join([match[1].lower(), *(_subtag(part) for part in match[2].split("-")[1:])])


def _subtag(part: str) -> str:
    """Scripts are written `Hans`, regions `BR`, everything else in lower case."""
    if len(part) == 4 and part.isalpha():  # noqa: PLR2004 - ISO 15924
        return part.title()
    return part.upper() if len(part) == 2 else part.lower()  # noqa: PLR2004 - ISO 3166


def language_of(tag: str) -> str:
    """The language without region and script: `pt` of `pt-BR`."""
    return tag.partition("-")[0].lower()


def is_written_leftward(tag: str) -> bool:
    """Whether the language is written from right to left."""
    return language_of(tag) in _LEFTWARD


def detect_language(text: str, default: str = "en") -> str:
    """The language that a text is most likely in: by its script, then by small words and letters; else `default`."""
    counts = {language: len(re.findall(f"[{points}]", text)) for language, points in _SCRIPTS}
    if counts["ja"]:
        return "ja"  # Japanese mixes kana with Chinese characters; nothing else has kana
    script, most = max(counts.items(), key=lambda entry: entry[1])
    if most * 3 >= sum(char.isalpha() for char in text) and most:
        return next((found for of, found, letters in _LETTERS if of == script and set(letters) & set(text)), script)
    return _by_small_words(text, default)


def _by_small_words(text: str, default: str) -> str:
    words = re.findall(r"[^\W\d_]+", text.lower())
    score = Counter[str]()
    for language, stops in _STOP_WORDS.items():
        known = set(stops.split())
        score[language] = 2 * sum(word in known for word in words)
    for language, letters in _GIVE_AWAYS:
        score[language] += 3 * sum(char in letters for char in text.lower())
    best, points = score.most_common(1)[0]
    return best if points > score[default] or (points and best == default) else default


def is_dense(text: str) -> bool:
    """Whether most of it is written without spaces between words (Chinese, Japanese, Thai and others)."""
    unspaced = len(_DENSE.findall(text)) + len(_UNSPACED.findall(text))
    return 2 * unspaced > sum(char.isalnum() for char in text)


def spoken_seconds(text: str) -> Fraction:
    """How long an unhurried voice takes: 2.3 words a second or 4.5 Chinese, Japanese or Korean characters, and pauses."""
    dense = len(_DENSE.findall(text))
    unspaced = len(_UNSPACED.findall(text))
    words = sum(_weight(word) for word in _WORD.findall(_UNSPACED.sub(" ", _DENSE.sub(" ", text))))
    pauses = len(_FULL_STOP.findall(text.strip()[:-1])) * _FULL_STOP_SECONDS
    return dense / _DENSE_A_SECOND + unspaced / _UNSPACED_A_SECOND + words / _WORDS_A_SECOND + pauses


def _weight(word: str) -> Fraction:
    """A figure takes longer than its length: `1995` is said in three words; long compounds count as more than one."""
    if any(char.isdigit() for char in word):
        return Fraction(1) + Fraction(sum(char.isdigit() for char in word) - 1, 2)
    return Fraction(1) + Fraction(max(0, len(word) - 12), 12)
