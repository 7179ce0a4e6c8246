"""The ledger: what is held is what the lines say, a month keeps what began in it, and everything adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reelwright.db import budgets, campaigns, productions, takes
from reelwright.db.engine import Database
from reelwright.domain.brief import Brief
from reelwright.domain.budget import Balance, EntryKind, month_of
from reelwright.domain.campaign import Campaign, CampaignStatus, Document
from reelwright.domain.generation import Kind, ModelRef, Request
from reelwright.domain.ids import OWNER, CampaignId, IntentKey, JobId, ProductionId, ShotId, TakeId
from reelwright.domain.production import Models, Production, ProductionState
from reelwright.domain.take import Take, TakeState

NOVEMBER = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
DECEMBER = NOVEMBER + timedelta(minutes=2)
FRAME, CLIP = ModelRef("p:frame"), ModelRef("q:clip")


def campaign(name: str) -> Campaign:
    document = Document(Brief("A cup that keeps tea warm", name))
    return Campaign(CampaignId(name), OWNER, CampaignStatus.DRAFT, 1, document, NOVEMBER, 5_000_000)


ONE, TWO = campaign("one"), campaign("two")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.migrate()
    made.write_now(lambda session: [campaigns.insert(session, each) for each in (ONE, TWO)])
    yield made
    made.close()


def reserve(session: Session, subject: str, amount: int, at: datetime = NOVEMBER, model: ModelRef = FRAME) -> None:
    budgets.write(session, ONE.id, subject, EntryKind.RESERVE, amount, at, "price", model=model)


def test_settling_gives_back_what_the_ledger_says_is_held(database: Database) -> None:
    def book(session: Session) -> list[int]:
        reserve(session, "take_1", 250_000)
        before = budgets.held(session, "take_1")
        raised = budgets.top_up(session, ONE.id, "take_1", 400_000, NOVEMBER)
        after = budgets.held(session, "take_1")
        budgets.settle(session, ONE.id, "take_1", 300_000, NOVEMBER, "the vendor's own figure")
        return [before, raised, after, budgets.held(session, "take_1")]

    assert database.write_now(book) == [250_000, 150_000, 400_000, 0]
    assert database.read_now(lambda session: budgets.balance(session, ONE.id)) == Balance(5_000_000, charged=300_000)


def test_a_hold_is_raised_to_an_amount_however_often_it_is_asked_and_never_lowered(database: Database) -> None:
    def book(session: Session) -> list[int]:
        reserve(session, "take_1", 250_000)
        amounts = (400_000, 400_000, 300_000, 500_000)
        return [budgets.top_up(session, ONE.id, "take_1", amount, NOVEMBER) for amount in amounts]

    assert database.write_now(book) == [150_000, 0, 0, 100_000]
    assert database.read_now(lambda session: budgets.held(session, "take_1")) == 500_000


def test_what_was_thought_to_be_free_is_held_when_its_receipt_has_a_price(database: Database) -> None:
    def book(session: Session) -> int:
        reserve(session, "take_1", 0)
        return budgets.top_up(session, ONE.id, "take_1", 70_000, NOVEMBER)

    assert database.write_now(book) == 70_000


def test_what_is_settled_is_not_raised_any_more(database: Database) -> None:
    def book(session: Session) -> int:
        reserve(session, "take_1", 250_000)
        budgets.settle(session, ONE.id, "take_1", 0, NOVEMBER, "never submitted")
        return budgets.top_up(session, ONE.id, "take_1", 400_000, NOVEMBER)

    assert database.write_now(book) == 0
    assert database.read_now(lambda session: budgets.balance(session, ONE.id)) == Balance(5_000_000)


def test_no_movement_can_be_written_twice(database: Database) -> None:
    def hold(session: Session) -> None:
        reserve(session, "take_1", 250_000)

    def settle(session: Session) -> None:
        budgets.settle(session, ONE.id, "take_1", 250_000, NOVEMBER)

    database.write_now(hold)
    with pytest.raises(IntegrityError):
        database.write_now(hold)
    database.write_now(settle)
    with pytest.raises(IntegrityError):
        database.write_now(settle)
    assert database.read_now(lambda session: budgets.balance(session, ONE.id)) == Balance(5_000_000, charged=250_000)


def test_what_is_held_in_one_month_and_paid_in_the_next_belongs_to_the_first(database: Database) -> None:
    def book(session: Session) -> None:
        reserve(session, "take_1", 250_000, NOVEMBER)
        budgets.top_up(session, ONE.id, "take_1", 300_000, DECEMBER)
        budgets.settle(session, ONE.id, "take_1", 280_000, DECEMBER)
        reserve(session, "take_2", 100_000, DECEMBER)
        budgets.write(session, TWO.id, "take_3", EntryKind.CHARGE, 40_000, DECEMBER)

    database.write_now(book)
    november, december = (
        database.read_now(lambda session, month=month: budgets.of_month(session, month)).balance
        for month in ("2026-11", "2026-12")
    )
    assert (november, december) == (Balance(None, charged=280_000), Balance(None, 100_000, 40_000))


def test_a_month_is_a_month_in_utc() -> None:
    assert month_of(datetime(2026, 12, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))) == "2026-11"
    assert month_of(datetime(2026, 11, 30, 23, 30, tzinfo=timezone(-timedelta(hours=2)))) == "2026-12"


def test_a_months_budget_is_kept_with_its_level_and_taken_away_again(database: Database) -> None:
    def month(session: Session) -> tuple[int | None, int, bool]:
        found = budgets.of_month(session, "2026-11")
        return found.balance.cap, found.warn_percent, budgets.lock_month(session)

    assert database.write_now(month) == (None, 80, False)
    database.write_now(lambda session: budgets.set_month_cap(session, 7_000_000))
    database.write_now(lambda session: budgets.set_warning(session, None, 50))
    assert database.write_now(month) == (7_000_000, 50, True)
    database.write_now(lambda session: budgets.set_warning(session, ONE.id, 60))
    assert database.read_now(lambda session: budgets.of_campaign(session, ONE.id)).warn_percent == 60
    assert database.read_now(lambda session: budgets.of_campaign(session, TWO.id)).warn_percent == 80
    database.write_now(lambda session: budgets.set_month_cap(session, None))
    assert database.write_now(month) == (None, 50, False)


def test_every_line_says_what_it_was_for(database: Database) -> None:
    models = Models(ModelRef("t:t"), FRAME, CLIP, None)
    run = Production(ProductionId("p1"), ONE.id, ProductionState.RUNNING, models, NOVEMBER)
    take = Take(
        id=TakeId("take_1"),
        campaign_id=ONE.id,
        production_id=run.id,
        shot_id=ShotId("shot-01"),
        kind=Kind.CLIP,
        number=2,
        request=Request(Kind.CLIP, CLIP, "a cup"),
        intent=IntentKey("p1/shot-01/clip/2"),
        state=TakeState.SUBMITTING,
        quote_micro_usd=250_000,
        created_at=NOVEMBER,
    )

    def book(session: Session) -> None:
        productions.insert(session, run)
        takes.insert(session, take)
        takes.move(session, take.id, TakeState.SUBMITTING, TakeState.SUBMITTED, job_id=JobId("job-7"))
        reserve(session, "p1/concepts/1", 9_000, model=ModelRef("t:t"))
        reserve(session, take.id, 250_000, NOVEMBER + timedelta(seconds=1), model=CLIP)
        budgets.settle(session, ONE.id, take.id, 240_000, DECEMBER, "the vendor's own figure")
        budgets.write(session, TWO.id, "take_2", EntryKind.CHARGE, 1, NOVEMBER)

    database.write_now(book)
    text, *lines = database.read_now(lambda session: budgets.entries(session, ONE.id))
    assert (text.subject, text.model, text.provider, text.makes) == ("p1/concepts/1", "t:t", "t", None)
    assert {(each.shot, each.makes, each.number, each.job, each.model, each.month) for each in lines} == {
        ("shot-01", Kind.CLIP, 2, "job-7", CLIP, "2026-11")
    }
    assert [(each.kind.value, each.held, each.charged, each.note) for each in lines] == [
        ("reserve", 250_000, 0, "price"),
        ("release", -250_000, 0, "paid below"),
        ("charge", 0, 240_000, "the vendor's own figure"),
    ]
    assert len(database.read_now(budgets.entries)) == 5


amounts = st.integers(0, 2_000_000)
movements = st.lists(
    st.tuples(
        st.sampled_from([ONE.id, TWO.id]), st.sampled_from([FRAME, CLIP]), amounts, st.none() | amounts, st.none() | amounts
    ),
    max_size=12,
)


@given(movements)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_ledger_adds_up_by_campaign_month_and_model(
    database: Database, booked: list[tuple[CampaignId, ModelRef, int, int | None, int | None]]
) -> None:
    class UndoneError(Exception):
        """So that the next example starts with an empty ledger."""

    def book(session: Session) -> None:
        reserved: Counter[CampaignId] = Counter()
        charged: Counter[CampaignId] = Counter()
        for number, (owner, model, quote, raised, paid) in enumerate(booked):
            at = NOVEMBER + timedelta(minutes=number)
            budgets.write(session, owner, f"take_{number}", EntryKind.RESERVE, quote, at, model=model)
            if raised is not None:
                budgets.top_up(session, owner, f"take_{number}", raised, at)
            if paid is not None:
                budgets.settle(session, owner, f"take_{number}", paid, DECEMBER)
                charged[owner] += paid
            else:
                reserved[owner] += max(quote, raised or 0)
        shares, entries = budgets.shares(session), budgets.entries(session)
        months = [budgets.of_month(session, month).balance for month in ("2026-11", "2026-12")]
        for owner in (ONE.id, TWO.id):
            expected = Balance(5_000_000, reserved[owner], charged[owner])
            assert budgets.balance(session, owner) == expected
            mine = [share for share in shares if share.campaign_id == owner]
            assert sum(share.reserved for share in mine) == expected.reserved
            assert sum(share.charged for share in mine) == expected.charged
            lines = [entry for entry in entries if entry.campaign_id == owner]
            assert sum(entry.held for entry in lines) == expected.reserved
            assert sum(entry.charged for entry in lines) == expected.charged
        assert sum(month.reserved for month in months) == reserved.total()
        assert sum(month.charged for month in months) == charged.total()
        assert all(share.reserved >= 0 for share in shares)
        assert {share.model for share in shares} <= {FRAME, CLIP, ""}
        raise UndoneError

    with pytest.raises(UndoneError):
        database.write_now(book)


def test_shares_name_their_campaign(database: Database) -> None:
    database.write_now(lambda session: reserve(session, "take_1", 5))
    [share] = database.read_now(budgets.shares)
    assert share == budgets.Share(ONE.id, "one", "2026-11", FRAME, 5, 0)
