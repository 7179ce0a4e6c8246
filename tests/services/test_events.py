"""Events in the order of all campaigns: whoever reads on from a place misses nothing, however late something is committed."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import sqlalchemy as sa

from reelwright.bootstrap import Studio
from reelwright.db import events
from reelwright.db.engine import Session
from reelwright.db.tables import EventRow
from reelwright.domain.event import EventName
from reelwright.domain.ids import OWNER, CampaignId
from reelwright.services.events import Told
from staging import Stage


def tell(session: Session, campaign: CampaignId, text: str) -> None:
    events.append(session, campaign, EventName.NOTICE_GIVEN, datetime.now(UTC), text=text)


def texts(told: list[Told]) -> list[object]:
    return [each.event.facts["text"] for each in told if each.event is not None]


async def test_what_is_committed_late_comes_late_and_is_never_passed_over(both: Stage) -> None:
    studio = both.open()
    first, second = await both.campaign(studio), await both.campaign(studio)
    place = await studio.events.place_now()
    has_told, may_commit = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        tell(session, first, "began first")
        session.flush()
        has_told.set()
        assert may_commit.wait(60)

    late = asyncio.create_task(studio.database.write(slow))
    await asyncio.to_thread(has_told.wait, 60)
    # On SQLite it waits for the other one; on PostgreSQL it is committed before that.
    early = asyncio.create_task(studio.database.write(lambda session: tell(session, second, "began second")))
    await asyncio.wait({early}, timeout=1)
    before = await studio.events.of_user(OWNER, place)
    assert await studio.events.place_now() == place
    may_commit.set()
    await asyncio.gather(late, early)
    after = await studio.events.of_user(OWNER, before[-1].place if before else place)
    assert texts([*before, *after]) == ["began first", "began second"]
    assert texts(await studio.events.of_user(OWNER, after[0].place)) == ["began second"]


async def test_a_hundred_writers_at_once_are_all_heard_and_each_once(both: Stage) -> None:
    studio = both.open()
    campaigns = [await both.campaign(studio) for _ in range(4)]
    place, heard = await studio.events.place_now(), list[Told]()

    async def write(number: int) -> None:
        await studio.database.write(lambda session: tell(session, campaigns[number % 4], str(number)))

    async def read() -> None:
        nonlocal place
        found = await studio.events.of_user(OWNER, place)
        heard.extend(found)
        place = found[-1].place if found else place

    writing = asyncio.gather(*(write(number) for number in range(100)))
    while not writing.done():
        await read()
    await writing
    await read()
    assert sorted(map(int, map(str, texts(heard)))) == list(range(100))
    for campaign in campaigns:
        own = [each.event.number for each in heard if each.event is not None and each.event.campaign_id == campaign]
        assert sorted(own) == list(range(2, 27))  # the first one is that the campaign was made


async def test_a_gap_that_somebody_has_cleared_away_is_told(both: Stage) -> None:
    studio = both.open()
    campaign = await both.campaign(studio)
    for number in range(5):
        await studio.database.write(lambda session, number=number: tell(session, campaign, str(number)))
    await _forget(studio, campaign, until=3)
    told = await studio.events.of_campaign(campaign, "1")
    assert told[0].event is None
    assert texts(told) == ["2", "3", "4"]


async def _forget(studio: Studio, campaign: CampaignId, *, until: int) -> None:
    query = sa.delete(EventRow).where(EventRow.campaign_id == campaign, EventRow.number <= until)
    await studio.database.write(lambda session: session.execute(query))
