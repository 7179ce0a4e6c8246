"""The built-in animatic and voice, killed at random moments: the same film, frame by frame, and nothing left over."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from crash.harness import CrashingStudio, assert_whole, frames_of

BRIEF = (
    "A kettle called Pip that sings when the water is right for green tea",
    *("--shots", "2", "--seconds", "5", "--ratio", "1:1", "--captions", "burned"),
)


@pytest.mark.timeout(300)
def test_the_animatic_killed_at_random_moments_makes_the_same_film(tmp_path: Path) -> None:
    calm = CrashingStudio(tmp_path / "calm", "pip", BRIEF)
    calm.live()
    assert_whole(calm)
    disturbed = CrashingStudio(tmp_path / "disturbed", "pip", BRIEF)
    chance = random.Random(3)
    for _ in range(12):
        ends = time.monotonic() + chance.uniform(0.8, 4.0)
        if not disturbed.live_until(lambda ends=ends: time.monotonic() > ends):
            break
    document = disturbed.live()
    assert disturbed.kills >= 3
    assert document["production"]["state"] == "completed"
    assert {take["state"] for take in document["takes"]} == {"kept"}
    assert {(take["shot"], take["kind"], take["number"]) for take in document["takes"]} == {
        (f"shot-0{shot}", kind, 1) for shot in (1, 2) for kind in ("frame", "clip", "voice")
    }
    assert_whole(disturbed)
    frames = frames_of(disturbed.home / "out" / "film.mp4")
    assert len(frames) == 5 * 24
    assert frames == frames_of(calm.home / "out" / "film.mp4")
