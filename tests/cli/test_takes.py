"""`takes` shows what one needs to find a job at the provider and does what a person found out; `harvest` brings home the rest."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.conftest import LAMP, SMALL, CommandLine, Ended, one_sentence
from reelwright.cli.harvest import read_since
from reelwright.errors import InvalidInput
from staging import VendorThread

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def film(account: str, *arguments: str) -> tuple[str, ...]:
    """`make` of one shot by that account."""
    models = ("--image", f"{account}:frame", "--video", f"{account}:clip", "--cap", "5", "--yes", "--id", "lamp")
    return ("make", LAMP, *SMALL, "--shots", "1", *models, *arguments)


def in_doubt(cli: CommandLine, vendor: VendorThread) -> tuple[dict[str, Any], str]:
    """A take in doubt, and its job at the provider."""
    vendor.turn(drop_answers=1)
    assert cli.run(*film("simblind")).code == 4
    [take] = cli.run("takes", "--in-doubt", "--json").document["items"]
    return take, next(job.id for job in vendor.state.jobs.values() if job.order.reference == take["intent"])


def takes(cli: CommandLine, *words: str) -> list[dict[str, Any]]:
    return cli.run("takes", *words, "--json").document["items"]


def test_a_take_in_doubt_is_shown_with_all_that_one_needs_to_find_it(cli: CommandLine, vendor: VendorThread) -> None:
    assert cli.run("takes", "--in-doubt").out == "No take is in doubt.\n"
    assert cli.run("takes").out == "No take yet.\n"
    take, _ = in_doubt(cli, vendor)
    assert (take["provider"], take["model"], take["state"]) == ("simblind", "simblind:frame", "in_doubt")
    assert (take["campaign"], take["shot"], take["kind"], take["quote_usd"]) == ("lamp", "shot-01", "frame", "0.1")
    assert take["prompt"]
    assert datetime.fromisoformat(take["submitted_at"]).tzinfo is not None
    assert take["failure"]["fault"] == "unknown"
    shown = cli.run("takes", "lamp", "--in-doubt").out
    for word in (take["id"], take["intent"], take["prompt"], "simblind:frame", "$0.10", "reelwright takes adopt TAKE JOB"):
        assert word in shown
    assert [each["id"] for each in takes(cli, "lamp")] == [take["id"]]
    assert [each["id"] for each in takes(cli)] == [take["id"]]
    missing = cli.run("takes", "nobody")
    assert missing.code == 2
    assert "no campaign 'nobody'" in one_sentence(missing.err)


def test_an_adopted_job_is_fetched_at_once_and_the_film_goes_on_without_paying_for_it_again(
    cli: CommandLine, vendor: VendorThread
) -> None:
    take, job = in_doubt(cli, vendor)
    wrong = cli.run("takes", "adopt", take["id"], "job-77777")
    assert wrong.code == 2
    assert one_sentence(wrong.err).startswith("simblind knows no job 'job-77777', so nothing has changed.")
    assert takes(cli, "lamp") == [take]
    adopted = cli.run("takes", "adopt", take["id"], job)
    assert adopted.code == 0, adopted
    assert "1 on the way: 1 at simblind" in adopted.out
    assert "kept: lamp shot-01 frame (take 1, simblind:frame), $0.10" in adopted.out
    again = cli.run("takes", "adopt", take["id"], job)
    assert again.code == 2
    assert "is not in doubt: it is kept" in one_sentence(again.err)
    resumed = cli.run("resume", "lamp", "--yes", "--json")
    assert resumed.code == 0, resumed
    assert resumed.document["money"]["charged_usd"] == "0.2"
    assert set(vendor.submits.values()) == {1}
    assert len(vendor.submits) == 2


def test_asking_again_needs_a_yes_and_makes_the_film(cli: CommandLine, vendor: VendorThread) -> None:
    take, _ = in_doubt(cli, vendor)
    asked = cli.run("takes", "retake", take["id"])
    assert asked.code == 3
    room = "(cap $5.00, and never more): agree with --yes."
    assert one_sentence(asked.err) == f"Asking again, with what else is still to be made, costs about $0.20 {room}"
    assert takes(cli, "lamp") == [take]
    retaken = cli.run("takes", "retake", take["id"], "--yes", "--json")
    assert retaken.code == 0, retaken
    document = retaken.document
    assert document["production"]["state"] == "completed"
    assert [(each["kind"], each["number"], each["state"]) for each in document["takes"]] == [
        ("frame", 1, "failed"),
        ("frame", 2, "kept"),
        ("clip", 1, "kept"),
    ]
    assert document["money"]["charged_usd"] == "0.2"
    assert cli.run("takes", "retake", take["id"], "--yes").code == 2


def test_what_a_deadline_left_is_harvested_and_the_film_goes_on(cli: CommandLine, vendor: VendorThread) -> None:
    assert cli.run("harvest").out == "Nothing is on its way.\n"
    vendor.turn(frame_seconds=12)
    cli.environment["SIMULATED_DEADLINE"] = "1"
    failed = cli.run(*film("simkey"))
    assert failed.code == 1
    assert "still running at simkey after" in failed.out
    assert "`reelwright harvest` waits for it" in failed.out
    process = cli.start("harvest")
    assert process.stdout is not None
    assert process.stdout.readline() == "1 on the way: 1 at simkey\n"
    stopped = cli.end(process, signal.SIGINT)
    assert stopped.code == 130
    assert stopped.err == "Stopped; nothing is lost. Go on with: reelwright harvest\n"
    harvested = cli.run("harvest", "--json")
    assert harvested.code == 0, harvested
    [take] = harvested.document["takes"]
    assert (take["state"], take["charged_usd"], harvested.document["done"]) == ("kept", "0.1", True)
    vendor.turn(frame_seconds=0.05)
    assert cli.run("resume", "lamp", "--yes", "--json").document["money"]["charged_usd"] == "0.2"
    assert set(vendor.submits.values()) == {1}


def test_two_harvests_at_once_bring_home_the_same_take_once(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(frame_seconds=6)
    cli.environment["SIMULATED_DEADLINE"] = "1"
    assert cli.run(*film("simkey")).code == 1
    both = [cli.start("harvest", "--json") for _ in range(2)]
    ended: list[Ended] = [cli.end(process) for process in both]
    assert [each.code for each in ended] == [0, 0]
    for each in ended:
        assert [take["state"] for take in each.document["takes"]] == ["kept"]
    assert cli.count("reel_ledger") == 3  # held, given back, charged


def test_jobs_that_nobody_here_has_asked_for_are_found(cli: CommandLine, vendor: VendorThread) -> None:
    elsewhere = {"REELWRIGHT_HOME": str(cli.folder / "elsewhere")}
    assert cli.end(cli.start(*film("simshelf"), **elsewhere)).code == 0
    found = cli.run("harvest", "--since", "1d")
    assert found.code == 0, found
    assert found.out.count("is nobody's, and is kept in campaign found.simshelf") == 2
    assert {take["state"] for take in takes(cli, "found.simshelf")} == {"kept"}
    assert "Found at simshelf" in cli.run("campaigns").out
    again = cli.run("harvest", "--since", "1d", "--json").document
    assert (again["found"], again["asked"]) == ([], ["simshelf"])
    vendor.turn(keys=["another"])
    refused = cli.run("harvest", "--since", "1d")
    assert refused.code == 1
    assert "simshelf does not give its list: " in refused.out


def test_a_moment_is_read_as_a_date_or_an_age() -> None:
    assert read_since("7d", NOW) == NOW - timedelta(days=7)
    assert read_since(" 12 h ", NOW) == NOW - timedelta(hours=12)
    assert read_since("2026-11-01T00:00+01:00", NOW) == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert read_since("2026-11-01", NOW).tzinfo is not None


@pytest.mark.parametrize("text", ["", "soon", "7", "7w", "-1d", "2026-13-01", "2027-01-01", "0d", "99999999999d"])
def test_a_moment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--since"):
        read_since(text, NOW)
