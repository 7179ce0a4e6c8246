"""The chaos run in short: four simulated vendors of whose work a fifth goes wrong in every way, and a studio that is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).parents[2] / "benchmarks" / "chaos.py"
PRODUCTIONS, SHOTS, KILLS = 4, 3, 8


@pytest.mark.timeout(600)
def test_in_chaos_nothing_is_lost_nothing_is_paid_twice_and_every_cent_is_told(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, CHAOS, "--productions", str(PRODUCTIONS), "--shots", str(SHOTS), "--kills", str(KILLS)]
    command += ["--life", "2", "--look", "0.5", "--patience", "500", "--keep", str(tmp_path / "chaos"), "--json", str(figures)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=590, check=False)
    assert figures.exists(), done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert (found["lost"], found["orphans"], found["twice"]) == ([], [], [])
    assert (found["micro_off"], found["micro_held"]) == (0, 0)
    assert found["productions"] == found["ended"] == found["completed"] >= PRODUCTIONS
    assert found["kills"] == KILLS
    # Each shot's frame and clip was made at a vendor, and trouble was met at each of the four.
    assert sum(vendor["kept"] for vendor in found["vendors"]) == found["productions"] * SHOTS * 2
    assert all(vendor["troubles"] for vendor in found["vendors"])
    assert done.returncode == 0
