"""The local folder on a disk that is really full: refused in a sentence, nothing left over, and well again with room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from disks import SmallDisk, small_disk
from reelwright.errors import StorageError
from reelwright.store.folder import FolderStore

MIB = 1 << 20


async def put(store: FolderStore, key: str, data: bytes, size: int | None = None) -> int:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(data), MIB):
            yield data[at : at + MIB]

    return await store.put(key, pieces(), media_type="video/mp4", metadata={"shot": "1"}, size=size)


@pytest.mark.parametrize("size", [None, 12 * MIB], ids=["met while writing", "met before"])
async def test_what_does_not_fit_leaves_nothing_and_what_was_stored_stays(tmp_path: Path, size: int | None) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        store = FolderStore(disk.folder / "store", reserve=0)
        await put(store, "first.mp4", bytes(8 * MIB))
        with pytest.raises(StorageError, match=r"The disk is full|Not enough free space"):
            await put(store, "second.mp4", bytes(12 * MIB), size)
        assert [key async for key in store.keys("")] == ["first.mp4"]
        assert await store.sweep(timedelta()) == 0
        assert await read(store, "first.mp4") == bytes(8 * MIB)
        await store.delete("first.mp4")
        await put(store, "second.mp4", bytes(12 * MIB), size)
        assert await read(store, "second.mp4") == bytes(12 * MIB)


async def test_on_a_disk_without_a_byte_left_it_reads_deletes_and_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        store = FolderStore(disk.folder / "store", reserve=0)
        await put(store, "a/first.mp4", b"first")
        await put(store, "a/second.mp4", b"second")
        disk.fill()
        await assert_refused(store, disk)
        assert await read(store, "a/first.mp4") == b"first"
        await store.delete("a/second.mp4")
        assert [key async for key in store.keys("")] == ["a/first.mp4"]
        disk.free()
        await put(store, "a/third.mp4", b"third")
        assert (await store.head("a/third.mp4")).size == 5


async def assert_refused(store: FolderStore, disk: SmallDisk) -> None:
    """Even a few bytes in a new folder are too many, and the try leaves nothing."""
    before = {path for path in disk.folder.rglob("*") if path.is_file() and "lock" not in path.parts}
    with pytest.raises(StorageError, match="The disk is full"):
        await put(store, "new/folder/third.mp4", b"third")
    assert {path for path in disk.folder.rglob("*") if path.is_file() and "lock" not in path.parts} == before


async def read(store: FolderStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.read(key)])
