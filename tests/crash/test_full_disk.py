"""One process, one disk for everything, and no byte left on it while takes are made: it waits, and goes on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from crash.harness import CrashingStudio, VendorProcess, assert_whole
from disks import small_disk

BRIEF = ("A lamp called Ember that wakes you with a slow sunrise", "--shots", "2", "--seconds", "2", "--ratio", "1:1")
MODELS = ("--voice", "none", "--image", "simkey:frame", "--video", "simkey:clip", "--cap", "20", "--yes")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("after", [1, 3], ids=["while frames are made", "while clips are made"])
def test_a_production_whose_disk_is_full_for_a_while_goes_on_by_itself(tmp_path: Path, after: int) -> None:
    with VendorProcess("--frame-seconds", "1", "--clip-seconds", "1") as vendor, small_disk(tmp_path / "disk", 300) as disk:
        environment = {"SIMULATED_URL": vendor.url}
        studio = CrashingStudio(disk.folder / "home", "lamp", (*BRIEF, *MODELS), environment, papers=tmp_path)
        with studio.life() as life:
            while sum(vendor.stats()["submits"].values()) < after:
                assert life.poll() is None, studio.last_words()
            disk.fill()
            while "is full. Nothing is lost" not in studio.last_words():
                assert life.poll() is None, studio.last_words()
                time.sleep(0.1)
            time.sleep(2)
            assert life.poll() is None, studio.last_words()
            disk.free()
            assert life.wait(60) == 0, studio.last_words()
        document = studio.live()
        assert document["production"]["state"] == "completed"
        assert {take["state"] for take in document["takes"]} == {"kept"}
        assert document["money"] == {"cap_usd": "20", "reserved_usd": "0", "charged_usd": "0.3"}
        assert set(vendor.stats()["submits"].values()) == {1}
        assert len(vendor.stats()["submits"]) == 4
        assert_whole(studio)
