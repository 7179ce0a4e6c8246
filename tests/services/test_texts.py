"""Texts on request: asked for once, paid once, and never over what somebody has made meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from reelwright.bootstrap import Studio, new_id, now
from reelwright.domain.brief import Brief
from reelwright.domain.concept import Concept
from reelwright.domain.draft import Draft
from reelwright.domain.event import Event, EventName
from reelwright.domain.ids import OWNER, CampaignId
from reelwright.errors import BudgetExceeded, Conflict, ProviderError
from reelwright.ports import Written
from reelwright.services.catalogue import Catalogue
from reelwright.services.drafts import Editor
from reelwright.services.texts import TextOrder, Texts
from reelwright.testing.language_model import KEY, LanguageModelServer
from reelwright.writers.template import TemplateWriter
from staging import Stage, working

LAMP = CampaignId("lamp")
DRAFT: Draft = {
    "name": "Ember",
    "brief": {"product": "A lamp", "shots": 2, "seconds": 4},
    "concepts": {"mine": {"order": "0001", "title": "Mine", "logline": "It glows."}},
    "concept": "mine",
}
PRICE = 250_000


class Paid(TemplateWriter):
    """A writer that is paid for every text, and can be told to fail."""

    def __init__(self) -> None:
        self.asked: list[Brief] = []
        self.fails = False

    @property
    def quote_micro_usd(self) -> int:
        return 2 * PRICE

    async def concepts(self, brief: Brief, count: int) -> Written[tuple[Concept, ...]]:
        self.asked.append(brief)
        if self.fails:
            msg = "It is asleep."
            raise ProviderError(msg)
        return replace(await super().concepts(brief, count), charged_micro_usd=PRICE)


def texts_by(studio: Studio, writer: Paid) -> Texts:
    """Texts that this writer writes."""
    return Texts(
        studio.database,
        Catalogue(studio.catalogue.providers, {"template": lambda _: writer}, now=now),
        studio.budgets,
        studio.engine.services.storyboards,
        default="template:plain",
        enqueue=studio.queue.enqueue_text,
        now=now,
        new_id=new_id,
    )


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LanguageModelServer]:
    """A language model that has to be paid."""
    async with LanguageModelServer() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


async def begun(stage: Stage, draft: Draft) -> Studio:
    studio = stage.open()
    await studio.campaigns.begin(draft, user=OWNER, wanted="lamp")
    return studio


async def events_of(studio: Studio, *names: EventName) -> list[Event]:
    return [event for event in await studio.campaigns.events_after(LAMP, 0) if event.name in names]


async def until(studio: Studio, *names: EventName) -> Event:
    async with asyncio.timeout(60):
        while not (found := await events_of(studio, *names)):
            await asyncio.sleep(0.05)
    return found[-1]


def order(what: Any = "storyboard", *, replaces: bool = False, note: str = "") -> TextOrder:
    return TextOrder(campaign="lamp", what=what, count=3, note=note, replaces=replaces)


async def test_a_language_model_is_told_what_was_said_and_what_is_there(stage: Stage, model: LanguageModelServer) -> None:
    studio = await begun(stage, {**DRAFT, "writer": "openai:gpt-5.4-mini"})
    async with working(studio):
        asked = await studio.texts.ask_concepts(LAMP, count=3, note="Without people")
        same = await studio.texts.ask_concepts(LAMP, count=3)  # a second click
        event = await until(studio, EventName.CONCEPTS_WRITTEN, EventName.WRITING_FAILED)
        assert event.facts["writing"] == asked.id == same.id
        found = await studio.drafts.get(LAMP)
    assert next(iter(found.doc["concepts"].values()))["title"] == "Mine"
    assert (len(found.doc["concepts"]), found.doc["concept"]) == (4, "mine")
    assert len(model.requests) == 1
    assert "Without people" in model.prompts()
    assert "Mine" in model.prompts()


async def test_what_no_budget_covers_is_refused_before_anybody_is_asked(stage: Stage) -> None:
    studio = await begun(stage, {**DRAFT, "cap": "0.40"})
    texts = texts_by(studio, writer := Paid())
    with pytest.raises(BudgetExceeded, match=r"may cost \$0\.50, and the campaign's `cap` leaves \$0\.40"):
        await texts.ask_concepts(LAMP)
    assert not writer.asked
    assert not await events_of(studio, EventName.WRITING_STARTED)


async def test_a_step_that_is_taken_again_writes_and_pays_nothing_more(both: Stage) -> None:
    studio = await begun(both, {**DRAFT, "cap": "5"})
    texts = texts_by(studio, writer := Paid())
    asked = await texts.ask_concepts(LAMP)
    await texts.write(asked.id, order("concepts"))
    before = await studio.drafts.get(LAMP)
    await texts.write(asked.id, order("concepts"))
    await texts.fail(asked.id, order("concepts"), "too late")
    assert (await studio.drafts.get(LAMP)).version == before.version
    assert len(writer.asked) == 1
    balance = await studio.budgets.balance(LAMP)
    assert (balance.reserved, balance.charged) == (0, PRICE)
    assert not await events_of(studio, EventName.WRITING_FAILED)


async def test_a_writer_that_fails_gives_its_money_back_and_can_be_asked_again(stage: Stage) -> None:
    studio = await begun(stage, {**DRAFT, "cap": "5"})
    texts = texts_by(studio, writer := Paid())
    writer.fails = True
    first = await texts.ask_concepts(LAMP)
    with pytest.raises(ProviderError):
        await texts.write(first.id, order("concepts"))
    await texts.fail(first.id, order("concepts"), "It is asleep.")
    [failed] = await events_of(studio, EventName.WRITING_FAILED)
    assert (failed.facts["what"], failed.facts["reason"]) == ("concepts", "It is asleep.")
    assert (await studio.budgets.balance(LAMP)).used == 0
    writer.fails = False
    second = await texts.ask_concepts(LAMP)
    assert second.id != first.id
    await texts.write(second.id, order("concepts"))
    assert len((await studio.drafts.get(LAMP)).doc["concepts"]) == 4


async def test_a_brief_that_is_not_ready_any_more_ends_it_with_the_reason(stage: Stage) -> None:
    studio = await begun(stage, DRAFT)
    await studio.texts.ask_concepts(LAMP)
    await studio.drafts.patch(LAMP, {"brief": {"seconds": "lo"}}, version=1, by=Editor(OWNER))
    async with working(studio):
        failed = await until(studio, EventName.WRITING_FAILED, EventName.CONCEPTS_WRITTEN)
    assert "brief.seconds" in str(failed.facts["reason"])


async def test_shots_that_were_made_meanwhile_stay_and_the_written_ones_are_in_the_history(both: Stage) -> None:
    studio = await begun(both, DRAFT)
    asked = await studio.texts.ask_storyboard(LAMP)
    by = Editor(OWNER)
    typed = await studio.drafts.patch(LAMP, {"shots": {"own": {"text": "My shot", "seconds": 4}}}, version=1, by=by)
    await studio.texts.write(asked.id, order())
    found = await studio.drafts.get(LAMP)
    assert found.doc == typed.doc
    document = (await studio.campaigns.get(LAMP)).document
    assert document.storyboard is not None
    assert [shot.id for shot in document.storyboard.shots] == ["own"]
    [event] = await events_of(studio, EventName.STORYBOARD_WRITTEN)
    aside = await studio.drafts.version(LAMP, int(str(event.facts["aside"])))
    assert list(aside.draft["shots"]) == ["shot-01", "shot-02"]
    taken = await studio.drafts.restore(LAMP, aside.version, version=found.version, by=by)
    assert list(taken.doc["shots"]) == ["shot-01", "shot-02"]


async def test_a_text_that_was_asked_for_survives_the_process(stage: Stage) -> None:
    studio = await begun(stage, DRAFT)
    await studio.texts.ask_storyboard(LAMP)  # nobody leads
    await studio.close()
    async with working(stage.open()) as _:
        other = stage.opened[-1]
        await until(other, EventName.STORYBOARD_WRITTEN)
        with pytest.raises(Conflict, match="replaces"):
            await other.texts.ask_storyboard(LAMP)
