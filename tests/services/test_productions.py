"""Productions start once, end once, and can be paused, resumed and cancelled in between."""

from __future__ import annotations

import pytest

from reelwright.domain.campaign import CampaignStatus
from reelwright.domain.event import EventName
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import CampaignId
from reelwright.domain.production import Models, ProductionState
from reelwright.errors import ConfigurationError, Conflict, NotFound
from reelwright.services.briefs import read_brief
from staging import Stage, models_of


async def test_started_twice_it_is_one_production(both: Stage) -> None:
    studio = both.open()
    campaign = await both.campaign(studio)
    assert await studio.productions.start(campaign, models_of("simkey")) == await studio.productions.start(
        campaign, models_of("simlist")
    )
    assert len(await studio.productions.active()) == 1
    assert (await studio.campaigns.get(campaign)).status is CampaignStatus.GENERATING


async def test_a_model_that_nobody_has_starts_nothing(stage: Stage) -> None:
    studio = stage.open()
    campaign = await stage.campaign(studio)
    with pytest.raises(ConfigurationError):
        await studio.productions.start(campaign, models_of("nobody"))
    with pytest.raises(NotFound):
        await studio.productions.start(CampaignId("nobody"), models_of("simkey"))
    assert await studio.productions.active() == []
    assert (await studio.campaigns.get(campaign)).status is CampaignStatus.DRAFT


async def test_pause_and_resume_say_whether_they_did_anything(stage: Stage) -> None:
    run = await stage.begin()
    productions = run.studio.productions
    assert not await productions.resume(run.campaign)
    assert await productions.pause(run.campaign)
    assert not await productions.pause(run.campaign)
    assert await productions.resume(run.campaign)
    names = [event.name for event in await run.events(EventName.PRODUCTION_PAUSED, EventName.PRODUCTION_RESUMED)]
    assert names == [EventName.PRODUCTION_PAUSED, EventName.PRODUCTION_RESUMED]


async def test_what_has_ended_stays_as_it_ended(both: Stage) -> None:
    run = await both.begin()
    productions = run.studio.productions
    await productions.cancel(run.campaign)
    await productions.complete(run.production)
    await productions.fail(run.production, "too late")
    ended = await productions.get(run.production)
    assert (ended.state, ended.error) == (ProductionState.CANCELLED, "")
    assert not await productions.pause(run.campaign)
    with pytest.raises(Conflict, match="no production that could be cancelled"):
        await productions.cancel(run.campaign)
    with pytest.raises(NotFound):
        await productions.cancel(CampaignId("nobody"))
    assert len(await run.events(EventName.PRODUCTION_CANCELLED, EventName.PRODUCTION_FAILED)) == 1


async def test_going_on_does_what_is_needed_and_no_more(stage: Stage) -> None:
    run = await stage.begin()
    productions = run.studio.productions
    await productions.pause(run.campaign)
    await productions.go_on(run.campaign, models_of("simlist"))
    same = await productions.newest(run.campaign)
    assert same is not None
    assert (same.id, same.state) == (run.production, ProductionState.RUNNING)
    await productions.fail(run.production, "a test")
    await productions.go_on(run.campaign, models_of("simlist"))
    second = await productions.newest(run.campaign)
    assert second is not None
    assert second.id != run.production
    assert second.models == models_of("simkey")
    await productions.complete(second.id)
    await productions.go_on(run.campaign, models_of("simkey"))
    assert await productions.newest(run.campaign) == await productions.get(second.id)


async def test_a_quote_names_who_makes_what_for_how_much(stage: Stage) -> None:
    studio = stage.open()
    brief = read_brief("A lamp", {"shots": 4, "seconds": 8}).brief
    lines = studio.productions.quote(brief, models_of("simkey"))
    assert [(line.what, line.count) for line in lines] == [("concepts and storyboard", 2), ("frames", 4), ("clips", 4)]
    assert [line.micro_usd for line in lines[:2]] == [0, 400_000]
    # 5 cents a second; each of the four clips may have to be rounded up by itself.
    assert 400_000 <= lines[2].micro_usd <= 400_003
    free = Models(ModelRef("template:plain"), ModelRef("animatic:cards"), ModelRef("animatic:camera"), None)
    assert sum(line.micro_usd for line in studio.productions.quote(brief, free)) == 0


async def test_asking_for_a_clip_without_a_frame_is_refused(stage: Stage) -> None:
    run = await stage.begin()
    with pytest.raises(Conflict, match="has no frame"):
        await run.ask(Kind.CLIP)
    with pytest.raises(Conflict, match="Nobody was named to make a voice"):
        await run.ask(Kind.VOICE)
