"""`reelwright backup` and `reelwright restore`: the whole studio as one file, and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from reelwright.bootstrap import Studio
from reelwright.cli.bytes_bar import Show, bytes_bar
from reelwright.cli.exits import Exit
from reelwright.cli.foreground import with_studio
from reelwright.cli.opening import only_restores
from reelwright.config import read_settings
from reelwright.services import backups
from reelwright.services.backups import Written
from reelwright.services.restores import Restored, Restores

_SHOWN = 30


def backup(target: Path, *, with_secrets: bool, as_json: bool) -> Exit:
    """Writes one; the exit code says whether everything is in it."""

    async def run(studio: Studio) -> Written:
        with bytes_bar(is_shown=not as_json) as show:
            return await studio.backups.write(target, with_secrets=with_secrets, on_progress=_told_by(show))

    done = with_studio(run)
    if as_json:
        _print_json(
            {
                "path": str(done.path.absolute()),
                "files": done.files,
                "bytes": done.bytes,
                "has_secrets": done.has_secrets,
                "missing": [{"asset": asset, "reason": reason} for asset, reason in sorted(done.missing.items())],
            }
        )
    else:
        _tell(done)
    return Exit.FAILED if done.missing else Exit.OK


def _tell(done: Written) -> None:
    console = Console(highlight=False, markup=False)
    console.print(f"{done.path}: {done.files:,} files, {done.bytes:,} bytes, read again and compared.", soft_wrap=True)
    for asset, reason in sorted(done.missing.items())[:_SHOWN]:
        console.print(f"✗ {asset} is not in it: {reason}", soft_wrap=True)
    if done.missing:
        console.print(f"{len(done.missing):,} files are not in it; `reelwright verify --repair` may find them.", soft_wrap=True)
    if done.has_secrets:
        told = "The secret key is in it: whoever has this file has the vendors' keys. Keep it as you keep a password."
        console.print(told, soft_wrap=True)
    elif done.sealed:
        told = (
            "The vendors' keys in it are sealed, and the secret key is not in it: keep secret.key, or REELWRIGHT_SECRET_KEY, "
            "somewhere else, or write the backup with --with-secrets."
        )
        console.print(told, soft_wrap=True)


def check(file: Path, *, as_json: bool) -> Exit:
    """Reads a backup and compares every byte with its manifest."""
    contents = backups.read(file)
    header = contents.header
    if as_json:
        _print_json({"is_whole": True, "files": len(contents.entries), "bytes": contents.bytes, **header})
    else:
        told = (
            f"It is whole: {len(contents.entries):,} files, {contents.bytes:,} bytes, of {header['at']} ({header['database']})."
        )
        Console(highlight=False, markup=False).print(told, soft_wrap=True)
    return Exit.OK


def restore(file: Path, *, as_json: bool) -> Exit:
    """Puts a backup back where there is no studio."""

    async def run(restores: Restores) -> Restored:
        try:
            with bytes_bar(is_shown=not as_json) as show:
                return await restores.restore(file, _told_by(show))
        finally:
            await restores.aclose()

    with only_restores(read_settings()) as restores:
        done = asyncio.run(run(restores))
    if as_json:
        _print_json({"files": done.files, "bytes": done.bytes, "needs_secret_key": done.needs_key})
        return Exit.OK
    console = Console(highlight=False, markup=False)
    console.print(f"The studio is back: {done.files:,} files, {done.bytes:,} bytes. What was under way goes on.", soft_wrap=True)
    if done.needs_key:
        told = "The vendors' keys in it are sealed: put secret.key back into the data folder, or set REELWRIGHT_SECRET_KEY to it."
        console.print(told, soft_wrap=True)
    return Exit.OK


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=1))


def _told_by(show: Show) -> Callable[[Written | Restored], None]:
    """Says after every file how far it is; how much a backup will be nobody knows before."""

    def tell(done: Written | Restored) -> None:
        show(f"{done.files:,} files", done.bytes, done.total_bytes if isinstance(done, Restored) else None)

    return tell
