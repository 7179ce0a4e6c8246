"""A small disk of its own that can really be full."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    """A mounted file system."""

    folder: Path

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self, *, but: int = 0) -> None:
        """Takes every byte that is left, or leaves so many."""
        with self._ballast.open("ab", buffering=0) as file:
            for block in (bytes(1 << 20), bytes(4096), bytes(1)):
                try:
                    while True:
                        file.write(block)
                except OSError as error:
                    assert error.errno == errno.ENOSPC  # noqa: PT017 - there is no other way to fill it
        os.truncate(self._ballast, self._ballast.stat().st_size - but)

    def free(self) -> None:
        """Gives them back."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Generator[SmallDisk]:
    """Mounts one at a new folder, in memory; skips the test where nobody may mount."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except FileNotFoundError:
        pytest.skip("no program can mount a small disk here")
    if done.returncode:
        pytest.skip(f"nobody may mount a small disk here: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        command = ["umount", "--lazy", str(folder)]
        subprocess.run(command, timeout=10, check=True)
