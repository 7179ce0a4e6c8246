"""The same rows, the same rules, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reelwright.db import assets, budgets, campaigns, events, listing, productions, takes
from reelwright.db.engine import Database
from reelwright.db.leadership import Leadership
from reelwright.db.migrations import newest
from reelwright.db.tables import Table
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.brief import Brief
from reelwright.domain.budget import Balance, EntryKind
from reelwright.domain.campaign import Campaign, CampaignStatus, Document
from reelwright.domain.event import EventName
from reelwright.domain.generation import Kind, ModelRef, Request
from reelwright.domain.ids import OWNER, AssetId, CampaignId, IntentKey, ProductionId, ShotId, TakeId
from reelwright.domain.production import Models, Production, ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.domain.timing import Size
from reelwright.errors import ConfigurationError, InvalidInput, NotFound, VersionConflict

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
CAMPAIGN = Campaign(
    CampaignId("c1"), OWNER, CampaignStatus.DRAFT, 1, Document(Brief("A cup that keeps tea warm", "Cup")), NOW, 5_000_000
)
MODELS = Models(ModelRef("t:t"), ModelRef("p:frame"), ModelRef("p:clip"), None)
RUN = Production(ProductionId("p1"), CAMPAIGN.id, ProductionState.RUNNING, MODELS, NOW)
TAKE = Take(
    id=TakeId("take_1"),
    campaign_id=CAMPAIGN.id,
    production_id=RUN.id,
    shot_id=ShotId("shot-01"),
    kind=Kind.CLIP,
    number=1,
    request=Request(Kind.CLIP, ModelRef("p:clip"), "a cup", seconds=Fraction(7, 3)),
    intent=IntentKey("p1/shot-01/clip/1"),
    state=TakeState.PLANNED,
    quote_micro_usd=250_000,
    created_at=NOW,
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def filled(database: Database) -> Database:
    database.write_now(lambda session: campaigns.insert(session, CAMPAIGN))
    database.write_now(lambda session: productions.insert(session, RUN))
    database.write_now(lambda session: takes.insert(session, TAKE))
    return database


def is_ours(name: str | None, kind: str, _: object) -> bool:
    return kind != "table" or name in Table.metadata.tables


def test_migrations_make_exactly_the_tables_of_the_code_and_may_run_twice(database: Database) -> None:
    database.migrate()
    with database.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": is_ours},
        )
        assert compare_metadata(context, Table.metadata) == []


def test_a_connection_that_comes_back_after_the_end_is_closed(database_url: str) -> None:
    ended = Database(database_url)
    late = ended.connect()
    own = late.connection.dbapi_connection
    assert own is not None
    ended.close()
    late.close()
    with pytest.raises((sqlite3.ProgrammingError, psycopg.OperationalError), match="closed"):
        own.cursor().execute("SELECT 1")


def test_the_newest_revision_is_the_one_that_the_code_asks_for() -> None:
    config = Config()
    config.set_main_option("script_location", "reelwright:db/migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == newest()


def test_a_database_that_a_newer_version_has_changed_is_refused_in_words(database: Database) -> None:
    database.write_now(lambda session: session.execute(sa.text("UPDATE reel_schema SET version_num = '9999'")))
    with pytest.raises(ConfigurationError, match="newer version"):
        database.migrate()


def test_what_is_written_is_read_back_as_it_was(filled: Database) -> None:
    assert filled.read_now(lambda session: campaigns.get(session, CAMPAIGN.id)) == CAMPAIGN
    assert filled.read_now(lambda session: productions.newest(session, CAMPAIGN.id)) == RUN
    assert filled.read_now(lambda session: takes.get(session, TAKE.id)) == TAKE
    assert filled.read_now(lambda session: takes.by_intent(session, TAKE.intent)) == TAKE


def test_a_campaign_that_is_not_there_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound, match="reelwright campaigns"):
        database.read_now(lambda session: campaigns.get(session, CampaignId("nobody")))


def test_saving_an_old_version_is_refused_and_changes_nothing(filled: Database) -> None:
    document = replace(CAMPAIGN.document, concept=1)
    assert filled.write_now(lambda session: campaigns.save(session, CAMPAIGN.id, document, 1)) == 2
    with pytest.raises(VersionConflict):
        filled.write_now(lambda session: campaigns.save(session, CAMPAIGN.id, CAMPAIGN.document, 1))
    assert filled.read_now(lambda session: campaigns.get(session, CAMPAIGN.id)).document == document


def test_an_exception_undoes_the_whole_transaction(filled: Database) -> None:
    def half(session: Session) -> None:
        events.append(session, CAMPAIGN.id, EventName.NOTICE_GIVEN, NOW, text="half")
        raise NotFound("stop")

    with pytest.raises(NotFound):
        filled.write_now(half)
    assert filled.read_now(lambda session: events.after(session, CAMPAIGN.id, 0)) == []


async def test_events_that_are_appended_at_once_are_numbered_without_a_gap(filled: Database) -> None:
    async def append(text: str) -> int:
        return await filled.write(lambda s: events.append(s, CAMPAIGN.id, EventName.NOTICE_GIVEN, NOW, text=text))

    numbers = await asyncio.gather(*(append(str(n)) for n in range(40)))
    assert sorted(numbers) == list(range(1, 41))
    found = await filled.read(lambda session: events.after(session, CAMPAIGN.id, 10))
    assert [event.number for event in found] == list(range(11, 41))


async def test_only_one_of_many_wins_a_move(filled: Database) -> None:
    async def claim() -> bool:
        return await filled.write(
            lambda session: takes.move(session, TAKE.id, TakeState.PLANNED, TakeState.SUBMITTING, submitting_at=NOW)
        )

    assert sorted(await asyncio.gather(*(claim() for _ in range(12)))) == [False] * 11 + [True]


async def test_places_at_a_provider_are_never_overbooked(filled: Database) -> None:
    def plan(session: Session) -> None:
        for number in range(2, 14):
            takes.insert(
                session,
                replace(TAKE, id=TakeId(f"take_{number}"), number=number, intent=IntentKey(f"intent-{number}")),
            )

    filled.write_now(plan)

    def claim(number: int) -> bool:
        def enter(session: Session) -> bool:
            takes.lock_account(session, "p", "account")
            if takes.at_provider(session, "p", "account", ["p:clip", "p:frame"], NOW - timedelta(hours=1)) >= 3:
                return False
            columns = {"account": "account", "submitting_at": NOW}
            return takes.move(session, TakeId(f"take_{number}"), TakeState.PLANNED, TakeState.SUBMITTING, **columns)

        return filled.write_now(enter)

    won = await asyncio.gather(*(asyncio.to_thread(claim, number) for number in range(1, 14)))
    assert sum(won) == 3


async def test_a_cap_is_not_exceeded_by_a_hundred_at_once(filled: Database) -> None:
    def reserve(number: int) -> bool:
        def hold(session: Session) -> bool:
            campaigns.get(session, CAMPAIGN.id, for_change=True)
            if not budgets.balance(session, CAMPAIGN.id).covers(400_000):
                return False
            budgets.write(session, CAMPAIGN.id, f"take_{number}", EntryKind.RESERVE, 400_000, NOW)
            return True

        return filled.write_now(hold)

    won = await asyncio.gather(*(asyncio.to_thread(reserve, number) for number in range(100)))
    assert sum(won) == 12
    assert filled.read_now(lambda session: budgets.balance(session, CAMPAIGN.id)) == Balance(5_000_000, reserved=4_800_000)


def test_a_reserve_is_settled_into_a_charge(filled: Database) -> None:
    def book(session: Session) -> None:
        budgets.write(session, CAMPAIGN.id, TAKE.id, EntryKind.RESERVE, 250_000, NOW)
        budgets.settle(session, CAMPAIGN.id, TAKE.id, 240_000, NOW)

    filled.write_now(book)
    assert filled.read_now(lambda session: budgets.balance(session, CAMPAIGN.id)) == Balance(5_000_000, 0, 240_000)


def test_the_same_movement_of_money_cannot_be_written_twice(filled: Database) -> None:
    def book(session: Session) -> None:
        budgets.write(session, CAMPAIGN.id, TAKE.id, EntryKind.CHARGE, 250_000, NOW)

    filled.write_now(book)
    with pytest.raises(IntegrityError):
        filled.write_now(book)


def test_a_campaign_has_at_most_one_production_that_runs(filled: Database) -> None:
    second = replace(RUN, id=ProductionId("p2"))
    with pytest.raises(IntegrityError):
        filled.write_now(lambda session: productions.insert(session, second))
    filled.write_now(lambda session: productions.move(session, RUN.id, ProductionState.FAILED, at=NOW, error="no"))
    filled.write_now(lambda session: productions.insert(session, second))
    assert [run.id for run in filled.read_now(productions.active)] == ["p2"]


def test_an_ended_production_does_not_move_again(filled: Database) -> None:
    assert filled.write_now(lambda session: productions.move(session, RUN.id, ProductionState.CANCELLED, at=NOW))
    assert not filled.write_now(lambda session: productions.move(session, RUN.id, ProductionState.COMPLETED, at=NOW))
    assert filled.read_now(lambda session: productions.get(session, RUN.id)).state is ProductionState.CANCELLED


def test_an_attempt_becomes_an_asset_once(filled: Database) -> None:
    asset = Asset(
        id=AssetId("asset_1"),
        user_id=OWNER,
        campaign_id=CAMPAIGN.id,
        kind=AssetKind.CLIP,
        key="owner/c1/video-clips/x.mp4",
        bytes=7 << 32,
        sha256="ab" * 32,
        media_type="video/mp4",
        created_at=NOW,
        size=Size(1280, 720),
        seconds=Fraction(1001, 24000),
        take_id=TAKE.id,
        provenance={"model": "p:clip"},
    )
    filled.write_now(
        lambda session: assets.open_attempt(
            session, asset.id, user=OWNER, campaign=CAMPAIGN.id, kind=asset.kind, key=asset.key, maker=TAKE.id, at=NOW
        )
    )
    with pytest.raises(NotFound):
        filled.read_now(lambda session: assets.get(session, asset.id))
    assert filled.read_now(lambda session: assets.open_attempts(session, TAKE.id, AssetKind.CLIP)) == [(asset.id, asset.key)]
    assert filled.write_now(lambda session: assets.make_ready(session, asset))
    assert not filled.write_now(lambda session: assets.make_ready(session, asset))
    filled.write_now(lambda session: assets.forget_attempt(session, asset.id))
    assert filled.read_now(lambda session: assets.get(session, asset.id)) == asset
    assert filled.read_now(lambda session: assets.open_attempts(session, TAKE.id, AssetKind.CLIP)) == []


def test_lists_page_by_key_without_a_gap(database: Database) -> None:
    for number in range(7):
        made = replace(CAMPAIGN, id=CampaignId(f"c{number}"))
        database.write_now(lambda session, made=made: campaigns.insert(session, made))
    seen: list[str] = []
    before = ""
    while page := database.read_now(lambda session, before=before: listing.page(session, OWNER, before=before, limit=3)):
        seen += [summary.id for summary in page]
        before = seen[-1]
    assert seen == ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]


def test_only_one_process_leads_and_a_killed_leader_is_followed(database: Database, database_url: str) -> None:
    code = (
        "import sys, time\n"
        "from reelwright.db.engine import Database\n"
        "from reelwright.db.leadership import Leadership\n"
        f"leadership = Leadership(Database({database_url!r}))\n"
        "print(leadership.take(), flush=True)\n"
        "time.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    leadership = Leadership(database)
    try:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "True"
        assert not leadership.take()
        if leadership.path:
            assert leadership.leader() == other.pid
    finally:
        other.kill()
        other.wait()
        if other.stdout is not None:
            other.stdout.close()
    for _ in range(500):
        if leadership.take():
            break
        time.sleep(0.1)
    assert leadership.take()
    leadership.give()


@pytest.mark.parametrize("url", ["mysql://localhost/x", "nonsense", "sqlite://", "sqlite:///:memory:"])
def test_a_database_url_that_cannot_work_is_refused_in_words(url: str) -> None:
    with pytest.raises(ConfigurationError, match="REELWRIGHT_DATABASE_URL"):
        Database(url)


def test_a_database_that_does_not_answer_is_named() -> None:
    with pytest.raises(ConfigurationError, match="does not answer"):
        Database("postgresql://nobody@127.0.0.1:1/none").ping()


def test_a_file_that_is_no_database_is_named_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "notes.sqlite"
    file.write_text("These are notes, and no database at all.\n" * 50)
    database = Database(f"sqlite:///{file}")
    with pytest.raises(ConfigurationError, match=r"notes\.sqlite: file is not a database"):
        database.ping()
    database.close()


async def test_a_character_that_no_database_keeps_is_refused_in_words_or_found_nowhere(database: Database) -> None:
    with suppress(InvalidInput):
        assert await database.read(lambda session: campaigns.find(session, CampaignId("a\0b"))) is None
