"""The example of a provider in a package of its own: built, installed beside us, held to the contract, and used for a film."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "reelwright-provider-example"
SENTENCE = "A lamp called Ember that wakes you with a slow sunrise"
SMALL = ("--shots", "2", "--seconds", "2", "--ratio", "1:1", "--voice", "none", "--captions", "soft")
PATIENCE = 90.0


def ran(*command: str | Path, folder: Path, environment: dict[str, str]) -> str:
    """What a command prints that must succeed."""
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One in which the package is installed: a wheel of pure Python is installed by unpacking it."""
    folder = tmp_path_factory.mktemp("installed")
    ran("-m", "hatchling", "build", "-t", "wheel", "-d", folder / "wheels", folder=EXAMPLE, environment=dict(os.environ))
    [wheel] = (folder / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder / "site")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REELWRIGHT_", "POSTCARDS_"))}
    return {**kept, "PYTHONPATH": str(folder / "site"), "REELWRIGHT_HOME": str(folder / "home")}


@pytest.fixture
def vendor(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Its vendor in a process of its own; the variables that lead there, as it prints them."""
    command = [sys.executable, "-m", "reelwright_provider_example.vendor", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().removeprefix("export ").strip() for _ in range(2)]
        yield dict(line.split("=", 1) for line in lines)
        process.kill()


def test_the_example_holds_the_contract(environment: dict[str, str]) -> None:
    told = ran("-m", "pytest", "-q", "-p", "no:cacheprovider", folder=EXAMPLE, environment=environment)
    assert " passed" in told
    assert "skipped" not in told


async def test_the_example_makes_a_film_and_both_count_the_same(
    environment: dict[str, str], vendor: dict[str, str], tmp_path: Path
) -> None:
    wishes = (*SMALL, "--image", "example:postcard", "--cap", "1", "--yes", "--json", "--output", tmp_path / "film.mp4")
    told = ran("-m", "reelwright", "make", SENTENCE, *wishes, folder=tmp_path, environment={**environment, **vendor})
    document = json.loads(told)
    assert (tmp_path / "film.mp4").stat().st_size > 0
    assert document["production"]["state"] == "completed"
    drawn = [take for take in document["takes"] if take["model"] == "example:postcard"]
    assert [(take["kind"], take["state"]) for take in drawn] == [("frame", "kept")] * 2
    origin = urlsplit(vendor["POSTCARDS_BASE_URL"])._replace(path="/ledger").geturl()
    async with aiohttp.ClientSession() as session, session.get(origin) as answer:
        ledger = await answer.json()
    assert ledger == {"postcards": 2, "cents": 4}
    assert float(document["money"]["charged_usd"]) == 0.04
