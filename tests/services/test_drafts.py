"""Drafts on both databases: nothing is overwritten unseen, everything is in the history, and the document follows."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reelwright.bootstrap import Studio, now
from reelwright.config import Settings
from reelwright.db import campaigns, drafts
from reelwright.db.fence import fenced
from reelwright.domain.brief import Brief
from reelwright.domain.campaign import CampaignStatus, Document
from reelwright.domain.draft import MOST_BYTES, Draft
from reelwright.domain.event import EventName
from reelwright.domain.ids import OWNER, CampaignId, UserId
from reelwright.errors import (
    CampaignLocked,
    Conflict,
    InvalidDraft,
    InvalidInput,
    NotFound,
    TooLarge,
    VersionConflict,
    VersionMissing,
)
from reelwright.services.briefs import read_brief
from reelwright.services.drafts import Current, Editor
from staging import DOLLAR, Stage, models_of

ANN = Editor("user_ann", "Ann", "iPad", "tab-1")
LAMP = CampaignId("lamp")


@pytest.fixture
async def studio(both: Stage) -> Studio:
    """With an empty campaign that is called `lamp`."""
    made = both.open()
    await made.campaigns.begin({"step": 1}, user=OWNER, wanted="lamp")
    return made


async def save(studio: Studio, patch: object, version: int | None = None, campaign: CampaignId = LAMP) -> Current:
    seen = version if version is not None else (await studio.drafts.get(campaign)).version
    return await studio.drafts.patch(campaign, patch, version=seen, by=ANN)


async def test_what_was_typed_is_there_again_with_who_typed_it(studio: Studio) -> None:
    saved = await save(studio, {"brief": {"product": "A lam"}, "mine": {"panel": "open"}}, 1)
    assert (saved.version, saved.doc) == (2, {"step": 1, "brief": {"product": "A lam"}, "mine": {"panel": "open"}})
    found = await studio.drafts.get(LAMP)
    assert (found.doc, found.version) == (saved.doc, 2)
    assert found.document()["updated_by"] == {"user": "user_ann", "name": "Ann", "device": "iPad", "client": "tab-1"}
    [event] = [e for e in await studio.campaigns.events_after(LAMP, 0) if e.name is EventName.DRAFT_UPDATED]
    assert event.facts == {"version": 2, "client": "tab-1", "by": "Ann"}


async def test_who_has_not_seen_the_newest_is_shown_it_and_overwrites_nothing(studio: Studio) -> None:
    await save(studio, {"name": "Mine"}, 1)
    with pytest.raises(VersionConflict) as conflict:
        await save(studio, {"name": "Theirs"}, 1)
    current = conflict.value.current
    assert current is not None
    assert (current["version"], current["doc"]) == (2, {"step": 1, "name": "Mine"})
    with pytest.raises(VersionMissing):
        await studio.drafts.patch(LAMP, {"name": "Blind"}, version=None, by=ANN)
    assert (await studio.drafts.get(LAMP)).doc["name"] == "Mine"


async def test_a_save_whose_answer_was_lost_can_be_sent_again(studio: Studio) -> None:
    patch = {"brief": {"product": "A lamp"}, "name": None}
    first = await save(studio, patch, 1)
    again = await save(studio, patch, 1)
    assert (again.version, again.doc) == (first.version, first.doc)
    await save(studio, {"audience": {"tone": "calm"}})
    late = await save(studio, patch, 1)  # somebody else saved meanwhile: it stands, and what they saved comes along
    assert (late.version, late.doc["audience"]) == (3, {"tone": "calm"})
    assert [each.version for each in await studio.drafts.versions(LAMP)] == [2, 1]


async def test_twenty_at_once_lose_nothing(studio: Studio) -> None:
    """Each writes a field of its own, merges when told to, and tries again, as the clients do."""
    refused = 0

    async def client(number: int) -> None:
        nonlocal refused
        seen = 1
        for word in range(3):
            while True:
                try:
                    seen = (await save(studio, {"brief": {f"field-{number}": f"{number}-{word}"}}, seen)).version
                    break
                except VersionConflict as conflict:
                    seen = int(str((conflict.current or {})["version"]))
                    refused += 1

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(client(number))
    found = await studio.drafts.get(LAMP)
    assert found.version == 61
    assert found.doc["brief"] == {f"field-{number}": f"{number}-2" for number in range(20)}
    assert len(await studio.drafts.versions(LAMP, limit=100)) == 60
    assert refused


async def test_every_earlier_draft_is_in_the_history_and_can_be_taken_back(studio: Studio) -> None:
    for name in ("One", "Two", "Three"):
        await save(studio, {"name": name})
    history = await studio.drafts.versions(LAMP)
    assert [each.version for each in history] == [3, 2, 1]
    assert [each.version for each in await studio.drafts.versions(LAMP, before=3, limit=1)] == [2]
    assert (await studio.drafts.version(LAMP, 2)).draft == {"step": 1, "name": "One"}
    restored = await studio.drafts.restore(LAMP, 2, version=4, by=ANN)
    assert (restored.version, restored.doc["name"]) == (5, "One")
    assert (await studio.drafts.version(LAMP, 4)).draft["name"] == "Three"
    with pytest.raises(VersionConflict):
        await studio.drafts.restore(LAMP, 3, version=4, by=ANN)
    with pytest.raises(NotFound):
        await studio.drafts.version(LAMP, 99)
    with pytest.raises(NotFound):
        await studio.drafts.restore(LAMP, 99, version=5, by=ANN)


async def test_every_one_of_many_earlier_drafts_is_as_it_was(studio: Studio) -> None:
    """Most of them are kept as what tells them from the next one."""
    seen = {1: (await studio.drafts.get(LAMP)).doc}
    for number in range(1, 26):
        patch: dict[str, Any] = {"brief": {"product": f"{number}"}, f"key-{number % 4}": {"deep": [number, None]}}
        if number % 3 == 0:
            patch |= {"brief": number, f"key-{number % 5}": None}
        saved = await save(studio, patch)
        seen[saved.version] = saved.doc
    for version, doc in list(seen.items())[:-1]:
        assert (await studio.drafts.version(LAMP, version)).draft == doc


async def test_of_the_history_the_newest_stay_and_one_an_hour_of_the_last_days(studio: Studio) -> None:
    await save(studio, {"name": "now"})
    at = now().replace(minute=30)

    def age(session: drafts.Session) -> list[int]:
        for number in range(1000, 1300):
            minutes = 1300 - number + (31 if number < 1010 else 20) * 24 * 60
            row: dict[str, Any] = {"campaign_id": LAMP, "version": number, "is_whole": number % 10 == 0, "draft": {}}
            session.add(drafts.DraftVersionRow(**row, saved_at=at - timedelta(minutes=minutes)))
        session.flush()
        drafts.sweep(session, LAMP, 1301, at)  # not every save looks
        assert len(drafts.versions(session, LAMP, before=None, limit=500)) == 301
        drafts.sweep(session, LAMP, 1300, at)
        return [each.version for each in drafts.versions(session, LAMP, before=None, limit=500)]

    left = await studio.database.write(age)
    assert left[:199] == list(range(1299, 1100, -1))
    assert left[199:] == [1090, 1030, 1010]  # the first whole ones of their hours


async def test_the_document_follows_as_soon_as_it_can_be_made(studio: Studio) -> None:
    await save(studio, {"brief": {"product": "A lamp that wakes you", "name": "Ember", "seconds": "0:10", "shots": 2}})
    brief = (await studio.campaigns.get(LAMP)).document.brief
    assert (brief.name, brief.seconds, brief.shots) == ("Ember", 10, 2)
    await save(studio, {"brief": {"seconds": "1:", "ratio": "9:16"}})
    assert (await studio.campaigns.get(LAMP)).document.brief == brief
    reading = await studio.drafts.reading(LAMP)
    assert [path for path, _ in reading.wrong] == ["brief.seconds"]
    with pytest.raises(InvalidDraft, match=r"^brief\.seconds: '1:' is not a length"):
        reading.checked()
    await save(studio, {"brief": {"seconds": "1:00"}})
    assert (await studio.campaigns.get(LAMP)).document.brief.seconds == 60


async def test_shots_and_concepts_are_made_of_what_was_typed_in_their_order(studio: Studio) -> None:
    patch: dict[str, Any] = {
        "brief": {"product": "A lamp"},
        "concepts": {"c2": {"order": "0020", "title": "Two"}, "c1": {"order": "0010", "title": "One"}},
        "concept": "c2",
        "shots": {
            "b": {"order": "0010", "text": "Night  falls", "seconds": 2},
            "a": {"order": "0020", "image_prompt": "A lamp", "seconds": 2.5, "narration": "Good\nmorning"},
        },
    }
    await save(studio, patch)
    document = (await studio.campaigns.get(LAMP)).document
    assert ([each.title for each in document.concepts], document.concept) == (["One", "Two"], 1)
    assert document.storyboard is not None
    assert [(shot.id, shot.image_prompt, shot.narration) for shot in document.storyboard.shots] == [
        ("b", "Night falls", ""),
        ("a", "A lamp", "Good morning"),
    ]
    assert document.storyboard.seconds == 4.5
    await save(studio, {"shots": {"b": {"order": "0030"}}})
    moved = (await studio.campaigns.get(LAMP)).document.storyboard
    assert moved is not None
    assert [shot.id for shot in moved.shots] == ["a", "b"]


async def test_everything_that_is_wrong_is_told_at_its_place(studio: Studio) -> None:
    await save(
        studio,
        {
            "audience": "everybody",
            "brief": {"shots": "6", "pictures": ["local:abc"]},
            "concept": "gone",
            "motion": {"video": "fast"},
            "shots": {"s 1": {"seconds": 4}, "s2": {"text": "x", "seconds": "long"}, "s3": {"text": "y"}},
            "cap": "lots",
        },
    )
    wrong = dict((await studio.drafts.reading(LAMP)).wrong)
    assert set(wrong) == {
        "audience",
        "brief.shots",
        "brief.pictures",
        "concept",
        "motion.video",
        "shots.s 1",
        "shots.s 1.text",
        "shots.s2.seconds",
        "shots.s3.seconds",
        "cap",
    }
    assert "device" in wrong["brief.pictures"]


async def test_somebody_elses_picture_is_not_taken(studio: Studio) -> None:
    await studio.campaigns.begin({}, user=UserId("bob"), wanted="theirs")
    await save(studio, {"brief": {"product": "A lamp", "logo": "asset_of_bob"}})
    wrong = (await studio.drafts.reading(LAMP)).wrong
    assert wrong == (("pictures", "there is no picture 'asset_of_bob'"),)
    assert (await studio.campaigns.get(LAMP)).document.brief.logo is None


async def test_the_cap_is_the_campaigns_own_wherever_it_is_set(studio: Studio) -> None:
    await save(studio, {"cap": "5"})
    assert (await studio.budgets.balance(LAMP)).cap == 5 * DOLLAR
    await studio.budgets.set_cap(LAMP, 7 * DOLLAR)
    assert (await studio.drafts.get(LAMP)).doc["cap"] == "7"
    await save(studio, {"name": "Ember"})
    assert (await studio.budgets.balance(LAMP)).cap == 7 * DOLLAR
    assert (await save(studio, {"cap": "12 or s"})).doc["cap"] == "12 or s"
    assert (await studio.budgets.balance(LAMP)).cap == 7 * DOLLAR
    await save(studio, {"cap": None})
    assert (await studio.budgets.balance(LAMP)).cap is None


async def test_a_campaign_that_nobody_edited_opens_as_if_it_had_been_typed(both: Stage) -> None:
    studio = both.open()
    campaign = await studio.campaigns.create(read_brief("A lamp called Ember", {"shots": 2}), 3 * DOLLAR)
    found = await studio.drafts.get(campaign)
    assert (found.version, found.saved_by, found.doc["name"], found.doc["cap"]) == (1, None, "Ember", "3")
    assert not (await studio.drafts.reading(campaign)).wrong
    before = (await studio.campaigns.get(campaign)).document
    await save(studio, {"step": 2}, campaign=campaign)
    assert (await studio.campaigns.get(campaign)).document == before
    assert (await studio.drafts.version(campaign, 1)).draft == found.doc


async def test_what_a_production_writes_is_in_the_draft_in_the_same_moment(both: Stage) -> None:
    studio = both.open()
    draft: Draft = {"brief": {"product": "A lamp", "shots": 2, "seconds": 4}, "name": "Ember", "mine": [1]}
    await studio.campaigns.begin(draft, user=OWNER, wanted="lamp")
    run = await both.production(studio, LAMP)
    found = await studio.drafts.get(LAMP)
    campaign = await studio.campaigns.get(LAMP)
    assert (found.doc["mine"], found.doc["concept"]) == ([1], "concept-01")
    assert sorted(found.doc["shots"]) == sorted(run.shots)
    assert found.version == campaign.version
    assert drafts.decompiled(campaign.document, None)["shots"] == found.doc["shots"]
    with pytest.raises(CampaignLocked):
        await save(studio, {"name": "Another"})
    renamed = await studio.drafts.rename(LAMP, "Ember at night", by=ANN)
    assert renamed.doc["name"] == "Ember at night"
    await studio.productions.cancel(LAMP)
    await save(studio, {"step": 4})
    assert [each.version for each in await studio.drafts.versions(LAMP)][-1] == 1


async def test_a_choice_of_a_take_is_made_through_the_draft_and_undone_by_no_save(both: Stage) -> None:
    run = await both.begin(shots=2)
    first, second = await run.make(await run.ask()), await run.make(await run.ask(number=2))
    await run.studio.productions.cancel(run.campaign)
    before = await run.studio.drafts.get(run.campaign)
    shot = str(run.shots[0])
    other = first.id if before.doc["shots"][shot]["selected"]["frame"] == second.id else second.id
    patch = {"shots": {shot: {"title": "New", "selected": {"frame": other, "clip": "take_of_nobody"}}, "new": {"selected": 5}}}
    saved = await run.studio.drafts.patch(run.campaign, patch, version=before.version, by=ANN)
    assert saved.doc["shots"][shot]["selected"] == {"frame": other}
    again = await run.studio.drafts.patch(run.campaign, patch, version=before.version, by=ANN)
    assert again.version == saved.version
    back = await run.studio.drafts.restore(run.campaign, before.version, version=saved.version, by=ANN)
    assert back.doc["shots"][shot]["selected"] == {"frame": other}


@pytest.mark.parametrize("patch", [[], "text", None, 5, {"a": float("nan")}, {"n": 10**5000}])
async def test_what_is_no_patch_is_refused(stage: Stage, patch: object) -> None:
    studio = stage.open()
    await studio.campaigns.begin({}, user=OWNER, wanted="lamp")
    with pytest.raises(InvalidInput):
        await save(studio, patch)


async def test_what_no_database_takes_is_made_whole_and_too_much_is_refused(studio: Studio) -> None:
    saved = await save(studio, {"name": "cut \ud83d off\x00", "brief": {"product": "🙂\u200d"}})
    assert saved.doc["name"] == "cut � off\x00"
    assert (await studio.campaigns.get(LAMP)).name == "cut � off"
    deep: object = 1
    for _ in range(60):
        deep = [deep]
    with pytest.raises(InvalidInput, match="deep"):
        await save(studio, {"deep": deep})
    await save(studio, {"long": "x" * (MOST_BYTES - 200)})
    with pytest.raises(TooLarge):
        await save(studio, {"more": "x" * 400})


async def test_what_is_in_the_trash_is_not_edited_and_somebody_elses_does_not_exist(studio: Studio) -> None:
    await studio.campaigns.put_in_trash(LAMP)
    with pytest.raises(Conflict, match="trash"):
        await save(studio, {"name": "Another"})
    with fenced(UserId("somebody")):
        for call in (
            studio.drafts.get(LAMP),
            studio.drafts.versions(LAMP),
            studio.drafts.version(LAMP, 1),
            studio.drafts.reading(LAMP),
        ):
            with pytest.raises(NotFound):
                await call
        with pytest.raises(NotFound):
            await studio.drafts.patch(LAMP, {}, version=1, by=ANN)
        with pytest.raises(NotFound):
            await studio.drafts.rename(LAMP, "x", by=ANN)


def die_in_the_middle(home: Path, url: str) -> None:
    """Saves, and is killed when all is written and nothing is committed."""
    from reelwright.bootstrap import open_studio  # noqa: PLC0415 - in the process that dies

    async def run() -> None:
        studio = open_studio(Settings(home=home, database_url=url))

        def write(session: drafts.Session) -> None:
            old = drafts.read(session, LAMP, for_change=True)
            drafts.replace_typed(session, old, {"name": "lost"}, saved_by=ANN.at(now()))
            session.flush()
            os.kill(os.getpid(), signal.SIGKILL)

        await studio.database.write(write)

    asyncio.run(run())


async def test_a_process_that_dies_within_a_save_leaves_the_draft_before_or_the_one_after(studio: Studio, both: Stage) -> None:
    await save(studio, {"name": "kept"})
    child = multiprocessing.get_context("spawn").Process(target=die_in_the_middle, args=(both.home, both.database_url))
    child.start()
    await asyncio.to_thread(child.join, 60)
    assert child.exitcode == -signal.SIGKILL
    found = await studio.drafts.get(LAMP)
    assert (found.version, found.doc["name"]) == (2, "kept")
    assert (await save(studio, {"name": "and on"})).version == 3


async def test_saving_the_document_of_a_campaign_that_is_typed_keeps_its_own_words(studio: Studio) -> None:
    await save(studio, {"brief": {"product": "A  lamp "}})

    def change(session: drafts.Session) -> int:
        found = campaigns.get(session, LAMP)
        return campaigns.save(session, LAMP, replace(found.document, models=models_of("simkey")), found.version)

    assert await studio.database.write(change) == 3
    found = await studio.drafts.get(LAMP)
    assert (found.version, found.doc["brief"]["product"]) == (3, "A  lamp ")
    assert (await studio.campaigns.get(LAMP)).status is CampaignStatus.DRAFT
    assert Document(Brief("", "")) != (await studio.campaigns.get(LAMP)).document
