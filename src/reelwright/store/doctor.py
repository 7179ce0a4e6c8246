"""Probes a store, because real servers promise what they do not do: some ignore "only if it is new", some change metadata."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from reelwright.errors import NotFound, NotSubmitted, ObjectExists, ProviderError, ReelwrightError
from reelwright.net import Net
from reelwright.store.folder import FolderStore
from reelwright.store.objects import ObjectStore
from reelwright.store.remote import RemoteStore
from reelwright.store.s3 import Bucket

_PROBE_BYTES = 100_000
_PROBE_SECONDS = 60
_LITTLE_SPACE = 2 << 30
_METADATA = {"shot": "3", "note": "Grüße, 世界 & 100 %"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    """What was found, and where it is not well, what to do."""


class _Unwell(Exception):
    """A probe found something; the message is the detail."""


async def examine(store: ObjectStore) -> tuple[Finding, ...]:
    """Writes, reads and deletes a few small objects below `doctor/`, and says what the store really does.

    Where nothing can be written the list ends there. Never raises: whatever goes wrong is a finding.
    """
    key = f"doctor/{secrets.token_hex(8)}"
    findings = [await _look("writes and reads", _writes_and_reads, store, key)]
    if findings[0].ok:
        for name, probe in _PROBES:
            findings.append(await _look(name, probe, store, key))
    findings.append(await _look("deletes", _deletes, store, key))
    if isinstance(store, FolderStore):
        findings.append(await _look("free space", _free_space, store, key))
    return tuple(findings)


_Probe = Callable[[ObjectStore, str], Awaitable[str]]


async def _look(name: str, probe: Callable[..., Awaitable[str]], store: ObjectStore, key: str) -> Finding:
    try:
        return Finding(name, ok=True, detail=await asyncio.wait_for(probe(store, key), _PROBE_SECONDS))
    except TimeoutError:
        return Finding(name, ok=False, detail=f"No answer within {_PROBE_SECONDS} seconds.")
    except (_Unwell, ReelwrightError, OSError) as error:
        return Finding(name, ok=False, detail=str(error))


def _expect(*, that: bool, otherwise: str) -> None:
    if not that:
        raise _Unwell(otherwise)


def _probe_bytes(key: str) -> bytes:
    return (key.encode() * _PROBE_BYTES)[:_PROBE_BYTES]


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _content(store: ObjectStore, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(key, start, end)])


async def _writes_and_reads(store: ObjectStore, key: str) -> str:
    data = _probe_bytes(key)
    await store.put(key, _once(data), media_type="video/mp4", metadata=_METADATA, size=len(data))
    _expect(
        that=await _content(store, key) == data, otherwise="Other bytes came back than were written. Do not use this storage."
    )
    return f"{len(data):,} bytes came back as they were."


async def _keeps_metadata(store: ObjectStore, key: str) -> str:
    head = await store.head(key)
    _expect(
        that=(head.size, head.media_type, dict(head.metadata)) == (_PROBE_BYTES, "video/mp4", _METADATA),
        otherwise=f"Size, type or metadata came back changed ({head}). Films still work; other tools may not find their labels.",
    )
    return "Size, type and metadata came back as they were."


async def _writes_once(store: ObjectStore, key: str) -> str:
    try:
        await store.put(key, _once(b"second"), media_type="video/mp4", metadata={}, size=6)
    except ObjectExists:
        return "A key that is taken is refused."
    msg = (
        "A second write replaced the first: this server ignores If-None-Match. Reelwright never uses a key twice, so nothing is "
        "lost, but other programs must not write to this bucket."
    )
    raise _Unwell(msg)


async def _is_all_or_nothing(store: ObjectStore, key: str) -> str:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"x" * _PROBE_BYTES
        msg = "on purpose"
        raise _Unwell(msg)

    with suppress(_Unwell):
        await store.put(f"{key}-broken", breaking(), media_type="video/mp4", metadata={})
    try:
        await store.head(f"{key}-broken")
    except NotFound:
        return "An upload that breaks leaves nothing."
    await store.delete(f"{key}-broken")
    msg = "An upload that broke is visible. Do not use this storage."
    raise _Unwell(msg)


async def _reads_ranges(store: ObjectStore, key: str) -> str:
    part = await _content(store, key, 1000, 2000)
    _expect(that=part == _probe_bytes(key)[1000:2000], otherwise="A range came back wrong: players could not seek.")
    return "A part of an object is read alone."


async def _lists(store: ObjectStore, key: str) -> str:
    found = [name async for name in store.keys("doctor")]
    _expect(that=key in found, otherwise="A new object is not listed: what this storage holds cannot be told by asking it.")
    return "A new object is listed."


async def _is_private(store: ObjectStore, key: str) -> str:
    bucket = _bucket_of(store)
    if bucket is None:
        path = store.local_path(key)
        if path is None:
            return "Nobody else can read this process's memory."
        mode = (await asyncio.to_thread(os.stat, path)).st_mode
        _expect(that=not mode & 0o077, otherwise=f"Other users of this machine can read {path.name}.")
        return "Only this user can read the files."
    net = Net(allow_private=True)
    try:
        await net.request_text("GET", bucket.url(key), timeout_seconds=10)
    except NotSubmitted:
        raise  # it is a `ProviderError`, but it says nothing about the bucket
    except ProviderError:
        return "Without a key nothing can be read."
    finally:
        await net.aclose()
    msg = "Everyone can read this bucket. Take away its public access."
    raise _Unwell(msg)


async def _encrypts(store: ObjectStore, key: str) -> str:
    bucket = _bucket_of(store)
    if bucket is None or not bucket.encryption:
        return "No encryption was asked for."
    if not bucket.access_key:
        return "Encryption is asked for; the machine's own role signs, so it was not looked at."
    net = Net(allow_private=True)
    try:
        answer = await net.request_json("HEAD", bucket.sign("HEAD", key, {}, now=datetime.now(UTC)))
    finally:
        await net.aclose()
    found = answer.headers.get("x-amz-server-side-encryption", "")
    _expect(
        that=found == bucket.encryption,
        otherwise=f"{bucket.encryption} was asked for, and the server says {found or 'nothing'}: it does not encrypt.",
    )
    return f"Objects are encrypted with {found}."


def _bucket_of(store: ObjectStore) -> Bucket | None:
    return store.bucket if isinstance(store, RemoteStore) else None


async def _deletes(store: ObjectStore, key: str) -> str:
    await store.delete(key)
    try:
        await store.head(key)
    except NotFound:
        return "A deleted object is gone."
    msg = "A deleted object is still there."
    raise _Unwell(msg)


async def _free_space(store: ObjectStore, _: str) -> str:
    free = await asyncio.to_thread(store.free) if isinstance(store, FolderStore) else 0
    text = f"{free / (1 << 30):,.1f} GiB are free."
    _expect(that=free >= _LITTLE_SPACE, otherwise=f"{text} That is little for films: free some, or choose another folder.")
    return text


_PROBES: tuple[tuple[str, _Probe], ...] = (
    ("keeps metadata", _keeps_metadata),
    ("reads ranges", _reads_ranges),
    ("lists", _lists),
    ("is private", _is_private),
    ("encrypts", _encrypts),
    ("writes once", _writes_once),
    ("all or nothing", _is_all_or_nothing),
)
