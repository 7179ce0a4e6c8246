"""`make` and `resume`: one film, whatever happens to the processes that make it."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from cli.conftest import AGREED, LAMP, PAID, PATIENCE, SMALL, CommandLine, one_sentence, paid, until
from reelwright.media.probe import probe
from staging import VendorThread


def test_a_sentence_becomes_a_film_with_everything_that_belongs_to_it(cli: CommandLine) -> None:
    ended = cli.run("make", LAMP, *SMALL)
    assert ended.code == 0
    assert ended.err == ""
    film = cli.folder / "films" / "ember.mp4"
    found = probe(str(film))
    assert (found.size, found.seconds) == ((960, 960), 2)
    assert {path.name for path in film.parent.iterdir()} >= {"ember.mp4", "ember-poster.jpg", "ember-storyboard.png"}
    assert "Film: films/ember.mp4" in ended.out
    assert "\x1b" not in ended.out
    assert "campaign campaign_" in ended.out.splitlines()[0]


def test_with_json_the_output_is_one_document_and_progress_goes_elsewhere(cli: CommandLine, vendor: VendorThread) -> None:
    ended = cli.run(*paid("--json", "--id", "lamp-1", "--output", "deep/down/lamp.mp4"))
    assert ended.code == 0
    document = ended.document
    assert document["id"] == "lamp-1"
    assert document["status"] == document["production"]["state"] == "completed"
    assert document["money"] == {"cap_usd": "5", "reserved_usd": "0", "charged_usd": "0.3"}
    assert {take["state"] for take in document["takes"]} == {"kept"}
    assert document["files"]["film"] == "deep/down/lamp.mp4"
    assert probe(str(cli.folder / document["files"]["film"])).seconds == 2
    assert "shot 1 frame kept" in ended.err
    assert set(vendor.submits.values()) == {1}


def test_an_existing_film_is_never_written_over_and_the_same_id_is_the_same_film(cli: CommandLine, vendor: VendorThread) -> None:
    first = cli.run(*paid("--json", "--id", "lamp")).document
    (cli.folder / "films" / "ember.mp4").write_bytes(b"mine now")
    again = cli.run(*paid("--json", "--id", "lamp"))
    assert again.code == 0
    assert again.document["films"] == first["films"]
    assert again.document["files"]["film"] == "films/ember-2.mp4"
    assert again.document["files"]["poster"] == "films/ember-2-poster.jpg"
    assert (cli.folder / "films" / "ember.mp4").read_bytes() == b"mine now"
    assert len(vendor.submits) == 4


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_pauses_says_how_to_go_on_and_goes_on(
    cli: CommandLine, vendor: VendorThread, sent: signal.Signals
) -> None:
    vendor.turn(clip_seconds=600)
    process = cli.start(*paid("--id", "lamp"))
    until(lambda: len(vendor.submits) == 4, process)
    ended = cli.end(process, sent)
    assert ended.code == 130
    assert ended.err.strip().endswith("reelwright resume lamp")
    [paused] = cli.run("status", "--json").document["items"]
    assert paused["production"]["state"] == "paused"
    vendor.turn(clip_seconds=0.05)
    resumed = cli.run("resume", "lamp", "--json")
    assert resumed.code == 0
    assert resumed.document["money"]["charged_usd"] == "0.3"
    assert set(vendor.submits.values()) == {1}
    assert len(vendor.submits) == 4


def test_interrupted_with_json_it_still_prints_one_document(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(clip_seconds=600)
    process = cli.start(*paid("--json"))
    until(lambda: len(vendor.submits) == 4, process)
    ended = cli.end(process, signal.SIGINT)
    assert ended.code == 130
    assert ended.document["production"]["state"] == "paused"


def test_a_resume_pays_within_a_new_cap_what_the_old_one_did_not_cover(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(fail={"shot-02/clip": 3})
    failed = cli.run(*paid("--id", "lamp"))
    assert failed.code == 1
    assert "No film: shot-02: an internal error." in failed.out
    assert "reelwright resume lamp" in failed.out
    refused = cli.run("resume", "lamp", "--cap", "0.20", "--yes", "--json")
    assert refused.code == 3
    message = "What is still to be made costs about $0.05, and the cap leaves $0.00: raise --cap, or ask for less."
    assert refused.document["error"]["message"] == message
    asked = cli.run("resume", "lamp", "--cap", "$6")
    assert asked.code == 3
    room = "(cap $6.00, of which $5.75 are left): agree with --yes."
    assert one_sentence(asked.err) == f"What is still to be made costs about $0.05 {room}"
    resumed = cli.run("resume", "lamp", "--cap", "$6", "--yes", "--json")
    assert resumed.code == 0
    assert resumed.document["money"]["charged_usd"] == "0.3"


def test_made_again_under_its_own_id_a_film_costs_what_is_missing(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(fail={"shot-02/clip": 3})
    assert cli.run(*paid("--id", "lamp")).code == 1
    asked = cli.run(*(word for word in paid("--id", "lamp") if word != "--yes"))
    assert asked.code == 3
    assert one_sentence(asked.err).startswith("What is still to be made costs about $0.05 (cap ")
    made = cli.run(*paid("--id", "lamp", "--json"))
    assert made.code == 0
    assert made.document["money"]["charged_usd"] == "0.3"
    # Its film is done, so nothing more is agreed to.
    assert cli.run(*(word for word in paid("--id", "lamp") if word != "--yes")).code == 0
    assert set(vendor.submits.values()) == {1}


def test_a_take_in_doubt_ends_with_an_exit_code_of_its_own(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(drop_answers=1)
    options = ("--image", "simblind:frame", "--video", "simblind:clip", "--cap", "5", "--yes")
    ended = cli.run("make", LAMP, *SMALL, *options)
    assert ended.code == 4
    assert "is in doubt: take_" in ended.out
    assert "reelwright takes campaign_" in ended.out
    assert "--in-doubt" in ended.out


def test_a_second_process_follows_the_first_and_each_ends_with_its_own_film(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(frame_seconds=1.0)
    first = cli.start(*paid("--id", "one", "--output", "one.mp4", "--json"))
    until(lambda: vendor.submits, first)
    second = cli.start(*paid("--id", "two", "--output", "two.mp4", "--json"))
    ended = [cli.end(first), cli.end(second)]
    assert [each.code for each in ended] == [0, 0]
    assert [each.document["id"] for each in ended] == ["one", "two"]
    for name in ("one.mp4", "two.mp4"):
        assert probe(str(cli.folder / name)).seconds == 2
    assert set(vendor.submits.values()) == {1}
    assert len(vendor.submits) == 8


def test_when_the_leader_is_killed_the_follower_takes_over_and_pays_nothing_twice(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(clip_seconds=3)
    leader = cli.start(*paid("--id", "one"))
    until(lambda: len(vendor.submits) == 4, leader)
    follower = cli.start(*paid("--id", "two", "--json"))
    until(lambda: len(vendor.submits) > 5, follower)
    leader.kill()
    leader.communicate()
    vendor.turn(clip_seconds=0.05)
    assert cli.end(follower).code == 0
    assert cli.run("resume", "one").code == 0
    assert set(vendor.submits.values()) == {1}
    assert len(vendor.submits) == 8


def test_on_a_terminal_the_shots_are_shown_live(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(clip_seconds=1)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environment = {**cli.environment, "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "reelwright", *paid()]
    process = subprocess.Popen(command, cwd=cli.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            block = os.read(ours, 65536)
        except OSError:  # the other end is closed: the command has ended
            break
        if not block:
            break
        shown += block
    os.close(ours)
    assert process.wait(PATIENCE) == 0
    text = shown.decode()
    assert "\x1b[?25l" in text
    assert "\x1b[?25h" in text
    for word in ("making the shots", "generating", "kept", "$0.30 spent of $5.00", "Film:"):
        assert word in text
    assert "Traceback" not in text


def test_on_a_terminal_a_paid_film_is_agreed_on_first(cli: CommandLine, vendor: VendorThread) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "reelwright", "make", LAMP, *SMALL, *PAID]
    process = subprocess.Popen(command, cwd=cli.folder, env=cli.environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, b"5\nn\n")
    shown = b""
    while b"Nothing was submitted" not in shown:
        shown += os.read(ours, 65536)
    assert process.wait(PATIENCE) == 3
    os.close(ours)
    assert b"2 frames by simkey:frame: $0.20" in shown
    cli.assert_nothing_was_made(vendor)


def test_names_with_brackets_are_shown_as_they_are(cli: CommandLine, tmp_path: Path) -> None:
    (cli.folder / "brief.toml").write_text('product = "A lamp [/red] with [voice]"\nname = "[bold]Ember[/]"\n')
    ended = cli.run("make", "brief.toml", *SMALL, "--output", str(tmp_path / "film.mp4"))
    assert ended.code == 0, ended.err
    assert "[bold]Ember[/]" in cli.run("campaigns").out
    [campaign] = cli.run("campaigns", "--json").document["items"]
    assert "[bold]Ember[/]" in cli.run("status", campaign["id"]).out


def test_a_disk_that_takes_nothing_is_named_before_anything_is_made(cli: CommandLine, vendor: VendorThread) -> None:
    # The kernel refuses every write to a file, as it does on a full disk.
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
        "sys.argv[0] = 'reelwright'; from reelwright.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "make", LAMP, *SMALL, *AGREED]
    ended = subprocess.run(
        command, cwd=cli.folder, env=cli.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode == 5
    assert ended.stderr.startswith("reelwright: REELWRIGHT_HOME: the data folder")
    assert "Traceback" not in ended.stderr
    cli.assert_nothing_was_made(vendor)
