"""What a brief may hold and in which words: every field is checked here, and a bad one is answered in one sentence."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from reelwright.domain.brief import SECONDS_ALLOWED, SHORTEST_SHOT, SHOTS_ALLOWED, CaptionMode
from reelwright.domain.card import cut_off
from reelwright.domain.colours import NAMES, parse_colour
from reelwright.domain.languages import parse_language
from reelwright.domain.timing import AspectRatio, Size
from reelwright.errors import InvalidBrief

SAME_FIELD = {
    "colors": "colours",
    "color": "colours",
    "aspect_ratio": "ratio",
    "aspect": "ratio",
    "duration": "seconds",
    "length": "seconds",
    "cta": "call_to_action",
    "key_message": "message",
    "images": "pictures",
    "lang": "language",
}
"""Other words that people use for a field."""
RATIO_NAMES = {
    "landscape": AspectRatio.LANDSCAPE,
    "horizontal": AspectRatio.LANDSCAPE,
    "widescreen": AspectRatio.LANDSCAPE,
    "portrait": AspectRatio.PORTRAIT,
    "vertical": AspectRatio.PORTRAIT,
    "square": AspectRatio.SQUARE,
    "cinema": AspectRatio.CINEMA,
    "classic": AspectRatio.CLASSIC,
}
_MOST_CAP = 1_000_000
_SAME_SHAPE = Fraction(1, 50)
"""The part of a picture that may be cut off where two shapes count as the same: older models made 2112 x 912 for 21:9."""
_SECONDS = re.compile(
    r"(?:(?P<h>\d+(?:\.\d+)?)\s*(?:h|hours?))?\s*(?:(?P<m>\d+(?:\.\d+)?)\s*(?:m|min|minutes?))?"
    r"\s*(?:(?P<s>\d+(?:\.\d+)?)\s*(?:s|secs?|seconds?)?)?",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(?:(?P<h>\d+):)?(?P<m>\d+):(?P<s>\d{1,2}(?:\.\d+)?)")
_MODEL = re.compile(r"[a-z0-9][a-z0-9_-]*:\S+")


def _exact(value: object) -> Fraction | None:
    """The number as the person wrote it: 29.97 is 2997/100. None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return None
    text = str(value)
    return Fraction(text) if re.fullmatch(r"-?[\d./e+-]{1,40}", text) else None


def read_seconds(value: object) -> Fraction:
    """A length from a number, `30s`, `1:30` or `2 min`."""
    low, high = SECONDS_ALLOWED
    allowed = f"a film may last {low} to {high} seconds"
    exact = _exact(value)
    if isinstance(value, str):
        match = _CLOCK.fullmatch(value.strip()) or _SECONDS.fullmatch(value.strip())
        if match and any(match.groups()) and len(value) < 40:  # noqa: PLR2004 - longer than any length that a person writes
            parts = {unit: Fraction(number or 0) for unit, number in match.groupdict().items()}
            exact = parts["h"] * 3600 + parts["m"] * 60 + parts["s"]
    if exact is None:
        msg = f"{_shown(value)} is not a length; write 30, '30s' or '1:30', and {allowed}"
        raise ValueError(msg)
    if not low <= exact <= high:
        msg = f"{_shown(value)} is {'too long' if exact > high else 'too short'}; {allowed}"
        raise ValueError(msg)
    return exact


def read_ratio(value: object) -> AspectRatio:
    """A shape from `16:9`, `16x9`, `vertical`, or pixels such as `1280:768`: those of older systems, and any alike."""
    if isinstance(value, str):
        plain = re.sub(r"\s*[x×/*]\s*", ":", value.strip().lower())
        for ratio in AspectRatio:
            if plain in {ratio.value, str(ratio.size).replace("x", ":")}:
                return ratio
        if plain in RATIO_NAMES:
            return RATIO_NAMES[plain]
        if pixels := re.fullmatch(r"([1-9]\d{2,4}):([1-9]\d{2,4})", plain):
            size = Size(int(pixels[1]), int(pixels[2]))
            nearest = min(AspectRatio, key=lambda ratio: cut_off(size, ratio.size))
            if cut_off(size, nearest.size) < _SAME_SHAPE:
                return nearest
    msg = f"{_shown(value)} is not one of the eight that a film can have: {', '.join(AspectRatio)}"
    raise ValueError(msg)


def read_cap(value: object) -> int:
    """Micro-dollars from `5`, `"5.00"` or `"$5"`."""
    exact = _exact(value)
    if isinstance(value, str):
        plain = re.sub(r"^\s*(?:US)?\$\s*|\s*(?:USD|US\$|\$|dollars?)\s*$", "", value, flags=re.IGNORECASE)
        exact = Fraction(plain) if re.fullmatch(r"\s*-?\d{1,12}(?:\.\d{1,6})?\s*", plain) else None
    if exact is None:
        msg = f"{_shown(value)} is not an amount; write dollars, such as 5, '5.00' or '$5'"
        raise ValueError(msg)
    if not 0 <= exact <= _MOST_CAP:
        msg = f"{_shown(value)} is not possible; a cap is 0 to {_MOST_CAP:,} dollars"
        raise ValueError(msg)
    return int(exact * 1_000_000)


def _read_captions(value: object) -> CaptionMode:
    if isinstance(value, bool):
        return CaptionMode.BURNED if value else CaptionMode.NONE
    if isinstance(value, str) and value.strip().lower() in set(CaptionMode):
        return CaptionMode(value.strip().lower())
    msg = f"{_shown(value)} is none of {', '.join(CaptionMode)}"
    raise ValueError(msg)


def _read_colour(value: object) -> str:
    if isinstance(value, str):
        try:
            return parse_colour(value)
        except ValueError:
            pass
    msg = f"{_shown(value)} is not a colour; write '#1f4d36' or a name such as {', '.join(list(NAMES)[-6:])}"
    raise ValueError(msg)


def _read_language(value: object) -> str:
    if isinstance(value, str):
        try:
            return parse_language(value)
        except ValueError:
            pass
    msg = f"{_shown(value)} is not a language; write a tag such as en, de, pt-BR, ja or ar"
    raise ValueError(msg)


def _read_model(value: object) -> str:
    if isinstance(value, str) and (not value.strip() or _MODEL.fullmatch(value.strip())):
        return value.strip()
    msg = f"{_shown(value)} is not a model; write 'provider:model', such as 'animatic:cards'"
    raise ValueError(msg)


SILENT = "none"
"""Instead of a voice: a silent film."""


def read_text(value: object) -> object:
    """One line of clean text: no control characters, no runs of blanks; joiners stay, emoji and Persian need them."""
    if isinstance(value, str):
        if value.isprintable():  # almost always, and a hundred times as fast to find out
            return " ".join(value.split())
        return " ".join("".join(" " if unicodedata.category(char) == "Cc" else char for char in value).split())
    return value


def _read_list(value: object) -> object:
    """A single text counts as a list of one; words may also come as one text with commas."""
    return [part for part in re.split(r"\s*,\s*", value.strip()) if part] if isinstance(value, str) else value


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - as much as a sentence can bear


_Long = Annotated[str, BeforeValidator(read_text), Field(max_length=2000)]
_Line = Annotated[str, BeforeValidator(read_text), Field(max_length=500)]
_Short = Annotated[str, BeforeValidator(read_text), Field(max_length=80)]
_Words = Annotated[list[_Short], BeforeValidator(_read_list), Field(max_length=50)]
_Model = Annotated[str, BeforeValidator(_read_model)]
_Voice = Annotated[str, BeforeValidator(lambda value: SILENT if value == SILENT else _read_model(value))]


class ProviderFields(BaseModel):
    """The `[providers]` table: who makes what; empty is the built-in one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: _Model = ""
    image: _Model = ""
    video: _Model = ""
    voice: _Voice = ""


class BriefFields(BaseModel):
    """A brief as it is written down: every name is the name in the file."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)

    product: _Long
    name: _Short = ""
    goal: _Line = ""
    message: _Line = ""
    call_to_action: _Line = ""
    audience: _Line = ""
    market: _Line = ""
    language: Annotated[str | None, BeforeValidator(_read_language)] = None
    platform: _Line = ""
    tone: _Line = ""
    do_words: _Words = Field(default_factory=list[str])
    dont_words: _Words = Field(default_factory=list[str])
    colours: Annotated[list[Annotated[str, BeforeValidator(_read_colour)]], BeforeValidator(_read_list), Field(max_length=8)] = (
        Field(default_factory=list[str])
    )
    ratio: Annotated[AspectRatio, BeforeValidator(read_ratio)] = AspectRatio.LANDSCAPE
    seconds: Annotated[Fraction | None, BeforeValidator(read_seconds)] = None
    shots: Annotated[int | None, Field(ge=SHOTS_ALLOWED.start, lt=SHOTS_ALLOWED.stop)] = None
    style: _Line = ""
    mood: _Line = ""
    pictures: Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)] = Field(
        default_factory=list[str], max_length=SHOTS_ALLOWED.stop - 1
    )
    logo: str = ""
    captions: Annotated[CaptionMode, BeforeValidator(_read_captions)] = CaptionMode.BURNED
    voice_over: bool = True
    music: bool = True
    providers: ProviderFields = Field(default_factory=ProviderFields)
    cap: Annotated[int | None, BeforeValidator(read_cap)] = None
    """Micro-dollars."""

    @model_validator(mode="after")
    def _must_have_time(self) -> BriefFields:
        if not self.product:
            raise ValueError("product: is missing; say in a sentence or two what the film is about")
        if self.seconds and self.shots and self.seconds < self.shots * SHORTEST_SHOT:
            msg = (
                f"shots: {self.shots} do not fit into {float(self.seconds):g} seconds; each takes at least "
                f"{SHORTEST_SHOT} second, so ask for at most {int(self.seconds / SHORTEST_SHOT)} or for more seconds"
            )
            raise ValueError(msg)
        return self


def check_fields(values: Mapping[str, object]) -> BriefFields:
    """The checked fields.

    Raises:
        InvalidBrief: one sentence about the first field that is wrong.
    """
    try:
        return BriefFields.model_validate(values)
    except ValidationError as error:
        first = next((found for found in error.errors() if found["type"] == "extra_forbidden"), error.errors()[0])
        raise InvalidBrief(_sentence(first)) from None


def _sentence(error: ErrorDetails) -> str:
    where = _path(error["loc"])
    message = told(error)
    return f"{where}: {message}".removeprefix(": ") + ("" if message.endswith("?") else ".")


def told(error: ErrorDetails) -> str:
    """What is wrong with the field and what is allowed, without the field's name and without a full stop."""
    given = cast("object", error["input"])
    if error["type"] in _WORDING:
        return _WORDING[error["type"]](error, given)
    return str(error.get("ctx", {}).get("error", error["msg"]))


def _path(location: Sequence[int | str]) -> str:
    """`pictures[2]` counts from 1, as people do."""
    return "".join(
        f"[{part + 1}]" if isinstance(part, int) else f".{part}" if number else part for number, part in enumerate(location)
    )


def _unknown(error: ErrorDetails, given: object) -> str:  # noqa: ARG001 - one signature for all wordings
    known = list(ProviderFields.model_fields if len(error["loc"]) > 1 else BriefFields.model_fields)
    *_, name = map(str, error["loc"])
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.55)
    hint = f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(known)}"
    return f"is not a field of a brief; {hint}"


def _limits(error: ErrorDetails, given: object) -> str:
    name = error["loc"][0]
    if name == "shots":
        return f"{_shown(given)} is not possible; a film has {SHOTS_ALLOWED.start} to {SHOTS_ALLOWED.stop - 1} shots"
    most = error.get("ctx", {}).get("max_length")
    unit = "characters" if isinstance(given, str) else "entries"
    size = len(cast("Sequence[object]", given))
    return f"has {size:,} {unit}; at most {most:,} are allowed"


def _wants(kind: str) -> Callable[[ErrorDetails, object], str]:
    return lambda _error, given: f"{_shown(given)} is not {kind}"


_WORDING: dict[str, Callable[[ErrorDetails, object], str]] = {
    "missing": lambda _error, _given: "is missing; say in a sentence or two what the film is about",
    "extra_forbidden": _unknown,
    "greater_than_equal": _limits,
    "less_than": _limits,
    "string_too_long": _limits,
    "too_long": _limits,
    "string_type": _wants("text; put it in quotes"),
    "int_type": _wants(f"a whole number; a film has {SHOTS_ALLOWED.start} to {SHOTS_ALLOWED.stop - 1} shots"),
    "list_type": _wants("a list of texts"),
    "bool_type": _wants("true or false"),
    "model_type": _wants("a table; write [providers] and below it text, image, video or voice"),
    "model_attributes_type": _wants("a table; write [providers] and below it text, image, video or voice"),
}
