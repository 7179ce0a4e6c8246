"""A bad brief is answered in one sentence that names what is wrong; nothing is made and nothing is paid."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import LAMP, SMALL, CommandLine, one_sentence
from staging import VendorThread

TINY = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('name = "Ember"', "product: is missing"),
        ('product = "A lamp"\nshots = 0', "shots: 0 is not possible; a film has 1 to 60 shots."),
        ('product = "A lamp"\nseconds = "10 hours"', "seconds: '10 hours' is too long; a film may last 2 to 600 seconds."),
        ('product = "A lamp"\nratio = "2:1"', "ratio: '2:1' is not one of the eight"),
        ("product = A lamp", "is not TOML"),
        ('product = "A lamp"\npictures = ["lamp.png"]', "pictures[1]: lamp.png"),
        ('product = "A lamp"\nlogo = "none.png"', "logo: there is no file"),
        ('product = "A lamp"\n[providers]\nvideo = "simkey:magic"', "video: 'simkey:magic' makes no clip; on offer:"),
        ('product = "A lamp"\n[providers]\ntext = "nobody:x"', "text: 'nobody:x' writes no text"),
    ],
)
def test_a_bad_brief_is_refused_in_one_sentence(cli: CommandLine, vendor: VendorThread, text: str, told: str) -> None:
    (cli.folder / "lamp.png").write_bytes(TINY)
    (cli.folder / "brief.toml").write_text(text)
    ended = cli.run("make", "brief.toml")
    assert ended.code == 2
    assert ended.out == ""
    assert told in one_sentence(ended.err)
    cli.assert_nothing_was_made(vendor)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("brief.toml", b"\x00\x01\x02\xff", "is not text in UTF-8"),
        ("film.mp4", b"\x00\x00\x00\x18ftypmp42", "film.mp4"),
        ("notes.txt", b"A lamp that wakes you.", "notes.txt is not TOML"),
        ("brief.json", b"[1, 2]", "must hold one object"),
    ],
)
def test_a_file_of_another_kind_is_refused(cli: CommandLine, vendor: VendorThread, name: str, content: bytes, told: str) -> None:
    (cli.folder / name).write_bytes(content)
    ended = cli.run("make", name)
    assert ended.code == 2
    assert told in one_sentence(ended.err)
    cli.assert_nothing_was_made(vendor)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--shots", "0"), "shots: 0 is not possible"),
        (("--seconds", "10h"), "seconds: '10h' is too long"),
        (("--ratio", "17:9"), "ratio: '17:9'"),
        (("--cap", "lots"), "cap: 'lots' is not an amount"),
        (("--image", "animatic"), "providers.image: 'animatic' is not a model"),
        (("--voice", "espeak:nobody"), "voice: 'espeak:nobody' makes no voice"),
        (("--id", "a/b"), "'a/b' cannot be an id"),
        (("--output", "film.avi"), "--output: film.avi must name a file that ends in .mp4."),
    ],
)
def test_a_bad_option_is_refused_in_one_sentence(
    cli: CommandLine, vendor: VendorThread, options: tuple[str, ...], told: str
) -> None:
    ended = cli.run("make", LAMP, *options)
    assert ended.code == 2
    assert told in one_sentence(ended.err)
    cli.assert_nothing_was_made(vendor)


def test_with_json_a_refusal_is_one_document_with_a_code_for_programs(cli: CommandLine, vendor: VendorThread) -> None:
    ended = cli.run("make", LAMP, "--shots", "0", "--json")
    assert ended.code == 2
    assert ended.document == {
        "error": {"code": "invalid_brief", "message": "shots: 0 is not possible; a film has 1 to 60 shots."}
    }
    cli.assert_nothing_was_made(vendor)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "say the most that it may cost with --cap"),
        (("--yes",), "say the most that it may cost with --cap"),
        (("--cap", "5"), "agree with --yes"),
        (("--cap", "0.29", "--yes"), "This film costs about $0.31, and the cap is $0.29"),
    ],
)
def test_nothing_is_paid_without_a_cap_that_is_high_enough_and_a_yes(
    cli: CommandLine, vendor: VendorThread, options: tuple[str, ...], told: str
) -> None:
    ended = cli.run("make", LAMP, *SMALL, "--image", "simkey:frame", "--video", "simkey:clip", *options)
    assert ended.code == 3
    assert told in one_sentence(ended.err)
    cli.assert_nothing_was_made(vendor)


@pytest.mark.parametrize("command", ["status", "resume", "watch", "cancel"])
def test_an_id_that_nobody_has_is_told_so(cli: CommandLine, command: str) -> None:
    ended = cli.run(command, "campaign_nobody")
    assert ended.code == 2
    assert one_sentence(ended.err) == "There is no campaign 'campaign_nobody'; `reelwright campaigns` lists them."
    assert cli.run(command, "campaign_nobody", "--json").document["error"]["code"] == "not_found"


def test_a_page_after_an_id_that_nobody_has_is_told_so(cli: CommandLine) -> None:
    ended = cli.run("campaigns", "--after", "campaign_nobody")
    assert ended.code == 2
    assert "There is no campaign" in one_sentence(ended.err)


def test_where_the_film_cannot_be_written_nothing_is_made_first(cli: CommandLine, vendor: VendorThread) -> None:
    (cli.folder / "occupied").write_text("a file")
    for target, told in (("occupied/film.mp4", "is a file"), ("/proc/reelwright/film.mp4", "cannot be written to /proc")):
        ended = cli.run("make", LAMP, *SMALL, "--output", target)
        assert ended.code == 2
        assert told in one_sentence(ended.err)
    (cli.folder / "films").write_text("a file in the way of the folder")
    assert "is a file" in one_sentence(cli.run("make", LAMP, *SMALL).err)
    (cli.folder / "films").unlink()
    cli.assert_nothing_was_made(vendor)


def test_a_data_folder_that_cannot_be_used_is_named(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (str(tmp_path / "file" / "home"), "/proc/reelwright"):
        ended = cli.run("make", LAMP, REELWRIGHT_HOME=home)
        assert ended.code == 5
        assert f"REELWRIGHT_HOME: the data folder {home} cannot be used" in one_sentence(ended.err)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("REELWRIGHT_DATABASE_URL", "mysql://x/y", "REELWRIGHT_DATABASE_URL names 'mysql'"),
        ("REELWRIGHT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none", "REELWRIGHT_DATABASE_URL does not answer"),
        (
            "REELWRIGHT_DATABASE_URL",
            "sqlite:////proc/none/x.sqlite",
            "REELWRIGHT_DATABASE_URL: /proc/none/x.sqlite cannot be made",
        ),
        ("REELWRIGHT_STORAGE_URL", "ftp://x/y", "REELWRIGHT_STORAGE_URL"),
        ("REELWRIGHT_WORKERS", "many", "REELWRIGHT_WORKERS"),
        ("REELWRIGHT_IMAGE", "nobody:x", "REELWRIGHT_IMAGE: 'nobody:x' makes no frame"),
    ],
)
def test_a_wrong_setting_is_named(cli: CommandLine, vendor: VendorThread, variable: str, value: str, told: str) -> None:
    ended = cli.run("make", LAMP, **{variable: value})
    assert ended.code == 5
    assert told in one_sentence(ended.err)
    cli.assert_nothing_was_made(vendor)


def test_a_settings_file_that_is_not_toml_is_named(cli: CommandLine) -> None:
    cli.home.mkdir()
    (cli.home / "reelwright.toml").write_text("workers = = 2")
    ended = cli.run("campaigns")
    assert ended.code == 5
    assert one_sentence(ended.err).startswith("reelwright.toml in the data folder is not valid TOML")
