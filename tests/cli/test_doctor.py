"""`doctor` tries every part for real and says what to do."""

from __future__ import annotations

import signal

from cli.conftest import CommandLine, paid, until
from staging import VendorThread


def test_a_sound_installation_is_well_and_says_what_it_is_made_of(cli: CommandLine) -> None:
    ended = cli.run("doctor")
    assert ended.code == 0, ended.out
    assert ended.out.rstrip().endswith("All is well.")
    for word in ("database: SQLite", "disk:", "storage", "engine: no other process is at work", "animatic:cards", "template"):
        assert word in ended.out


def test_with_json_every_finding_is_in_one_document(cli: CommandLine) -> None:
    document = cli.run("doctor", "--json").document
    assert document["ok"] is True
    parts = {check["part"]: check for check in document["checks"]}
    assert {"settings", "database", "disk", "engine", "frame models", "clip models", "writers"} <= parts.keys()
    assert all(check["is_ok"] and check["detail"] for check in document["checks"])


def test_a_wrong_setting_is_found_and_the_exit_code_says_so(cli: CommandLine) -> None:
    ended = cli.run("doctor", "--json", REELWRIGHT_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert ended.code == 5
    [wrong] = [check for check in ended.document["checks"] if not check["is_ok"]]
    assert "does not answer" in wrong["detail"]


def test_a_leader_at_work_is_named_and_not_disturbed(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(clip_seconds=600)
    maker = cli.start(*paid())
    until(lambda: len(vendor.submits) == 4, maker)
    ended = cli.run("doctor")
    assert f"process {maker.pid} is at work; 1 production is not finished" in ended.out
    assert cli.end(maker, signal.SIGINT).code == 130
    assert "`reelwright status` lists them" in cli.run("doctor").out
