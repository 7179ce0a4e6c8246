"""Files that are whole or not there, and temporary ones of which the living are told from the dead."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

from reelwright.errors import DiskFull
from reelwright.files import create_locked, is_full, new_file, remove_if_dead, sha256_of, write


def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    with new_file(target) as file:
        file.write(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert sha256_of(target) == hashlib.sha256(b"whole").hexdigest()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_one_that_breaks_leaves_what_was_there_before(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), new_file(target) as file:
        file.write(bytes([1 // 0]))
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_two_at_once_write_the_same_file_and_it_is_one_of_theirs(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    contents = [bytes([number]) * 100_000 for number in range(8)]
    writers = [threading.Thread(target=write, args=(target, content)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert target.read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_is_known_also_behind_another_error() -> None:
    full, other = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), ValueError("It did not work.")
    other.__cause__ = full
    assert is_full(full)
    assert is_full(other)
    assert is_full(DiskFull("There is no room."))
    assert not is_full(OSError(errno.EIO, "broken"))
    assert not is_full(None)


def test_a_new_file_is_never_taken_for_a_dead_ones(tmp_path: Path) -> None:
    is_over = threading.Event()

    def sweep() -> None:
        while not is_over.is_set():
            for path in tmp_path.iterdir():
                remove_if_dead(path)

    sweepers = [threading.Thread(target=sweep) for _ in range(3)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        for number in range(1000):
            path = tmp_path / f"{number}.part"
            descriptor = create_locked(path)
            assert path.exists(), f"file {number} is locked and gone"
            os.close(descriptor)  # now it is dead
    finally:
        is_over.set()
        for sweeper in sweepers:
            sweeper.join()
    for path in tmp_path.iterdir():
        remove_if_dead(path)
    assert list(tmp_path.iterdir()) == []
