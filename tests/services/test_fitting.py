"""A prompt that is too long for a model is fitted once, told once, and the same again when it is asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from offers import LONG, PRICE, Paid, document, edit, framed, offered, with_motion
from reelwright.bootstrap import Studio, now
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import AssetId
from reelwright.domain.production import Models
from reelwright.domain.prompt_fitting import Fit
from reelwright.domain.take import TakeState
from reelwright.errors import Cancelled, ConfigurationError, InvalidInput
from reelwright.ports import Writer
from reelwright.services.budgets import Budgets
from reelwright.services.catalogue import Catalogue
from reelwright.services.plans import Plans
from reelwright.testing.language_model import KEY, LanguageModelServer
from staging import Run, Stage, models_of

__all__ = ["offered"]


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LanguageModelServer]:
    """A language model, and its address in the environment."""
    async with LanguageModelServer() as made:
        monkeypatch.setenv("OPENAI_BASE_URL", made.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield made


def plans_of(studio: Studio, writer: Writer) -> Plans:
    """The plans of a process of its own, whose texts are by that writer."""
    catalogue = Catalogue(studio.catalogue.providers, {"template": lambda _: writer}, now=now)
    return Plans(studio.database, catalogue, Budgets(studio.database, now=now), now=now)


async def test_a_prompt_that_is_too_long_is_shortened_once_and_told_once(stage: Stage, offered: Callable[[int], None]) -> None:
    offered(100)
    run = await stage.begin(shots=3)
    await edit(run, with_motion(LONG, LONG, "Push in."))
    await framed(run)
    clip = await run.make(await run.ask(Kind.CLIP))
    assert clip.request.prompt == "A brass lamp glows on the table. The camera pushes in. A brass lamp glows on the table."
    assert (await run.take(await run.ask(Kind.CLIP, 3))).request.prompt == "Push in."
    [fitted] = (await document(run)).fitted.values()
    assert (fitted.fit, fitted.writer) == (Fit.SHORTENED, "")
    [told] = [notice for notice in await run.notices() if "too long" in notice]
    assert told == (
        "The clip prompts of shot-01 and shot-02 are too long for simkey:clip (at most 100 UTF-16 units): "
        "what does not fit is left out, from the end of a sentence on."
    )
    later = await stage.production(run.studio, run.campaign)
    assert await later.ask(Kind.CLIP) == clip.id
    assert len(stage.vendor.submits) == 4


async def test_a_language_model_rewrites_and_its_words_are_asked_for_again_in_a_later_run(
    stage: Stage, offered: Callable[[int], None], server: LanguageModelServer
) -> None:
    offered(100)
    run = await begun_with_model(stage)
    await edit(run, with_motion(LONG))
    asked = len(server.requests)
    await framed(run)
    clip = await run.make(await run.ask(Kind.CLIP))
    assert clip.request.prompt.startswith("A lamp on a table, in fewer words")
    assert len(server.requests) == asked + 1
    [told] = [notice for notice in await run.notices() if "too long" in notice]
    assert told.endswith("openai:llama said the same in fewer words.")
    await run.studio.productions.cancel(run.campaign)
    later = replace(run, production=await run.studio.productions.start(run.campaign, by_model()))
    assert await later.ask(Kind.CLIP) == clip.id
    assert len(server.requests) == asked + 1
    assert sum(stage.vendor.submits.values()) == 2


async def test_where_the_language_model_does_not_deliver_the_prompt_is_shortened_and_that_is_said(
    stage: Stage, offered: Callable[[int], None], server: LanguageModelServer
) -> None:
    offered(100)
    run = await begun_with_model(stage)
    await edit(run, with_motion(LONG))
    server.replies.append(500)
    await framed(run)
    assert (await run.take(await run.ask(Kind.CLIP))).request.prompt.endswith("on the table.")
    [told] = [notice for notice in await run.notices() if "too long" in notice]
    assert told.endswith("from the end of a sentence on. openai:llama did not deliver: It answered with status 500.")


def by_model() -> Models:
    return replace(models_of("simkey"), text=ModelRef("openai:llama"))


async def begun_with_model(stage: Stage) -> Run:
    studio = stage.open()
    campaign = await stage.campaign(studio)
    run = Run(studio, campaign, await studio.productions.start(campaign, by_model()), [])
    await run.steps.concepts.write(run.production)
    await run.steps.concepts.select(run.production)
    run.shots = await run.steps.storyboards.write(run.production)
    return run


async def test_a_prompt_that_a_person_changes_is_fitted_anew(stage: Stage, offered: Callable[[int], None]) -> None:
    offered(100)
    run = await stage.begin()
    await edit(run, with_motion(LONG))
    await framed(run)
    first = await run.take(await run.ask(Kind.CLIP))
    await edit(run, with_motion(LONG.replace("brass", "steel")))
    second = await run.take(await run.ask(Kind.CLIP, number=2))
    assert "steel" in second.request.prompt
    assert first.request.prompt != second.request.prompt
    assert len((await document(run)).fitted) == 2


async def test_a_shot_whose_prompt_cannot_be_shortened_fails_alone_with_the_reason(
    stage: Stage, offered: Callable[[int], None]
) -> None:
    offered(100)
    run = await stage.begin(shots=2)
    await edit(run, with_motion("lamp " * 40, "Push in."))
    await framed(run)
    with pytest.raises(InvalidInput, match=r"has 199 UTF-16 units and at most 100 are allowed"):
        await run.ask(Kind.CLIP)
    assert (await run.make(await run.ask(Kind.CLIP, 2))).state is TakeState.KEPT


async def test_a_rewritten_prompt_is_paid_for_once_however_many_shots_ask_at_once(
    both: Stage, offered: Callable[[int], None]
) -> None:
    offered(100)
    run = await both.begin(shots=2)
    await edit(run, with_motion(LONG, LONG))
    writer = Paid()
    plans = plans_of(run.studio, writer)
    versions = await asyncio.gather(*(plans.prepare(run.production) for _ in range(8)))
    assert (len(set(versions)), writer.asked) == (1, [LONG.strip()])
    [fitted] = (await document(run)).fitted.values()
    assert (fitted.prompt, fitted.fit, fitted.writer) == ("A lamp glows. 1", Fit.REWRITTEN, "template:plain")
    balance = await run.studio.budgets.balance(run.campaign)
    assert (balance.reserved, balance.charged) == (0, PRICE)


async def test_a_rewrite_that_was_lost_by_a_crash_counts_as_paid_and_is_made_anew(
    stage: Stage, offered: Callable[[int], None]
) -> None:
    offered(100)
    run = await stage.begin()
    await edit(run, with_motion(LONG))
    died = Paid()
    died.may_answer.clear()
    lost = asyncio.create_task(plans_of(run.studio, died).prepare(run.production))
    while not died.asked:
        await asyncio.sleep(0.01)
    lost.cancel()
    await asyncio.gather(lost, return_exceptions=True)
    assert (await document(run)).fitted == {}
    assert (await run.studio.budgets.balance(run.campaign)).reserved == 2 * PRICE
    await plans_of(run.studio, Paid("A lamp.")).prepare(run.production)
    [fitted] = (await document(run)).fitted.values()
    assert fitted.prompt == "A lamp. 1"
    balance = await run.studio.budgets.balance(run.campaign)
    assert (balance.reserved, balance.charged) == (0, 3 * PRICE)


async def test_of_two_processes_that_rewrite_at_once_the_first_words_stand(both: Stage, offered: Callable[[int], None]) -> None:
    offered(100)
    run = await both.begin()
    await edit(run, with_motion(LONG))
    slow, fast = Paid("Slow."), Paid("Fast.")
    slow.may_answer.clear()
    waiting = plans_of(run.studio, slow)
    behind = asyncio.create_task(waiting.prepare(run.production))
    while not slow.asked:
        await asyncio.sleep(0.01)
    version = await plans_of(run.studio, fast).prepare(run.production)
    slow.may_answer.set()
    assert await behind == version
    old = await document(run)
    assert [fitted.prompt for fitted in old.fitted.values()] == ["Fast. 1"]
    made = waiting.plan(run.campaign, old, run.shots[0], Kind.CLIP, ModelRef("simkey:clip"), await some_frame(run))
    assert made.request.prompt == "Fast. 1"
    balance = await run.studio.budgets.balance(run.campaign)
    # The slow one's was taken for lost when the fast one came: counted in full, and not a second time.
    assert (balance.reserved, balance.charged) == (0, 100_000 + 3 * PRICE)


async def some_frame(run: Run) -> AssetId | None:
    return (await run.make(await run.ask())).asset_id


async def test_what_the_cap_does_not_cover_is_shortened_instead(stage: Stage, offered: Callable[[int], None]) -> None:
    offered(100)
    run = await stage.begin(cap=PRICE)
    await edit(run, with_motion(LONG))
    writer = Paid()
    await plans_of(run.studio, writer).prepare(run.production)
    assert writer.asked == []
    [fitted] = (await document(run)).fitted.values()
    assert fitted.fit is Fit.SHORTENED
    [told] = [notice for notice in await run.notices() if "too long" in notice]
    assert "Writing may cost $0.08" in told


async def test_a_production_that_has_ended_pays_for_no_rewrite(stage: Stage, offered: Callable[[int], None]) -> None:
    offered(100)
    run = await stage.begin()
    await edit(run, with_motion(LONG))
    await run.studio.productions.cancel(run.campaign)
    writer = Paid()
    with pytest.raises(Cancelled):
        await plans_of(run.studio, writer).prepare(run.production)
    assert writer.asked == []


async def test_a_writer_without_its_key_is_told_and_nothing_is_asked_for(stage: Stage, offered: Callable[[int], None]) -> None:
    offered(100)
    run = await stage.begin()
    await edit(run, with_motion(LONG))

    def no_key(_: str) -> Writer:
        msg = "OPENAI_API_KEY is not set."
        raise ConfigurationError(msg)

    catalogue = Catalogue(run.studio.catalogue.providers, {"template": no_key}, now=now)
    plans = Plans(run.studio.database, catalogue, run.studio.budgets, now=now)
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        await plans.prepare(run.production)
