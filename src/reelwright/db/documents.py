"""Domain dataclasses to and from the JSON of a column, checked on the way in."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)


def dump(value: object) -> dict[str, Any]:
    """The JSON object of a dataclass; fractions become strings such as `30` or `24000/1001`."""
    return cast("dict[str, Any]", _adapter(type(value)).dump_python(value, mode="json"))


def load(kind: type[T], document: object) -> T:
    """The dataclass that `dump` wrote. Fields that were added later take their defaults."""
    return _adapter(kind).validate_python(document)
