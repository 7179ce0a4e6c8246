"""The data folder: made, tried, and cleared of what killed processes have left in it."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from reelwright.errors import ConfigurationError

WORK = "work"
"""Where whoever leads keeps what is only half done."""
RESTORING = "restoring"
"""Says that a restore is under way, or was interrupted: what there is then is no studio."""
_TRIAL_BYTES = 64 << 10
_BEGAN = time.time()


def make_home(home: Path) -> None:
    """Makes the data folder and writes into it, because a disk that is full or read-only shows only then."""
    trial = home / f".trial-{os.getpid()}"
    try:
        for folder in (WORK, "logs", "providers"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        try:
            trial.write_bytes(bytes(_TRIAL_BYTES))
        finally:
            trial.unlink(missing_ok=True)
    except OSError as error:
        msg = f"REELWRIGHT_HOME: the data folder {home} cannot be used: {error.strerror}."
        raise ConfigurationError(msg) from error


def check_restored(home: Path) -> None:
    """Lets pass where no restore was interrupted.

    Raises:
        ConfigurationError: one was.
    """
    if (home / RESTORING).exists():
        msg = f"A restore into {home} was interrupted or is under way: run `reelwright restore FILE` again, to the end."
        raise ConfigurationError(msg)


def clear_work(home: Path) -> None:
    """Removes what a killed leader left half done. For the leader, before it begins."""
    for left in (home / WORK).iterdir():
        if not _is_of_another_process(left):
            shutil.rmtree(left, ignore_errors=True)


def _is_of_another_process(left: Path) -> bool:
    """Whether it is a copy that a process which does not lead, but lives, is just looking at: `copy-PID-...`."""
    owner = left.name.split("-")[1] if left.name.startswith("copy-") else ""
    if not owner.isdigit():
        return False
    if int(owner) == os.getpid():
        # In a container every life has the same number: what an earlier one has left is older than this one.
        with suppress(FileNotFoundError):
            return left.stat().st_mtime >= _BEGAN
        return False
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
