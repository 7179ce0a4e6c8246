"""The command line: the same verbs as everywhere, for people (Rich) and for programs (`--json`)."""

from __future__ import annotations

import atexit
import gc


def main() -> None:
    """The `reelwright` command."""
    # Looking for garbage among what is being loaded, over and over, takes a sixth of the start: look more rarely.
    gc.set_threshold(50_000)
    # And at the end, when everything is taken apart, it takes a quarter of a short command: what is left then goes as a whole.
    atexit.register(gc.freeze)
    from reelwright.cli.app import app

    app(prog_name="reelwright")
