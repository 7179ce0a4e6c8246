"""What `make check` leaves out of the type check, with the real type checker on a small tree."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TOOL = Path(__file__).parent.parent / "tools" / "check_types.py"
TREE = {
    "pyproject": '[tool.basedpyright]\ninclude = ["src"]\ntypeCheckingMode = "strict"\n',
    "price": "def price() -> int:\n    return 1\n",
    "inside": "from price import price\n\n\ndef total() -> int:\n    return price()\n",
    "above_inside": "from inside import total\n\nTOTAL: int = total()\n",
    "outside": "from price import price\n\nPRICE = price()\n",
    "above_outside": "from outside import PRICE\n\nTOTAL: int = PRICE\n",
    "apart": "import json\n\nTEXT = json.dumps({})\n",
}


@dataclass(frozen=True)
class Tree:
    """A project whose types can be checked."""

    root: Path

    def write(self, name: str, text: str) -> None:
        (self.root / "src" / f"{name}.py").write_text(text, encoding="utf-8")

    def check(self, *options: str) -> tuple[int, set[str]]:
        """How many files were read, and in which something was wrong."""
        ran = subprocess.run(
            [sys.executable, TOOL, *options], cwd=self.root, capture_output=True, text=True, check=False, timeout=100
        )
        note = re.match(r"note: (\d+) of \d+ files\n", ran.stdout)
        assert note, ran.stdout + ran.stderr
        wrong = set(re.findall(r"^src/(\w+)\.py:\d+:\d+: ", ran.stdout, re.MULTILINE))
        assert ran.returncode == (1 if wrong else 0), ran.stdout + ran.stderr
        return int(note[1]), wrong


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "pyproject.toml").write_text(TREE["pyproject"], encoding="utf-8")
    for name in TREE.keys() - {"pyproject"}:
        tree.write(name, TREE[name])
    assert tree.check() == (6, set())
    return tree


def test_only_what_can_see_a_change_is_checked_again(tree: Tree) -> None:
    assert tree.check() == (0, set())
    tree.write("price", 'def price() -> int:\n    """In whole cents."""\n    cents = 2\n    return cents\n')
    assert tree.check() == (1, set())
    tree.write("price", 'def price() -> str:\n    return "1"\n')
    # `price` itself, the two that import it, and what builds on the one that shows it; nobody above `inside` can tell.
    assert tree.check() == (4, {"inside", "above_outside"})
    assert tree.check("--all") == (6, {"inside", "above_outside"})


def test_what_is_wrong_is_said_until_it_is_put_right(tree: Tree) -> None:
    tree.write("apart", "TEXT: str = 1\n")
    assert tree.check() == (1, {"apart"})
    assert tree.check() == (1, {"apart"})
    assert tree.check("--all") == (6, {"apart"})
    tree.write("apart", TREE["apart"])
    assert tree.check() == (1, set())


def test_files_that_come_and_go_are_seen_by_those_that_import_them(tree: Tree) -> None:
    (tree.root / "src" / "outside.py").unlink()
    assert tree.check() == (1, {"above_outside"})
    tree.write("outside", TREE["outside"])
    assert tree.check() == (2, set())


def test_another_setting_of_the_project_has_everything_checked(tree: Tree) -> None:
    with (tree.root / "pyproject.toml").open("a", encoding="utf-8") as settings:
        settings.write('pythonVersion = "3.11"\n')
    assert tree.check() == (6, set())
