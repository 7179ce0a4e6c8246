"""Purges: what lies in the trash goes for good, when a person has seen what that is and says so.

Rows are claimed before objects are removed, a campaign at a time, so whatever interrupts a purge, what was claimed is removed by
the next one or by whoever leads, and what was not claimed lies in the trash as before. The ledger stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from reelwright.db import assets as asset_rows
from reelwright.db import purging
from reelwright.db.engine import Database, Session
from reelwright.db.guard import Guard
from reelwright.db.purging import Trashed, Wish
from reelwright.domain.ids import AssetId, CampaignId
from reelwright.errors import NotFound, StorageError
from reelwright.services.spool import Spool
from reelwright.store.objects import ObjectStore

_SLACK = timedelta(minutes=5)
"""By so much the clocks of two machines may differ."""
_log = structlog.get_logger()


@dataclass
class Plan:
    """What would go, or what went."""

    campaigns: list[Trashed] = field(default_factory=list[Trashed])
    assets: list[AssetId] = field(default_factory=list[AssetId])
    """Those that were thrown away by themselves."""
    cards: int = 0
    """Of the library of the older contract."""
    kept: list[AssetId] = field(default_factory=list[AssetId])
    """What something uses that is not in the trash: it stays."""
    busy: list[Trashed] = field(default_factory=list[Trashed])
    """Campaigns in which something is still under way: they stay in the trash."""
    bytes: int = 0
    uses: dict[AssetId, str] = field(default_factory=dict[AssetId, str])
    """Who uses what is kept: campaigns; empty for a card."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing goes."""
        return not (self.campaigns or self.assets or self.cards)


class Purges:
    """Empties the trash."""

    def __init__(
        self, database: Database, store: ObjectStore, spool: Spool, guard: Guard, *, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._store = store
        self._spool = spool
        self._guard = guard
        self._now = now

    async def plan(self, campaign: CampaignId | None = None, older_than: timedelta | None = None) -> Plan:
        """What would go. Nothing is changed.

        Raises:
            NotFound: that campaign is not in the trash.
        """
        wish = self._wish(campaign, older_than)
        return await self._database.read(lambda session: _plan(session, wish))

    def _wish(self, campaign: CampaignId | None, older_than: timedelta | None) -> Wish:
        return Wish(campaign, None if older_than is None else self._now() - older_than)

    async def purge(self, campaign: CampaignId | None = None, older_than: timedelta | None = None) -> Plan:
        """Removes it, and answers what went. What was taken out of the trash meanwhile stays.

        Raises:
            Busy: a backup is being written.
            NotFound: that campaign is not in the trash.
            StorageError: the store does not remove; what was claimed goes as soon as it does.
        """
        begun, wish = self._now() - _SLACK, self._wish(campaign, older_than)
        async with self._guard.alone():
            # The slow look at everything comes first, when nobody has to wait for us.
            plan = await self._database.read(lambda session: _plan(session, wish))
            done = Plan(busy=plan.busy, kept=list(plan.kept), cards=plan.cards, bytes=plan.bytes)
            for each in plan.campaigns:
                claimed = {one.id for one in done.campaigns}
                kept = await self._database.write(
                    lambda session, each=each, claimed=claimed: _claim_campaign(session, each.id, plan.uses, claimed, begun)
                )
                if kept is not None:
                    done.campaigns.append(each)
                    done.kept += [asset for asset in kept if asset not in plan.uses]
                    _log.info("campaign.purged", campaign=each.id)
            if plan.assets:
                done.assets = await self._database.write(lambda session: _claim_assets(session, plan.assets, begun))
            await self._database.write(lambda session: purging.remove_cards(session, wish))
            await self.finish()
        return done

    async def finish(self) -> int:
        """Removes the objects of what is claimed, and then the rows; answers how many. May be done by several at once.

        Raises:
            StorageError: the store does not remove.
        """
        claimed = await self._database.read(purging.doomed)
        for asset, key in claimed:
            # The object before the row: a row without an object is found again, an object without a row would stay for ever.
            await self._store.delete(key)
            self._spool.remove(key)
            await self._database.write(lambda session, asset=asset: asset_rows.forget_attempt(session, asset))
        return len(claimed)

    async def go_on(self) -> None:
        """As `finish`, for whoever leads, now and then."""
        try:
            await self.finish()
        except StorageError as error:
            _log.warning("purge.waits", reason=error.message)


def _plan(session: Session, wish: Wish) -> Plan:
    found = purging.campaigns_in_trash(session, wish)
    if wish.campaign is not None and not found:
        msg = f"There is no campaign {wish.campaign!r} in the trash."
        raise NotFound(msg)
    going = [each for each in found if not each.busy]
    names = {each.id for each in going}
    alone = purging.assets_in_trash(session, wish)
    inside = {asset: (each.id, size) for each in going for asset, size in purging.assets_of(session, each.id).items()}
    uses = purging.used(session, dict.fromkeys(alone) | {asset: owner for asset, (owner, _) in inside.items()})
    kept = {asset for asset, user in uses.items() if user not in names or asset in alone}
    size = sum(each.bytes for each in going) - sum(inside[asset][1] for asset in kept if asset in inside)
    size += sum(much for asset, much in alone.items() if asset not in kept)
    return Plan(
        campaigns=going,
        assets=[asset for asset in alone if asset not in kept],
        cards=purging.count_cards(session, wish),
        kept=sorted(kept),
        busy=[each for each in found if each.busy],
        bytes=size,
        uses=uses,
    )


def _claim_campaign(
    session: Session, campaign: CampaignId, uses: dict[AssetId, str], claimed: set[CampaignId], since: datetime
) -> list[AssetId] | None:
    """Claims it, and answers which of its assets are kept; None where it is no longer in the trash, or at work."""
    purging.lock(session)
    if not purging.is_in_trash(session, campaign) or purging.busy_with(session, campaign):
        return None
    wanted = dict.fromkeys(purging.assets_of(session, campaign), campaign)
    known = {asset: user for asset, user in uses.items() if asset in wanted and user not in claimed}
    # What only one that has gone used, as far as we know, may be used by somebody else as well.
    doubtful = {asset: campaign for asset in wanted if uses.get(asset, "") in claimed}
    again = purging.used(session, doubtful) if doubtful else {}
    kept = known | again | purging.used(session, wanted, since)
    purging.doom_campaign(session, campaign, kept)
    return sorted(kept)


def _claim_assets(session: Session, wanted: list[AssetId], since: datetime) -> list[AssetId]:
    purging.lock(session)
    used = purging.used(session, dict.fromkeys(wanted), since)
    return [asset for asset in wanted if asset not in used and purging.doom_asset(session, asset)]
