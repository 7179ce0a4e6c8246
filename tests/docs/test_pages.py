"""The pages that people read: their links lead somewhere, their commands exist, and decisions have one shape."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwright.services.brief_fields import BriefFields

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
DECISION_SECTIONS = ["Context", "Decision", "Why this", "Consequences", "Alternatives"]
LONGEST_DECISION = 60

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    slugs: set[str] = set()
    for heading in HEADING.findall(prose(page)):
        words = re.sub(r"[^\w\- ]", "", heading.lower())
        slugs.add(words.strip().replace(" ", "-"))
    return slugs


def broken_links(page: Path) -> Iterator[str]:
    """Every relative link of a page that leads nowhere."""
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        is_broken = not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path))
        if is_broken:
            yield f"{page.relative_to(ROOT)}: {target}"


def make_targets() -> set[str]:
    """What `make` can do."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = list(broken_links(page))
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_command_on_a_page_exists(page: Path) -> None:
    commands = re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(commands) <= make_targets()


def test_the_readme_shows_the_two_commands() -> None:
    blocks = "\n".join(FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    assert re.search(r"^make film\b", blocks, re.MULTILINE)
    assert re.search(r"^make test\b", blocks, re.MULTILINE)


def test_ci_runs_the_command_that_the_readme_names() -> None:
    assert re.search(r"^make test$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_is_one_page_of_one_shape(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# {int(page.name[:4])}\. .+\n\nAccepted, \d{{4}}-\d{{2}}-\d{{2}}\.", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == DECISION_SECTIONS
    assert len(text.splitlines()) <= LONGEST_DECISION


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in DECISIONS if f"({page.name})" not in index] == []


def test_every_field_of_a_brief_is_explained() -> None:
    text = (ROOT / "docs" / "how-to" / "write-a-brief.md").read_text(encoding="utf-8")
    assert [name for name in BriefFields.model_fields if f"`{name}`" not in text] == []


def test_the_architecture_page_shows_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    package = ROOT / "src" / "reelwright"
    rooms = [path.name for path in package.iterdir() if path.suffix == ".py" or any(path.glob("*.py"))]
    assert [room for room in rooms if not room.startswith("__") and room not in text] == []


def test_the_architecture_page_draws_the_arrows_that_are_enforced() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [layers] = [each["layers"] for each in settings["tool"]["importlinter"]["contracts"] if each["id"] == "layers"]
    arrows = " -> ".join(layer.replace("(", "").replace(")", "") for layer in layers)
    shown = re.sub(r"\s+", " ", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert arrows in shown
