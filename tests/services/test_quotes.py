"""What a new run will pay: what is missing, and nothing that was kept, is on its way or is in doubt."""

from __future__ import annotations

from reelwright.domain.generation import Kind
from staging import Run, Stage, models_of

DIME = 100_000


async def rest(run: Run) -> dict[str, tuple[int, int]]:
    """How many of what, and their price together."""
    lines = await run.studio.quotes.rest(run.campaign, models_of("simkey"))
    return {line.what: (line.count, line.micro_usd) for line in lines if line.micro_usd}


async def test_before_there_is_a_storyboard_it_is_the_whole_film(stage: Stage) -> None:
    studio = stage.open()
    campaign = await stage.campaign(studio, shots=2)
    lines = await studio.quotes.rest(campaign, models_of("simkey"))
    brief = (await studio.campaigns.get(campaign)).document.brief
    assert lines == studio.productions.quote(brief, models_of("simkey"))


async def test_only_what_is_missing_is_paid(stage: Stage) -> None:
    run = await stage.begin(shots=2)
    assert await rest(run) == {"frames": (2, 2 * DIME), "clips": (2, DIME)}
    await run.make(await run.ask(Kind.FRAME, shot=1))
    assert await rest(run) == {"frames": (1, DIME), "clips": (2, DIME)}
    await run.make(await run.ask(Kind.CLIP, shot=1))
    assert await rest(run) == {"frames": (1, DIME), "clips": (1, DIME // 2)}
    stage.vendor.turn(fail_jobs=1)
    await run.make(await run.ask(Kind.FRAME, shot=2))
    assert await rest(run) == {"frames": (1, DIME), "clips": (1, DIME // 2)}


async def test_what_is_on_its_way_is_not_paid_again(stage: Stage) -> None:
    stage.vendor.turn(frame_seconds=60)
    run = await stage.begin()
    await run.steps.submits.submit(await run.ask())
    assert await rest(run) == {"clips": (1, DIME)}


async def test_what_is_in_doubt_is_a_question_and_has_no_price(stage: Stage) -> None:
    stage.vendor.turn(drop_answers=9)
    run = await stage.begin("simblind")
    await run.steps.submits.submit(await run.ask())
    lines = await run.studio.quotes.rest(run.campaign, models_of("simblind"))
    assert [(line.what, line.count) for line in lines] == [("clips", 1)]


async def test_another_model_starts_from_another_frame_so_its_clip_is_new_too(stage: Stage) -> None:
    run = await stage.begin()
    await run.make(await run.ask(Kind.FRAME))
    await run.make(await run.ask(Kind.CLIP))
    assert await rest(run) == {}
    lines = await run.studio.quotes.rest(run.campaign, models_of("simlist"))
    assert [(line.what, line.model, line.count) for line in lines] == [
        ("frames", "simlist:frame", 1),
        ("clips", "simlist:clip", 1),
    ]
