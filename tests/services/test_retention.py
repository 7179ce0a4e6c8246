"""Old drafts go to the trash, after a word, and only where somebody has asked for that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from reelwright.bootstrap import Studio, now
from reelwright.db.engine import Session
from reelwright.domain.event import EventName
from reelwright.domain.ids import OWNER, CampaignId
from reelwright.services.retention import Retention
from staging import Stage


@dataclass
class Clock:
    """Tells what it is told."""

    days: float = 0

    def __call__(self) -> datetime:
        return now() + timedelta(days=self.days)


async def notices(studio: Studio, campaign: CampaignId) -> list[str]:
    found = await studio.campaigns.events_after(campaign, 0)
    return [str(event.facts["text"]) for event in found if event.name is EventName.NOTICE_GIVEN]


async def trashed(studio: Studio) -> list[CampaignId]:
    return [each.id for each in (await studio.dashboard.trash(OWNER)).items]


async def test_a_draft_that_nobody_touches_is_told_of_and_goes_to_the_trash(both: Stage) -> None:
    studio, clock = both.open(), Clock()
    old, touched = await both.campaign(studio), await both.campaign(studio)
    retention = Retention(studio.database, days=30, warning_days=7, now=clock)
    await retention.keep()
    clock.days = 24
    await retention.keep()
    await retention.keep()
    [text] = await notices(studio, old)
    assert "goes to the trash" in text
    [before] = [each for each in await studio.campaigns.page() if each.id == old]
    assert before.expires_at is not None
    assert before.expires_at >= now() + timedelta(days=30)
    assert before.updated_at <= now()  # telling it is not touching it
    await studio.campaigns.put_in_trash(touched)
    await studio.campaigns.take_from_trash(touched)
    assert [each.expires_at for each in await studio.campaigns.page() if each.id == touched] == [None]
    clock.days = 32
    await retention.keep()
    assert await trashed(studio) == [old]
    await studio.campaigns.take_from_trash(old)
    await retention.keep()
    assert len(await studio.campaigns.page()) == 2


async def test_who_switches_it_on_today_has_all_of_the_warning(both: Stage) -> None:
    studio, clock = both.open(), Clock(days=1000)
    campaign = await both.campaign(studio)
    retention = Retention(studio.database, days=30, warning_days=7, now=clock)
    await retention.keep()
    await retention.keep()
    assert await trashed(studio) == []
    [line] = await studio.campaigns.page()
    assert line.expires_at is not None
    assert line.expires_at >= now() + timedelta(days=1006)
    await Retention(studio.database, days=0, warning_days=7, now=clock).keep()
    assert [each.expires_at for each in await studio.campaigns.page()] == [None]
    assert len(await notices(studio, campaign)) == 1


async def test_what_is_no_draft_any_more_or_still_at_work_stays(both: Stage) -> None:
    run = await both.begin()
    studio, clock = run.studio, Clock(days=100)
    made = await both.campaign(studio)

    def complete(session: Session) -> None:
        session.execute(sa.text("UPDATE reel_campaigns SET status = 'completed' WHERE id = :id"), {"id": made})
        session.execute(sa.text("UPDATE reel_campaigns SET status = 'draft' WHERE id = :id"), {"id": run.campaign})

    await studio.database.write(complete)
    retention = Retention(studio.database, days=30, warning_days=7, now=clock)
    await retention.keep()
    clock.days = 200
    await retention.keep()
    assert await trashed(studio) == []
