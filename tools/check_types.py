"""Checks the types of what has changed since the last time and of all that can see it; with --all, of everything.

The type checker keeps nothing between two runs, and most of a full run is the evaluation of our own files, not the reading of the
vendors' SDKs. So each run leaves in .venv what every file looked like, from the inside and from the outside. A file is checked
again when something was wrong with it, when its text is another, or when it imports a file whose outside is, or one whose outside
speaks of such a file. What is not certain counts as a yes.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

STAMP = Path(".venv/.types.json")
CHECKER = Path(sysconfig.get_path("scripts"), "basedpyright")
NODE = {
    "NODE_COMPILE_CACHE": ".venv/.node-cache",  # starts a second sooner
    "NODE_OPTIONS": "--max-semi-space-size=64",  # a seventh less processor time: the collector moves less
}
COMMENT = re.compile(r"#\s*pyright:(?!\s*ignore).*")  # a file's own settings may change what types its values have


class Look(NamedTuple):
    """What is remembered of a file."""

    text: str
    outside: str
    imports: list[tuple[str, str]]
    """What it imports anywhere, as a dotted name, and how it calls that."""
    words: list[str]
    """The names that its outside speaks of."""


class Known(NamedTuple):
    """What a check leaves to the next one."""

    looks: dict[str, Look]
    wrong: list[str]


class Outside(ast.NodeTransformer):
    """Takes out what others cannot see: the bodies of functions of which the head says all, and docstrings."""

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        """A function whose result is annotated is known by its head, unless its body adds to that."""
        if node.returns is None or is_seen_from_outside(node.body):
            return self.generic_visit(node)
        node.body = [ast.Break()]  # no function that was written holds only that
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name is the language's

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """A string that stands alone is prose."""
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else self.generic_visit(node)


def is_seen_from_outside(body: list[ast.stmt]) -> bool:
    """Whether a body says more about types than the annotation of its function's result does.

    It does where it gives an attribute or a name of the module its type, where a `yield` makes the function a generator, and
    where it is empty, which makes a method abstract.
    """
    if all(isinstance(statement, ast.Expr | ast.Pass | ast.Raise) for statement in body):
        return True
    return any(
        isinstance(node, ast.Yield | ast.YieldFrom | ast.Global | ast.Nonlocal)
        or (isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
        for statement in body
        for node in ast.walk(statement)
    )


def look(text: str) -> Look:
    """Looks at a file's source; one that cannot be parsed is all outside."""
    try:
        tree = ast.parse(text, type_comments=True)
    except SyntaxError:
        return Look(digest(text), digest(text), [], [])
    imports = sorted(set(imported(tree)))
    outside = Outside().visit(tree)
    return Look(digest(text), digest(ast.dump(outside), *COMMENT.findall(text)), imports, sorted(set(words_of(outside))))


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What the file imports, and as what; of `from a import b` it is left open whether `a.b` is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.asname or alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = f"{node.module}." if node.module else ""
            yield from ((above + alias.name, alias.asname or alias.name) for alias in node.names)


def words_of(outside: ast.AST) -> Iterator[str]:
    """Every name in it, those in strings as well, which may be quoted types."""
    for node in ast.walk(outside):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"\w+", node.value)


def upwards(name: str) -> Iterator[str]:
    """`a.b.c`, `a.b`, `a`."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def names_of(path: str) -> Iterator[str]:
    """Every name that the file could be imported by, from whichever folder above it: rather one too many than one too few."""
    parts = Path(path).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return (".".join(parts[start:]) for start in range(len(parts)))


def digest(*texts: str) -> str:
    """A fingerprint that two different files never share."""
    return hashlib.sha256("\0".join(texts).encode(errors="surrogateescape")).hexdigest()


def read() -> dict[str, str]:
    """The text of every file that the type checker is told to include, by path."""
    include: list[str] = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["basedpyright"]["include"]
    found = (path for pattern in include for root in Path().glob(pattern) for path in root.rglob("*.py*"))
    sources = (path for path in found if path.suffix in {".py", ".pyi"})
    return {str(path): path.read_text(encoding="utf-8", errors="surrogateescape") for path in sources}


def surroundings() -> str:
    """All else that types depend on: the settings, the Python, the packages in their versions, and this file."""
    packages = sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))
    texts = [Path(path).read_text(encoding="utf-8") for path in ("pyproject.toml", __file__)]
    return digest(sys.version, *packages, *texts)


def recalled(around: str) -> Known:
    """What the last check saw; nothing when what is around the files is another."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Known({}, [])
    if stamp["around"] != around:
        return Known({}, [])
    return Known({path: Look(*each) for path, each in stamp["looks"].items()}, stamp["wrong"])


def remember(around: str, known: Known) -> None:
    """Replaces the stamp in one go: a check that is killed, or a second one beside it, spoils nothing."""
    STAMP.parent.mkdir(exist_ok=True)
    draft = STAMP.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({"around": around, **known._asdict()}), encoding="utf-8")
    draft.replace(STAMP)


def due(known: Known, looks: dict[str, Look]) -> set[str]:
    """The files to check: the wrong ones, those with another text, and all that can see a file whose outside is new or gone."""
    before = known.looks
    changed = {path for path in looks.keys() | before.keys() if before.get(path) != looks.get(path)}
    same_outside = {path for path in changed & before.keys() & looks.keys() if before[path].outside == looks[path].outside}
    return (changed | set(known.wrong) | importers(changed - same_outside, looks)) & looks.keys()


def importers(paths: Iterable[str], looks: dict[str, Look]) -> set[str]:
    """All that import one of the files, or a file whose outside depends on theirs, and so on."""
    seen_by, carried_by = carriers(looks)
    found: set[str] = set()
    waiting = list(paths)
    carrying = set(waiting)
    while waiting:
        names = list(names_of(waiting.pop()))
        found.update(path for name in names for path in seen_by[name])
        new = {path for name in names for path in carried_by[name]} - carrying
        carrying |= new
        waiting.extend(new)
    return found


def carriers(looks: dict[str, Look]) -> tuple[defaultdict[str, set[str]], defaultdict[str, set[str]]]:
    """By the name of a module: the files that import it, and those of them through which a change of it can be seen.

    The latter speak of it in their outside, or others may reach through them for it.
    """
    seen_by: defaultdict[str, set[str]] = defaultdict(set)
    carried_by: defaultdict[str, set[str]] = defaultdict(set)
    asked_for = {whole for each in looks.values() for whole, _ in each.imports}
    for path, each in looks.items():
        own, words = set(names_of(path)), {*each.words, "*"}
        is_open = not own.isdisjoint(asked_for)  # somebody imports the module itself, and may say `module.name` of anything in it
        for whole, local in each.imports:
            carries = is_open or local in words or any(f"{name}.{local}" in asked_for for name in own)
            for name in upwards(whole):
                seen_by[name].add(path)
                if carries:
                    carried_by[name].add(path)
    return seen_by, carried_by


def findings(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Runs the type checker on the files, on all when none is named; yields what is wrong, each with its file."""
    command = [CHECKER, "--level", "error", "--outputjson", *paths]
    ran = subprocess.run(command, env=os.environ | NODE, capture_output=True, text=True, check=False)  # noqa: S603 - our own files
    try:
        found = json.loads(ran.stdout)["generalDiagnostics"]
    except ValueError:
        sys.exit(f"The type checker ended with status {ran.returncode}: {ran.stdout}{ran.stderr}")
    if ran.returncode != (1 if found else 0):
        sys.exit(f"The type checker ended with status {ran.returncode} and {len(found)} findings: {ran.stderr}")
    for each in found:
        path, start = os.path.relpath(str(each["file"])), each["range"]["start"]
        rule = f" ({each['rule']})" if "rule" in each else ""
        yield path, f"{path}:{start['line'] + 1}:{start['character'] + 1}: {each['message']}{rule}"


def main(*, everything: bool) -> int:
    """Returns the exit status: 1 when something is wrong."""
    around, texts = surroundings(), read()
    known = recalled(around)
    looks: dict[str, Look] = {}
    for path, text in texts.items():
        old = known.looks.get(path)
        looks[path] = old if old and old.text == digest(text) else look(text)
    checked = set(looks) if everything else due(known, looks)
    sys.stdout.write(f"note: {len(checked)} of {len(looks)} files\n")
    wrong = list(findings(sorted(checked) if len(checked) < len(looks) else ())) if checked else []
    sys.stdout.writelines(f"{line}\n" for _, line in wrong)
    now = read()  # what was edited meanwhile may have been checked in either state: it is not remembered
    settled = {path: each for path, each in looks.items() if now.get(path) == texts[path]}
    remember(around, Known(settled, sorted({path for path, _ in wrong})))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(everything="--all" in sys.argv))
