"""Keys: shown by their last four characters, set without being seen, sealed anew."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from getpass import getpass
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reelwright.cli.exits import Exit
from reelwright.cli.opening import only_keys
from reelwright.config import read_settings
from reelwright.services.keys import Keys, KnownKey, vendor_of

T = TypeVar("T")


def _ask(question: Callable[[Keys], Awaitable[T]]) -> T:
    async def opened() -> T:
        with only_keys(read_settings()) as keys:
            return await question(keys)

    return asyncio.run(opened())


def list_keys(*, as_json: bool) -> Exit:
    """`reelwright keys`."""
    found = _ask(lambda keys: keys.known())
    if as_json:
        _print_json({"items": [_document(key) for key in found]})
        return Exit.OK
    console = Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("vendor", "variable", "from", "key", "set on"):
        table.add_column(column, no_wrap=True)
    for key in found:
        ending = f"…{key.ending}" if key.ending else ""
        changed = key.changed_at.astimezone().strftime("%Y-%m-%d %H:%M") if key.changed_at else ""
        source = f"{key.source}, over the database" if key.source == "environment" and key.is_kept else key.source
        table.add_row(key.vendor, key.name, source, Text(ending), changed, style=None if key.source else "dim")
    console.print(table)
    for problem in dict.fromkeys(key.problem for key in found if key.problem):
        console.print(Text(problem, style="bold red"), soft_wrap=True)
    if not any(key.source for key in found):
        console.print("No key is set. Set one in the environment, or keep it sealed: reelwright keys set NAME", soft_wrap=True)
    return Exit.OK


def set_key(name: str, *, as_json: bool) -> Exit:
    """`reelwright keys set NAME`."""
    vendor_of(name)
    value = _read_value(name)
    known = _ask(lambda keys: keys.set(name, value))
    if as_json:
        _print_json(_document(known))
    else:
        hidden = f"; {name} is set in the environment as well, and that one is used" if known.source == "environment" else ""
        _say(f"{name} is kept, sealed{hidden}.")
    return Exit.OK


def _read_value(name: str) -> str:
    """From a prompt that shows nothing, else from the input; never an argument, which other people on the machine could see."""
    if sys.stdin.isatty():
        return getpass(f"{name} (not shown): ")
    return sys.stdin.read()


def remove_key(name: str, *, as_json: bool) -> Exit:
    """`reelwright keys remove NAME`."""

    async def question(keys: Keys) -> KnownKey:
        await keys.remove(name)
        return next(key for key in await keys.known() if key.name == name)

    known = _ask(question)
    if as_json:
        _print_json(_document(known))
    else:
        _say(f"{name} is removed from the database{'; the one in the environment is used' if known.source else ''}.")
    return Exit.OK


def rotate_keys(*, as_json: bool) -> Exit:
    """`reelwright keys rotate`."""
    count = _ask(lambda keys: keys.rotate())
    if as_json:
        _print_json({"sealed": count})
    else:
        what = f"{count} key{'s are' if count != 1 else ' is'} sealed anew"
        by = "; what follows the first key in REELWRIGHT_SECRET_KEY is not needed any more" if read_settings().secret_key else ""
        _say(f"{what}{by}.")
    return Exit.OK


def _document(key: KnownKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "vendor": key.vendor,
        "source": key.source or None,
        "last_four": key.ending or None,
        "set_at": key.changed_at.isoformat() if key.changed_at else None,
        "is_in_database": key.is_kept,
        "problem": key.problem or None,
    }


def _say(text: str) -> None:
    Console(highlight=False, markup=False).print(text, soft_wrap=True)


def _print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=1))
