"""Sources: bytes on their way in and what they are for; sniffed before the first one is stored, counted and hashed on the way."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reelwright.domain.asset import AssetKind
from reelwright.domain.generation import Output
from reelwright.domain.ids import AssetId, CampaignId, UserId
from reelwright.errors import ContentMismatch, InvalidMedia
from reelwright.media.sniff import HEAD_BYTES, sniff

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Purpose:
    """What an object is for: decides its key and its row."""

    user: UserId
    campaign: CampaignId
    kind: AssetKind
    name: str
    """The readable part of its file name, such as `shot-03-take-02`."""
    maker: str
    """The id of the take or film that it is made for."""
    provenance: Mapping[str, str]
    media: str = ""
    """`image`, `video` or `audio`, where it must be that."""
    is_alone: bool = True
    """Nobody else works for its maker at the same time: what its maker left half stored is removed first, and nobody waits."""

    def check(self, media_type: str) -> None:
        """Lets pass what is of the kind that is needed.

        Raises:
            InvalidMedia: it is something else.
        """
        if not media_type.startswith(self.media):
            msg = f"Something of the kind {self.media!r} is needed, and {media_type} arrived."
            raise InvalidMedia(msg)


@dataclass(frozen=True)
class Begun:
    """An attempt that is written down, and has no bytes yet."""

    id: AssetId
    key: str
    at: datetime


class Source:
    """Bytes that may be passed on once.

    `hashed` tells the digest where somebody computes it already: hashing a gigabyte twice takes half a second of the event loop.
    """

    def __init__(
        self, chunks: AsyncIterable[bytes], expected: Output, media_type: str = "", hashed: Callable[[], str] | None = None
    ) -> None:
        self._chunks = aiter(chunks)
        self._expected = expected
        self._first: list[bytes] = []
        self._digest = hashlib.sha256()
        self._hashed = hashed
        self.count = 0
        """Bytes that went through."""
        self.media_type = media_type
        self.size = expected.size

    async def open(self) -> None:
        """Reads the head.

        Raises:
            InvalidMedia: it is none of the kinds of media that we keep.
        """
        head = b""
        async for chunk in self._chunks:
            self._first.append(chunk)
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
        if self.media_type:
            return
        found = sniff(head[:HEAD_BYTES])
        if found is None:
            what = "nothing at all (0 bytes)" if not head else "not a picture, clip or sound"
            msg = f"What arrived is {what}."
            raise InvalidMedia(msg)
        self.media_type = found

    async def checked(self) -> AsyncIterator[bytes]:
        """The bytes. Raises at the end, while the upload is still open, when they are not what was announced."""
        for chunk in self._first:
            yield self._seen(chunk)
        self._first.clear()
        async for chunk in self._chunks:
            yield self._seen(chunk)
        if self._expected.size not in {None, self.count}:
            msg = f"{self.count} bytes arrived where {self._expected.size} were announced."
            raise ContentMismatch(msg)
        if self._expected.sha256 not in {None, self.sha256}:
            msg = "The bytes that arrived do not have the announced digest."
            raise ContentMismatch(msg)

    @property
    def sha256(self) -> str:
        """Of all that went through, in hex."""
        return self._hashed() if self._hashed else self._digest.hexdigest()

    def _seen(self, chunk: bytes) -> bytes:
        if self._hashed is None:
            self._digest.update(chunk)
        self.count += len(chunk)
        return chunk


async def read_file(path: Path) -> AsyncIterator[bytes]:
    """The bytes of a file of this machine."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def media_type_by_name(path: Path) -> str:
    """What a text is, which no first bytes tell; empty for media."""
    return {".srt": "application/x-subrip", ".vtt": "text/vtt"}.get(path.suffix, "")
