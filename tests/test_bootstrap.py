"""Opening a data folder: what is there, who leads, and what a bad plug-in or setting does."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path

import psycopg
import pytest
import structlog
from pydantic import ValidationError
from sqlalchemy.exc import DatabaseError

from reelwright.bootstrap import Studio, open_studio
from reelwright.config import Settings, read_settings
from reelwright.errors import ConfigurationError

Opener = Callable[..., Studio]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens studios on one data folder, and closes them at the end."""
    studios: list[Studio] = []

    def make(**settings: object) -> Studio:
        studios.append(open_studio(Settings.model_validate({"home": tmp_path / "home", "workers": 1, **settings})))
        return studios[-1]

    yield make
    for studio in studios:
        await studio.close()


async def test_a_new_data_folder_has_everything_that_is_built_in(opened: Opener, tmp_path: Path) -> None:
    studio = opened()
    names = {provider.name for provider in studio.catalogue.providers}
    assert {"animatic", "espeak"} <= names
    assert "template" in studio.catalogue.writers
    assert studio.catalogue.broken == {}
    assert (tmp_path / "home" / "reelwright.sqlite").exists()
    assert [path.name for path in (tmp_path / "home").iterdir() if path.name.startswith(".trial")] == []


async def test_one_leads_at_a_time_and_the_next_one_follows(opened: Opener) -> None:
    first, second = opened(), opened()
    assert await first.lead()
    assert await first.lead()
    assert not await second.lead()
    await first.close()
    assert await second.lead()


async def test_leading_sweeps_what_a_killed_leader_left(opened: Opener, tmp_path: Path) -> None:
    studio = opened()
    work = tmp_path / "home" / "work"
    alive, dead = work / f"copy-{os.getppid()}-x", work / "copy-4194305-x"  # no process has a number that high
    for left in (work / "film_dead", alive, dead):
        left.mkdir()
        (left / "film.mp4").write_bytes(b"half")
    await studio.lead()
    assert list(work.iterdir()) == [alive]


async def test_closing_is_quick_also_with_the_engine(opened: Opener) -> None:
    studio = opened()
    await studio.lead()
    began = time.monotonic()
    await studio.close()
    assert time.monotonic() - began < 10


def plug_in(folder: Path, name: str, code: str) -> None:
    """A package somebody installed, with a provider of that name."""
    (folder / f"{name}_module.py").write_text(code)
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[reelwright.providers]\n{name} = {name}_module:provider\n")


async def test_a_plug_in_that_breaks_is_left_out_and_told(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path, "brokenvendor", "def provider(workshop):\n    raise KeyError('no such key')\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    studio = opened()
    assert studio.catalogue.broken == {"brokenvendor": "KeyError: 'no such key'"}
    assert {"animatic"} <= {provider.name for provider in studio.catalogue.providers}


async def test_a_provider_is_given_its_own_folder_cards_and_address(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path, "curious", "given = []\n\ndef provider(workshop):\n    given.append(workshop)\n    raise KeyError\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    opened()
    opened(public_url="https://studio.example/")
    alone, public = import_module("curious_module").given
    assert alone.folder == tmp_path / "home" / "providers" / "curious"
    assert alone.cards == tmp_path / "home" / "cards" / "curious.toml"
    assert (alone.webhook_url, public.webhook_url) == ("", "https://studio.example/webhooks/curious")


@pytest.mark.parametrize("url", ["studio.example", "ftp://studio.example", "https://studio.example/?a=1"])
def test_a_public_address_that_nobody_can_call_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(public_url=url)


def test_a_secret_key_does_not_show_with_the_other_settings() -> None:
    assert "top-secret" not in repr(Settings(secret_key="top-secret"))


async def test_secrets_do_not_reach_the_log(opened: Opener, tmp_path: Path) -> None:
    opened()
    structlog.get_logger("reelwright.test").warning(
        "test.told", url="https://cdn.example/x.mp4?signature=abcdef", key="sk-abcdefghijklmnop"
    )
    logging.getLogger("reelwright.other").warning("got https://cdn.example/y.mp4?token=abcdef")
    lines = [json.loads(line) for line in (tmp_path / "home" / "logs" / "reelwright.jsonl").read_text().splitlines()]
    assert {line["event"] for line in lines} >= {"test.told"}
    text = json.dumps(lines)
    assert "abcdef" not in text


async def test_a_data_folder_that_is_a_file_is_refused_in_words(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(ConfigurationError, match=r"REELWRIGHT_HOME: the data folder .* cannot be used: "):
        opened()


def test_the_number_of_workers_may_be_set(tmp_path: Path) -> None:
    assert Settings(home=tmp_path, workers=3).process_count == 3
    assert Settings(home=tmp_path).process_count >= 1


def test_the_environment_wins_over_the_file_and_wrong_ones_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELWRIGHT_HOME", str(tmp_path))
    (tmp_path / "reelwright.toml").write_text('voice = "none"\nworkers = 3\n')
    monkeypatch.setenv("REELWRIGHT_WORKERS", "2")
    assert (read_settings().voice, read_settings().workers) == ("none", 2)
    (tmp_path / "reelwright.toml").write_text("wrokers = 3\n")
    with pytest.raises(ConfigurationError, match="REELWRIGHT_WROKERS"):
        read_settings()
    (tmp_path / "reelwright.toml").write_text("workers = ]\n")
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        read_settings()


def open_files(folder: Path) -> set[str]:
    """What this process holds open in a folder, the log aside."""
    held = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return {str(each) for each in held if each.is_relative_to(folder) and each.suffix != ".jsonl"}


@pytest.mark.parametrize("trouble", ["the storage", "the durable log"])
def test_a_studio_that_cannot_be_opened_holds_nothing(opened: Opener, tmp_path: Path, trouble: str) -> None:
    if trouble == "the durable log":
        with closing(sqlite3.connect(tmp_path / "strange.sqlite")) as connection:
            connection.execute("CREATE TABLE dbos_migrations (somebody TEXT)")
        settings = {"database_url": f"sqlite:///{tmp_path}/strange.sqlite"}
    else:
        settings = {"storage_url": "nowhere:"}
    with pytest.raises((ConfigurationError, DatabaseError)) as refused:
        opened(**settings)
    assert open_files(tmp_path) == set(), refused.value
    assert "keys_0" not in {thread.name for thread in threading.enumerate()}


def test_a_studio_that_cannot_be_opened_gives_its_servers_connections_back(opened: Opener, postgres_url: str) -> None:
    with pytest.raises(ConfigurationError, match="REELWRIGHT_STORAGE_URL") as refused:
        opened(database_url=postgres_url, storage_url="nowhere:")
    with psycopg.connect(postgres_url) as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ends = time.monotonic() + 10
        while connection.execute(others).fetchone() != (0,):  # the server takes a moment to see that somebody has gone
            assert time.monotonic() < ends, refused.value
            time.sleep(0.1)
