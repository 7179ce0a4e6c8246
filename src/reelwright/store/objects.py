"""What every object store promises: keys are written once, whole or not at all.

The commit point of an asset is its row in the database, so a store needs no transactions. It needs only this: whatever
ends a `put` early (the source breaks, the task is cancelled, the disk is full, the process is killed), nothing becomes
visible under the key.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from reelwright.errors import ContentMismatch, InvalidInput, NotFound, ObjectExists

MAX_KEY_BYTES = 512
MAX_PART_BYTES = 240
"""File systems stop at 255 bytes; the rest is for the side-car's name."""
MAX_METADATA_BYTES = 1900
"""Of names and percent-encoded values of one object together; S3 takes 2,048, and a store may add a mark of its own."""

_FORBIDDEN_IN_KEYS = re.compile(r'[\x00-\x1f\x7f-\x9f\\?#%*:"<>|~{}^`\[\]]')
_METADATA_KEY = re.compile(r"[a-z][a-z0-9]*")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")


@dataclass(frozen=True)
class ObjectHead:
    """What a store knows of an object without reading it."""

    size: int
    """Bytes."""
    media_type: str
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Reading:
    """An object that is being read."""

    size: int
    """Bytes of the whole object, whichever of them are read."""
    chunks: AsyncGenerator[bytes, None]
    """To be closed by whoever reads, where not all of them are read."""


class ObjectStore(Protocol):
    """Immutable bytes under keys. One store serves any number of tasks and event loops."""

    async def put(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        media_type: str,
        metadata: Mapping[str, str],
        size: int | None = None,
    ) -> int:
        """Writes an object once, whole or not at all, and returns its size in bytes.

        What `chunks` raises comes through unchanged, and then nothing is visible and nothing is left over: so whatever must
        hold (length, digest) is best checked inside `chunks`. The same is true when the task is cancelled. `chunks` is not
        closed: whoever made it does that.

        Args:
            key: a relative path, see `check_key`.
            chunks: the bytes, read once, in pieces of any size.
            media_type: as we found it, never as a source said it.
            metadata: keys of small letters and digits, values of any text, together at most 1,900
                bytes when percent-encoded.
            size: how many bytes there will be, where that is known: room is then made before anything is written.

        Raises:
            InvalidInput: the key or the metadata are not allowed.
            ObjectExists: the key is taken.
            ContentMismatch: there were more or fewer bytes than `size`.
            StorageError: the store did not take the bytes.
        """
        ...

    async def head(self, key: str) -> ObjectHead:
        """Size, media type and metadata.

        Raises:
            NotFound: there is no such object.
            StorageError: the store does not answer.
        """
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`; nothing where the object ends before `start`.

        Raises:
            NotFound: there is no such object; raised by the first step of the iteration.
            StorageError: the store does not give the bytes.
        """
        ...

    async def open(self, key: str, start: int = 0, end: int | None = None) -> Reading:
        """As `read`, but the object is asked for at once, so that its size is known before the first byte is passed on.

        Raises:
            NotFound: there is no such object.
            StorageError: the store does not answer.
        """
        ...

    async def signed_url(self, key: str, lifetime: timedelta) -> str | None:
        """A URL under which everybody may read the object for so long, where the store can be asked by others; else None.

        It works for GET only: servers refuse a HEAD of it. Does not look whether there is such an object.
        """
        ...

    async def delete(self, key: str) -> None:
        """Removes the object; does nothing where there is none."""
        ...

    def keys(self, prefix: str = "") -> AsyncIterator[str]:
        """The keys below the folder `prefix`, in no particular order; every key for an empty one."""
        ...

    async def sweep(self, older_than: timedelta) -> int:
        """Removes what killed uploads left behind, and returns how many pieces.

        A folder knows a running upload and lets it be; a bucket knows only when it began, so give it a day there.

        Raises:
            StorageError: the store does not let us.
        """
        ...

    def local_path(self, key: str) -> Path | None:
        """Where the bytes lie on this machine, to be read in place, or None. Does not look whether there are any."""
        ...

    async def aclose(self) -> None:
        """Gives connections back."""
        ...


def check_key(key: str) -> str:
    """Returns the key, if every store can hold it as it is.

    Raises:
        InvalidInput: it is empty, too long, absolute, climbs (`..`), hides (`.name`), or has reserved characters.
    """
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        msg = "A storage key is not valid text."
        raise InvalidInput(msg) from None
    if not 0 < length <= MAX_KEY_BYTES:
        msg = f"A storage key has 1 to {MAX_KEY_BYTES} bytes, not {length}."
        raise InvalidInput(msg)
    if _FORBIDDEN_IN_KEYS.search(key):
        msg = f"The storage key {key!r} holds a character that is not allowed."
        raise InvalidInput(msg)
    for part in key.split("/"):
        if not part or part.startswith(".") or part != part.strip() or len(part.encode()) > MAX_PART_BYTES:
            msg = (
                f"The storage key {key!r} is not allowed: each part between slashes has 1 to {MAX_PART_BYTES} bytes and "
                "does not start with a dot or a space."
            )
            raise InvalidInput(msg)
    return key


def check_prefix(prefix: str) -> str:
    """Returns the folder without its last slash; empty stays empty.

    Raises:
        InvalidInput: as for `check_key`.
    """
    return check_key(prefix.removesuffix("/")) if prefix else ""


def check_metadata(media_type: str, metadata: Mapping[str, str]) -> None:
    """Lets pass what every store gives back as it was.

    Azure refuses dashes in names, proxies drop underscores and some servers change the case: hence the narrow rule.

    Raises:
        InvalidInput: a name, the media type, or the size of it all is not allowed.
    """
    if not _MEDIA_TYPE.fullmatch(media_type):
        msg = f"{media_type!r} is not a media type such as video/mp4."
        raise InvalidInput(msg)
    for name in metadata:
        if not _METADATA_KEY.fullmatch(name):
            msg = f"The metadata name {name!r} is not allowed: small letters and digits only."
            raise InvalidInput(msg)
    if sum(len(name) + len(quote(value)) for name, value in metadata.items()) > MAX_METADATA_BYTES:
        msg = f"Metadata has at most {MAX_METADATA_BYTES} bytes, percent-encoded."
        raise InvalidInput(msg)


def check_range(start: int, end: int | None) -> None:
    """Lets a readable range pass.

    Raises:
        InvalidInput: it starts before the first byte or ends before it starts.
    """
    if start < 0 or (end is not None and end < start):
        msg = f"Bytes {start} to {end} are not a range."
        raise InvalidInput(msg)


def check_length(came: int, announced: int | None) -> None:
    """Lets pass what is as long as it was announced to be.

    Raises:
        ContentMismatch: there were more or fewer bytes.
    """
    if announced is not None and came != announced:
        msg = f"{came:,} bytes came, {announced:,} were announced."
        raise ContentMismatch(msg)


def taken(key: str) -> ObjectExists:
    """The error for a key that has its object."""
    return ObjectExists(f"There already is an object {key}.")


def missing(key: str) -> NotFound:
    """The error for a key that has none."""
    return NotFound(f"There is no object {key}.")
