"""A bucket on a real S3 server, seen through networks that lose answers and flip bits."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from reelwright.errors import ObjectExists, StorageError
from reelwright.store import open_store
from reelwright.store.remote import RemoteStore
from reelwright.store.s3 import client_of
from reelwright.testing.servers import S3

NOW = timedelta()
LARGE = 15 << 20


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 1 << 16):
        yield data[at : at + (1 << 16)]


async def put(store: RemoteStore, key: str, data: bytes) -> int:
    return await store.put(key, pieces(data), media_type="video/mp4", metadata={}, size=len(data))


async def keys(store: RemoteStore) -> list[str]:
    return sorted([key async for key in store.keys("")])


class Wire:
    """A connection to the server that can be told to misbehave."""

    def __init__(self, server: S3) -> None:
        self.host, self.port = urlsplit(server.bucket.endpoint).hostname, urlsplit(server.bucket.endpoint).port
        self.lose_answers_to: bytes = b""
        """The method whose next answer never comes back."""
        self.flip = False
        """Changes one bit of every upload."""
        self.tasks: set[asyncio.Task[None]] = set()
        self._is_losing = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        up_reader, up_writer = await asyncio.open_connection(self.host, self.port)
        there = asyncio.create_task(self._there(reader, up_writer))
        try:
            await self._back(up_reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the other side has gone, or the test is over
        finally:
            there.cancel()
            await asyncio.gather(there, return_exceptions=True)
            writer.transport.abort()
            up_writer.transport.abort()

    async def _there(self, reader: asyncio.StreamReader, up_writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(1 << 16):
            self._is_losing = bool(self.lose_answers_to) and chunk.startswith(self.lose_answers_to)
            if self.flip and len(chunk) > 4096:
                chunk = chunk[:-1] + bytes([chunk[-1] ^ 1])
            up_writer.write(chunk)
            await up_writer.drain()

    async def _back(self, up_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await up_reader.read(1 << 16):
            if self.lose_answers_to and chunk.startswith(b"HTTP/1.1 200") and self._is_losing:
                self.lose_answers_to = b""
                writer.transport.abort()
                return
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def wired(s3_server: S3) -> AsyncGenerator[tuple[RemoteStore, Wire]]:
    wire = Wire(s3_server)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bucket = replace(s3_server.bucket, endpoint=f"http://127.0.0.1:{port}", prefix=f"wire/{uuid4().hex}")
    try:
        yield RemoteStore(client_of(bucket), bucket=bucket), wire
    finally:
        server.close()
        await asyncio.sleep(0.05)  # obstore opens connections ahead; the last ones are only now accepted
        for task in wire.tasks:
            task.cancel()
        await asyncio.gather(*wire.tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # the loop closes what was aborted


async def test_an_acknowledgement_that_got_lost_is_not_mistaken_for_a_taken_key(s3_server: S3) -> None:
    async with wired(s3_server) as (store, wire):
        wire.lose_answers_to = b"PUT"
        assert await put(store, "a/b.mp4", b"film") == 4
        assert wire.lose_answers_to == b""

        with pytest.raises(ObjectExists):
            await put(store, "a/b.mp4", b"film")


async def test_an_upload_whose_last_answer_got_lost_has_arrived(s3_server: S3) -> None:
    async with wired(s3_server) as (store, wire):
        wire.lose_answers_to = b"POST"  # begins the upload, and again ends it
        assert await put(store, "a/b.mp4", os.urandom(LARGE)) == LARGE
        assert await keys(store) == ["a/b.mp4"]


@pytest.mark.parametrize("size", [100_000, LARGE])
async def test_a_bit_that_flips_on_the_way_is_noticed(size: int, s3_server: S3) -> None:
    async with wired(s3_server) as (store, wire):
        wire.flip = True
        with pytest.raises(StorageError):
            await put(store, "a/b.mp4", os.urandom(size))
        wire.flip = False

        assert await keys(store) == []
        assert await store.sweep(NOW) == 0


def left_by_a_killed_upload(s3_server: S3) -> str:
    script = """
import asyncio, os, sys
from reelwright.store import open_store
async def hang():
    for _ in range(20):
        yield os.urandom(1 << 20)
    print("hangs", flush=True)
    await asyncio.sleep(60)
asyncio.run(open_store(sys.argv[1], os.environ).put("a/b.mp4", hang(), media_type="video/mp4", metadata={}))
"""
    url = s3_server.url(f"killed/{uuid4().hex}")
    process = subprocess.Popen(
        [sys.executable, "-c", script, url], stdout=subprocess.PIPE, env={**os.environ, **s3_server.environment}
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    return url


async def test_what_a_killed_upload_left_in_the_bucket_is_swept(s3_server: S3) -> None:
    store = open_store(left_by_a_killed_upload(s3_server), s3_server.environment)

    assert await store.sweep(timedelta(hours=1)) == 0
    assert await store.sweep(NOW) == 1
    assert await store.sweep(NOW) == 0
    assert [key async for key in store.keys("")] == []


async def test_a_server_that_is_not_there_is_a_clear_error(s3_server: S3) -> None:
    bucket = replace(s3_server.bucket, endpoint="http://127.0.0.1:1")
    store = RemoteStore(client_of(bucket), bucket=bucket)

    with pytest.raises(StorageError, match="The storage does not work"):
        await store.head("a/b.mp4")
    with pytest.raises(StorageError, match="Unfinished uploads cannot be removed"):
        await store.sweep(NOW)


def test_a_short_process_ends_cleanly(s3_server: S3) -> None:
    script = """
import asyncio, os, sys
from reelwright.store import open_store
async def once():
    yield b"x" * 8_000_000
asyncio.run(open_store(sys.argv[1], os.environ).put("a/b.mp4", once(), media_type="video/mp4", metadata={}))
"""
    for _ in range(8):
        url = s3_server.url(f"short/{uuid4().hex}")
        subprocess.run([sys.executable, "-c", script, url], check=True, timeout=30, env={**os.environ, **s3_server.environment})


async def test_a_prefix_fences_its_objects_in(s3_server: S3) -> None:
    inside = open_store(s3_server.url("fence/in"), s3_server.environment)
    outside = open_store(s3_server.url("fence/out"), s3_server.environment)
    assert isinstance(inside, RemoteStore)
    assert isinstance(outside, RemoteStore)
    await put(inside, "a/b.mp4", b"film")

    assert await keys(outside) == []
    assert await keys(inside) == ["a/b.mp4"]
