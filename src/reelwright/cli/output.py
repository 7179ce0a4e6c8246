"""Where a film goes: decided, and tried, before anything is made."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from reelwright.errors import InvalidInput
from reelwright.services.copies import new_part

FILMS = Path("films")
"""The folder, in the current one, of films for which nobody named a place."""


def check_output(output: Path | None) -> None:
    """Refuses before anything is made or paid what could not be written afterwards.

    Raises:
        InvalidInput: it is no name of a film, or nobody may write there.
    """
    target = output or FILMS / "film.mp4"
    if target.is_dir() or target.suffix.lower() != ".mp4":
        msg = f"--output: {target} must name a file that ends in .mp4."
        raise InvalidInput(msg)
    folder = target.absolute().parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        msg = f"--output: {folder} is a file, so no film can be put below it."
        raise InvalidInput(msg)
    trial = new_part(folder)
    try:
        # Only writing shows it: permissions say nothing of a disk that is full or read-only.
        trial.touch(exist_ok=False)
        trial.unlink(missing_ok=True)  # a process that copies into this folder may have taken it for a dead one's
    except OSError as error:
        msg = f"--output: the film cannot be written to {folder}: {error.strerror}."
        raise InvalidInput(msg) from error


def slug(text: str) -> str:
    """A file name out of a name, in any script."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[^\w]+", "-", plain).strip("-_")[:60].strip("-_") or "film"
