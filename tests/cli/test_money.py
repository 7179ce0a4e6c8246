"""`costs`, `budget` and the price before a retry: every cent is explained, and nobody pays unasked."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from decimal import Decimal

from cli.conftest import LAMP, PATIENCE, SMALL, CommandLine, one_sentence, paid, until
from staging import VendorThread


def test_every_cent_of_a_film_is_explained_and_adds_up(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(fail={"shot-02/frame": 1})
    assert cli.run(*paid("--id", "lamp")).code == 0
    document = cli.run("costs", "lamp", "--json").document
    assert (document["id"], document["name"], document["cap_usd"]) == ("lamp", "Ember", "5")
    assert (document["charged_usd"], document["reserved_usd"]) == ("0.3", "0")
    entries = document["entries"]
    sums = {
        kind: sum(Decimal(entry["amount_usd"]) for entry in entries if entry["kind"] == kind)
        for kind in ("reserve", "release", "charge")
    }
    assert sums == {"reserve": Decimal("0.4"), "release": Decimal("0.4"), "charge": Decimal("0.3")}
    failed = next(entry for entry in entries if entry["note"].startswith("it failed and costs nothing"))
    assert (failed["kind"], failed["amount_usd"], failed["model"], failed["provider"]) == (
        "release",
        "0.1",
        "simkey:frame",
        "simkey",
    )
    assert failed["what"] == f"shot-02 frame, take {failed['number']}"
    assert failed["job"] in vendor.state.jobs
    assert {entry["note"] for entry in entries if entry["kind"] == "charge"} == {"the price on its card"}
    assert document["models"] == [
        {"model": "simkey:frame", "provider": "simkey", "charged_usd": "0.2", "reserved_usd": "0"},
        {"model": "simkey:clip", "provider": "simkey", "charged_usd": "0.1", "reserved_usd": "0"},
    ]
    [month] = document["months"]
    assert month["charged_usd"] == "0.3"
    assert {entry["month"] for entry in entries} == {month["month"]}


def test_people_see_a_table_whose_columns_add_up(cli: CommandLine, vendor: VendorThread) -> None:
    vendor.turn(fail={"shot-02/frame": 1})
    assert cli.run(*paid("--id", "lamp")).code == 0
    shown = cli.run("costs", "lamp", COLUMNS="200").out.splitlines()
    amounts = [[Decimal(each.replace("$", "")) for each in re.findall(r"-?\$[\d.]+", line)] for line in shown]
    [total] = [row for line, row in zip(shown, amounts, strict=True) if line.startswith("in all")]
    lines = [row[0] for line, row in zip(shown, amounts, strict=True) if re.match(r"20\d\d-", line)]
    assert total == [Decimal(0), Decimal("0.30")]
    charged = [
        row[0] for line, row in zip(shown, amounts, strict=True) if "the price on its card" in line and "paid below" not in line
    ]
    assert sum(lines) == Decimal("0.30")
    assert len(charged) == 5 + 4  # held, and paid
    assert shown[-1] == "$0.30 paid, $0.00 held, of a cap of $5.00: $4.70 left. You are warned at 80 %."


def test_all_campaigns_together_add_up_by_campaign_model_and_month(cli: CommandLine) -> None:
    assert cli.run("costs").out.strip() == "Nothing was paid, and nothing is held."
    for name in ("one", "two"):
        assert cli.run(*paid("--id", name)).code == 0
    document = cli.run("costs", "--json").document
    assert (document["charged_usd"], document["reserved_usd"]) == ("0.6", "0")
    for parts in ("campaigns", "models", "months"):
        assert sum(Decimal(part["charged_usd"]) for part in document[parts]) == Decimal("0.6")
    assert [each["id"] for each in document["campaigns"]] == ["one", "two"]
    assert {entry["campaign"] for entry in document["entries"]} == {"one", "two"}
    shown = cli.run("costs").out
    assert [line.split()[-1] for line in shown.splitlines() if line.startswith("in all")] == ["$0.60"] * 3


def test_a_month_has_a_budget_that_holds_for_every_campaign(cli: CommandLine, vendor: VendorThread) -> None:
    told = cli.run("budget", "--month", "0.45", "--warn", "50").out.strip()
    assert re.fullmatch(
        r"\$0\.00 paid, \$0\.00 held, of the budget of \$0\.45 for 20\d\d-\d\d: \$0\.45 left\. You are warned at 50 %\.", told
    )
    made = cli.run(*paid("--id", "one"))
    assert made.code == 0
    assert "note: The budget for 20" in made.out
    refused = cli.run(*paid("--id", "two"))
    assert refused.code == 3
    assert re.search(
        r"costs about \$0\.31, and the budget for 20\d\d-\d\d leaves \$0\.15: raise it with", one_sentence(refused.err)
    )
    assert len(vendor.submits) == 4
    document = cli.run("budget", "--json").document
    assert {**document, "month": ""} == {
        "month": "",
        "cap_usd": "0.45",
        "charged_usd": "0.3",
        "reserved_usd": "0",
        "left_usd": "0.15",
        "warn_percent": 50,
    }
    assert "no budget for 20" in cli.run("budget", "--month", "none").out
    assert cli.run(*paid("--id", "two")).code == 0


def test_a_campaigns_cap_and_level_are_changed_by_its_id(cli: CommandLine) -> None:
    assert cli.run(*paid("--id", "lamp")).code == 0
    told = cli.run("budget", "lamp", "--cap", "$1", "--warn", "25").out.strip()
    assert told == "$0.30 paid, $0.00 held, of a cap of $1.00: $0.70 left. You are warned at 25 %."
    document = cli.run("budget", "lamp", "--json").document
    assert (document["campaign"], document["cap_usd"], document["left_usd"], document["warn_percent"]) == ("lamp", "1", "0.7", 25)


def test_a_wrong_budget_is_refused_and_changes_nothing(cli: CommandLine) -> None:
    for options, words in (
        (("--month", "lots"), "--month: 'lots' is not an amount"),
        (("--cap", "5"), "--cap is one campaign's"),
        (("lamp", "--month", "5"), "--month is for all campaigns"),
        (("lamp", "--cap", "5"), "There is no campaign 'lamp'"),
    ):
        ended = cli.run("budget", *options)
        assert ended.code == 2
        assert words in one_sentence(ended.err)
    assert cli.run("budget", "--warn", "101").code == 2
    assert cli.run("budget", "--json").document["cap_usd"] is None


def test_on_a_terminal_a_retry_shows_what_is_missing_what_it_costs_and_what_is_left(
    cli: CommandLine, vendor: VendorThread
) -> None:
    vendor.turn(fail={"shot-02/frame": 3})
    assert cli.run(*paid("--id", "lamp")).code == 1
    cli.run("budget", "--month", "9")
    before = dict(vendor.submits)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "reelwright", "resume", "lamp"]
    process = subprocess.Popen(command, cwd=cli.folder, env=cli.environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, b"n\n")
    shown = b""
    while b"Nothing was submitted" not in shown:
        shown += os.read(ours, 65536)
    assert process.wait(PATIENCE) == 3
    os.close(ours)
    text = " ".join(shown.decode().split())
    assert "1 frames by simkey:frame: $0.10" in text
    assert "1 clips by simkey:clip: $0.05" in text
    assert "Spend about $0.15 (cap $5.00, of which $4.85 are left; $8.85 left for 20" in text
    assert vendor.submits == before


def test_where_nothing_is_to_be_paid_nothing_is_asked(cli: CommandLine, vendor: VendorThread) -> None:
    assert cli.run(*paid("--id", "lamp")).code == 0
    assert cli.run("resume", "lamp").code == 0  # it is done
    assert len(vendor.submits) == 4
    free = cli.start("make", LAMP, *SMALL, "--id", "free")
    until(lambda: cli.count("reel_productions") == 2, free)
    cli.run("cancel", "free")
    cli.end(free)
    assert cli.run("resume", "free").code == 0
