"""Killed at any instant, a production ends all the same: paid once, everything kept, the same film."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crash.harness import ANSWER, CrashingStudio, VendorProcess, assert_whole, frames_of, until_killed

SHOTS = 2
IN_DOUBT = 4
"""The exit code: a person must decide."""
BRIEF = ("A lamp called Ember that wakes you with a slow sunrise", "--shots", str(SHOTS), "--seconds", "2")
STEP_KILLS, RANDOM_KILLS, SUBMIT_KILLS = 22, 7, 2
"""How often a test kills at least, over as many productions as that takes."""
QUIET = ("--voice", "none", "--captions", "soft", "--ratio", "1:1", "--cap", "20", "--yes")


@pytest.fixture(scope="module")
def vendor() -> Iterator[VendorProcess]:
    with VendorProcess() as process:
        yield process


def studio_for(vendor: VendorProcess, home: Path, campaign: str, account: str) -> CrashingStudio:
    models = ("--image", f"{account}:frame", "--video", f"{account}:clip")
    return CrashingStudio(home, campaign, (*BRIEF, *QUIET, *models), {"SIMULATED_URL": vendor.url})


@dataclass(frozen=True)
class Calm:
    """A production that nobody disturbed. Same id, same requests, hence the same outputs at the vendor."""

    frames: list[str]
    seconds: float
    """How long it took on this machine."""


@pytest.fixture(scope="module")
def calm(vendor: VendorProcess, tmp_path_factory: pytest.TempPathFactory) -> Calm:
    studio = studio_for(vendor, tmp_path_factory.mktemp("calm"), "crash-test", "simkey")
    began = time.monotonic()
    assert_completed(studio.live())
    return Calm(frames_of(studio.home / "out" / "film.mp4"), time.monotonic() - began)


def test_the_tests_of_this_file_kill_at_least_sixty_times() -> None:
    """Each for two accounts, and each counts its own: together by construction, on a machine of any speed."""
    assert 2 * (STEP_KILLS + RANDOM_KILLS + SUBMIT_KILLS) >= 60


def assert_completed(document: dict[str, Any]) -> None:
    assert document["production"]["state"] == "completed"
    assert document["status"] == "completed"
    assert {take["state"] for take in document["takes"]} == {"kept"}
    assert document["money"]["reserved_usd"] == "0"


def assert_paid_once(vendor: VendorProcess, document: dict[str, Any]) -> None:
    production = document["production"]["id"]
    submits = {name: count for name, count in vendor.stats()["submits"].items() if name.startswith(production)}
    assert len(submits) == SHOTS * 2
    assert set(submits.values()) == {1}
    # Frames at 10 cents, clips at 5 cents a second: what was charged is what was submitted, to the cent.
    assert document["money"]["charged_usd"] == "0.3"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("account", ["simkey", "simlist"])
def test_killed_after_every_single_step_it_pays_once_and_makes_the_same_film(
    vendor: VendorProcess, calm: Calm, tmp_path: Path, account: str
) -> None:
    for studio in until_killed(STEP_KILLS, lambda number: studio_for(vendor, tmp_path / f"{number}", "crash-test", account)):
        while True:
            done = studio.steps()
            if not studio.live_until(lambda studio=studio, done=done: studio.steps() > done):
                break
        document = studio.live()
        assert_completed(document)
        assert_paid_once(vendor, document)
        assert_whole(studio)
        if account == "simkey":
            assert frames_of(studio.home / "out" / "film.mp4") == calm.frames


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("account", "seed"), [("simkey", 1), ("simlist", 2)])
def test_killed_at_random_moments_it_pays_once(
    vendor: VendorProcess, calm: Calm, tmp_path: Path, account: str, seed: int
) -> None:
    chance = random.Random(seed)
    for studio in until_killed(RANDOM_KILLS, lambda number: studio_for(vendor, tmp_path / f"{number}", "random", account)):
        for _ in range(12):
            ends = time.monotonic() + chance.uniform(0.1, 0.9) * calm.seconds
            if not studio.live_until(lambda ends=ends: time.monotonic() > ends):
                break
        document = studio.live()
        assert_completed(document)
        assert_paid_once(vendor, document)
        assert_whole(studio)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("account", ["simkey", "simlist"])
def test_killed_while_every_submit_is_on_its_way_it_pays_once(vendor: VendorProcess, tmp_path: Path, account: str) -> None:
    """The most expensive line: the vendor has counted, and the answer is not here yet."""
    vendor.turn(answer_delay=ANSWER)
    try:
        for studio in until_killed(SUBMIT_KILLS, lambda number: studio_for(vendor, tmp_path / f"{number}", "submit", account)):
            for _ in range(SHOTS * 2):
                before = sum(vendor.stats()["submits"].values())
                if not studio.live_until(lambda before=before: sum(vendor.stats()["submits"].values()) > before):
                    break
            document = studio.live()
            assert_completed(document)
            assert_paid_once(vendor, document)
            assert_whole(studio)
    finally:
        vendor.turn(answer_delay=0.0)


@pytest.mark.timeout(120)
def test_a_submit_that_nobody_can_look_up_is_left_to_a_person_and_never_sent_again(vendor: VendorProcess, tmp_path: Path) -> None:
    studio = studio_for(vendor, tmp_path, "blind", "simblind")
    vendor.turn(answer_delay=ANSWER)
    try:
        before = sum(vendor.stats()["submits"].values())
        assert studio.live_until(lambda: sum(vendor.stats()["submits"].values()) > before)
    finally:
        vendor.turn(answer_delay=0.0)
    document = studio.live(code=IN_DOUBT)
    doubtful = [take for take in document["takes"] if take["state"] == "in_doubt"]
    assert doubtful
    production = document["production"]["id"]
    submits = {name: count for name, count in vendor.stats()["submits"].items() if name.startswith(production)}
    assert set(submits.values()) == {1}
    held = sum(float(take["quote_usd"]) for take in doubtful)
    assert float(document["money"]["reserved_usd"]) == pytest.approx(held)
    assert_whole(studio)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("is_found", [True, False])
def test_a_doubt_that_a_person_settles_ends_in_a_film_and_one_payment_each(
    vendor: VendorProcess, tmp_path: Path, is_found: bool
) -> None:
    studio = studio_for(vendor, tmp_path, f"settled-{is_found}", "simblind")
    vendor.turn(answer_delay=ANSWER)
    try:
        before = sum(vendor.stats()["submits"].values())
        assert studio.live_until(lambda: sum(vendor.stats()["submits"].values()) > before)
    finally:
        vendor.turn(answer_delay=0.0)
    doubtful = [take for take in studio.live(code=IN_DOUBT)["takes"] if take["state"] == "in_doubt"]
    again = studio.live(code=IN_DOUBT)
    assert len(again["takes"]) >= len(doubtful)
    assert [take["id"] for take in again["takes"] if take["state"] == "in_doubt"] == [take["id"] for take in doubtful]
    expected: dict[str, str] = {}
    for take in doubtful:
        # Killed between the intent and the first byte, the vendor has nothing: only a look there can tell.
        job = vendor.stats()["jobs"].get(take["intent"]) if is_found else None
        # A new run asks for what is lost, and stops at the next doubt.
        words = ("adopt", take["id"], job) if job else ("retake", take["id"], "--yes")
        studio.command("takes", *words, codes=(0, IN_DOUBT))
        expected[take["id"]] = "kept" if job else "failed"
    document = studio.live()
    assert document["production"]["state"] == "completed"
    kept = {(take["shot"], take["kind"]) for take in document["takes"] if take["state"] == "kept"}
    assert len(kept) == SHOTS * 2
    states = {take["id"]: take["state"] for take in document["takes"]}
    assert {take: states[take] for take in expected} == expected
    assert document["money"]["charged_usd"] == "0.3"
    assert document["money"]["reserved_usd"] == "0"
    assert_whole(studio)
