"""Objects in a bucket, or in memory for tests, through obstore.

What obstore leaves open is closed here: an upload whose task is cancelled is aborted (obstore lets its parts lie), an
acknowledgement that got lost on the way is told from a key that is really taken, and metadata survives every kind of server. Of
a multipart upload no server makes the last step conditional through obstore, so for large objects write-once is a look before
the upload; keys are unique per attempt, and the database decides.
"""

from __future__ import annotations

import asyncio
import atexit
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Coroutine, Mapping
from contextlib import aclosing, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, unquote

from obstore import sign_async
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import MemoryStore, S3Store

from reelwright.errors import NotFound, ReelwrightError, StorageError
from reelwright.net import redact
from reelwright.store.objects import (
    ObjectHead,
    Reading,
    check_key,
    check_length,
    check_metadata,
    check_prefix,
    check_range,
    missing,
    taken,
)
from reelwright.store.s3 import Bucket, abort_stale_uploads

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult

# obstore 0.12: its threads may still hold the interpreter when it ends, which then aborts; a moment of rest prevents it
# (pyo3-async-runtimes issue 40).
atexit.register(time.sleep, 0.1)

_PART = 6 << 20
"""Bytes of one part; up to so many, an object is one conditional PUT. Memory of an upload: about six parts."""
_PARTS_AT_ONCE = 4
_READ = 1 << 20
_ABORT_SECONDS = 30
_MARK = "reelwrightput"
"""The metadata name under which each `put` leaves a random word, to know its own object again."""

_Attributes: TypeAlias = dict[str, str]


class RemoteStore:
    """An `ObjectStore` on top of obstore."""

    def __init__(self, client: S3Store | MemoryStore, *, bucket: Bucket | None = None) -> None:
        """Opens no connection yet; `bucket` is what `client` talks to, where that is S3."""
        self._client = client
        self.bucket = bucket

    async def put(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        media_type: str,
        metadata: Mapping[str, str],
        size: int | None = None,
    ) -> int:
        """See `ObjectStore.put`."""
        check_key(key)
        check_metadata(media_type, metadata)
        attributes = {name: quote(value) for name, value in metadata.items()}
        attributes |= {"Content-Type": media_type, _MARK: secrets.token_hex(8)}
        count = _Count(size)
        async with aclosing(count.over(chunks)) as source:
            start = bytearray()
            async for chunk in source:
                start += chunk
                if len(start) > _PART:
                    break
            if len(start) <= _PART:
                whole = self._client.put_async(key, bytes(start), attributes=attributes, mode="create", use_multipart=False)
                await self._finish(key, whole, attributes)
            else:
                await self._put_parts(key, bytes(start), source, attributes)
        return count.bytes

    async def head(self, key: str) -> ObjectHead:
        """See `ObjectStore.head`."""
        size, attributes = await self._describe(check_key(key))
        metadata = {name: unquote(value) for name, value in attributes.items() if name.islower() and name != _MARK}
        return ObjectHead(size, attributes.get("Content-Type", "application/octet-stream"), metadata)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """See `ObjectStore.read`."""
        reading = await self.open(key, start, end)
        async with aclosing(reading.chunks) as chunks:
            async for chunk in chunks:
                yield chunk

    async def open(self, key: str, start: int = 0, end: int | None = None) -> Reading:
        """See `ObjectStore.open`."""
        check_key(key)
        check_range(start, end)
        if start == end:
            return Reading((await self.head(key)).size, _chunks(None, key))
        part: GetOptions = {} if not start and end is None else {"range": {"offset": start} if end is None else (start, end)}
        try:
            result = await self._client.get_async(key, options=part)
            return Reading(result.meta["size"], _chunks(result, key))
        except (BaseError, OSError) as error:
            if part and (size := (await self.head(key)).size) <= start:
                return Reading(size, _chunks(None, key))  # servers call a range behind the end an error
            raise _mapped(error, key) from error

    async def signed_url(self, key: str, lifetime: timedelta) -> str | None:
        """See `ObjectStore.signed_url`."""
        check_key(key)
        if not isinstance(self._client, S3Store):
            return None
        try:
            return await sign_async(self._client, "GET", key, lifetime)
        except (BaseError, OSError) as error:
            raise _mapped(error, key) from error

    async def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        check_key(key)
        try:
            with suppress(FileNotFoundError):
                await self._client.delete_async(key)
        except (BaseError, OSError) as error:
            raise _mapped(error, key) from error

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        """See `ObjectStore.keys`."""
        try:
            async for page in self._client.list_async(check_prefix(prefix) or None, return_arrow=False):  # pyright: ignore[reportUnknownMemberType] - another overload is untyped
                for entry in page:
                    yield entry["path"]
        except (BaseError, OSError) as error:
            raise _mapped(error, prefix) from error

    async def sweep(self, older_than: timedelta) -> int:
        """See `ObjectStore.sweep`."""
        return 0 if self.bucket is None else await abort_stale_uploads(self.bucket, older_than)

    def local_path(self, key: str) -> Path | None:
        """See `ObjectStore.local_path`: a bucket is elsewhere."""
        check_key(key)
        return None

    async def aclose(self) -> None:
        """See `ObjectStore.aclose`: obstore closes its connections by itself."""

    async def _put_parts(self, key: str, start: bytes, rest: AsyncGenerator[bytes, None], attributes: _Attributes) -> None:
        with suppress(NotFound):
            await self._describe(key)
            raise taken(key)
        relay = _Relay(start, rest)
        upload = self._client.put_async(
            key, relay, attributes=attributes, use_multipart=True, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE
        )
        try:
            await self._finish(key, upload, attributes, relay)
        finally:
            await relay.aclose()

    async def _finish(
        self, key: str, upload: Coroutine[Any, Any, object], attributes: _Attributes, relay: _Relay | None = None
    ) -> None:
        """Waits for an upload, and makes what is visible afterwards agree with what the caller learns."""
        task = asyncio.create_task(upload)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if relay is not None:
                relay.stop()
            await asyncio.wait({task}, timeout=_ABORT_SECONDS)
            if not task.done():
                task.cancel()
            elif task.exception() is None:
                await self.delete(key)
            raise
        except Exception as error:
            if relay is not None and relay.failure is not None:
                raise relay.failure from None
            if not isinstance(error, (BaseError, OSError)):
                raise
            if not await self._is_ours(key, attributes):
                raise _mapped(error, key) from error

    async def _is_ours(self, key: str, attributes: _Attributes) -> bool:
        """Whether this very upload has arrived although the store's answer says no, or was lost."""
        try:
            _, found = await self._describe(key)
        except ReelwrightError:
            return False
        return found.get(_MARK) == attributes[_MARK]

    async def _describe(self, key: str) -> tuple[int, _Attributes]:
        try:
            result = await self._client.get_async(key, options={"head": True})
        except (BaseError, OSError) as error:
            raise _mapped(error, key) from error
        return result.meta["size"], {str(name): str(value) for name, value in result.attributes.items()}


async def _chunks(result: GetResult | None, key: str) -> AsyncGenerator[bytes, None]:
    """What the server gives; nothing for no answer."""
    if result is None:
        return
    try:
        async for block in result.stream(_READ):
            yield bytes(block)
    except (BaseError, OSError) as error:
        raise _mapped(error, key) from error


class _Count:
    """Counts bytes on their way, and holds them against what was announced."""

    def __init__(self, size: int | None) -> None:
        self.bytes = 0
        self._size = size

    async def over(self, chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
        async for chunk in chunks:
            self.bytes += len(chunk)
            yield chunk
        check_length(self.bytes, self._size)


class _Stopped(Exception):
    """Makes obstore abort: only an exception out of its source does that."""


class _Relay:
    """Feeds obstore from a task of our own, so that an upload can be stopped while its source hangs."""

    def __init__(self, start: bytes, rest: AsyncGenerator[bytes, None]) -> None:
        self.failure: BaseException | None = None
        self._start = start
        self._rest = rest
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(2)
        self._task = asyncio.create_task(self._pump())
        self._is_stopped = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._raise_if_over()
        chunk = await self._queue.get()
        self._raise_if_over()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def stop(self) -> None:
        """Lets the next step raise, and wakes the one that waits."""
        self._is_stopped = True
        self._task.cancel()
        self._wake()

    async def aclose(self) -> None:
        """Ends the task."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _pump(self) -> None:
        try:
            await self._queue.put(self._start)
            self._start = b""
            async for chunk in self._rest:
                await self._queue.put(chunk)
            await self._queue.put(None)
        except Exception as error:  # noqa: BLE001 - whatever it is, the upload raises it again
            self.failure = error
            self._wake()

    def _raise_if_over(self) -> None:
        if self._is_stopped or self.failure is not None:
            raise _Stopped

    def _wake(self) -> None:
        with suppress(asyncio.QueueFull):  # then nobody waits
            self._queue.put_nowait(None)


def _mapped(error: Exception, key: str) -> ReelwrightError:
    if isinstance(error, FileNotFoundError):
        return missing(key)
    if isinstance(error, AlreadyExistsError):
        return taken(key)
    first = redact(str(error).partition("\n")[0])[:300]
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
        message = f"The storage refuses our key: check its access key, secret and rights. It said: {first}"
    else:
        message = f"The storage does not work: {first}"
    return StorageError(message)
