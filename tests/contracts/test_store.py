"""The promises of `ObjectStore`, held by every store: a folder, memory, and a bucket on a real S3 server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from reelwright.errors import ContentMismatch, InvalidInput, NotFound, ObjectExists, ReelwrightError, UrlExpired
from reelwright.net import Net
from reelwright.net.download import Patience
from reelwright.store import ObjectStore
from reelwright.store.folder import FolderStore
from reelwright.store.remote import RemoteStore
from reelwright.testing.source import FaultySource

SMALL, LARGE = 1000, 15 << 20
NOW = timedelta()


async def pieces(data: bytes, piece: int = 100_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), piece):
        yield data[at : at + piece]


async def put(store: ObjectStore, key: str, data: bytes, **metadata: str) -> int:
    return await store.put(key, pieces(data), media_type="video/mp4", metadata=metadata, size=len(data))


async def content(store: ObjectStore, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(key, start, end)])


async def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return sorted([key async for key in store.keys(prefix)])


async def leftovers(store: ObjectStore) -> list[str]:
    """What an upload that failed should have taken away with it."""
    if isinstance(store, FolderStore):
        return [str(file) for file in (store.root / ".reelwright" / "tmp").iterdir()]
    assert isinstance(store, RemoteStore)
    return [f"{await store.sweep(NOW)} unfinished uploads"] if await store.sweep(NOW) else []


@pytest.mark.parametrize("size", [0, 1, SMALL, LARGE])
@pytest.mark.parametrize("is_size_known", [True, False])
async def test_what_was_put_comes_back(store: ObjectStore, size: int, is_size_known: bool) -> None:
    data = os.urandom(size)

    written = await store.put(
        "user/campaign/video-clips/shot-03-take-02.mp4",
        pieces(data),
        media_type="video/mp4",
        metadata={"shot": "3", "note": "Grüße, 世界 & 100 %"},
        size=size if is_size_known else None,
    )

    assert written == size
    assert await content(store, "user/campaign/video-clips/shot-03-take-02.mp4") == data
    head = await store.head("user/campaign/video-clips/shot-03-take-02.mp4")
    assert (head.size, head.media_type) == (size, "video/mp4")
    assert head.metadata == {"shot": "3", "note": "Grüße, 世界 & 100 %"}


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_key_is_written_once(store: ObjectStore, size: int) -> None:
    first = os.urandom(size)
    await put(store, "a/b.mp4", first, by="first")

    with pytest.raises(ObjectExists):
        await put(store, "a/b.mp4", os.urandom(size), by="second")

    assert await content(store, "a/b.mp4") == first
    assert (await store.head("a/b.mp4")).metadata == {"by": "first"}
    assert await leftovers(store) == []


async def test_of_many_writers_of_one_key_exactly_one_wins(store: ObjectStore) -> None:
    results = await asyncio.gather(
        *(put(store, "a/b.mp4", os.urandom(SMALL + n), by=str(n)) for n in range(8)), return_exceptions=True
    )

    (winner,) = [n for n, result in enumerate(results) if not isinstance(result, BaseException)]
    assert all(isinstance(result, ObjectExists) for n, result in enumerate(results) if n != winner)
    head = await store.head("a/b.mp4")
    assert (head.size, head.metadata) == (SMALL + winner, {"by": str(winner)})
    assert await leftovers(store) == []


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_source_that_breaks_leaves_nothing(store: ObjectStore, size: int) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        async for piece in pieces(os.urandom(size)):
            yield piece
        msg = "in mid-stream"
        raise UrlExpired(msg)

    with pytest.raises(UrlExpired, match="in mid-stream"):
        await store.put("a/b.mp4", breaking(), media_type="video/mp4", metadata={})

    assert await keys(store) == []
    assert await leftovers(store) == []
    await put(store, "a/b.mp4", b"now it works")


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_cancelled_upload_leaves_nothing(store: ObjectStore, size: int) -> None:
    hangs = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        async for piece in pieces(os.urandom(size)):
            yield piece
        hangs.set()
        await asyncio.sleep(3600)

    task = asyncio.create_task(store.put("a/b.mp4", hanging(), media_type="video/mp4", metadata={}))
    await hangs.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)

    assert await keys(store) == []
    assert await leftovers(store) == []


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_an_upload_cancelled_at_any_moment_is_either_acknowledged_or_invisible(store: ObjectStore, size: int) -> None:
    data = os.urandom(size)
    for number in range(12):
        key = f"a/{number}.mp4"
        task = asyncio.create_task(put(store, key, data))
        await asyncio.sleep(number * 0.004)
        task.cancel()
        is_acknowledged = False
        with suppress(asyncio.CancelledError):
            is_acknowledged = await task == size
        assert (key in await keys(store)) == is_acknowledged
    assert await leftovers(store) == []


@pytest.mark.parametrize("announced", [SMALL - 1, SMALL + 1, LARGE])
async def test_another_length_than_announced_is_refused(store: ObjectStore, announced: int) -> None:
    with pytest.raises(ContentMismatch):
        await store.put("a/b.mp4", pieces(os.urandom(SMALL)), media_type="video/mp4", metadata={}, size=announced)

    assert await keys(store) == []
    assert await leftovers(store) == []


async def test_a_range_is_read(store: ObjectStore) -> None:
    data = os.urandom(3 << 20)
    await put(store, "a/b.mp4", data)

    for start, end in [(0, 10), (10, None), (5, 5), (1 << 20, (2 << 20) + 7), (0, 1 << 30), (len(data) - 1, None)]:
        assert await content(store, "a/b.mp4", start, end) == data[start:end]
    assert await content(store, "a/b.mp4", len(data), None) == b""
    assert await content(store, "a/b.mp4", len(data) + 5, len(data) + 9) == b""
    with pytest.raises(InvalidInput):
        await content(store, "a/b.mp4", -1)
    with pytest.raises(InvalidInput):
        await content(store, "a/b.mp4", 5, 4)


async def test_an_empty_object_has_no_range(store: ObjectStore) -> None:
    await put(store, "a/b.mp4", b"")

    assert await content(store, "a/b.mp4", 0, 10) == b""


async def test_a_reader_may_stop_early(store: ObjectStore) -> None:
    await put(store, "a/b.mp4", os.urandom(LARGE))

    async for chunk in store.read("a/b.mp4"):
        assert len(chunk) <= LARGE
        break


async def test_the_size_of_the_whole_is_known_before_a_part_is_read(store: ObjectStore) -> None:
    data = os.urandom(3 << 20)
    await put(store, "a/b.mp4", data)

    for start, end in [(0, None), (0, 10), (7, 7), (1 << 20, 2 << 20), (len(data) - 1, None), (len(data) + 5, None)]:
        reading = await store.open("a/b.mp4", start, end)
        assert reading.size == len(data)
        assert b"".join([chunk async for chunk in reading.chunks]) == data[start:end]
    early = await store.open("a/b.mp4")
    await early.chunks.aclose()
    with pytest.raises(NotFound):
        await store.open("a/c.mp4")
    with pytest.raises(NotFound):
        await store.open("a/c.mp4", 5, 5)


async def fetch_for_ever(net: Net, url: str) -> None:
    while True:
        async with net.download(url, limit=LARGE):
            await asyncio.sleep(0.5)


async def test_only_a_bucket_has_urls_for_others_and_they_end(store: ObjectStore) -> None:
    data = os.urandom(SMALL)
    await put(store, "a/b ü.mp4", data)

    url = await store.signed_url("a/b ü.mp4", timedelta(minutes=5))

    is_bucket = isinstance(store, RemoteStore) and store.bucket is not None
    assert (url is not None) == is_bucket
    if url is None:
        return
    net = Net(allow_private=True)
    try:
        async with net.download(url, limit=LARGE) as download:
            assert b"".join([chunk async for chunk in download]) == data
        short = await store.signed_url("a/b ü.mp4", timedelta(seconds=1))
        with pytest.raises(UrlExpired):
            await fetch_for_ever(net, short or "")
    finally:
        await net.aclose()


async def test_what_is_not_there_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(NotFound):
        await store.head("a/b.mp4")
    with pytest.raises(NotFound):
        await content(store, "a/b.mp4")
    with pytest.raises(NotFound):
        await content(store, "a/b.mp4", 5, 5)


async def test_deleting_twice_is_deleting_once_and_frees_the_key(store: ObjectStore) -> None:
    await put(store, "a/b.mp4", b"old")
    await store.delete("a/b.mp4")
    await store.delete("a/b.mp4")

    assert await keys(store) == []
    with pytest.raises(NotFound):
        await store.head("a/b.mp4")
    await put(store, "a/b.mp4", b"new", isnew="")
    assert await content(store, "a/b.mp4") == b"new"


async def test_keys_are_listed_by_folder(store: ObjectStore) -> None:
    names = {f"u/c1/clips/{n}.mp4" for n in range(70)} | {"u/c10/a.mp4", "u/c1.mp4", "v/c1/a b,ü=1.mp4"}
    await asyncio.gather(*(put(store, name, b"x") for name in names))

    assert await keys(store) == sorted(names)
    assert await keys(store, "u/c1") == await keys(store, "u/c1/") == sorted(n for n in names if n.startswith("u/c1/"))
    assert await keys(store, "nowhere") == []


@pytest.mark.parametrize(
    "key",
    [
        "", "/a", "a/", "a//b", "..", "../a", "a/../b", "./a", "a/./b", ".hidden", "a/.hidden", "a\\b", "a\0b", "a\nb", "a\x7fb",
        "a?b", "a#b", "a%2fb", "a*b", "a:b", " a", "a ", "x" * 241, "/".join(["abcdefg"] * 65), "\ud800",
    ],
)  # fmt: skip
async def test_a_key_that_some_store_could_not_hold_is_refused_by_all(store: ObjectStore, key: str) -> None:
    verbs: list[Callable[[], Awaitable[object]]] = [
        lambda: put(store, key, b"x"),
        lambda: store.head(key),
        lambda: content(store, key),
        lambda: store.delete(key),
    ]
    for verb in verbs:
        with pytest.raises(InvalidInput):
            await verb()
    with pytest.raises(InvalidInput):
        store.local_path(key)


@pytest.mark.parametrize("metadata", [{"asset-id": "1"}, {"Shot": "1"}, {"": "1"}, {"note": "ü" * 1000}])
async def test_metadata_that_some_server_would_change_is_refused(store: ObjectStore, metadata: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        await put(store, "a/b.mp4", b"x", **metadata)


async def test_the_longest_key_is_held(store: ObjectStore) -> None:
    key = "/".join(["ü" * 120, "x" * 240, "y" * 30])
    await put(store, key, b"x")

    assert await keys(store) == [key]


async def test_a_sweep_touches_no_object(store: ObjectStore) -> None:
    await put(store, "a/b.mp4", b"x", shot="1")

    assert await store.sweep(NOW) == 0
    assert (await store.head("a/b.mp4")).metadata == {"shot": "1"}


async def test_a_local_path_leads_to_the_bytes(store: ObjectStore) -> None:
    await put(store, "a/b.mp4", b"film")

    path = store.local_path("a/b.mp4")

    assert (path.read_bytes() if isinstance(path, Path) else None) == (b"film" if isinstance(store, FolderStore) else None)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("ok", None), ("ok-without-etag", None), ("redirect", None), ("cut", None), ("cut-without-etag", None),
        ("cut-and-range-ignored", None), ("cut-and-retagged", None), ("no-length", None), ("chunked", None),
        ("stall", None), ("slow", None), ("busy", None),
        ("cut-and-changed", ContentMismatch), ("cut-and-changed-without-etag", ContentMismatch),
        ("cut-and-shorter", ContentMismatch), ("cut-and-wrong-range", ContentMismatch), ("cut-and-expired", UrlExpired),
        ("cut-always", ReelwrightError), ("length-too-long", ContentMismatch), ("chunked-and-cut", ReelwrightError),
        ("silent", ReelwrightError), ("drip", ReelwrightError), ("redirect-loop", ReelwrightError), ("encoded", ContentMismatch),
        ("huge", ContentMismatch), ("endless", ContentMismatch),
    ],
)  # fmt: skip
async def test_an_object_is_visible_if_and_only_if_its_download_was_whole(
    fault: str, outcome: type[ReelwrightError] | None, store: ObjectStore
) -> None:
    net = Net(patience=Patience(attempts=3, backoff=0.01, stall=0.3))
    failure: ReelwrightError | None = None
    digest = ""
    async with FaultySource() as source:
        try:
            async with net.download(source.url(fault), limit=12 << 20, trusted_origins=frozenset({source.origin})) as download:
                await store.put("a/b.mp4", download, media_type="video/mp4", metadata={}, size=download.length)
            digest = download.sha256
        except ReelwrightError as error:
            failure = error
        finally:
            await net.aclose()

    assert isinstance(failure, outcome) if outcome else failure is None
    assert await keys(store) == ([] if failure else ["a/b.mp4"])
    assert failure or (await content(store, "a/b.mp4") == source.body and digest)
    assert await leftovers(store) == []
