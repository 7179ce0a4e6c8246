"""Temporary files: the living are told from the dead, even at the moment of birth."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from reelwright.store.files import create_locked, remove_if_dead


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
