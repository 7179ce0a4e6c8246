"""Vendors' keys: sealed at rest, live in use, and opened by nobody else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reelwright.db import keys as key_rows
from reelwright.db.engine import Database
from reelwright.db.keys import SealedKey
from reelwright.domain.brief import Brief
from reelwright.errors import ConfigurationError, InvalidInput, NotFound
from reelwright.net.redaction import conceal, redact
from reelwright.ports import Workshop
from reelwright.providers import Account
from reelwright.services.keys import VENDORS, Keys
from reelwright.services.sealing import FILE, Safe, SecretKey
from reelwright.testing.language_model import KEY, LanguageModelServer
from reelwright.writers.language_model import openai
from staging import eventually

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
CANARY = "canary-7c1f0a92e6d84b35-yellow"
OTHER = "robin-55d0b7a1c3e94f28-red-breast"
NEW, OLD = "n" * 40, "o" * 40

Opener = Callable[..., Keys]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[Opener]:
    """What processes on one data folder have: each its own."""
    made: list[Keys] = []

    def open_keys(setting: str = "", outer: Mapping[str, str] | None = None, home: Path = tmp_path) -> Keys:
        made.append(Keys(database, Safe(home, setting), outer or {}, now=lambda: NOW))
        return made[-1]

    yield open_keys
    for keys in made:
        keys.close()


def rows(database: Database) -> dict[str, SealedKey]:
    return {key.name: key for key in database.read_now(key_rows.every)}


async def test_a_key_is_sealed_in_the_database_and_open_to_whoever_uses_it(
    opened: Opener, database: Database, tmp_path: Path
) -> None:
    keys = opened()
    told = await keys.set("RUNWAYML_API_SECRET", f"  {CANARY}\n")
    assert (told.source, told.ending, told.changed_at) == ("database", "llow", NOW)
    assert keys.environment["RUNWAYML_API_SECRET"] == CANARY
    assert "RUNWAYML_API_SECRET" not in os.environ
    assert CANARY not in rows(database)["RUNWAYML_API_SECRET"].sealed
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    keys.check()


async def test_the_list_has_every_vendor_and_shows_four_characters(opened: Opener) -> None:
    keys = opened(outer={"OPENAI_API_KEY": OTHER, "FAL_KEY": " ", "GEMINI_API_KEY": "short"})
    await keys.set("OPENAI_API_KEY", CANARY)
    await keys.set("FAL_KEY", CANARY)
    known = {key.name: key for key in await keys.known()}
    assert known.keys() == VENDORS.keys()
    assert (known["OPENAI_API_KEY"].source, known["OPENAI_API_KEY"].ending) == ("environment", "east")
    assert known["OPENAI_API_KEY"].is_kept
    assert (known["FAL_KEY"].source, known["FAL_KEY"].ending) == ("database", "llow")
    assert (known["GEMINI_API_KEY"].source, known["GEMINI_API_KEY"].ending) == ("environment", "")
    assert known["ANTHROPIC_API_KEY"].source == ""
    assert CANARY not in repr(known)
    assert OTHER not in repr(known)


async def test_the_environment_wins_but_an_empty_variable_does_not(opened: Opener) -> None:
    outer = {"OPENAI_API_KEY": OTHER, "FAL_KEY": "", "OPENAI_BASE_URL": "http://localhost:1"}
    keys = opened(outer=outer)
    for name in ("OPENAI_API_KEY", "FAL_KEY"):
        await keys.set(name, CANARY)
    environment = keys.environment
    assert environment["OPENAI_API_KEY"] == OTHER
    assert environment["FAL_KEY"] == CANARY
    assert environment["OPENAI_BASE_URL"] == "http://localhost:1"
    assert environment.get("REPLICATE_API_TOKEN", "none") == "none"
    assert {*environment} == {*outer}
    del outer["OPENAI_API_KEY"]
    assert environment["OPENAI_API_KEY"] == CANARY


async def test_what_another_process_sets_or_removes_is_seen_within_seconds(opened: Opener) -> None:
    mine, theirs = opened(), opened()
    assert "FAL_KEY" not in mine.environment
    await theirs.set("FAL_KEY", CANARY)
    await eventually(lambda: mine.environment.get("FAL_KEY") == CANARY)
    await theirs.set("FAL_KEY", OTHER)
    await eventually(lambda: mine.environment["FAL_KEY"] == OTHER)
    await theirs.remove("FAL_KEY")
    await eventually(lambda: "FAL_KEY" not in mine.environment)


async def test_a_database_that_is_away_leaves_what_was_read_before(opened: Opener, database: Database) -> None:
    keys = opened()
    await keys.set("FAL_KEY", CANARY)
    assert keys.environment["FAL_KEY"] == CANARY
    with database.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE reel_keys RENAME TO reel_gone")
        connection.commit()
    keys.environment.forget()
    assert keys.environment["FAL_KEY"] == CANARY


async def test_what_was_sealed_for_one_vendor_does_not_open_for_another(opened: Opener, database: Database) -> None:
    keys = opened()
    await keys.set("FAL_KEY", CANARY)
    moved = rows(database)["FAL_KEY"].sealed
    database.write_now(lambda session: key_rows.put(session, SealedKey("OPENAI_API_KEY", moved, NOW)))
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY in the database is not what was sealed there"):
        keys.check()
    assert "OPENAI_API_KEY" not in opened().environment
    assert opened().environment["FAL_KEY"] == CANARY


async def test_a_secret_key_that_others_can_read_is_refused(opened: Opener, tmp_path: Path) -> None:
    await opened().set("FAL_KEY", CANARY)
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(ConfigurationError, match=rf"can be read by others \(mode 640\): run `chmod 600 {tmp_path / FILE}`"):
        opened().check()
    with pytest.raises(ConfigurationError, match="can be read by others"):
        await opened().set("OPENAI_API_KEY", CANARY)
    (tmp_path / FILE).chmod(0o600)
    opened().check()


async def test_a_lost_secret_key_is_told_and_no_other_one_is_made_over_it(
    opened: Opener, database: Database, tmp_path: Path
) -> None:
    await opened().set("FAL_KEY", CANARY)
    (tmp_path / FILE).rename(tmp_path / "safe-place")
    keys = opened()
    with pytest.raises(ConfigurationError, match=r"secret\.key is missing, and FAL_KEY in the database is sealed with it"):
        keys.check()
    with pytest.raises(ConfigurationError, match="is missing"):
        await keys.set("OPENAI_API_KEY", OTHER)
    with pytest.raises(ConfigurationError, match="is missing"):
        await keys.rotate()
    assert not (tmp_path / FILE).exists()
    [lost] = [key for key in await keys.known() if key.name == "FAL_KEY"]
    assert (lost.source, lost.ending) == ("database", "")
    assert "is missing" in lost.problem
    await keys.remove("FAL_KEY")
    await keys.set("OPENAI_API_KEY", OTHER)
    assert keys.environment["OPENAI_API_KEY"] == OTHER
    assert rows(database).keys() == {"OPENAI_API_KEY"}


@pytest.mark.parametrize("content", ["", "short\n", f"{NEW}\nshort\n"])
async def test_a_secret_key_that_was_cut_short_is_refused(opened: Opener, tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(ConfigurationError, match="is not as it was written"):
        await opened().set("FAL_KEY", CANARY)


async def test_two_machines_share_a_secret_key_by_its_setting(opened: Opener, tmp_path: Path) -> None:
    await opened(NEW, home=tmp_path / "one").set("FAL_KEY", CANARY)
    assert opened(NEW, home=tmp_path / "two").environment["FAL_KEY"] == CANARY
    with pytest.raises(ConfigurationError, match="sealed with another secret key"):
        opened(OLD).check()
    with pytest.raises(ConfigurationError, match="REELWRIGHT_SECRET_KEY is too short"):
        opened("password").check()
    assert not (tmp_path / FILE).exists()


async def test_rotating_makes_a_new_secret_key_and_forgets_the_old_one(opened: Opener, tmp_path: Path) -> None:
    keys, other = opened(), opened()
    await keys.set("FAL_KEY", CANARY)
    await keys.set("OPENAI_API_KEY", OTHER)
    before = (tmp_path / FILE).read_text().split()
    assert await keys.rotate() == 2
    after = (tmp_path / FILE).read_text().split()
    assert (len(before), len(after)) == (1, 1)
    assert before != after
    assert (other.environment["FAL_KEY"], other.environment["OPENAI_API_KEY"]) == (CANARY, OTHER)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


async def test_with_the_setting_rotating_seals_with_its_first_key(opened: Opener) -> None:
    await opened(OLD).set("FAL_KEY", CANARY)
    both = opened(f"{NEW},{OLD}")
    both.check()
    assert await both.rotate() == 1
    assert opened(NEW).environment["FAL_KEY"] == CANARY
    with pytest.raises(ConfigurationError):
        opened(OLD).check()


async def test_a_studio_moves_from_the_file_to_the_setting(opened: Opener, tmp_path: Path) -> None:
    await opened().set("FAL_KEY", CANARY)
    assert await opened(NEW).rotate() == 1
    (tmp_path / FILE).unlink()
    assert opened(NEW).environment["FAL_KEY"] == CANARY


async def test_killed_while_rotating_every_key_still_opens_and_the_next_time_tidies_up(opened: Opener, tmp_path: Path) -> None:
    keys = opened()
    await keys.set("FAL_KEY", CANARY)
    Safe(tmp_path, "").renew()  # as if it had died before a row was sealed anew
    Safe(tmp_path, "").renew()
    assert len((tmp_path / FILE).read_text().split()) == 3
    opened().check()
    assert await opened().rotate() == 1
    assert len((tmp_path / FILE).read_text().split()) == 1
    opened().check()


async def test_keys_that_are_set_while_others_rotate_all_open_in_the_end(opened: Opener) -> None:
    many = [opened() for _ in range(6)]
    names = list(VENDORS)
    await asyncio.gather(
        *(many[number % 4].set(name, f"{CANARY}-{number}") for number, name in enumerate(names)),
        many[4].rotate(),
        many[5].rotate(),
        return_exceptions=False,
    )
    fresh = opened()
    fresh.check()
    assert [fresh.environment[name] for name in names] == [f"{CANARY}-{number}" for number in range(len(names))]


@pytest.mark.parametrize(
    "value", ["", "   ", "too short", "spaces in the middle of it", "schlüssel-mit-umlauten", "a\x00" * 20, "x" * 5000]
)
async def test_what_cannot_be_a_key_is_refused_and_not_shown(opened: Opener, database: Database, value: str) -> None:
    with pytest.raises(InvalidInput, match="FAL_KEY: a key has") as caught:
        await opened().set("FAL_KEY", value)
    assert not value.strip() or value not in str(caught.value)
    assert rows(database) == {}


async def test_only_the_vendors_own_variables_hold_keys(opened: Opener) -> None:
    with pytest.raises(InvalidInput, match="OPENAI_BASE_URL is no secret: set it in the environment"):
        await opened().set("OPENAI_BASE_URL", CANARY)
    with pytest.raises(InvalidInput, match="known are ANTHROPIC_API_KEY"):
        await opened().set("PATH", CANARY)
    with pytest.raises(NotFound, match="The database has no FAL_KEY; it is set in the environment, unset it there"):
        await opened(outer={"FAL_KEY": CANARY}).remove("FAL_KEY")


async def test_a_secret_that_was_used_is_taken_out_of_every_text(opened: Opener) -> None:
    odd = 'owl"5f0e/8a+c2%d9-and-more'
    keys = opened(outer={"SOMEBODYS_API_TOKEN": odd, "SOMEBODYS_BASE_URL": "http://localhost:4711"})
    await keys.set("FAL_KEY", CANARY)
    assert keys.environment["SOMEBODYS_API_TOKEN"] == odd
    assert keys.environment["SOMEBODYS_BASE_URL"] == "http://localhost:4711"
    for form in (odd, "owl%225f0e%2F8a%2Bc2%25d9-and-more", 'owl\\"5f0e/8a+c2%d9-and-more', CANARY):
        assert form not in conceal(f"the vendor says {form} is wrong")
        assert form not in redact(f"the vendor says {form} is wrong")
    assert conceal("http://localhost:4711") == "http://localhost:4711"


def test_a_secret_key_tells_nothing_of_itself() -> None:
    key = SecretKey(NEW)
    assert NEW not in repr(key)
    sealed = key.seal("FAL_KEY", CANARY)
    assert sealed.startswith(f"1.{key.id}.")
    assert key.seal("FAL_KEY", CANARY) != sealed
    assert key.open("FAL_KEY", sealed) == CANARY


async def test_writers_and_providers_ask_with_the_key_of_the_database(opened: Opener, tmp_path: Path) -> None:
    async def never(*_: object) -> object:
        raise AssertionError

    async with LanguageModelServer() as server:
        keys = opened(outer={"OPENAI_BASE_URL": server.url})
        workshop = Workshop(folder=tmp_path, environment=keys.environment, media=never)
        account = Account("OpenAI", workshop, ("OPENAI_API_KEY",), "OPENAI_BASE_URL", "https://api.example")
        await keys.set("OPENAI_API_KEY", CANARY)
        first = account.fingerprint
        with pytest.raises(ConfigurationError, match="OPENAI_API_KEY was refused"):
            await openai(workshop, "llama").concepts(Brief("A lamp", "Ember"), 3)
        await keys.set("OPENAI_API_KEY", KEY)
        assert (await openai(workshop, "llama").concepts(Brief("A lamp", "Ember"), 3)).writer == "openai:llama"
        assert account.key == KEY
        assert account.fingerprint not in {first, ""}
    assert "OPENAI_API_KEY" not in os.environ
