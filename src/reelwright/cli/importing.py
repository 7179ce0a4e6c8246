"""`reelwright import-frames`: what was registered is told, and what was left alone with the reason."""

from __future__ import annotations

import json

from reelwright.cli.exits import Exit
from reelwright.cli.foreground import with_studio

_SHOWN = 30
"""So many that were left alone are told to a person; `--json` tells all."""


def import_frames(prefix: str, *, user: str, as_json: bool) -> Exit:
    """Registers frames; the exit code says whether all that were found are registered now."""
    done = with_studio(lambda studio: studio.older.imports.frames(prefix, user))
    if as_json:
        skipped = [{"key": key, "reason": reason} for key, reason in done.skipped]
        print(json.dumps({"registered": done.registered, "known": done.known, "skipped": skipped}, ensure_ascii=False, indent=1))
    else:
        print(f"{len(done.registered):,} registered, {done.known:,} known before, {len(done.skipped):,} left alone.")
        for key, reason in done.skipped[:_SHOWN]:
            print(f"  {key}: {reason}")
    return Exit.FAILED if done.skipped else Exit.OK
