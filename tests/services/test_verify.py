"""What is lost or damaged is found, named, and found again where its bytes still are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.bootstrap import Studio
from reelwright.db.engine import Session
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.ids import OWNER
from reelwright.services.assets import Purpose
from reelwright.services.verify import Trouble
from samples import picture
from staging import DOLLAR, Stage


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def kept(stage: Stage, studio: Studio, seed: int, count: int = 1) -> list[Asset]:
    """The same picture in so many campaigns."""
    found: list[Asset] = []
    for number in range(count):
        campaign = await stage.campaign(studio)
        purpose = Purpose(OWNER, campaign, AssetKind.UPLOAD, "file", f"upload_{seed}_{number}", {})
        found.append((await studio.assets.keep_upload(once(picture(seed)), purpose))[0])
    return found


async def whole(studio: Studio, asset: Asset) -> bytes:
    return await studio.assets.read(asset.id)


@pytest.fixture(params=["folder", "s3"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return (tmp_path / "store").as_uri() if request.param == "folder" else request.getfixturevalue("s3_url")


async def damage(studio: Studio, asset: Asset, content: bytes | None) -> None:
    """Puts other bytes in the place of the asset's, or none."""
    await studio.store.delete(asset.key)
    if content is not None:
        await studio.store.put(asset.key, once(content), media_type="image/png", metadata={})


async def test_what_is_lost_or_damaged_is_found_and_mended_from_its_twin(stage: Stage, target_url: str) -> None:
    studio = stage.open(storage_url=target_url)
    lost, _ = await kept(stage, studio, 1, count=2)
    short, _ = await kept(stage, studio, 2, count=2)
    [changed] = await kept(stage, studio, 3)
    assert (await studio.verification.run()).is_well
    await damage(studio, lost, None)
    await damage(studio, short, picture(2)[:-7])
    await damage(studio, changed, picture(3)[:-1] + b"!")
    quick = await studio.verification.run(is_quick=True)
    assert {fault.trouble for fault in quick.faults} == {Trouble.MISSING, Trouble.SIZE}
    found = await studio.verification.run()
    assert not found.is_well
    assert {fault.asset: fault.trouble for fault in found.faults} == {
        lost.id: Trouble.MISSING,
        short.id: Trouble.SIZE,
        changed.id: Trouble.CONTENT,
    }
    mended = await studio.verification.run(repairs=True)
    assert {fault.asset: fault.repaired_from for fault in mended.faults} == {
        lost.id: "another asset",
        short.id: "another asset",
        changed.id: "",
    }
    assert [await whole(studio, each) for each in (lost, short)] == [picture(1), picture(2)]
    left = await studio.verification.run()
    assert [fault.asset for fault in left.faults] == [changed.id]
    assert left.faults[0].campaign_name


async def test_a_take_is_fetched_again_from_its_provider_and_nothing_is_paid(both: Stage) -> None:
    run = await both.begin()
    take = await run.make(await run.ask())
    assert take.asset_id is not None
    asset = await run.studio.assets.get(take.asset_id)
    before = await run.studio.assets.read(asset.id)
    await run.studio.store.delete(asset.key)
    paid = both.vendor.submits
    verdict = await run.studio.verification.run(repairs=True)
    [fault] = verdict.faults
    assert (fault.repaired_from, fault.shot, fault.take) == ("provider", take.shot_id, 1)
    assert verdict.is_well
    assert await run.studio.assets.read(asset.id) == before
    assert both.vendor.submits == paid


async def test_what_no_row_knows_is_told_and_stays(stage: Stage) -> None:
    studio = stage.open()
    [asset] = await kept(stage, studio, 1)
    stray, foreign = f"owner/{asset.campaign_id}/uploads/nobody-asset_1.png", "somebody/else/uploads/theirs.png"
    for key in (stray, foreign, "incoming/owner/upload_1/0"):
        await studio.store.put(key, once(b"bytes"), media_type="image/png", metadata={})
    verdict = await studio.verification.run(repairs=True)
    assert (verdict.is_well, verdict.strays, verdict.foreign) == (True, [stray], 1)
    assert {key async for key in studio.store.keys("")} >= {stray, foreign}


async def test_a_spooled_asset_is_looked_for_in_the_spool_and_found_in_the_storage(stage: Stage) -> None:
    studio = stage.open()
    [asset] = await kept(stage, studio, 1)

    def spool(session: Session) -> None:
        session.execute(sa.text("UPDATE reel_assets SET is_spooled = true"))

    await studio.database.write(spool)
    verdict = await studio.verification.run()
    assert [fault.trouble for fault in verdict.faults] == [Trouble.MISSING]
    assert (await studio.verification.run(repairs=True)).faults[0].repaired_from == "storage"
    assert not (await studio.assets.get(asset.id)).is_spooled


async def test_a_sum_that_somebody_edited_is_found_and_mended(both: Stage) -> None:
    run = await both.begin()
    await run.make(await run.ask())
    before = (await run.studio.budgets.of_campaign(run.campaign)).balance

    def edit(session: Session) -> None:
        session.execute(sa.text("UPDATE reel_sums SET charged = charged + :much"), {"much": DOLLAR})

    await run.studio.database.write(edit)
    verdict = await run.studio.verification.run()
    assert not verdict.is_well
    assert [each.split()[0] for each in verdict.wrong_sums] == [run.campaign]
    assert (await run.studio.verification.run(repairs=True)).is_well
    assert (await run.studio.budgets.of_campaign(run.campaign)).balance == before


async def test_a_wanted_look_is_done_once_by_whoever_leads(both: Stage) -> None:
    studio = both.open()
    assert not await studio.verification.answer()
    assert (await studio.verification.ask(repairs=False, is_quick=True)).wish is not None
    await studio.verification.ask(repairs=True, is_quick=False)
    assert await studio.verification.answer()
    report = await studio.verification.last()
    assert report.wish is None
    assert report.document is not None
    assert (report.document["is_well"], report.document["is_quick"]) == (True, True)
    assert not await studio.verification.answer()
