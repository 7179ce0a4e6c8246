"""What a production asks for is planned on the models' cards, told once, and quoted before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from offers import PRICE, Paid, document, framed, offered
from reelwright.bootstrap import new_id, now
from reelwright.domain.brief import Brief
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.take import TakeState
from reelwright.services.catalogue import Catalogue
from reelwright.services.productions import Productions
from staging import Run, Stage, models_of

__all__ = ["offered"]


async def test_a_take_is_asked_for_in_the_shape_and_length_that_the_model_makes(
    stage: Stage, offered: Callable[[int], None]
) -> None:
    offered(0)
    run = await stage.begin(shots=2)
    await framed(run)
    clip = await run.make(await run.ask(Kind.CLIP))
    assert clip.state is TakeState.KEPT
    assert (clip.request.shape, clip.request.seconds, str(clip.request.size)) == ("960:960", 2, "960x960")
    assert (clip.quote_micro_usd, clip.charged_micro_usd) == (100_000, 100_000)
    frame = await run.take(await run.ask())
    assert (frame.request.shape, frame.request.picture, frame.request.logo) == ("16:9", None, None)
    notices = [notice for notice in await run.notices() if notice.startswith("simkey")]
    assert notices == [
        "simkey:frame does not make 1:1: its frames are 16:9, and the film shows their middle, "
        "without 44% of the picture at left and right.",
        "simkey:clip makes clips of 2 to 4 whole seconds: those of all shots are longer than the shot, by 1 s at most, "
        "and are trimmed at their end.",
    ]


async def test_nothing_is_told_about_what_is_made_as_it_was_wished(stage: Stage) -> None:
    run = await stage.begin(shots=2)
    before = await run.notices()
    await framed(run)
    assert await run.notices() == before


async def test_an_old_production_runs_on_the_model_that_replaces_its_own_and_says_so(
    stage: Stage, offered: Callable[[int], None]
) -> None:
    offered(0)
    studio = stage.open()
    campaign = await stage.campaign(studio)
    old = replace(models_of("simkey"), clip=ModelRef("simkey:gone"))
    run = Run(studio, campaign, await studio.productions.start(campaign, old), [])
    await run.steps.concepts.write(run.production)
    await run.steps.concepts.select(run.production)
    run.shots = await run.steps.storyboards.write(run.production)
    await framed(run)
    clip = await run.make(await run.ask(Kind.CLIP))
    assert (clip.state, clip.request.model) == (TakeState.KEPT, "simkey:clip")
    assert "simkey:gone is no longer offered since 2026-06-10: simkey:clip is used." in await run.notices()


async def test_a_film_costs_no_more_than_its_quote(stage: Stage, offered: Callable[[int], None]) -> None:
    offered(30)
    run = await stage.begin(shots=3)
    brief = (await document(run)).brief
    lines = {line.what: line for line in run.studio.productions.quote(brief, models_of("simkey"))}
    await framed(run)
    for shot in (1, 2, 3):
        await run.make(await run.ask(Kind.CLIP, shot))
    takes = (await run.studio.campaigns.overview(run.campaign)).takes
    for kind in (Kind.FRAME, Kind.CLIP):
        paid = sum(take.charged_micro_usd for take in takes if take.kind is kind)
        assert 0 < paid <= lines[f"{kind.value}s"].micro_usd
    assert "clip prompts in fewer words" not in lines  # nobody is paid for it


def test_rewriting_is_in_the_quote_where_a_prompt_may_be_too_long(offered: Callable[[int], None], stage: Stage) -> None:
    offered(1000)
    studio = stage.open()
    writer = Paid()
    catalogue = Catalogue(studio.catalogue.providers, {"template": lambda _: writer}, now=now)
    productions = Productions(studio.database, catalogue, enqueue=studio.queue.enqueue, now=now, new_id=new_id)
    brief = Brief("A lamp", "Lamp", seconds=Fraction(8), shots=2)
    lines = productions.quote(brief, models_of("simkey"))
    assert [(line.what, line.count, line.micro_usd) for line in lines] == [
        ("concepts and storyboard", 2, 0),
        ("frames", 2, 200_000),
        ("clips", 2, 400_000),
        ("clip prompts in fewer words", 2, 4 * PRICE),
    ]
