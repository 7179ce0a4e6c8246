"""What a request wants of bytes that never change: all of them, a part, or to hear that it has them already (RFC 9110)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import Headers

_SINGLE = re.compile(r"bytes\s*=\s*(?:(\d+)\s*-\s*(\d*)|-\s*(\d+))\s*", re.ASCII)
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_MOST_DIGITS = 18
"""So many make more than any file has; longer numbers are cut, because turning them into integers takes its time."""


@dataclass(frozen=True)
class Span:
    """Bytes from `start` up to, not including, `end`."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """The range begins behind the last byte."""


def has_already(headers: Headers, tag: str) -> bool:
    """Whether the client has these very bytes, by its `If-None-Match`."""
    wanted = headers.get("if-none-match", "").strip()
    return wanted == "*" or tag in _TAG.findall(wanted)


def span_of(headers: Headers, size: int, tag: str) -> Span | None:
    """The one range that is wanted; None for the whole, as where several are wanted, or what is wanted is not understood.

    Raises:
        Unsatisfiable: there is nothing there.
    """
    found = _SINGLE.fullmatch(headers.get("range", "").strip())
    condition = headers.get("if-range", "").strip()
    if found is None or condition not in {"", tag}:  # a date never fits: we tell none
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        length = min(_number(suffix), size)
        if not length:
            raise Unsatisfiable
        return Span(size - length, size)
    start = _number(first)
    if last and _number(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, min(_number(last) + 1, size) if last else size)


def _number(digits: str) -> int:
    trimmed = digits.lstrip("0") or "0"
    return int(trimmed) if len(trimmed) <= _MOST_DIGITS else 10**_MOST_DIGITS
