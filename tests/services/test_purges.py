"""What a purge removes, what it keeps, and what is left of it when it is interrupted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from reelwright.bootstrap import Studio
from reelwright.db import campaigns as campaign_rows
from reelwright.db import purging
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.ids import OWNER, CampaignId
from reelwright.domain.take import TakeState
from reelwright.errors import Busy, Conflict, NotFound
from reelwright.services.assets import Purpose
from samples import picture
from staging import Stage


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def kept(studio: Studio, campaign: CampaignId, seed: int) -> Asset:
    purpose = Purpose(OWNER, campaign, AssetKind.UPLOAD, "file", f"upload_{seed}", {})
    return (await studio.assets.keep_upload(once(picture(seed)), purpose))[0]


async def use(studio: Studio, campaign: CampaignId, asset: Asset) -> None:
    """That campaign's brief shows the picture."""
    found = await studio.campaigns.get(campaign)
    document = replace(found.document, brief=replace(found.document.brief, pictures=(asset.id,)))
    await studio.database.write(lambda session: campaign_rows.save(session, campaign, document, found.version))


async def keys(studio: Studio) -> set[str]:
    return {key async for key in studio.store.keys("")}


async def count(studio: Studio, table: str) -> int:
    query = sa.text(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own tests
    return await studio.database.read(lambda session: session.execute(query).scalar_one())


async def made(both: Stage) -> tuple[Studio, CampaignId]:
    """A campaign that has cost something and is over."""
    run = await both.begin()
    await run.make(await run.ask())
    await run.studio.productions.cancel(run.campaign)
    return run.studio, run.campaign


async def test_a_campaign_goes_for_good_and_its_ledger_stays(both: Stage) -> None:
    studio, campaign = await made(both)
    other = await both.campaign(studio)
    staying = await kept(studio, other, 1)
    ledger = await studio.budgets.entries(campaign)
    assert ledger
    with pytest.raises(NotFound, match="trash"):
        await studio.purges.plan(campaign)
    await studio.campaigns.put_in_trash(campaign)
    plan = await studio.purges.plan()
    assert ([each.id for each in plan.campaigns], plan.assets) == ([campaign], [])
    assert plan.bytes > 0
    assert (await studio.purges.plan(older_than=timedelta(days=1))).is_empty
    done = await studio.purges.purge()
    assert ([each.id for each in done.campaigns], done.bytes) == ([campaign], plan.bytes)
    assert await keys(studio) == {staying.key}
    assert [await count(studio, table) for table in ("reel_takes", "reel_productions", "reel_selections")] == [0, 0, 0]
    after = await studio.budgets.entries(campaign)
    assert [(entry.kind, entry.micro_usd, entry.subject) for entry in after] == [
        (entry.kind, entry.micro_usd, entry.subject) for entry in ledger
    ]
    assert [each.id for each in await studio.campaigns.page()] == [other]
    assert (await studio.purges.plan()).is_empty
    assert (await studio.verification.run()).is_well
    with pytest.raises(Conflict):
        await studio.campaigns.begin({"name": "Again"}, user=OWNER, wanted=campaign)


async def test_what_another_campaign_uses_is_kept_and_becomes_its_own(both: Stage) -> None:
    studio = both.open()
    old, new = await both.campaign(studio), await both.campaign(studio)
    shown, alone = await kept(studio, old, 1), await kept(studio, old, 2)
    await use(studio, new, shown)
    await studio.campaigns.put_in_trash(old)
    plan = await studio.purges.plan(old)
    assert (plan.kept, plan.bytes) == ([shown.id], alone.bytes)
    done = await studio.purges.purge(old)
    assert (done.kept, done.bytes) == ([shown.id], alone.bytes)
    assert await keys(studio) == {shown.key}
    assert (await studio.library.get(shown.id)).asset.campaign_id == new
    assert await studio.assets.read(shown.id) == picture(1)
    with pytest.raises(NotFound):
        await studio.assets.get(alone.id)


async def test_two_campaigns_of_the_trash_that_share_a_picture_go_both(both: Stage) -> None:
    studio = both.open()
    old, new = await both.campaign(studio), await both.campaign(studio)
    await use(studio, new, await kept(studio, old, 1))
    for each in (old, new):
        await studio.campaigns.put_in_trash(each)
    done = await studio.purges.purge()
    assert {each.id for each in done.campaigns} == {old, new}
    assert await keys(studio) == set()
    assert await count(studio, "reel_assets") == 0


async def test_a_campaign_that_is_at_work_stays_in_the_trash(both: Stage) -> None:
    run = await both.begin()
    take = await run.ask()
    await run.steps.submits.submit(take)
    await run.studio.productions.cancel(run.campaign)
    await run.studio.campaigns.put_in_trash(run.campaign)
    done = await run.studio.purges.purge()
    assert (done.campaigns, [each.id for each in done.busy]) == ([], [run.campaign])
    await run.steps.harvests.bring_home(take)
    assert [each.id for each in (await run.studio.purges.purge()).campaigns] == [run.campaign]


async def test_a_take_whose_output_is_purged_by_itself_is_not_used_again(both: Stage) -> None:
    run = await both.begin()
    studio = run.studio
    take = await run.make(await run.ask())
    assert take.asset_id is not None
    await studio.library.trash(take.asset_id)
    done = await studio.purges.purge()
    assert (done.assets, done.kept) == ([], [take.asset_id])  # it is the one that the film will show
    await studio.database.write(lambda session: session.execute(sa.text("DELETE FROM reel_selections")))
    assert (await studio.purges.purge()).assets == [take.asset_id]
    after = await run.take(take.id)
    assert (after.state, after.asset_id, after.charged_micro_usd) == (TakeState.FAILED, None, take.charged_micro_usd)
    assert (await studio.verification.run()).is_well


async def test_a_purge_that_was_killed_is_gone_on_with(stage: Stage) -> None:
    studio = stage.open()
    campaign = await stage.campaign(studio)
    asset = await kept(studio, campaign, 1)
    await studio.campaigns.put_in_trash(campaign)
    # Killed after the claim: the rows say what is to be removed.
    await studio.database.write(lambda session: purging.doom_campaign(session, campaign, {}))
    assert await keys(studio) == {asset.key}
    assert (await studio.purges.plan()).is_empty
    assert (await studio.verification.run()).strays == []
    assert await studio.purges.finish() == 1
    assert await keys(studio) == set()


async def test_nothing_is_removed_while_everything_is_copied(both: Stage) -> None:
    guard = both.open().guard
    async with guard.shared(), guard.shared(0.3):
        with pytest.raises(Busy):
            async with guard.alone(0.3):
                pass
    async with guard.alone(0.3):
        with pytest.raises(Busy):
            async with guard.shared(0.3):
                pass
