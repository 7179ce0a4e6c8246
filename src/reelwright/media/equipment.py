"""What media work needs of an installation: the codecs in the wheel of PyAV."""

from __future__ import annotations

import av

_NEEDED = ("libx264", "aac")


def examine_media() -> list[tuple[str, bool, str]]:
    """Findings as (part, is it well, detail)."""
    missing = [codec for codec in _NEEDED if codec not in av.codecs_available]
    detail = f"PyAV {av.__version__}" + (f" lacks {', '.join(missing)}: reinstall the wheel of `av`" if missing else "")
    return [("media", not missing, detail)]
