"""Addresses that expire: kept while they work, asked for anew where the job is ours, and never believed."""

from __future__ import annotations

import asyncio
import base64

import pytest

from reelwright.db.assets import Wish as Listed
from reelwright.domain.asset import AssetKind
from reelwright.domain.ids import CampaignId
from reelwright.domain.take import TakeState
from reelwright.errors import AddressRefused, InvalidInput, InvalidMedia, NotFound, UrlExpired
from reelwright.services.fetches import Wish, decoded, is_address, without_pictures
from samples import picture
from staging import Stage


def wish(campaign: CampaignId, media: str = "image") -> Wish:
    return Wish(campaign, AssetKind.FRAME, media)


async def test_the_provider_of_a_job_of_ours_is_asked_for_a_fresh_address(stage: Stage) -> None:
    run = await stage.begin()
    take = await run.ask()
    await run.steps.submits.submit(take)
    submitted = await run.take(take)
    assert submitted.state is TakeState.SUBMITTED
    assert submitted.job_id is not None
    provider = run.studio.catalogue.provider(submitted.request.model)
    while not (await provider.poll(submitted.job_id)).outputs:
        await asyncio.sleep(0.02)
    expired = f"{stage.vendor.url}/outputs/long-ago/{submitted.job_id}"
    asset = await run.studio.older.fetches.keep(expired, wish(run.campaign))
    assert (asset.media_type, asset.kind, asset.campaign_id) == ("image/png", AssetKind.FRAME, run.campaign)
    kept = await run.make(take)  # the take itself comes home as ever
    assert kept.state is TakeState.KEPT
    again = await run.studio.older.fetches.keep(expired, wish(run.campaign))
    assert again.sha256 == asset.sha256
    with pytest.raises(UrlExpired, match="404"):
        await run.studio.older.fetches.keep(expired, wish(run.campaign, "video"))
    assert set(stage.vendor.submits.values()) == {1}


async def test_an_address_of_ours_is_the_asset_that_it_shows(both: Stage) -> None:
    studio = both.open()
    campaign = await both.campaign(studio)
    content = picture(3)
    inline = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    asset = await studio.older.fetches.keep(inline, wish(campaign))
    assert await studio.assets.read(asset.id) == content
    for url in (f"/media/{asset.id}", f"https://studio.example/media/{asset.id}?w=320", f"/media/{asset.id}/thumbnail"):
        assert (await studio.older.fetches.keep(url, wish(campaign))).id == asset.id
    assert (await studio.older.fetches.keep(inline, wish(campaign))).id == asset.id
    with pytest.raises(NotFound):
        await studio.older.fetches.keep("/media/asset_unknown", wish(campaign))
    ours = Wish(campaign, AssetKind.FRAME, origins={"https://studio.example"})
    with pytest.raises(NotFound):
        await studio.older.fetches.keep("https://studio.example/media/asset_unknown", ours)


async def test_what_is_no_picture_or_leads_inside_is_refused(stage: Stage) -> None:
    studio = stage.open()
    campaign = await stage.campaign(studio)
    for url in (
        "http://127.0.0.1:9/x.png",
        "https://10.1.2.3/x.png",
        "http://example.com/x.png",
        "file:///etc/passwd",
        "nothing",
    ):
        with pytest.raises(AddressRefused):
            await studio.older.fetches.keep(url, wish(campaign))
    text = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode()
    with pytest.raises(InvalidMedia):
        await studio.older.fetches.keep(f"data:image/svg+xml;base64,{text}", wish(campaign))
    assert [asset.kind for asset in await studio.library.page((await studio.accounts.owner()).id, Listed())] == []


@pytest.mark.parametrize("url", ["data:image/png;base64,A", "data:,x", "data:image/png;base64,@@@@", "data:image/png,abcd"])
def test_a_data_url_is_read_strictly(url: str) -> None:
    with pytest.raises(InvalidInput):
        decoded(url)


def test_pictures_inside_of_texts_are_left_out() -> None:
    assert without_pictures("see data:image/png;base64,iVBORw0KGgo= there") == "see [picture] there"
    assert without_pictures("a plain text; base64 is a word") == "a plain text; base64 is a word"
    assert [
        is_address(text) for text in ("https://a.example/b", "data:x", "/media/asset_1", "see https://a.example", "a lamp")
    ] == [
        *(True, True, True),
        *(False, False),
    ]
