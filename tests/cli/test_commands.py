"""Looking at campaigns, following and ending them, from other processes."""

from __future__ import annotations

import signal

from cli.conftest import LAMP, SMALL, CommandLine, paid, until
from staging import VendorThread

EMPTY = "No campaign yet."


def test_an_empty_studio_says_what_to_do_first(cli: CommandLine) -> None:
    assert cli.run("campaigns").out.startswith(EMPTY)
    assert cli.run("campaigns", "--json").document == {"items": [], "next": None}
    assert cli.run("status").out.startswith("No production is running or paused.")
    assert cli.run("status", "--json").document == {"items": []}


def test_a_film_that_is_made_can_be_looked_at_listed_and_followed(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(clip_seconds=600)
    maker = cli.start(*paid("--id", "lamp"))
    until(lambda: len(vendor.submits) == 4, maker)
    shown = cli.run("status", "lamp")
    assert shown.code == 0
    assert "Ember  lamp  running" in shown.out
    assert "generating" in shown.out
    assert "held of a cap of $5.00" in shown.out
    [running] = cli.run("status", "--json").document["items"]
    assert running["id"] == "lamp"
    watcher = cli.start("watch", "lamp")
    until(lambda: watcher.poll() is None, watcher)
    vendor.turn(clip_seconds=0.05)
    watched = cli.end(watcher)
    assert watched.code == 0
    assert "film rendered" in watched.out
    assert cli.end(maker).code == 0
    assert cli.run("watch", "lamp", "--json").document["status"] == "completed"
    assert "film 1: 960x960, 2 s" in cli.run("status", "lamp").out


def test_interrupting_a_watcher_does_not_touch_what_it_watches(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(clip_seconds=600)
    maker = cli.start(*paid("--id", "lamp"))
    until(lambda: len(vendor.submits) == 4, maker)
    watcher = cli.start("watch", "lamp")
    assert watcher.stdout is not None
    assert "campaign lamp" in watcher.stdout.readline()
    watched = cli.end(watcher, signal.SIGINT)
    assert watched.code == 130
    assert "watch lamp" in watched.err
    assert cli.run("status", "lamp", "--json").document["production"]["state"] == "running"
    cli.end(maker, signal.SIGINT)


def test_cancelled_from_another_process_it_ends_and_gives_back_what_was_not_made(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(clip_seconds=600)
    maker = cli.start(*paid("--id", "lamp", "--json"))
    until(lambda: len(vendor.submits) == 4, maker)
    cancelled = cli.run("cancel", "lamp")
    assert cancelled.code == 0
    assert "2 are still at their provider" in cancelled.out
    ended = cli.end(maker)
    assert ended.code == 1
    document = ended.document
    assert document["production"]["state"] == "cancelled"
    # Two frames were made and kept; the vendor stopped the clips and takes nothing for them.
    assert sorted(take["state"] for take in document["takes"]) == ["failed", "failed", "kept", "kept"]
    assert document["money"] == {"cap_usd": "5", "reserved_usd": "0", "charged_usd": "0.2"}
    assert sum(job.is_cancelled for job in vendor.state.jobs.values()) == 2
    again = cli.run("cancel", "lamp")
    assert again.code == 2
    assert "has no production that could be cancelled" in again.err
    vendor.turn(clip_seconds=0.05)
    resumed = cli.run("resume", "lamp", "--yes", "--json")
    assert resumed.code == 0
    assert resumed.document["money"]["charged_usd"] == "0.3"
    assert len(vendor.submits) == 6


def test_what_nobody_works_on_is_said_to_whoever_watches(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(clip_seconds=600)
    maker = cli.start(*paid("--id", "lamp"))
    until(lambda: len(vendor.submits) == 4, maker)
    maker.kill()
    maker.communicate()
    watcher = cli.start("watch", "lamp")
    assert watcher.stderr is not None
    assert watcher.stderr.readline().strip() == "Nobody is at work on it now; go on with: reelwright resume lamp"
    watcher.send_signal(signal.SIGINT)
    assert cli.end(watcher).code == 130


def test_the_list_of_campaigns_pages_by_id_and_misses_nobody(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(frame_seconds=600)
    for number, name in enumerate(("one", "two", "three"), 1):
        process = cli.start(*paid("--id", name))
        until(lambda number=number: cli.count("reel_productions") == number, process)
        process.kill()
        process.communicate()
    first = cli.run("campaigns", "--limit", "2", "--json").document
    assert [item["id"] for item in first["items"]] == ["three", "two"]
    second = cli.run("campaigns", "--limit", "2", "--after", first["next"], "--json").document
    assert [item["id"] for item in second["items"]] == ["one"]
    assert second["next"] is None
    listed = cli.run("campaigns").out.splitlines()
    assert [line.split()[0] for line in listed] == ["campaign", "three", "two", "one"]


def test_an_unknown_option_is_refused_in_words(cli: CommandLine) -> None:
    ended = cli.run("make", LAMP, *SMALL, "--colour", "red")
    assert ended.code == 2
    assert "--colour" in ended.err
    assert ended.out == ""
