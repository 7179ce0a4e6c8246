"""What a production asks for is planned on the models' cards, told once, and the same again when it is asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from reelwright.bootstrap import Studio, new_id, now
from reelwright.db import campaigns
from reelwright.db.engine import Session
from reelwright.domain.brief import Brief
from reelwright.domain.campaign import Document
from reelwright.domain.card import PromptUnit
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import AssetId
from reelwright.domain.production import Models
from reelwright.domain.prompt_fitting import Fit
from reelwright.domain.storyboard import Storyboard
from reelwright.domain.take import TakeState
from reelwright.errors import Cancelled, ConfigurationError, InvalidInput
from reelwright.ports import Writer, Written
from reelwright.services.budgets import Budgets
from reelwright.services.catalogue import Catalogue
from reelwright.services.plans import Plans
from reelwright.services.productions import Productions
from reelwright.testing.language_model import KEY, LanguageModelServer
from reelwright.writers.template import TemplateWriter
from staging import Run, Stage, models_of

CARDS = """
[[card]]
model = "simkey:frame"
kind = "frame"
label = "Pictures"
shapes = { "16:9" = "1280x720", "9:16" = "720x1280" }
first_frame = "no"
micro_usd = 100_000
poll_every = "0.05"
is_idempotent = true

[[card]]
model = "simkey:clip"
kind = "clip"
label = "Clips"
shapes = { "1280:720" = "1280x720", "960:960" = "960x960" }
shortest = 2
longest = 4
prompt_limit = LIMIT
prompt_unit = "utf16"
first_frame = "must"
micro_usd_per_second = 50_000
poll_every = "0.05"
is_idempotent = true

[[card]]
model = "simkey:gone"
kind = "clip"
label = "Clips of old"
retired_on = "2026-06-10"
replaced_by = "simkey:clip"
"""
LONG = "A brass lamp glows on the table. The camera pushes in. " * 4
PRICE = 40_000


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the simulated vendor's models those of `CARDS`, with that limit for a clip's prompt (0 is none)."""
    folder = tmp_path / "cards-of-vendors"
    folder.mkdir()
    monkeypatch.setenv("SIMULATED_CARDS", str(folder))

    def offer(limit: int) -> None:
        (folder / "simkey.toml").write_text(CARDS.replace("LIMIT", str(limit)), encoding="utf-8")

    return offer


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LanguageModelServer]:
    """A language model, and its address in the environment."""
    async with LanguageModelServer() as made:
        monkeypatch.setenv("OPENAI_BASE_URL", made.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield made


class Paid(TemplateWriter):
    """A writer that is paid for every prompt, and answers when it may."""

    def __init__(self, answer: str = "A lamp glows.") -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def refine_quote(self, prompt: str) -> int:
        return 2 * PRICE

    async def refine(self, prompt: str, limit: int, unit: PromptUnit) -> Written[str]:
        self.asked.append(prompt)
        await self.may_answer.wait()
        return Written(f"{self.answer} {len(self.asked)}", self.model, charged_micro_usd=PRICE)


def plans_of(studio: Studio, writer: Writer) -> Plans:
    """The plans of a process of its own, whose texts are by that writer."""
    catalogue = Catalogue(studio.catalogue.providers, {"template": lambda _: writer}, now=now)
    return Plans(studio.database, catalogue, Budgets(studio.database, now=now), now=now)


async def document(run: Run) -> Document:
    return (await run.studio.campaigns.get(run.campaign)).document


async def edit(run: Run, change: Callable[[Document], Document]) -> None:
    """What a person does who edits the campaign."""

    def save(session: Session) -> None:
        campaign = campaigns.get(session, run.campaign, for_change=True)
        campaigns.save(session, run.campaign, change(campaign.document), campaign.version)

    await run.studio.database.write(save)


def with_motion(*prompts: str) -> Callable[[Document], Document]:
    """A document whose shots show nothing but move like this."""

    def change(old: Document) -> Document:
        assert old.storyboard is not None
        shots = tuple(
            replace(shot, text="", motion_prompt=text) for shot, text in zip(old.storyboard.shots, prompts, strict=True)
        )
        return replace(old, storyboard=Storyboard(shots))

    return change


async def framed(run: Run) -> None:
    """Every shot has its frame."""
    for shot in range(1, len(run.shots) + 1):
        assert (await run.make(await run.ask(Kind.FRAME, shot))).state is TakeState.KEPT


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
