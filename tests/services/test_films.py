"""A film is cut once and rendered once, however often it is asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from reelwright.domain.event import EventName
from reelwright.domain.generation import Kind
from reelwright.errors import Cancelled, Conflict
from reelwright.media.probe import probe
from staging import Run, Stage


async def shot(stage: Stage, shots: int = 1) -> Run:
    """A production whose takes are kept and whose film is not cut."""
    run = await stage.begin(shots=shots)
    for number in range(1, shots + 1):
        for kind in (Kind.FRAME, Kind.CLIP):
            await run.make(await run.ask(kind, number))
    return run


def left_in_work(stage: Stage) -> list[Path]:
    return list((stage.home / "work").iterdir())


async def test_cut_and_rendered_twice_it_is_one_film(both: Stage) -> None:
    run = await shot(both)
    films = run.steps.films
    film = await films.cut(run.production)
    assert await films.cut(run.production) == film
    await films.render(film)
    before = (await run.studio.campaigns.overview(run.campaign), sorted(run.stored()))
    await films.render(film)
    assert (await run.studio.campaigns.overview(run.campaign), sorted(run.stored())) == before
    assert len(await run.events(EventName.FILM_COMPLETED)) == 1
    [made] = before[0].films
    asset = await run.studio.assets.get(made.assets["film"])
    found = probe(str(both.home / "storage" / asset.key))
    assert (found.size, found.seconds, asset.seconds) == (made.cut_list.size, 2, 2)
    assert left_in_work(both) == []


async def test_a_render_that_was_interrupted_starts_over_and_leaves_nothing_behind(stage: Stage) -> None:
    run = await shot(stage)
    film = await run.steps.films.cut(run.production)
    rendering = asyncio.create_task(run.steps.films.render(film))
    while not left_in_work(stage):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    rendering.cancel()
    await asyncio.gather(rendering, return_exceptions=True)
    assert left_in_work(stage) == []
    await run.steps.films.render(film)
    overview = await run.studio.campaigns.overview(run.campaign)
    kept = {asset for each in overview.films for asset in each.assets.values()}
    assert len(kept) == len(run.stored()) - 2  # and the frame and the clip


async def test_a_film_whose_shots_are_not_all_there_is_not_cut(stage: Stage) -> None:
    run = await stage.begin()
    await run.make(await run.ask())
    with pytest.raises(Conflict, match="shot-01 has no selected clip"):
        await run.steps.films.cut(run.production)


async def test_a_cancelled_production_gets_no_film_and_a_paused_one_waits(stage: Stage) -> None:
    run = await shot(stage)
    await run.studio.productions.pause(run.campaign)
    cutting = asyncio.create_task(run.steps.films.cut(run.production))
    await asyncio.sleep(0.2)
    assert not cutting.done()
    await run.studio.productions.cancel(run.campaign)
    with pytest.raises(Cancelled):
        await asyncio.wait_for(cutting, 60)
    assert (await run.studio.campaigns.overview(run.campaign)).films == ()
