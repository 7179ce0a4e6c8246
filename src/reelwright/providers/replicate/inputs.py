"""A model's input form, read from its own OpenAPI schema, and how a request fills it.

Every model on Replicate has other names for the same things. The usual ones are known here; a card's `settings` says the rest: a
constant by the field's own name (`mode = "pro"`), or which field a part of the request goes into (`end_image = "{last_frame}"`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, TypeAlias, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from reelwright.domain.generation import Kind, Request
from reelwright.domain.ids import AssetId
from reelwright.domain.timing import Size
from reelwright.errors import InputRefused, ProviderError

Values: TypeAlias = dict[str, JsonValue]


class Part(StrEnum):
    """A part of a request that a field may want; in a card's `settings` it stands in braces."""

    PROMPT = "prompt"
    FIRST_FRAME = "first_frame"
    LAST_FRAME = "last_frame"
    SHAPE = "shape"
    SECONDS = "seconds"
    SEED = "seed"
    WIDTH = "width"
    HEIGHT = "height"


_USUAL: Mapping[Part, tuple[str, ...]] = {
    Part.PROMPT: ("prompt", "text_prompt", "text", "input_text", "script"),
    Part.FIRST_FRAME: (
        *("first_frame_image", "first_frame", "start_image", "start_frame", "first_image", "image", "input_image", "img"),
        *("init_image", "image_url", "image_prompt", "image_input", "input_images", "images", "reference_images"),
    ),
    Part.LAST_FRAME: ("last_frame_image", "last_frame", "end_image", "end_frame", "last_image", "tail_image"),
    Part.SHAPE: ("aspect_ratio", "ratio"),
    Part.SECONDS: ("duration", "seconds", "duration_seconds", "video_length"),
    Part.SEED: ("seed",),
    Part.WIDTH: ("width",),
    Part.HEIGHT: ("height",),
}
"""The names under which models want it, the most telling first."""
_RATIO = re.compile(r"(\d+):(\d+)")
_LEADING_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SEEDS = 2**31 - 1


def _first_type(value: object) -> object:
    """OpenAPI 3.1 writes what may be missing as one of two types."""
    return next((each for each in cast("list[Any]", value) if each != "null"), "") if isinstance(value, list) else value


class Form(BaseModel):
    """A JSON schema, as far as filling it needs."""

    model_config = ConfigDict(populate_by_name=True)

    type: Annotated[str, BeforeValidator(_first_type)] = ""
    enum: list[JsonValue] = []
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = Field(None, alias="maxLength")
    max_items: int | None = Field(None, alias="maxItems")
    default: JsonValue = None
    items: Form | None = None
    all_of: list[Form] = Field([], alias="allOf")
    any_of: list[Form] = Field([], alias="anyOf")
    ref: str = Field("", alias="$ref")
    required: list[str] = []
    properties: dict[str, Form] = {}

    @property
    def ratios(self) -> dict[str, Fraction]:
        """The proportions, width over height, that it offers, by name."""
        named = [(text, _RATIO.fullmatch(text)) for text in self.enum if isinstance(text, str)]
        return {text: Fraction(int(match[1]), int(match[2])) for text, match in named if match and int(match[2])}

    @property
    def numbers(self) -> dict[Fraction, JsonValue]:
        """The numbers that it offers (5, `"5"` or `"5s"`), with how it writes them."""
        found = {_number(value): value for value in self.enum}
        return {number: value for number, value in found.items() if number is not None}


class _Components(BaseModel):
    schemas: dict[str, Form]


class _Document(BaseModel):
    components: _Components


@dataclass(frozen=True)
class Filled:
    """An input, but for its pictures: those are sent once all else is known to fit."""

    values: Values
    pictures: Mapping[str, AssetId] = field(default_factory=dict[str, AssetId])
    """By field."""


@dataclass(frozen=True)
class Inputs:
    """What one version of a model wants."""

    model: str
    """`owner/name`, for people."""
    fields: Mapping[str, Form]
    required: frozenset[str]

    @classmethod
    def read(cls, model: str, schema: JsonValue) -> Inputs:
        """The form in a model's OpenAPI document.

        Raises:
            ProviderError: the document is not understood.
        """
        try:
            schemas = _Document.model_validate(schema).components.schemas
            form = _resolved(schemas["Input"], schemas)
        except (ValidationError, KeyError, RecursionError) as error:
            message = f"Replicate describes {model} in a way that is not understood."
            raise ProviderError(message) from error
        return cls(model, {name: _resolved(field, schemas) for name, field in form.properties.items()}, frozenset(form.required))

    def field_for(self, part: Part, settings: Mapping[str, str] | None = None) -> str:
        """The name of the field that wants this part of a request; empty where none does."""
        told = next((name for name, value in (settings or {}).items() if value == f"{{{part}}}"), "")
        return told or next((name for name in _USUAL[part] if name in self.fields and name not in (settings or {})), "")

    def fill(self, request: Request, settings: Mapping[str, str], *, size: Size, seed: int) -> Filled:
        """The input for a request.

        Args:
            request: what is asked.
            settings: of the model's card.
            size: the pixels of the shape that was planned.
            seed: sent where the model takes one.

        Raises:
            InputRefused: the model does not take what is asked, or wants more; says which field.
        """
        values = {name: self._constant(name, text) for name, text in settings.items() if text not in _IN_BRACES}
        where = {part: self.field_for(part, settings) for part in Part}
        self._put(values, where[Part.PROMPT], request.prompt)
        self._put(values, where[Part.SEED], self.seed(settings, seed))
        if request.kind is Kind.CLIP and (name := where[Part.SECONDS]):
            values[name] = self._seconds(name, request.seconds)
        if request.kind is not Kind.VOICE:
            self._put_shape(values, where, request.shape, size)
        pictures: dict[str, AssetId] = {}
        for part, asset, what in (
            (Part.FIRST_FRAME, request.picture, "first frame" if request.kind is Kind.CLIP else "picture"),
            (Part.LAST_FRAME, request.last_picture, "last frame"),
        ):
            if asset is not None and not where[part]:
                message = f"{self.model} takes no {what}: it has no such field."
                raise InputRefused(message)
            if asset is not None:
                pictures[where[part]] = asset
        if missing := sorted(self.required - {*values, *pictures}):
            message = f"{self.model} wants more than a shot has: {', '.join(missing)}. Set it in a card's `settings`."
            raise InputRefused(message)
        return Filled(values, pictures)

    def seed(self, settings: Mapping[str, str], seed: int) -> int | None:
        """The seed as the model takes it, within its limits; None where it takes none."""
        name = self.field_for(Part.SEED, settings)
        return _seed_for(self._form(name), seed) if name else None

    def takes_list(self, name: str) -> bool:
        """Whether a field wants several pictures."""
        return self._form(name).type == "array"

    def _form(self, name: str) -> Form:
        if name not in self.fields:
            message = f"{self.model} has no field {name!r} (any more): the `settings` of its card name one."
            raise InputRefused(message)
        return self.fields[name]

    def _put(self, values: Values, name: str, value: JsonValue) -> None:
        if name:
            self._form(name)
            values[name] = value

    def _constant(self, name: str, text: str) -> JsonValue:
        """A card's text as the field's own type."""
        form = self._form(name)
        if form.type in {"", "string"}:
            return next((value for value in form.enum if str(value) == text), text)
        try:
            return json.loads(text)
        except ValueError as error:
            message = f"The card of {self.model} sets {name} to {text!r}, which is no {form.type}."
            raise InputRefused(message) from error

    def _seconds(self, name: str, seconds: Fraction) -> JsonValue:
        """The length as the field writes it. Never another one: it is what is paid."""
        form = self._form(name)
        if form.enum:
            if seconds not in form.numbers:
                self._refuse_seconds(seconds, ", ".join(map(str, form.enum)))
            return form.numbers[seconds]
        is_within = (form.minimum is None or seconds >= form.minimum) and (form.maximum is None or seconds <= form.maximum)
        if not is_within or (form.type == "integer" and seconds.denominator > 1):
            low, high = (f"{limit:g}" if limit is not None else "any" for limit in (form.minimum, form.maximum))
            self._refuse_seconds(seconds, f"from {low} to {high}{' whole seconds' if form.type == 'integer' else ''}")
        match form.type:
            case "integer":
                return int(seconds)
            case "string":
                return f"{float(seconds):g}"
            case _:
                return float(seconds)

    def _refuse_seconds(self, seconds: Fraction, legal: str) -> None:
        message = f"{self.model} makes no clip of {float(seconds):g} s: its lengths are {legal}."
        raise InputRefused(message)

    def _put_shape(self, values: Values, where: Mapping[Part, str], shape: str, size: Size) -> None:
        if name := where[Part.SHAPE]:
            form = self._form(name)
            if chosen := _shape_of(form, shape, size):
                values[name] = chosen
        elif where[Part.WIDTH] and where[Part.HEIGHT]:
            for part, pixels in ((Part.WIDTH, size.width), (Part.HEIGHT, size.height)):
                values[where[part]] = pixels


_IN_BRACES = frozenset(f"{{{part}}}" for part in Part)


def _shape_of(form: Form, shape: str, size: Size) -> str:
    """The planned shape where the form knows it, else the nearest; empty lets the model decide."""
    if shape in form.enum:
        return shape
    if form.enum:
        wanted = math.log(size.width / size.height)
        return min(form.ratios, key=lambda name: abs(math.log(form.ratios[name]) - wanted), default="")
    divisor = math.gcd(size.width, size.height)
    return shape or f"{size.width // divisor}:{size.height // divisor}"


def _seed_for(form: Form, seed: int) -> int:
    low = int(form.minimum or 0)
    high = min(int(form.maximum), _SEEDS) if form.maximum is not None else _SEEDS
    return low + seed % max(1, high - low + 1)


def _number(value: JsonValue) -> Fraction | None:
    if isinstance(value, str) and (match := _LEADING_NUMBER.match(value)):
        return Fraction(match[0])
    return Fraction(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _resolved(form: Form, schemas: Mapping[str, Form]) -> Form:
    """The form with what it refers to: Cog, which writes these documents, keeps a field's choices beside it."""
    target: Form | None = None
    if form.ref:
        target = schemas[form.ref.rpartition("/")[2]]
    elif form.all_of:
        target = form.all_of[0]
    elif form.any_of:
        target = next((each for each in form.any_of if each.type != "null"), None)
    if target is None:
        return form
    found = _resolved(target, schemas)
    own = {name: getattr(form, name) for name in form.model_fields_set - {"ref", "all_of", "any_of"}}
    return found.model_copy(update=own)
