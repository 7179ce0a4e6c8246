"""Reading back: is what lies in storage the bytes that were put there, and do they decode?"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from reelwright.media.facts import Probe
from reelwright.media.probe import probe


def examine(path: str, is_media: bool) -> tuple[str, Probe | None]:  # noqa: FBT001 - called by a worker, by position
    """The SHA-256 (hex) of the file as it lies on the disk, and what it is when it should be media.

    Raises:
        InvalidMedia: it should be media and does not decode from end to end.
    """
    with Path(path).open("rb") as file:
        if hasattr(os, "posix_fadvise"):
            # Without this a file that was just written is read from memory, which proves nothing about the disk.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest, probe(path) if is_media else None
