"""The template writer's words: `words/*.toml`, one file a language, and `arcs.toml`, what image models are told."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from reelwright.domain.languages import language_of


class _Sheet(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConceptWords(_Sheet):
    """How one concept is told in one language; each beat is (title, what is seen, what is said)."""

    title: str
    logline: str
    treatment: str
    look: str
    hook: tuple[str, str, str]
    tension: tuple[str, str, str]
    feeling: tuple[str, str, str]


class Words(_Sheet):
    """Everything that can be said in one language."""

    meet: str
    this_is: str
    for_whom: str
    see: str
    product_text: str
    close_title: str
    close_text: str
    quote: str
    treatment_product: str
    treatment_audience: str
    treatment_close: str
    treatment_call: str
    concepts: dict[str, ConceptWords]
    views: dict[str, tuple[str, str]]
    """(title, what is seen) of a way to look at the product."""


class ConceptPictures(_Sheet):
    """How one concept looks; each beat is (image, motion)."""

    fit: tuple[str, ...]
    light: str
    lens: str
    hook: tuple[str, str]
    tension: tuple[str, str]
    feeling: tuple[str, str]


class Picture(_Sheet):
    """One picture and its camera move."""

    image: str
    motion: str


class Arcs(_Sheet):
    """What is independent of the language of the film."""

    product: Picture
    close: Picture
    concepts: dict[str, ConceptPictures]
    views: dict[str, tuple[str, str]]


class Palette(_Sheet):
    """Colours for a brief without brand colours, found by beginnings of words in its style and mood."""

    fit: tuple[str, ...] = ()
    colours: tuple[str, ...] = Field(min_length=3, max_length=5)


class Palettes(_Sheet):
    """All of them; the first is for a brief that says nothing of its looks."""

    palettes: tuple[Palette, ...]


_Read = TypeVar("_Read", bound=BaseModel)


def _read(name: str, form: type[_Read]) -> _Read:
    text = files("reelwright.writers").joinpath(name).read_text(encoding="utf-8")
    return form.model_validate(tomllib.loads(text))


@cache
def words_in(language: str) -> Words | None:
    """The words of a language, or None for one that the writer does not speak."""
    name = f"words/{language_of(language)}.toml"
    return _read(name, Words) if files("reelwright.writers").joinpath(name).is_file() else None


@cache
def arcs() -> Arcs:
    """The pictures and camera moves of every concept and view."""
    return _read("arcs.toml", Arcs)


@cache
def palettes() -> tuple[Palette, ...]:
    """The palettes on offer."""
    return _read("palettes.toml", Palettes).palettes
