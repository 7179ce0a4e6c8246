"""Writes docs/reference/ and openapi.json from the code, so that they cannot drift: `make docs`; --check only says what has."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from typer import Typer
from typer.testing import CliRunner

from reelwright import errors
from reelwright.api.app import create_app
from reelwright.api.problems import status_of
from reelwright.bootstrap import open_studio
from reelwright.cli.app import app
from reelwright.cli.exits import Exit, code_of
from reelwright.config import CONFIG_FILE, Settings

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "reference"
OPENAPI = ROOT / "openapi.json"
WIDTH = 100
NOTE = "<!-- Written by `make docs` from the code; a change made here is lost. -->"


def table(*rows: tuple[str, ...]) -> str:
    """A Markdown table; the first row is its head."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def page(title: str, *parts: str) -> str:
    """A page of parts, an empty line between them."""
    return "\n\n".join([f"# {title}", NOTE, *parts]) + "\n"


def commands() -> str:
    """Every command's own help, as the terminal shows it."""
    sections = [f"## {name}\n\n{shown(*name.split())}" for name in named(app)]
    return page("Commands", shown(), *sections)


def named(commands: Typer, above: str = "") -> Iterator[str]:
    """The commands, then the groups with what is in them: `keys`, `keys set`."""
    for each in commands.registered_commands:
        yield above + (each.name or getattr(each.callback, "__name__", ""))
    for group in commands.registered_groups:
        if group.name and group.typer_instance:
            yield above + group.name
            yield from named(group.typer_instance, f"{above}{group.name} ")


def shown(*arguments: str) -> str:
    """What `--help` prints, as a code block."""
    result = CliRunner().invoke(app, [*arguments, "--help"], prog_name="reelwright", terminal_width=WIDTH, color=False)
    text = "\n".join(line.rstrip() for line in result.output.strip().splitlines())
    return f"```text\n{text}\n```"


def settings() -> str:
    """Every setting with its variable, its line in the file, what it means and its default."""
    rows = [
        (f"`REELWRIGHT_{name.upper()}`", f"`{name}`", field.description or "", shown_default(field.default))
        for name, field in Settings.model_fields.items()
    ]
    intro = f"The environment wins over `{CONFIG_FILE}` in the data folder."
    return page("Settings", intro, table(("variable", f"in {CONFIG_FILE}", "what it is", "default"), *rows))


def shown_default(value: object) -> str:
    """A default; what depends on the machine is told in the words beside it."""
    return "" if value in {"", Path()} else f"`{value}`"


def failures() -> str:
    """Every error by its code, and what a script sees."""
    intro = 'With `--json` a failure prints `{"error": {"code": ..., "message": ...}}`: the code is for programs and stays.'
    head = ("code", "what it means", "can trying again help", "exit code", "HTTP status")
    rows = [
        (
            f"`{each.code}`",
            (each.__doc__ or "").partition("\n")[0],
            "yes" if each.retryable else "no",
            str(int(code_of(each("")))),
            str(int(status_of(each("")))),
        )
        for each in kinds_of(errors.ReelwrightError)
    ]
    meanings = meaning_of_exits()
    exits = [(str(int(code)), meanings.get(code.name, "Done.")) for code in Exit]
    return page("Errors and exit codes", intro, table(head, *rows), table(("exit code", "what it means"), *exits))


def kinds_of(error: type[errors.ReelwrightError]) -> Iterator[type[errors.ReelwrightError]]:
    """All kinds of an error, in the order of the tree. Those of other modules are their own business."""
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from kinds_of(child)


def meaning_of_exits() -> dict[str, str]:
    """The text under each exit code."""
    [tree] = ast.parse(inspect.getsource(Exit)).body
    meanings: dict[str, str] = {}
    for first, second in pairwise(tree.body if isinstance(tree, ast.ClassDef) else []):
        match first, second:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(text))):
                meanings[name] = text
            case _:
                pass
    return meanings


async def openapi() -> str:
    """What the server says of itself, as OpenAPI 3.1."""
    with TemporaryDirectory() as home:
        studio = open_studio(Settings(home=Path(home)))
        try:
            document = create_app(studio).openapi()
        finally:
            await studio.close()
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def main() -> int:
    """Writes the files, or with --check compares them. 1 when one has drifted."""
    is_check = "--check" in sys.argv[1:]
    drifted: list[str] = []
    files = {
        PAGES / "commands.md": commands(),
        PAGES / "settings.md": settings(),
        PAGES / "errors.md": failures(),
        OPENAPI: asyncio.run(openapi()),
    }
    for file, text in files.items():
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        drifted.append(file.name)
        if not is_check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    if drifted and is_check:
        sys.stderr.write(f"What is written from the code has drifted from it ({', '.join(drifted)}): run `make docs`.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
