"""A brief with its pictures becomes a campaign, once under one id."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from reelwright.bootstrap import Studio
from reelwright.domain.campaign import CampaignStatus
from reelwright.domain.ids import CampaignId
from reelwright.errors import InvalidBrief, InvalidInput, NotFound
from reelwright.services.briefs import BriefOrder, read_brief
from staging import DOLLAR, Stage, models_of


@pytest.fixture
def order(tmp_path: Path) -> BriefOrder:
    """A brief with two pictures and a logo."""
    for name in ("one", "two", "logo"):
        Image.new("RGB", (64, 48), "navy").save(tmp_path / f"{name}.png")
    names = [str(tmp_path / "one.png"), str(tmp_path / "two.png")]
    return read_brief("A lamp called Ember", {"pictures": names, "logo": str(tmp_path / "logo.png")})


async def pictures_of(studio: Studio, campaign: CampaignId) -> list[bytes]:
    brief = (await studio.campaigns.get(campaign)).document.brief
    return [await studio.assets.read(asset) for asset in (*brief.pictures, *([brief.logo] if brief.logo else []))]


async def test_a_campaign_holds_its_brief_its_pictures_and_who_was_agreed_on(both: Stage, order: BriefOrder) -> None:
    studio = both.open()
    campaign = await studio.campaigns.create(order, DOLLAR, models=models_of("simkey"))
    found = await studio.campaigns.get(campaign)
    assert (found.status, found.cap_micro_usd, found.document.models) == (CampaignStatus.DRAFT, DOLLAR, models_of("simkey"))
    assert await pictures_of(studio, campaign) == [path.read_bytes() for path in (*order.pictures, order.logo) if path]


async def test_an_id_of_ones_own_is_one_campaign_however_often_it_is_made(stage: Stage, order: BriefOrder) -> None:
    studio = stage.open()
    assert await studio.campaigns.create(order, None, wanted="lamp") == "lamp"
    before = await studio.campaigns.get(CampaignId("lamp"))
    assert await studio.campaigns.create(order, None, wanted="lamp") == "lamp"
    assert await studio.campaigns.get(CampaignId("lamp")) == before


async def test_one_that_was_killed_before_its_pictures_were_stored_gets_them_the_second_time(
    stage: Stage, order: BriefOrder
) -> None:
    studio = stage.open()
    bare = BriefOrder(order.brief)
    await studio.campaigns.create(bare, None, wanted="lamp")
    await studio.campaigns.create(order, None, wanted="lamp")
    assert len(await pictures_of(studio, CampaignId("lamp"))) == 3


async def test_a_picture_that_is_none_is_refused_before_anything_is_written(stage: Stage, order: BriefOrder) -> None:
    studio = stage.open()
    order.pictures[1].write_bytes(b"not a picture")
    with pytest.raises(InvalidBrief, match=r"^pictures\[2\]: two.png"):
        await studio.campaigns.create(order, None)
    assert await studio.campaigns.page() == []


@pytest.mark.parametrize("wanted", ["a b", "../up", "x" * 65, "-first", "ü"])
async def test_an_id_that_could_not_be_a_file_name_is_refused(stage: Stage, order: BriefOrder, wanted: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be an id"):
        await stage.open().campaigns.create(order, None, wanted=wanted)


async def test_pages_follow_each_other_and_an_unknown_edge_is_told(stage: Stage) -> None:
    studio = stage.open()
    for number in range(5):
        await studio.campaigns.create(read_brief(f"Lamp {number}", {}), None, wanted=f"lamp-{number}")
    first = await studio.campaigns.page(limit=3)
    rest = await studio.campaigns.page(before=first[-1].id, limit=3)
    assert [each.id for each in (*first, *rest)] == [f"lamp-{number}" for number in (4, 3, 2, 1, 0)]
    with pytest.raises(NotFound):
        await studio.campaigns.page(before="lamp-9")


async def test_an_overview_of_nothing_is_not_found(stage: Stage) -> None:
    with pytest.raises(NotFound):
        await stage.open().campaigns.overview(CampaignId("nobody"))
