"""`reelwright migrate-storage`: everything to another storage, while the studio is at work, and once more when it has stopped."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import AsyncExitStack

from rich.console import Console

from reelwright.bootstrap import open_studio
from reelwright.cli.bytes_bar import bytes_bar
from reelwright.cli.exits import Exit
from reelwright.config import read_settings
from reelwright.errors import InvalidInput
from reelwright.services.moves import Moves
from reelwright.services.moves import Progress as Moved
from reelwright.store import open_store

_SHOWN = 20
"""So many of what could not be copied are told to a person; `--json` tells all."""


def move_storage(source: str, target: str, *, as_json: bool) -> Exit:
    """Copies and proves everything; the exit code says whether all of it is there."""
    if source.rstrip("/") == target.rstrip("/"):
        msg = "FROM and TO are the same storage."
        raise InvalidInput(msg)
    moved, is_final = asyncio.run(_move(source, target, is_shown=not as_json))
    if as_json:
        print(json.dumps(_document(moved, is_final=is_final), ensure_ascii=False, indent=1))
    else:
        _tell(moved, is_final=is_final)
    return Exit.FAILED if moved.failed else Exit.OK


async def _move(source: str, target: str, *, is_shown: bool) -> tuple[Moved, bool]:
    async with AsyncExitStack() as stack:
        studio = open_studio(read_settings())
        stack.push_async_callback(studio.close)
        # Whoever leads may be storing something new at this moment; without anybody, this run sees all there is.
        is_final = studio.leadership.take()
        before, after = open_store(source, os.environ), open_store(target, os.environ)
        stack.push_async_callback(before.aclose)
        stack.push_async_callback(after.aclose)
        moves = Moves(studio.database, folder=studio.settings.home / "moves")
        show = stack.enter_context(bytes_bar(is_shown=is_shown))

        def tell(moved: Moved) -> None:
            count = moved.copied + moved.known + len(moved.failed)
            show(f"{count:,} of {moved.total:,} files", moved.bytes, moved.total_bytes)

        return await moves.move(before, after, f"{source}\n{target}", tell), is_final


def _document(moved: Moved, *, is_final: bool) -> dict[str, object]:
    return {
        "copied": moved.copied,
        "already_there": moved.known,
        "bytes": moved.bytes,
        "failed": [{"key": key, "reason": reason} for key, reason in sorted(moved.failed.items())],
        "is_complete": is_final and not moved.failed,
    }


def _tell(moved: Moved, *, is_final: bool) -> None:
    console = Console(highlight=False, markup=False)
    console.print(f"{moved.copied:,} copied and proven, {moved.known:,} were there already.", soft_wrap=True)
    for key, reason in sorted(moved.failed.items())[:_SHOWN]:
        console.print(f"✗ {key}: {reason}", soft_wrap=True)
    if moved.failed:
        console.print(f"{len(moved.failed):,} could not be copied. Mend that and run the same command again.", soft_wrap=True)
    elif is_final:
        console.print("Everything is there. Set REELWRIGHT_STORAGE_URL to the new storage and start the studio.", soft_wrap=True)
    else:
        console.print(
            "Everything that there was is there. The studio is at work: stop it, run the same command once more for what came "
            "meanwhile, then set REELWRIGHT_STORAGE_URL to the new storage and start it.",
            soft_wrap=True,
        )
