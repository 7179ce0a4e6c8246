"""Bodies held against the types of the vendor's own SDK, as the vendor's server holds them against its specification."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, NotRequired, Required, Union, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """Why a body is refused."""

    path: Path
    """In the vendor's own names."""
    code: str
    """Pydantic's: `missing`, `literal_error`; `unknown` for a field that there is not."""
    message: str
    expected: tuple[str, ...] = ()
    """What is allowed, where that is a list."""


def problems(body: object, params: object) -> list[Problem]:
    """What is wrong with a JSON body, by the SDK's TypedDict for it. Nothing is converted, and no field may be unknown."""
    found: list[Problem] = []
    translated = _translated(body, params, (), found)
    if found:
        return found
    names = {ours: theirs for theirs, ours in _all_names(params).items()}
    try:
        checked = _adapter(params).validate_python(translated, strict=True)
    except ValidationError as error:
        return _read(error, (), names)
    return list(_late(checked, (), names))


@cache
def variants(union: object) -> Mapping[str, Any]:
    """The TypedDicts of a union by the one value that their `model` may have."""
    return {get_args(_bare(_hints(each)["model"])[0])[0]: each for each in get_args(union)}


@cache
def _adapter(params: Any) -> TypeAdapter[Any]:
    return TypeAdapter[Any](params)


@cache
def _hints(params: object) -> dict[str, Any]:
    return get_type_hints(params, include_extras=True)


def _bare(hint: Any) -> tuple[Any, str]:
    """The type inside `Required` and `Annotated`, and the name that the vendor has for the field."""
    alias = ""
    while get_origin(hint) in {Required, NotRequired, Annotated}:
        if get_origin(hint) is Annotated:
            alias = next((str(extra.alias) for extra in get_args(hint)[1:] if getattr(extra, "alias", None)), alias)
        hint = get_args(hint)[0]
    return hint, alias


def _names(params: object) -> dict[str, tuple[str, Any]]:
    """By the vendor's name of each field: the SDK's name and its type."""
    fields = {name: _bare(hint) for name, hint in _hints(params).items()}
    return {alias or name: (name, hint) for name, (hint, alias) in fields.items()}


def _all_names(params: object) -> dict[str, str]:
    return {theirs: ours for theirs, (ours, _) in _names(params).items()}


def _translated(value: object, hint: Any, path: Path, found: list[Problem]) -> object:
    """The value with the SDK's names for the vendor's; unknown fields are found on the way."""
    options = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        typed = [option for option in options if hasattr(option, "__required_keys__")]
        if not typed:
            return fields
        best = max(typed, key=lambda option: len(fields.keys() & _names(option).keys()))
        names = _names(best)
        unknown = sorted(fields.keys() - names.keys())
        found += [Problem((*path, name), "unknown", f'Unrecognized key: "{name}"') for name in unknown]
        known = {name: item for name, item in fields.items() if name in names}
        return {names[name][0]: _translated(item, names[name][1], (*path, name), found) for name, item in known.items()}
    if isinstance(value, list):
        listed = [option for option in options if get_args(option) and get_origin(option) is not Literal]
        inner = get_args(listed[0])[0] if listed else object
        items = cast("list[object]", value)
        return [_translated(item, inner, (*path, place), found) for place, item in enumerate(items)]
    return value


def _late(value: object, path: Path, names: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong inside iterables: Pydantic checks their items only when they are asked for."""
    if isinstance(value, dict):
        for name, item in cast("dict[str, object]", value).items():
            yield from _late(item, (*path, names.get(name, name)), names)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        try:
            for place, item in enumerate(cast("Iterable[object]", value)):
                yield from _late(item, (*path, place), names)
        except ValidationError as error:
            yield from _read(error, path, names)


def _read(error: ValidationError, path: Path, names: Mapping[str, str]) -> list[Problem]:
    """Pydantic's findings in the vendor's names."""
    found: list[Problem] = []
    for detail in error.errors(include_url=False, include_input=False):
        place = (*path, *(names.get(part, part) if isinstance(part, str) else part for part in detail["loc"]))
        expected = str(detail.get("ctx", {}).get("expected", "")) if detail["type"] == "literal_error" else ""
        options = tuple(expected.split("'")[1::2])
        found.append(Problem(tuple(part for part in place if _is_name(part)), detail["type"], detail["msg"], options))
    return found


def _is_name(part: object) -> bool:
    """Whether it is a part of a path, and not Pydantic's name for a member of a union."""
    return isinstance(part, int) or (isinstance(part, str) and part.isidentifier() and part not in {"str", "bool", "int"})
