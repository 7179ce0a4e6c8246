"""An attempt becomes an asset or goes, on both databases, and never both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reelwright.db import assets, campaigns
from reelwright.db.engine import Database
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.brief import Brief
from reelwright.domain.campaign import Campaign, CampaignStatus, Document
from reelwright.domain.ids import OWNER, AssetId, CampaignId, TakeId

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
CAMPAIGN = Campaign(CampaignId("c1"), OWNER, CampaignStatus.DRAFT, 1, Document(Brief("A cup", "Cup")), NOW, None)
ASSET = Asset(AssetId("a"), OWNER, CAMPAIGN.id, AssetKind.FRAME, "k", 3, "0" * 64, "image/png", NOW, take_id=TakeId("take_1"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.migrate()
    made.write_now(lambda session: campaigns.insert(session, CAMPAIGN))
    yield made
    made.close()


def attempt(database: Database, number: int) -> Asset:
    """The asset that a new attempt may become."""
    asset = replace(ASSET, id=AssetId(f"a{number}"), key=f"k{number}")
    database.write_now(
        lambda session: assets.open_attempt(
            session, asset.id, user=OWNER, campaign=CAMPAIGN.id, kind=asset.kind, key=asset.key, maker="take_1", at=NOW
        )
    )
    return asset


def test_a_doomed_attempt_can_be_claimed_again_but_never_be_ready(database: Database) -> None:
    asset = attempt(database, 1)
    for _ in range(2):
        assert database.write_now(lambda session: assets.doom(session, asset.id))
        assert not database.write_now(lambda session: assets.make_ready(session, asset))
    assert database.read_now(lambda session: assets.open_attempts(session, "take_1", AssetKind.FRAME)) == [(asset.id, asset.key)]
    database.write_now(lambda session: assets.forget_attempt(session, asset.id))
    assert database.read_now(lambda session: assets.known_keys(session, [asset.key])) == set()


def test_what_is_ready_is_never_doomed_and_never_forgotten(database: Database) -> None:
    asset = attempt(database, 1)
    assert database.write_now(lambda session: assets.make_ready(session, asset))
    assert not database.write_now(lambda session: assets.doom(session, asset.id))
    database.write_now(lambda session: assets.forget_attempt(session, asset.id))
    assert database.read_now(lambda session: assets.get(session, asset.id)) == asset


def test_an_attempt_that_nobody_claimed_is_not_forgotten(database: Database) -> None:
    asset = attempt(database, 1)
    database.write_now(lambda session: assets.forget_attempt(session, asset.id))
    assert database.write_now(lambda session: assets.make_ready(session, asset))


def test_what_is_gone_can_be_neither(database: Database) -> None:
    asset = attempt(database, 1)
    database.write_now(lambda session: assets.doom(session, asset.id))
    database.write_now(lambda session: assets.forget_attempt(session, asset.id))
    assert not database.write_now(lambda session: assets.doom(session, asset.id))
    assert not database.write_now(lambda session: assets.make_ready(session, asset))


async def test_of_those_who_want_to_keep_it_and_those_who_want_to_remove_it_one_side_wins(database: Database) -> None:
    for number in range(40):
        asset = attempt(database, number)
        keep = [database.write(lambda session, asset=asset: assets.make_ready(session, asset)) for _ in range(2)]
        remove = [database.write(lambda session, asset=asset: assets.doom(session, asset.id)) for _ in range(2)]
        order = [*keep, *remove] if number % 2 else [*remove, *keep]
        answers = await asyncio.gather(*order)
        kept, removed = (answers[:2], answers[2:]) if number % 2 else (answers[2:], answers[:2])
        assert (sum(kept), sum(removed)) in {(1, 0), (0, 2)}
