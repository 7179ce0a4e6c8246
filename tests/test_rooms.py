"""The house rules that no general linter knows: what each room may hold, and how the tree stays readable."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "reelwright"
LONGEST_FILE = 400
LONGEST_LINE: int = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["line-length"]

ROOMS = {
    "aiohttp": {"net", "testing", "providers"},
    "alembic": {"db"},
    "argon2": {"services"},
    "authlib": {"services"},
    "av": {"media", "testing"},
    "dbos": {"workflows"},
    "joserfc": {"services"},
    "numpy": {"media", "testing"},
    "obstore": {"store"},
    "PIL": {"media", "testing"},
    "psycopg": {"db", "testing"},
    "pydantic_ai": {"writers"},
    "pydantic_settings": {"config"},
    "rich": {"cli"},
    "sqlalchemy": {"db"},
    "typer": {"cli"},
}
"""Where each library lives. In `testing` and in providers that hand out files on loopback, aiohttp is the server."""

VAGUE_MODULES = {"base", "common", "data", "helper", "helpers", "impl", "info", "manager", "misc", "util", "utils"}
VAGUE_CLASS = re.compile(r"(Base|Data|Helper|Helpers|Impl|Info|Manager|Util|Utils)$")
ROOT_PAGES = {"ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md"}
IMPURE_CALLS = {"input", "monotonic", "now", "open", "perf_counter", "print", "sleep", "today", "utcnow", "uuid4"}
WAYS_TO_SKIP = {"importorskip", "skip", "skipif", "xfail"}
MAY_SKIP = {"tests/disks.py"}
"""A disk that is really full has to be mounted, and that takes root; what it shows is told by the other tests as well."""

# Written in parts, so that this file does not break its own rule.
REGISTRIES = [f"{name}.org" for name in ("pypi", "pythonhosted", "npmjs", "deb.debian")]
PRIVATE = re.compile("|".join([*map(re.escape, REGISTRIES), "/(?:home|Users)/" + "[a-z]", r"(?<![\w/])/root" + "/"]))


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git would have, or in an unpacked archive every file that is not in a hidden folder."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=30).stdout.split("\0")
        return tuple(path for name in names if name and (path := ROOT / name).is_file())
    return tuple(path for path in ROOT.rglob("*") if path.is_file() and not is_hidden(path.relative_to(ROOT)))


def is_hidden(path: Path) -> bool:
    """Whether it, or a folder above it, is a tool's own business."""
    return any(part == "films" or (part.startswith(".") and part not in {".ci", ".gitignore"}) for part in path.parts)


@cache
def python_files() -> tuple[Path, ...]:
    """All Python of the project."""
    return tuple(path for path in tracked() if path.suffix == ".py")


@cache
def tree_of(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def named(path: Path, line: int | None = None) -> str:
    """How a finding names its place."""
    place = str(path.relative_to(ROOT))
    return place if line is None else f"{place}:{line}"


def listed(wrong: list[str]) -> str:
    """All findings, one a line."""
    return "\n".join(["", *wrong])


def sources() -> Iterator[tuple[Path, str]]:
    """Each module of the package with the room that it is in."""
    for path in python_files():
        if path.is_relative_to(PACKAGE):
            yield path, path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every imported module, wherever in the file, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


def calls(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The last name of everything called, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    yield name, node.lineno
                case _:
                    pass


def test_every_module_says_in_one_line_what_it_is_for() -> None:
    wrong: list[str] = []
    for path, _ in sources():
        tree = tree_of(path)
        first = (ast.get_docstring(tree) or "").partition("\n")[0]
        if tree.body and (not first.endswith((".", ":", "?")) or len(first) > LONGEST_LINE):
            wrong.append(named(path))
    assert not wrong, listed(wrong)


def test_no_file_holds_more_than_one_idea() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    wrong = [f"{named(path)} has {length} lines" for path, length in lengths.items() if length > LONGEST_FILE]
    assert not wrong, listed(wrong)


def test_a_library_lives_in_its_room() -> None:
    wrong = [
        f"{named(path, line)} imports {module}"
        for path, room in sources()
        for module, line in imports(tree_of(path))
        if room not in ROOMS.get(module.partition(".")[0], {room})
    ]
    assert not wrong, listed(wrong)


def test_no_name_is_vague() -> None:
    modules = [named(path) for path, _ in sources() if path.stem in VAGUE_MODULES]
    classes = [
        f"{named(path, node.lineno)} {node.name}"
        for path, _ in sources()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and VAGUE_CLASS.search(node.name)
    ]
    wrong = modules + classes
    assert not wrong, listed(wrong)


def test_only_the_command_line_prints() -> None:
    wrong = [
        named(path, node.lineno)
        for path, room in sources()
        if room != "cli"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not wrong, listed(wrong)


def test_the_domain_asks_neither_clock_nor_dice_nor_disk() -> None:
    wrong = [
        f"{named(path, line)} calls {name}"
        for path, room in sources()
        if room in {"domain", "errors"}
        for name, line in calls(tree_of(path))
        if name in IMPURE_CALLS
    ]
    assert not wrong, listed(wrong)


def test_what_stands_in_the_durable_log_has_a_name_of_its_own() -> None:
    wrong: list[str] = []
    for path, room in sources():
        if room != "workflows":
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                wrong += [named(path, mark.lineno) for mark in node.decorator_list if is_unnamed_by_dbos(mark)]
    assert not wrong, listed(wrong)


def is_unnamed_by_dbos(decorator: ast.expr) -> bool:
    """Whether it is a workflow or step that would be known by its Python name, which a refactoring changes."""
    match decorator:
        case ast.Attribute(value=ast.Name(id="DBOS"), attr="workflow" | "step"):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="DBOS"), attr="workflow" | "step"), keywords=keywords):
            return all(keyword.arg != "name" for keyword in keywords)
        case _:
            return False


def test_no_test_is_skipped_or_mocked() -> None:
    wrong: list[str] = []
    for path in python_files():
        if not path.is_relative_to(ROOT / "tests") or str(path.relative_to(ROOT)) in MAY_SKIP:
            continue
        tree = tree_of(path)
        wrong += [named(path, line) for module, line in imports(tree) if module.startswith(("unittest.mock", "pytest_mock"))]
        wrong += [
            named(path, node.lineno)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr in WAYS_TO_SKIP
            and ast.unparse(node.value) in {"pytest", "pytest.mark"}
        ]
    assert not wrong, listed(wrong)


def test_no_file_names_a_private_path_or_a_package_registry() -> None:
    wrong: list[str] = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        wrong += [f"{named(path, number)}" for number, line in enumerate(text.splitlines(), 1) if PRIVATE.search(line)]
    assert not wrong, listed(wrong)


def test_no_stray_pages_lie_at_the_root() -> None:
    assert {path.name for path in tracked() if path.parent == ROOT and path.suffix == ".md"} == ROOT_PAGES
