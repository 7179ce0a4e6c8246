"""`reelwright simulate`: what it prints leads there, and what it does not understand it says."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cli.conftest import CommandLine, one_sentence
from programs import Program


def told(process: Program) -> dict[str, Any]:
    """The one line of JSON that it starts with."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


async def fetched(url: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        return await answer.json()


async def test_it_serves_until_it_is_interrupted_and_keeps_the_ledger(cli: CommandLine, tmp_path: Path) -> None:
    process = cli.start("simulate", "runway,luma-agents", "--file", str(tmp_path / "ledger.sqlite"), "--json")
    document = told(process)
    environment = document["environment"]
    assert environment["RUNWAYML_BASE_URL"].startswith(document["origin"])
    assert environment["LUMA_BASE_URL"].startswith(document["origin"])
    assert environment["REELWRIGHT_ALLOW_PRIVATE_HOSTS"] == "127.0.0.1"
    ledger = await fetched(document["ledger"])
    assert {name: vendor["submits"] for name, vendor in ledger.items()} == {"runway": 0, "luma-agents": 0}
    assert cli.end(process, signal.SIGINT).code == 0
    assert (tmp_path / "ledger.sqlite").exists()


def test_it_prints_lines_that_a_shell_understands(cli: CommandLine) -> None:
    process = cli.start("simulate", "runway")
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("#"):
        lines.append(process.stdout.readline())
        assert lines[-1], "it ended"
    assert all(line.startswith("export ") and "=" in line for line in lines[:-1])
    assert "/__ledger" in lines[-1]
    assert cli.end(process, signal.SIGTERM).code == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["midjourney"], "midjourney"),
        ([","], "No vendor"),
        (["runway", "--seconds", "soon"], "'soon'"),
        (["runway", "--seconds", "9-3"], "'9-3'"),
        (["runway", "--behaviour", "{"], "behaviour"),
        (["runway", "--behaviour", '{"speed": 1}'], "speed"),
        (["runway", "--file", "no/such/folder/ledger"], "ledger"),
    ],
)
def test_what_it_does_not_understand_it_says_in_one_sentence(cli: CommandLine, arguments: list[str], word: str) -> None:
    ended = cli.run("simulate", *arguments)
    assert ended.code == 2
    assert word in one_sentence(ended.err)


async def test_two_on_one_port_are_told_apart(cli: CommandLine) -> None:
    process = cli.start("simulate", "runway", "--json")
    port = told(process)["origin"].rpartition(":")[2]
    ended = cli.run("simulate", "runway", "--port", port)
    assert ended.code == 2
    assert f"port: {port}" in one_sentence(ended.err)
    cli.end(process, signal.SIGINT)
