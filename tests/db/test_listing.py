"""Lists of campaigns: in order, a page at a time, and by an index on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from reelwright.db import listing
from reelwright.db.documents import dump
from reelwright.db.engine import Database, Session
from reelwright.db.fence import fenced
from reelwright.db.listing import Sort
from reelwright.db.tables import CampaignRow
from reelwright.domain.brief import Brief
from reelwright.domain.campaign import CampaignStatus, Document
from reelwright.domain.ids import UserId

ANN, BOB = UserId("ann"), UserId("bob")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 2_000


def rows() -> list[dict[str, Any]]:
    document = dump(Document(Brief("A lamp", "Ember")))
    return [
        {
            "id": f"c{number:05}",
            "user_id": BOB if number % 4 == 0 else ANN,
            "name": f"Film {number}",
            "words": f"film {number} lamp" + (" ember" if number % 500 == 1 else ""),
            "step": 1,
            "status": ("failed" if number % 97 == 0 else "draft"),
            "version": 1,
            "document": document,
            "event_count": 0,
            "created_at": EPOCH + timedelta(seconds=number // 3),
            "updated_at": EPOCH + timedelta(seconds=(number * 7919) % COUNT),
            "trashed_at": EPOCH + timedelta(seconds=number) if number % 50 == 7 else None,
        }
        for number in range(COUNT)
    ]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """With two thousand campaigns of two people."""
    made = Database(database_url)
    made.migrate()
    made.write_now(lambda session: session.execute(sa.insert(CampaignRow), rows()))
    made.write_now(lambda session: session.execute(sa.text("ANALYZE")))
    yield made
    made.close()


def walk(read: Callable[[tuple[datetime, str] | None], list[listing.Summary]], by: Callable[[listing.Summary], Any]) -> list[str]:
    seen: list[str] = []
    after = None
    while page := read(after):
        seen += [each.id for each in page]
        after = by(page[-1])
    return seen


@pytest.mark.parametrize("by", Sort)
@pytest.mark.parametrize("status", [None, CampaignStatus.FAILED])
def test_pages_hold_everything_once_and_in_order(database: Database, by: Sort, status: CampaignStatus | None) -> None:
    def read(after: tuple[datetime, str] | None) -> list[listing.Summary]:
        with fenced(ANN):
            return database.read_now(lambda s: listing.listed(s, ANN, status=status, by=by, after=after, limit=170))

    key = "created_at" if by is Sort.NEWEST else "updated_at"
    wanted = [
        row
        for row in rows()
        if row["user_id"] == ANN and row["trashed_at"] is None and (status is None or row["status"] == status.value)
    ]
    wanted.sort(key=lambda row: (row[key], row["id"]), reverse=True)
    assert walk(read, lambda each: each.key(by)) == [row["id"] for row in wanted]


def test_the_trash_has_the_last_one_first(database: Database) -> None:
    def read(after: tuple[datetime, str] | None) -> list[listing.Summary]:
        return database.read_now(lambda s: listing.trashed(s, ANN, after=after, limit=7))

    found = walk(read, lambda each: (each.trashed_at, each.id))
    assert found == sorted((row["id"] for row in rows() if row["user_id"] == ANN and row["trashed_at"]), reverse=True)


def test_counts_stop_where_they_say(database: Database) -> None:
    found = database.read_now(lambda session: listing.counts(session, ANN))
    assert found[CampaignStatus.DRAFT] == listing.COUNTED
    assert 0 < found[CampaignStatus.FAILED] < 20
    assert found[CampaignStatus.COMPLETED] == 0


def test_the_search_wants_every_word(database: Database) -> None:
    found = database.read_now(lambda session: listing.search(session, ANN, ["ember", "film"], limit=50))
    assert sorted(each.id for each in found) == ["c00001", "c00501", "c01001", "c01501"]
    assert not database.read_now(lambda session: listing.search(session, ANN, ["ember", "shoe"], limit=50))


def plan_of(database: Database, query: Callable[[Session], object]) -> str:
    """How the database goes about the query's first statement."""

    def explain(session: Session) -> str:
        connection = session.connection()
        asked: list[tuple[str, Any]] = []

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            asked.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        query(session)
        statement, parameters = asked[0]
        prefix = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        return "\n".join(" ".join(map(str, row)) for row in connection.exec_driver_sql(prefix + statement, parameters))

    with fenced(ANN):
        return database.read_now(explain)


EDGE = (EPOCH + timedelta(seconds=300), "c00900")


@pytest.mark.parametrize("after", [None, EDGE], ids=["first", "later"])
@pytest.mark.parametrize(
    ("status", "by", "index"),
    [
        (None, Sort.NEWEST, "reel_campaigns_newest"),
        (None, Sort.CHANGED, "reel_campaigns_changed"),
        (CampaignStatus.FAILED, Sort.NEWEST, "reel_campaigns_by_status"),
        (CampaignStatus.FAILED, Sort.CHANGED, "reel_campaigns_changed_by_status"),
    ],
)
def test_a_page_is_read_along_an_index_and_nothing_is_sorted(
    database: Database, status: CampaignStatus | None, by: Sort, index: str, after: tuple[datetime, str] | None
) -> None:
    plan = plan_of(database, lambda s: listing.listed(s, ANN, status=status, by=by, after=after, limit=20))
    if status and not database.is_sqlite:
        index = "by_status"  # of a rare status it may take either and sort the few
    assert index in plan, plan
    assert "temp b-tree" not in plan.lower(), plan
    assert status or "sort" not in plan.lower(), plan


def test_the_trash_is_read_along_an_index(database: Database) -> None:
    assert "reel_campaigns_" in plan_of(database, lambda session: listing.trashed(session, ANN, after=EDGE, limit=20))
