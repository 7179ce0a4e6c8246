"""A file in a request, as its body or in a form, passed on while it arrives: never whole in memory, never twice on a disk."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from reelwright.errors import InvalidInput, TooLarge

_AROUND = 64 << 10
"""Bytes that a form may take beside its file."""


@dataclass
class Sent:
    """A file that is arriving."""

    name: str
    """As its sender calls it; nothing to be relied on."""
    media_type: str
    """As its sender says."""
    chunks: AsyncIterator[bytes]
    """To be read once; ends with an error where the request does."""
    fields: dict[str, str] = field(default_factory=dict[str, str])
    """The other fields of the form: those before the file at once, those after it when `chunks` has ended."""


@asynccontextmanager
async def sent_file(request: Request, limit: int) -> AsyncGenerator[Sent]:
    """The file that the request brings.

    Raises:
        TooLarge: it has more than `limit` bytes; told before it is read where the request tells how many there are.
        InvalidInput: the form is none, has no file, or several.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    is_form = kind == b"multipart/form-data"
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:18]) > limit + is_form * _AROUND:
        raise too_large(limit)
    stream = body_of(request)
    if not is_form:
        yield Sent("", kind.decode("latin-1"), _at_most(stream, limit))
        return
    form = _Form(options.get(b"boundary", b""), limit)
    while form.file is None:
        form.feed(await anext(stream, None))
    name, declared = form.file
    yield Sent(name, declared, form.rest(stream), form.fields)


def too_large(limit: int) -> TooLarge:
    """The error for a file that is larger than what is taken."""
    return TooLarge(f"The file is too large: at most {max(1, limit >> 20):,} MiB are taken.")


async def body_of(request: Request) -> AsyncGenerator[bytes, None]:
    """The body as it arrives.

    Raises:
        InvalidInput: the sender hung up before its end.
    """
    try:
        async for chunk in request.stream():
            if chunk:
                yield chunk
    except ClientDisconnect as error:
        msg = "The upload was cut short."
        raise InvalidInput(msg) from error


async def _at_most(stream: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    count = 0
    async for chunk in stream:
        count += len(chunk)
        if count > limit:
            raise too_large(limit)
        yield chunk


class _Form:
    """A form that is read piece by piece: the file is passed on, the other fields are kept."""

    def __init__(self, boundary: bytes, limit: int) -> None:
        if not boundary:
            msg = "The form does not say where its parts end (`boundary`)."
            raise InvalidInput(msg)
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._name,
                    "on_header_value": self._value,
                    "on_header_end": self._header,
                    "on_headers_finished": self._open,
                    "on_part_data": self._take,
                    "on_part_end": self._close,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _broken(error) from error
        self.file: tuple[str, str] | None = None
        """Its name and its media type, as its sender says, as soon as it begins."""
        self.fields: dict[str, str] = {}
        self._limit = limit
        self._ready: deque[bytes] = deque()
        self._headers: dict[str, bytes] = {}
        self._header_name = self._header_value = b""
        self._field = ""
        self._content = bytearray()
        self._is_file = self._is_over = False
        self._around = self._count = 0

    def feed(self, chunk: bytes | None) -> None:
        """Reads on; None is the end of the request."""
        if chunk is None:
            msg = "The form has no file in it." if self._is_over else "The form was cut short."
            raise InvalidInput(msg)
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _broken(error) from error

    async def rest(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The file's bytes; behind them the rest of the form is read."""
        while True:
            while self._ready:
                yield self._ready.popleft()
            chunk = await anext(stream, None)
            if chunk is None and self._is_over:
                return
            self.feed(chunk)

    def _begin(self) -> None:
        self._headers.clear()
        self._content.clear()

    def _name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b"").decode("latin-1"))
        self._field = _text(options.get(b"name", b""))
        self._is_file = b"filename" in options
        if not self._is_file:
            return
        if self.file is not None:
            msg = "The form has more than one file in it."
            raise InvalidInput(msg)
        self.file = _text(options[b"filename"]), self._headers.get("content-type", b"").decode("latin-1")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._count += end - start
            if self._count > self._limit:
                raise too_large(self._limit)
            self._ready.append(data[start:end])
            return
        self._around += end - start
        if self._around > _AROUND:
            msg = f"The fields of the form are too long: {_AROUND >> 10} KiB at most, beside the file."
            raise InvalidInput(msg)
        self._content += data[start:end]

    def _close(self) -> None:
        if not self._is_file:
            self.fields[self._field] = self._content.decode("utf-8", "replace")

    def _end(self) -> None:
        self._is_over = True


def _text(value: bytes) -> str:
    """Browsers write UTF-8 there."""
    return value.decode("utf-8", "replace")


def _broken(error: FormParserError) -> InvalidInput:
    return InvalidInput(f"The form cannot be read: {str(error)[:200]}.")
