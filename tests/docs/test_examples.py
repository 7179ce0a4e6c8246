"""The examples in Python run as they stand, and the pages show them as they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from standardwebhooks import Webhook

from databases import put_sqlite
from serving import House, served

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PAGES = [ROOT / "docs" / "how-to" / name for name in ("python.md", "webhooks.md")]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECRET = "whsec_" + "c2VjcmV0" * 5


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served(tmp_path_factory.mktemp("home"), settings={"workers": 1}) as made:
        yield made


def run(name: str, folder: Path, **environment: str) -> str:
    """What the example says."""
    command = [sys.executable, str(ROOT / "examples" / name)]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run_here() -> None:
    assert [path.name for path in EXAMPLES] == ["ask_a_studio.py", "hear_a_webhook.py", "make_a_film.py"]


def test_a_film_is_made_in_a_script(tmp_path: Path) -> None:
    put_sqlite(tmp_path / "home" / "reelwright.sqlite")
    said = run("make_a_film.py", tmp_path, REELWRIGHT_HOME=str(tmp_path / "home"), REELWRIGHT_WORKERS="1")
    assert "It would cost 0 dollars." in said
    assert "production.completed" in said
    assert "shot-01 clip 1 kept" in said
    assert (tmp_path / "ember.mp4").stat().st_size > 0


def test_a_film_is_asked_for_over_http(house: House, tmp_path: Path) -> None:
    user = house.person("ann")
    _, token = house.run(lambda studio: studio.accounts.create_token(user, "examples"))
    said = run("ask_a_studio.py", tmp_path, STUDIO_URL=house.origin, STUDIO_TOKEN=token)
    link = re.search(r"http://\S+/s/\S+", said)
    assert link is not None
    with house.stranger() as guest:
        assert "<video" in guest.get(link[0]).text
    assert (tmp_path / "ember.mp4").stat().st_size > 0


def test_a_webhook_is_believed_only_with_its_signature() -> None:
    command = [sys.executable, str(ROOT / "examples" / "hear_a_webhook.py")]
    environment = {**os.environ, "HOOK_SECRET": SECRET, "PORT": "0"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        port = process.stdout.readline().rpartition(" ")[2].strip()
        content, at = '{"type":"take.kept","timestamp":"now","data":{"take":"take_1"}}', datetime.now(UTC)
        signature = Webhook(SECRET).sign("delivery_1", at, content)
        headers = {
            "webhook-id": "delivery_1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
        }
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
            assert client.post("/", content=content.replace("take_1", "take_2"), headers=headers).status_code == 400
            assert [client.post("/", content=content, headers=headers).status_code for _ in range(2)] == [204, 204]
        assert process.stdout.readline() == "now take.kept {'take': 'take_1'}\n"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_is_part_of_an_example(page: Path) -> None:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    examples = [path.read_text(encoding="utf-8") for path in EXAMPLES]
    assert blocks
    assert [block for block in blocks if not any(block in example for example in examples)] == []
