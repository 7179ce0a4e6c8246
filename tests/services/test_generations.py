"""Cards of the older contract's library, on either database: whole or not at all, newest first, and nobody else's."""

from __future__ import annotations

import asyncio
import base64

import pytest

from reelwright.bootstrap import Studio
from reelwright.db.fence import fenced
from reelwright.domain.ids import CampaignId, UserId
from reelwright.errors import InvalidInput, NotFound, TooLarge
from reelwright.services.drafts import Editor
from reelwright.services.frames import About, Sent
from samples import picture
from staging import Stage


def inline(seed: int) -> str:
    """A picture inside of an address."""
    return f"data:image/png;base64,{base64.b64encode(picture(seed)).decode()}"


async def users(studio: Studio) -> tuple[UserId, UserId]:
    return (await studio.accounts.add("ann@example.com")).id, (await studio.accounts.add("bob@example.com")).id


async def test_a_card_is_saved_with_everything_that_it_names(both: Stage) -> None:
    studio = both.open()
    ann, bob = await users(studio)
    generations = studio.older.generations
    with fenced(ann):
        first = await generations.save(ann, "image", [{"url": inline(1)}, {"url": inline(2)}], {"deep": [{"x": inline(1)}]})
        urls = [version["url"] for version in first.snapshot["versions"]]
        assert first.snapshot["settings"] == {"deep": [{"x": urls[0]}]}
        assert first.thumbnail == f"{urls[0]}/thumbnail"
        second = await generations.save(ann, "image", [{"url": urls[1]}], {}, wanted="card_1")
        again = await generations.save(ann, "image", [{"url": urls[0]}], {"more": 1}, wanted="card_1")
        assert (again.created_at, again.snapshot["settings"]) == (second.created_at, {"more": 1})
        assert [card.id for card in await generations.page(ann)] == ["card_1", first.id]
        assert await generations.page(ann, kind="video") == []
        assert [card.id for card in await generations.page(ann, before="card_1")] == [first.id]
    with fenced(bob):
        assert await generations.page(bob) == []
        with pytest.raises(NotFound):
            await generations.save(bob, "image", [{"url": inline(3)}], {}, wanted="card_1")
        with pytest.raises(InvalidInput, match=r"versions\[0\].url"):
            await generations.save(bob, "image", [{"url": urls[0]}], {})
        with pytest.raises(NotFound):
            await generations.page(bob, before="card_1")


async def test_a_card_that_is_too_large_or_of_another_kind_is_not_saved(stage: Stage) -> None:
    studio = stage.open()
    ann, _ = await users(studio)
    with pytest.raises(TooLarge):
        await studio.older.generations.save(ann, "image", [{"url": inline(1)}], {"text": "x" * 300_000})
    with pytest.raises(InvalidInput, match=r"clip is needed|kind 'video'"):
        await studio.older.generations.save(ann, "video", [{"url": inline(1)}], {})
    assert await studio.older.generations.page(ann) == []


async def test_frames_that_come_at_once_are_all_there(both: Stage) -> None:
    studio = both.open()
    ann, _ = await users(studio)
    frames, by = studio.older.frames, Editor(ann)

    async def save(number: int) -> None:
        home = await frames.home(ann, "req_at_once")
        await frames.save(home, [Sent(number, inline(number), description=f"Frame {number}")], About("A lamp"), by)

    await asyncio.gather(*map(save, range(1, 7)))
    found = await frames.of_campaign(CampaignId("req_at_once"))
    assert [(frame.id, frame.description) for frame in found] == [(number, f"Frame {number}") for number in range(1, 7)]
    assert len({frame.asset.sha256 for frame in found if frame.asset}) == 6
    document = (await studio.campaigns.get(CampaignId("req_at_once"))).document
    assert document.storyboard is not None
    assert [shot.id for shot in document.storyboard.shots] == [f"shot-0{number}" for number in range(1, 7)]


async def test_more_frames_than_a_film_can_have_are_kept_and_it_is_told(stage: Stage) -> None:
    studio = stage.open()
    ann, _ = await users(studio)
    frames = studio.older.frames
    home = await frames.home(ann, "req_many")
    sent = [Sent(number, description="x" * 9000, prompt="y\x00" * 10) for number in range(1, 66)]
    with pytest.raises(TooLarge):
        await frames.save(home, sent, About(), Editor(ann))
    short = [Sent(number, description="a lamp") for number in range(1, 66)]
    saved = await frames.save(home, short, About(), Editor(ann))
    assert saved.count == 65
    assert "at most 60 shots" in saved.warnings[0]
    assert len(await frames.of_campaign(home)) == 65
