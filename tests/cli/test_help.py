"""Help answers at once, for every command, and starts nothing."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from cli.conftest import PATIENCE, CommandLine
from reelwright import __version__

COMMANDS = [
    "make",
    "resume",
    "watch",
    "status",
    "campaigns",
    "cancel",
    "harvest",
    "doctor",
    "costs",
    "budget",
    "keys",
    "simulate",
]
GENEROUS = 1.0
"""Seconds of processor time; under 0.1 is needed. On a busy machine the time of day would say nothing."""


def test_the_front_page_names_every_command(cli: CommandLine) -> None:
    ended = cli.run("--help")
    assert ended.code == 0
    for command in COMMANDS:
        assert f"  {command} " in ended.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_makes_nothing(cli: CommandLine, command: str) -> None:
    ended = cli.run(command, "--help")
    assert ended.code == 0
    assert f"Usage: reelwright {command}" in ended.out
    assert "--json" in ended.out
    assert not cli.home.exists()


def test_help_answers_at_once(cli: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    took: list[float] = []
    command = [sys.executable, "-m", "reelwright", "--help"]
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run(command, env=cli.environment, cwd=cli.folder, capture_output=True, timeout=PATIENCE, check=True)
        took.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    with capsys.disabled():
        print(f"\nreelwright --help: {min(took) * 1000:.0f} ms")  # noqa: T201
    assert min(took) < GENEROUS


def test_the_version_is_told(cli: CommandLine) -> None:
    assert cli.run("--version").out == f"reelwright {__version__}\n"


def test_without_a_command_the_help_is_shown(cli: CommandLine) -> None:
    assert "Commands:" in cli.run().out + cli.run().err
