"""The local folder survives what machines do: kills, a full disk, two processes, a crash between two steps."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import ConfigurationError, NotFound, ObjectExists, StorageError
from reelwright.store import open_store
from reelwright.store.folder import FolderStore

NOW = timedelta()
PRELUDE = """
import asyncio, hashlib, os, sys
from pathlib import Path
from reelwright.store.folder import FolderStore

async def pieces(data):
    for at in range(0, len(data), 65536):
        yield data[at : at + 65536]
        await asyncio.sleep(0)

store = FolderStore(Path(sys.argv[1]))
"""


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def put(store: FolderStore, key: str, data: bytes, size: int | None = None) -> int:
    return await store.put(key, once(data), media_type="video/mp4", metadata={"shot": "1"}, size=size)


def start(script: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script), str(folder)], stdout=subprocess.PIPE, text=True
    )


async def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    endless = """
    async def main():
        for number in range(100_000):
            data = os.urandom(3_000_000)
            key = f"{os.getpid()}/{number}.mp4"
            await store.put(key, pieces(data), media_type="video/mp4", metadata={"sha256": hashlib.sha256(data).hexdigest()})
            print(key, flush=True)
    asyncio.run(main())
    """
    acknowledged: set[str] = set()
    for number in range(20):
        process = start(endless, tmp_path)
        assert process.stdout is not None
        first = process.stdout.readline()
        await asyncio.sleep(0.007 * number)
        process.send_signal(signal.SIGKILL)
        lines = (first + process.communicate(timeout=30)[0]).splitlines(keepends=True)
        acknowledged |= {line.strip() for line in lines if line.endswith("\n")}

    store = FolderStore(tmp_path)
    await store.sweep(NOW)

    visible = {key async for key in store.keys("")}
    assert len(acknowledged) >= 20
    assert acknowledged <= visible
    for key in visible:
        path = store.local_path(key)
        assert path is not None
        digest = (await store.head(key)).metadata["sha256"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert files_in(tmp_path / ".reelwright" / "tmp") == []
    assert len(files_in(tmp_path / ".reelwright" / "meta")) == len(visible)


async def test_a_sweep_knows_a_running_upload_of_another_process_from_a_dead_one(tmp_path: Path) -> None:
    hanging = """
    async def hang():
        yield os.urandom(3_000_000)
        print("hangs", flush=True)
        await asyncio.sleep(60)
    asyncio.run(store.put("a/b.mp4", hang(), media_type="video/mp4", metadata={}))
    """
    process = start(hanging, tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    store = FolderStore(tmp_path)

    assert await store.sweep(NOW) == 0
    process.kill()
    process.communicate(timeout=30)
    assert await store.sweep(NOW) == 1
    assert files_in(tmp_path / ".reelwright" / "tmp") == []


async def test_two_processes_do_not_write_one_key_twice(tmp_path: Path) -> None:
    racing = """
    async def main():
        won = 0
        for number in range(30):
            try:
                await store.put(f"a/{number}.mp4", pieces(b"x"), media_type="video/mp4", metadata={"by": str(os.getpid())})
                won += 1
            except Exception as error:
                assert type(error).__name__ == "ObjectExists", error
        print(won)
    asyncio.run(main())
    """
    processes = [start(racing, tmp_path) for _ in range(2)]
    won = [int(process.communicate(timeout=60)[0]) for process in processes]

    assert sum(won) == 30
    store = FolderStore(tmp_path)
    writers = [(await store.head(f"a/{number}.mp4")).metadata["by"] for number in range(30)]
    assert [writers.count(str(process.pid)) for process in processes] == won


async def test_bytes_and_side_car_are_on_the_disk_before_the_object_is_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    calls: list[tuple[str, int]] = []
    for name in ("fsync", "link", "replace", "unlink"):
        monkeypatch.setattr(os, name, recording(calls, name, getattr(os, name)))
    await put(store, "a/b.mp4", b"film" * 100_000)
    monkeypatch.undo()

    inodes = {
        "bytes": tmp_path / "a" / "b.mp4",
        "side-car": tmp_path / ".reelwright" / "meta" / "a" / ".b.mp4",
        "its folder": tmp_path / "a",
        "the side-car's folder": tmp_path / ".reelwright" / "meta" / "a",
        "root": tmp_path,
        "meta": tmp_path / ".reelwright" / "meta",
    }
    names = {path.stat().st_ino: name for name, path in inodes.items()}
    assert [(call, names[inode]) for call, inode in calls] == [
        ("fsync", "bytes"),
        ("fsync", "root"),
        ("fsync", "meta"),
        ("fsync", "side-car"),
        ("replace", "side-car"),
        ("fsync", "the side-car's folder"),
        ("link", "bytes"),
        ("fsync", "its folder"),
        ("unlink", "bytes"),
    ]


def _inode(target: int | str | Path) -> int:
    return (os.fstat(target) if isinstance(target, int) else Path(target).stat()).st_ino


def recording(calls: list[tuple[str, int]], name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """The real call, with a note of the inode that it was made for."""

    def call(target: int | str | Path, *args: Any, **kwargs: Any) -> Any:
        calls.append((name, _inode(target)))
        return real(target, *args, **kwargs)

    return call


@pytest.mark.parametrize("size", [None, 3_000_000])
async def test_a_full_disk_is_one_clear_sentence_and_leaves_nothing(size: int | None, tmp_path: Path) -> None:
    full = f"""
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
    try:
        asyncio.run(store.put("a/b.mp4", pieces(os.urandom(3_000_000)), media_type="video/mp4", metadata={{}}, size={size}))
    except Exception as error:
        print(type(error).__name__, error)
    """
    said, _ = start(full, tmp_path).communicate(timeout=30)

    assert said.startswith("DiskFull The disk is full")
    store = FolderStore(tmp_path)
    assert [key async for key in store.keys("")] == []
    assert files_in(tmp_path / ".reelwright" / "tmp") == []


async def test_an_upload_that_cannot_fit_is_refused_before_a_byte_is_asked_for(tmp_path: Path) -> None:
    async def untouched() -> AsyncIterator[bytes]:
        pytest.fail("the source was read")
        yield b""

    with pytest.raises(StorageError, match=r"Not enough free space: .* MiB are to be stored"):
        await FolderStore(tmp_path).put("a/b.mp4", untouched(), media_type="video/mp4", metadata={}, size=1 << 60)


async def test_a_side_car_without_object_is_swept(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    await put(store, "a/kept.mp4", b"x")
    await put(store, "a/lost.mp4", b"x")
    (tmp_path / "a" / "lost.mp4").unlink()

    assert await store.sweep(timedelta(hours=1)) == 0
    assert await store.sweep(NOW) == 1
    assert files_in(tmp_path / ".reelwright" / "meta") == [".kept.mp4"]
    assert (await store.head("a/kept.mp4")).size == 1


async def test_a_folder_stands_where_a_file_should_and_the_other_way_round(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    await put(store, "a/b", b"x")

    with pytest.raises(ObjectExists):
        await put(store, "a", b"x")
    with pytest.raises(ObjectExists):
        await put(store, "a/b/c", b"x")
    with pytest.raises(NotFound):
        await store.head("a")
    with pytest.raises(NotFound):
        await store.head("a/b/c")
    await store.delete("a/b/c")


def test_a_folder_serves_several_event_loops(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)

    assert asyncio.run(put(store, "a/b.mp4", b"film")) == 4
    assert asyncio.run(store.head("a/b.mp4")).size == 4


async def test_a_damaged_side_car_is_a_clear_error(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    await put(store, "a/b.mp4", b"film")
    (tmp_path / ".reelwright" / "meta" / "a" / ".b.mp4").write_bytes(b"{")

    with pytest.raises(StorageError, match="cannot be read"):
        await store.head("a/b.mp4")


def test_a_file_where_the_folder_should_be_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StorageError, match="making the folder"):
        FolderStore(tmp_path / "file" / "store")


@pytest.mark.parametrize(
    "url",
    ["", "folder", "/folder", "file://host/folder", "file:relative", "ftp://host/", "s3://", "s3:///prefix", "s3://b?sse=rot13",
     "s3://b?colour=red", "s3://b?endpoint=host", "s3://key:secret@b/"],
)  # fmt: skip
def test_a_storage_url_that_names_no_store_is_a_clear_error(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(url)

    assert "secret" not in str(caught.value)


def files_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*") if file.is_file())


async def test_an_upload_cancelled_on_any_of_its_lines_is_acknowledged_or_gone(tmp_path: Path) -> None:
    """A small upload takes a few milliseconds: hundreds of cancellations fall on every line of it, the last one included."""
    store = FolderStore(tmp_path)
    data = os.urandom(100_000)
    acknowledged = 0
    for number in range(400):
        key = f"a/{number}.mp4"
        upload = asyncio.create_task(put(store, key, data))
        await asyncio.sleep(number % 50 * 0.0002)
        upload.cancel()
        await asyncio.wait({upload})
        is_acknowledged = not upload.cancelled() and upload.result() == len(data)
        assert (tmp_path / key).exists() == is_acknowledged, f"cancelled after {number % 50 * 0.2:.1f} ms"
        acknowledged += is_acknowledged
    assert 0 < acknowledged < 400
    assert await store.sweep(NOW) == 0
