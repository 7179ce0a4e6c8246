"""The built-in animatic and voice, killed at random moments: the same film, frame by frame, and nothing left over."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

from crash.harness import CrashingStudio, assert_whole, frames_of, until_killed

BRIEF = (
    "A kettle called Pip that sings when the water is right for green tea",
    *("--shots", "2", "--seconds", "5", "--ratio", "1:1", "--captions", "burned"),
)


@pytest.mark.timeout(300)
def test_the_animatic_killed_at_random_moments_makes_the_same_film(tmp_path: Path) -> None:
    calm = CrashingStudio(tmp_path / "calm", "pip", BRIEF)
    began = time.monotonic()
    calm.live()
    seconds = time.monotonic() - began
    assert_whole(calm)
    undisturbed = frames_of(calm.home / "out" / "film.mp4")
    assert len(undisturbed) == 5 * 24
    chance = random.Random(3)
    for disturbed in until_killed(3, lambda number: CrashingStudio(tmp_path / f"disturbed-{number}", "pip", BRIEF)):
        for _ in range(12):
            ends = time.monotonic() + chance.uniform(0.1, 0.9) * seconds
            if not disturbed.live_until(lambda ends=ends: time.monotonic() > ends):
                break
        document = disturbed.live()
        assert document["production"]["state"] == "completed"
        assert {take["state"] for take in document["takes"]} == {"kept"}
        assert {(take["shot"], take["kind"], take["number"]) for take in document["takes"]} == {
            (f"shot-0{shot}", kind, 1) for shot in (1, 2) for kind in ("frame", "clip", "voice")
        }
        assert_whole(disturbed)
        assert frames_of(disturbed.home / "out" / "film.mp4") == undisturbed


@pytest.mark.timeout(300)
def test_killed_while_it_hands_the_film_over_it_hands_over_the_same_files_and_nothing_else(tmp_path: Path) -> None:
    studio = CrashingStudio(tmp_path, "pip", BRIEF)
    studio.live()
    out = tmp_path / "out"
    whole = {path.name: path.read_bytes() for path in out.iterdir()}
    assert whole.keys() > {"film.mp4", "film-poster.jpg", "film-storyboard.png"}
    shutil.rmtree(out)
    there = 0
    while studio.kills < len(whole):
        if not studio.live_until(lambda there=there: out.exists() and len(list(out.iterdir())) > there):
            shutil.rmtree(out)  # it was too fast, so everything again
        there = len(list(out.iterdir())) if out.exists() else 0
    studio.live()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == whole
    assert_whole(studio)
