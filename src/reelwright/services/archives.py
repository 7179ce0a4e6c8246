"""Archives: the form of a backup, a tar file that says itself whether it is whole.

```text
backup.json            when, by which version, of which database; first
home/<path>            what else lies in the data folder: receipts of providers on this machine, cards
database/<file>        the database at one moment
objects/<key>          everything that it names
manifest.jsonl         name, size and SHA-256 of all of the above, and of itself; last
```

A file that ends before its manifest was cut off. Every byte is passed on as it comes, so memory stays small whatever the size.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from reelwright.errors import ContentMismatch, InvalidInput
from reelwright.store.files import in_thread

FORM = 1
HEADER, MANIFEST = "backup.json", "manifest.jsonl"
HOME, DATABASE, OBJECTS = "home/", "database/", "objects/"
_RECORD = 512
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """One file of it."""

    name: str
    size: int
    sha256: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What its place needs to know, such as the media type of an object."""


class Writing:
    """Writes one, entry by entry."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.entries: list[Entry] = []

    async def add(self, name: str, size: int, chunks: AsyncIterable[bytes], facts: Mapping[str, Any], sha256: str = "") -> None:
        """Adds a file of that size; where it turns out otherwise, or not to have that digest, nothing is added.

        Raises:
            ContentMismatch: it is not what it should be.
        """
        begun = self._file.tell()
        digest, count = hashlib.sha256(), 0
        try:
            self._file.write(_head(name, size))
            async for chunk in chunks:
                count += len(chunk)
                digest.update(chunk)
                await in_thread(self._file.write, chunk)
            if count != size or sha256 not in {"", digest.hexdigest()}:
                msg = "Its bytes are not those that were kept."
                raise ContentMismatch(msg)
        except BaseException:
            self._file.seek(begun)
            self._file.truncate()
            raise
        self._file.write(bytes(-size % _RECORD))
        self.entries.append(Entry(name, size, digest.hexdigest(), facts))

    async def add_file(self, name: str, path: Path) -> None:
        """Adds a file of this machine."""
        with path.open("rb") as file:
            await self.add(name, os.fstat(file.fileno()).st_size, blocks_of(file), {})

    async def add_bytes(self, name: str, content: bytes) -> None:
        """Adds these."""

        async def once() -> AsyncIterator[bytes]:
            yield content

        await self.add(name, len(content), once(), {})

    def end(self) -> None:
        """Writes the manifest, and with that the archive is whole."""
        lines = "".join(
            f"{json.dumps({'name': each.name, 'size': each.size, 'sha256': each.sha256, **each.facts}, ensure_ascii=False)}\n"
            for each in self.entries
        ).encode()
        lines += f"{json.dumps({'end': len(self.entries), 'sha256': hashlib.sha256(lines).hexdigest()})}\n".encode()
        self._file.write(_head(MANIFEST, len(lines)))
        self._file.write(lines)
        self._file.write(bytes(-len(lines) % _RECORD + 2 * _RECORD))


def _head(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.PAX_FORMAT)


async def blocks_of(file: IO[bytes]) -> AsyncGenerator[bytes]:
    """What is left of a file, a megabyte at a time."""
    while block := await in_thread(file.read, _BLOCK):
        yield block


async def digest_of(chunks: AsyncIterable[bytes]) -> str:
    """Their SHA-256, in hex."""
    digest = hashlib.sha256()
    async for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def reading(path: Path) -> Generator[tarfile.TarFile]:
    """The archive, to be read from its beginning to its end.

    Raises:
        InvalidInput: it is none, or cut off.
    """
    try:
        with tarfile.open(path, "r|") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise _broken(path) from error


def _broken(path: Path, why: str = "it is cut off, or is none") -> InvalidInput:
    return InvalidInput(f"{path} is no whole backup: {why}.")


@dataclass(frozen=True)
class Contents:
    """A backup that was read from end to end and is whole."""

    header: Mapping[str, Any]
    entries: Mapping[str, Entry]
    """By name."""

    @property
    def bytes(self) -> int:
        """Of all files in it."""
        return sum(each.size for each in self.entries.values())


def check(path: Path, on_progress: Callable[[int], None] | None = None) -> Contents:
    """Reads the whole archive, and compares every byte of it with its manifest. It blocks.

    Raises:
        InvalidInput: it is no backup, is cut off, or was changed.
    """
    found: dict[str, tuple[int, str]] = {}
    header: Mapping[str, Any] = {}
    told: Mapping[str, Entry] | None = None
    with reading(path) as tar:
        for member in tar:
            if told is not None or member.name in found or not _is_safe(member):
                raise _broken(path, "it holds what no backup holds")
            if member.name == MANIFEST:
                told = _read_manifest(path, _content(tar, member))
                continue
            content = _content(tar, member) if member.name == HEADER else None
            if content is not None:
                header = _read_header(path, content)
                found[member.name] = len(content), hashlib.sha256(content).hexdigest()
            else:
                found[member.name] = member.size, _digest(tar, member)
            if on_progress is not None:
                on_progress(member.size)
    if told is None or not header:
        raise _broken(path)
    if found != {name: (each.size, each.sha256) for name, each in told.items()}:
        raise _broken(path, "its files are not those of its manifest")
    return Contents(header, told)


def _is_safe(member: tarfile.TarInfo) -> bool:
    parts = PurePosixPath(member.name).parts
    return member.isreg() and not member.name.startswith("/") and ".." not in parts


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    digest, file = hashlib.sha256(), tar.extractfile(member)
    while file and (block := file.read(_BLOCK)):
        digest.update(block)
    return digest.hexdigest()


def _read_header(path: Path, content: bytes) -> Mapping[str, Any]:
    try:
        header = json.loads(content)
    except ValueError as error:
        raise _broken(path) from error
    if header.get("form") != FORM:
        raise _broken(path, "it was written by another version of Reelwright, or by another program")
    return header


def _read_manifest(path: Path, content: bytes) -> Mapping[str, Entry]:
    lines = content.splitlines(keepends=True)
    try:
        end = json.loads(lines[-1])
        entries = [json.loads(line) for line in lines[:-1]]
        known = {each.pop("name"): each for each in entries}
        found = {name: Entry(name, each.pop("size"), each.pop("sha256"), each) for name, each in known.items()}
    except (ValueError, KeyError, IndexError) as error:
        raise _broken(path) from error
    if end != {"end": len(found), "sha256": hashlib.sha256(b"".join(lines[:-1])).hexdigest()}:
        raise _broken(path, "its manifest was changed")
    return found
