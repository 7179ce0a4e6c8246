"""Killed while it adopts, reconciles, waits beyond a deadline or asks again: everything is brought home, and paid once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crash.harness import ANSWER, LONG, CrashingStudio, VendorProcess, assert_whole

BRIEF = ("A lamp called Ember that wakes you with a slow sunrise", "--shots", "1", "--seconds", "2")
QUIET = ("--voice", "none", "--captions", "none", "--ratio", "1:1", "--cap", "20", "--yes")
FAILED, INVALID, IN_DOUBT = 1, 2, 4
SUBMITTING = "SELECT count(*) FROM reel_takes WHERE state = 'submitting'"
SUBMITTED = "SELECT count(*) FROM reel_takes WHERE state = 'submitted'"
STORING = "SELECT count(*) FROM reel_takes WHERE state = 'storing'"
LOST = "SELECT count(*) FROM reel_takes WHERE state = 'failed'"
ATTEMPT = "SELECT count(*) FROM reel_assets WHERE NOT is_ready"
HOMING = "SELECT count(*) FROM workflow_status WHERE name = 'take.bring_home' AND status = 'PENDING'"


@pytest.fixture(scope="module")
def vendor() -> Iterator[VendorProcess]:
    with VendorProcess() as process:
        yield process


@dataclass
class Told(CrashingStudio):
    """A studio that is told something else than `make` in each life."""

    order: tuple[str, ...] = ()

    def words(self) -> tuple[str, ...]:
        return self.order or super().words()

    def killed(self, order: tuple[str, ...], *moments: str | float) -> None:
        """Lives with that order once for each moment, and dies at it: so many seconds after the start, or when a count is not 0.

        A life that is over before its moment counts as none: a state that passes by itself may pass unseen.
        """
        self.order = order
        for moment in moments:
            began = time.monotonic()
            with self.life() as process:
                while process.poll() is None and not self._has_come(moment, began):
                    time.sleep(0.004)
            self.kills += process.returncode < 0
        self.order = ()

    def _has_come(self, moment: str | float, began: float) -> bool:
        return self.count(moment) > 0 if isinstance(moment, str) else time.monotonic() - began > moment

    def takes(self, *words: str) -> list[dict[str, Any]]:
        return json.loads(self.command("takes", *words, "--json"))["items"]


def studio_for(vendor: VendorProcess, home: Path, campaign: str, account: str, **environment: str) -> Told:
    models = ("--image", f"{account}:frame", "--video", f"{account}:clip")
    return Told(home, campaign, (*BRIEF, *QUIET, *models), {"SIMULATED_URL": vendor.url, **environment})


def submits_of(vendor: VendorProcess, studio: Told) -> dict[str, int]:
    intents = {take["intent"] for take in studio.takes(studio.campaign)}
    return {name: count for name, count in vendor.stats()["submits"].items() if name in intents}


def in_doubt(vendor: VendorProcess, studio: Told) -> dict[str, Any]:
    """A take that the vendor has and nobody here can tell of."""
    vendor.turn(drop_answers=1)
    document = studio.live(code=IN_DOUBT)
    [take] = [take for take in document["takes"] if take["state"] == "in_doubt"]
    return take


@pytest.mark.timeout(240)
def test_killed_while_it_waits_beyond_a_deadline_it_brings_the_take_home_once(vendor: VendorProcess, tmp_path: Path) -> None:
    studio = studio_for(vendor, tmp_path, "deadline", "simblind", SIMULATED_DEADLINE="1")
    vendor.turn(frame_seconds=LONG)
    try:
        document = studio.live(code=FAILED)
        assert "still running at simblind" in document["production"]["error"]
        studio.killed(("harvest",), HOMING, 1.2)
        assert studio.kills == 2
    finally:
        vendor.turn(frame_seconds=0.2)
    studio.killed(("harvest",), STORING, ATTEMPT)
    assert json.loads(studio.command("harvest", "--json"))["done"]
    document = studio.live()
    assert document["production"]["state"] == "completed"
    assert [take["state"] for take in document["takes"]] == ["kept", "kept"]
    assert set(submits_of(vendor, studio).values()) == {1}
    assert (document["money"]["charged_usd"], document["money"]["reserved_usd"]) == ("0.2", "0")
    assert_whole(studio)


@pytest.mark.timeout(240)
def test_killed_while_it_adopts_a_job_it_is_that_takes_and_paid_once(vendor: VendorProcess, tmp_path: Path) -> None:
    studio = studio_for(vendor, tmp_path, "adopted", "simblind")
    take = in_doubt(vendor, studio)
    job = vendor.stats()["jobs"][take["intent"]]
    vendor.turn(frame_seconds=LONG)
    try:
        studio.killed(("takes", "adopt", take["id"], job), 0.01, 0.05, SUBMITTED)
        studio.killed(("harvest",), HOMING)
        assert studio.kills == 4
    finally:
        vendor.turn(frame_seconds=0.2)
    studio.killed(("harvest",), STORING, ATTEMPT)
    studio.command("takes", "adopt", take["id"], job, codes=(INVALID,))
    studio.command("harvest")
    [kept] = studio.takes(studio.campaign)
    assert (kept["state"], kept["job"], kept["charged_usd"]) == ("kept", job, "0.1")
    document = studio.live()
    assert document["production"]["state"] == "completed"
    assert set(submits_of(vendor, studio).values()) == {1}
    assert (document["money"]["charged_usd"], document["money"]["reserved_usd"]) == ("0.2", "0")
    assert_whole(studio)


@pytest.mark.timeout(240)
def test_killed_while_it_asks_again_it_asks_once_more_and_not_twice(vendor: VendorProcess, tmp_path: Path) -> None:
    studio = studio_for(vendor, tmp_path, "again", "simkey", SIMULATED_KEY_SECONDS="1/1000")
    take = in_doubt(vendor, studio)
    order = ("takes", "retake", take["id"], "--yes")
    vendor.turn(frame_seconds=LONG)
    studio.killed(order, 0.5, LOST)
    vendor.turn(frame_seconds=0.2, answer_delay=ANSWER)
    studio.killed(("resume", studio.campaign, "--yes"), SUBMITTING)
    assert studio.kills == 3
    vendor.turn(answer_delay=0.0)
    studio.killed(("resume", studio.campaign, "--yes"), 1.5)
    # Killed while it sends, the key that the vendor may have forgotten leaves the new one in doubt, too: that is the price.
    for _ in range(4):
        studio.command("resume", studio.campaign, "--yes", codes=(0, IN_DOUBT))
        doubts = studio.takes(studio.campaign, "--in-doubt")
        if not doubts:
            break
        for each in doubts:
            job = vendor.stats()["jobs"].get(each["intent"])
            words = ("adopt", each["id"], job) if job else ("retake", each["id"], "--yes")
            studio.command("takes", *words, codes=(0, IN_DOUBT))
    document = studio.live()
    assert document["production"]["state"] == "completed"
    submits = submits_of(vendor, studio)
    assert set(submits.values()) == {1}
    kept = [each for each in document["takes"] if each["state"] == "kept"]
    assert {(each["shot"], each["kind"]) for each in kept} == {("shot-01", "frame"), ("shot-01", "clip")}
    assert document["money"]["charged_usd"] == "0.2"
    assert document["money"]["reserved_usd"] == "0"


@pytest.mark.timeout(240)
def test_killed_while_it_compares_lists_it_files_every_job_once_and_books_what_the_vendor_took(
    vendor: VendorProcess, tmp_path: Path
) -> None:
    elsewhere = studio_for(vendor, tmp_path / "elsewhere", "lost", "simshelf")
    elsewhere.live()
    studio = studio_for(vendor, tmp_path / "here", "here", "simshelf")
    studio.home.mkdir()
    vendor.turn(charge_micro_usd=70_000)
    filed = "SELECT count(*) - {} FROM reel_takes"
    vendor.turn(frame_seconds=LONG, clip_seconds=LONG)
    try:
        studio.killed(("harvest", "--since", "1d"), 0.7, filed.format(0), filed.format(1))
        assert studio.kills == 3
    finally:
        vendor.turn(frame_seconds=0.2, clip_seconds=0.5)
    studio.killed(("harvest", "--since", "1d"), STORING, ATTEMPT)
    studio.command("harvest", "--since", "1d")
    assert json.loads(studio.command("harvest", "--since", "1d", "--json"))["found"] == []
    takes = studio.takes("found.simshelf")
    jobs = {vendor.stats()["jobs"][take["intent"]] for take in elsewhere.takes("lost")}
    assert {take["job"] for take in takes} == jobs
    assert len(takes) == len(jobs)
    assert {(take["state"], take["charged_usd"]) for take in takes} == {("kept", "0.07")}
    assert studio.count("SELECT sum(micro_usd) FROM reel_ledger WHERE kind = 'charge'") == 70_000 * len(jobs)
    assert_whole(studio)
