"""The input forms of simulated models: JSON schemas as vendors publish them, and what is wrong with an input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong with an input."""

    type: str
    """The rule that it breaks, as JSON schema names it: `enum`, `required`."""
    field: str
    description: str
    context: Mapping[str, Any]
    """What the rule asks for."""


def wrongs(form: Mapping[str, Any], value: Mapping[str, Any], forms: Mapping[str, Any]) -> list[Wrong]:
    """All that is wrong with an object. Fields that the form does not know are passed over, as these vendors do.

    Args:
        form: the object's schema.
        value: the object.
        forms: what `$ref` may refer to, by its last part.
    """
    missing = [Wrong("required", name, f"{name} is required", {}) for name in form.get("required", []) if value.get(name) is None]
    fields = form["properties"]
    found = [wrong for name in value if name in fields for wrong in _wrong(name, value[name], resolved(fields[name], forms))]
    return missing + found


def resolved(form: Mapping[str, Any], forms: Mapping[str, Any]) -> Mapping[str, Any]:
    """The form with what it refers to beside it."""
    for name in (form.get("$ref"), *(each.get("$ref") for each in form.get("allOf", []))):
        if name:
            return {**forms[name.rpartition("/")[2]], **form}
    return form


def _wrong(name: str, value: Any, form: Mapping[str, Any]) -> Iterator[Wrong]:
    if value is None and form.get("nullable"):
        return
    kinds = _TYPES.get(form.get("type", ""), (object,))
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds and object not in kinds):
        yield Wrong("type", name, f"{name} must be a {form['type']}", {"expected": form["type"]})
        return
    if "enum" in form and value not in form["enum"]:
        choices = ", ".join(f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in form["enum"])
        yield Wrong("enum", name, f"{name} must be one of the following: {choices}", {"expected": form["enum"]})
    yield from _beyond(name, value, form)
    if form.get("format") == "uri" and not str(value).startswith(("https://", "http://", "data:")):
        yield Wrong("format", name, "Does not match format 'uri'", {"format": "uri"})
    if isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _wrong(name, each, form.get("items", {}))


def _beyond(name: str, value: Any, form: Mapping[str, Any]) -> Iterator[Wrong]:
    measured: Any = len(cast("str | list[Any]", value)) if isinstance(value, str | list) else value
    for rule in ("minimum", "minLength", "minItems"):
        if rule in form and measured < form[rule]:
            yield Wrong(rule, name, f"{name} must be greater than or equal to {form[rule]}", {"ge": form[rule]})
    for rule in ("maximum", "maxLength", "maxItems"):
        if rule in form and measured > form[rule]:
            yield Wrong(rule, name, f"{name} must be less than or equal to {form[rule]}", {"le": form[rule]})
