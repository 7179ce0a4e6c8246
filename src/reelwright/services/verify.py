"""Verify: what the rows say against what the store has, both ways, and the ledger against its sums.

It removes nothing, and may run while the studio is at work: what changes meanwhile is looked at again before it is told.
Only a repair writes, and only what it has proven to be the bytes that were kept.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from reelwright.db import assets, budgets, campaigns, reports, takes
from reelwright.db.engine import Database, IntegrityError, Session
from reelwright.db.fence import unfenced
from reelwright.db.guard import Guard
from reelwright.db.reports import Report
from reelwright.domain.asset import Asset
from reelwright.domain.ids import CampaignId
from reelwright.domain.take import Take
from reelwright.errors import NotFound, ReelwrightError
from reelwright.services.repairs import Repairs
from reelwright.services.spool import Spool
from reelwright.services.uploads import PARTS
from reelwright.store.objects import ObjectStore, Reading

NAME = "verify"
_PAGE = 200
_AT_ONCE = 4
_TOLD = 500
"""So many faults, and so many objects, a kept report names; it counts all."""


class Trouble(StrEnum):
    """What can be wrong with an asset."""

    MISSING = "missing"
    SIZE = "size"
    """It has another length than was kept."""
    CONTENT = "content"
    """It has other bytes than were kept."""
    UNREADABLE = "unreadable"
    """Where it lies does not answer."""
    UNLINKED = "unlinked"
    """A take names an asset that is not there."""


@dataclass(frozen=True)
class Fault:
    """One asset that is not as it should be."""

    asset: str
    key: str
    kind: str
    trouble: Trouble
    detail: str
    campaign: str
    campaign_name: str
    shot: str
    """Empty for what is no take's outcome."""
    take: int
    """Its number in the shot; 0 for what is no take's outcome."""
    repaired_from: str = ""
    """Where the bytes were found again; empty for what is still to be mended."""


@dataclass
class Verdict:
    """What was found."""

    is_quick: bool
    """Lengths only: no bytes were read."""
    total: int = 0
    total_bytes: int = 0
    looked_at: int = 0
    bytes: int = 0
    faults: list[Fault] = field(default_factory=list[Fault])
    strays: list[str] = field(default_factory=list[str])
    """Objects of this studio's campaigns that no row knows. They are told, and stay."""
    foreign: int = 0
    """Objects of other studios in the same storage, or of a database that was lost."""
    wrong_sums: list[str] = field(default_factory=list[str])
    """Campaigns, with the month, whose ledger does not add up to what is reckoned with."""

    @property
    def is_well(self) -> bool:
        """Whether everything is there as it was kept, perhaps after it was repaired. Strays do no harm."""
        return not self.wrong_sums and all(fault.repaired_from for fault in self.faults)

    def document(self) -> dict[str, Any]:
        """For programs."""
        found = asdict(self)
        return {
            "is_well": self.is_well,
            **found,
            "faults": found["faults"][:_TOLD],
            "fault_count": len(self.faults),
            "strays": self.strays[:_TOLD],
            "stray_count": len(self.strays),
        }


class Verification:
    """Looks at everything."""

    def __init__(
        self, database: Database, store: ObjectStore, spool: Spool, repairs: Repairs, guard: Guard, *, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._store = store
        self._spool = spool
        self._repairs = repairs
        self._guard = guard
        self._now = now

    async def ask(self, *, repairs: bool, is_quick: bool) -> Report:
        """Wants everything looked at by whoever leads; where that is wanted already, it stays as it was asked first."""
        wish = {"repairs": repairs, "is_quick": is_quick}
        try:
            await self._database.write(lambda session: reports.ask(session, NAME, wish, self._now()))
        except IntegrityError:  # somebody else was the first to ask, at this moment
            await self._database.write(lambda session: reports.ask(session, NAME, wish, self._now()))
        return await self.last()

    async def last(self) -> Report:
        """The last report, and whether a new one is wanted."""
        return await self._database.read(lambda session: reports.get(session, NAME))

    async def answer(self) -> bool:
        """Does what is wanted, if something is. Killed in between, the next leader begins again."""
        wish = (await self.last()).wish
        if wish is None:
            return False
        await self.run(repairs=bool(wish["repairs"]), is_quick=bool(wish["is_quick"]), answers=True)
        return True

    async def run(
        self,
        *,
        repairs: bool = False,
        is_quick: bool = False,
        answers: bool = False,
        on_progress: Callable[[Verdict], None] | None = None,
    ) -> Verdict:
        """Looks at everything, and keeps the report.

        Args:
            repairs: mend what can be mended, and prove it.
            is_quick: compare lengths and read nothing.
            answers: that this is what was wanted.
            on_progress: is called after every asset.

        Raises:
            Busy: a backup is being written, so nothing can be repaired now.
            StorageError: the store does not list what it has.
        """
        with unfenced():
            if repairs:
                async with self._guard.alone():
                    verdict = await self._look(is_quick=is_quick, repairs=True, on_progress=on_progress)
            else:
                verdict = await self._look(is_quick=is_quick, repairs=False, on_progress=on_progress)
            document = verdict.document()
            await self._database.write(lambda session: reports.keep(session, NAME, document, self._now(), answers=answers))
        return verdict

    async def _look(self, *, is_quick: bool, repairs: bool, on_progress: Callable[[Verdict], None] | None) -> Verdict:
        count, size = await self._database.read(assets.sum_all)
        verdict = Verdict(is_quick, count, size)
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(asset: Asset) -> None:
            async with places:
                await self._examine(asset, verdict, repairs=repairs)
                if on_progress is not None:
                    on_progress(verdict)

        async for page in self._pages():
            async with asyncio.TaskGroup() as group:
                for asset in page:
                    group.create_task(one(asset))
        await self._look_for_strays(verdict)
        await self._look_at_rows(verdict, repairs=repairs)
        verdict.faults.sort(key=lambda fault: (fault.campaign, fault.shot, fault.take, fault.asset))
        return verdict

    async def _pages(self) -> AsyncIterator[list[Asset]]:
        after = ""
        while page := await self._database.read(lambda session, after=after: assets.every(session, after, _PAGE)):
            yield page
            after = page[-1].id

    async def _examine(self, asset: Asset, verdict: Verdict, *, repairs: bool) -> None:
        found = await self._trouble(asset, is_quick=verdict.is_quick)
        if found is not None:  # it may have moved from the spool, or was purged, since its row was read
            again = await self._database.read(lambda session: assets.look_up(session, asset.id))
            asset, is_there = again or (asset, False)
            found = await self._trouble(asset, is_quick=verdict.is_quick) if is_there else None
        verdict.looked_at += 1
        verdict.bytes += asset.bytes
        if found is None:
            return
        source = await self._repairs.mend(asset) if repairs and found[0] is not Trouble.UNREADABLE else ""
        verdict.faults.append(await self._fault(asset, *found, source))

    async def _trouble(self, asset: Asset, *, is_quick: bool) -> tuple[Trouble, str] | None:
        try:
            reading = await self._open(asset)
            async with aclosing(reading.chunks) as chunks:
                if reading.size != asset.bytes:
                    return Trouble.SIZE, f"{reading.size:,} of its {asset.bytes:,} bytes are there."
                if is_quick:
                    return None
                digest = hashlib.sha256()
                async for chunk in chunks:
                    digest.update(chunk)
        except NotFound:
            return Trouble.MISSING, "It is not in the spool." if asset.is_spooled else "It is not in the storage."
        except ReelwrightError as error:
            return Trouble.UNREADABLE, error.message
        return None if digest.hexdigest() == asset.sha256 else (Trouble.CONTENT, "Its bytes are not those that were kept.")

    async def _open(self, asset: Asset) -> Reading:
        if asset.is_spooled:
            return await self._spool.open(asset.key)
        return await self._store.open(asset.key)

    async def _fault(self, asset: Asset, trouble: Trouble, detail: str, source: str) -> Fault:
        def look(session: Session) -> tuple[str, Take | None]:
            campaign = campaigns.find(session, asset.campaign_id)
            return campaign.name if campaign else "", takes.get(session, asset.take_id) if asset.take_id else None

        name, take = await self._database.read(look)
        return Fault(
            asset=asset.id,
            key=asset.key,
            kind=asset.kind.value,
            trouble=trouble,
            detail=detail,
            campaign=asset.campaign_id,
            campaign_name=name,
            shot=take.shot_id if take else "",
            take=take.number if take else 0,
            repaired_from=source,
        )

    async def _look_for_strays(self, verdict: Verdict) -> None:
        """Objects without a row. Whatever is being stored has its row first, so what has none belongs to nobody."""
        page: list[str] = []
        async for key in self._store.keys():
            if not key.startswith(f"{PARTS}/"):  # parts of long uploads, which see to themselves
                page.append(key)
            if len(page) >= _PAGE:
                await self._sort_out(page, verdict)
                page = []
        await self._sort_out(page, verdict)

    async def _sort_out(self, keys: list[str], verdict: Verdict) -> None:
        named = {key: _campaign_in(key) for key in keys}

        def look(session: Session) -> tuple[set[str], set[str]]:
            return assets.known_keys(session, keys), assets.campaigns_among(session, set(named.values()))

        known, ours = await self._database.read(look)
        for key in keys:
            if key in known:
                continue
            if named[key] not in ours:
                verdict.foreign += 1
            elif await self._is_there(key):  # else it was removed with its row, just now
                verdict.strays.append(key)

    async def _is_there(self, key: str) -> bool:
        try:
            await self._store.head(key)
        except NotFound:
            return False
        return True

    async def _look_at_rows(self, verdict: Verdict, *, repairs: bool) -> None:
        def look(session: Session) -> tuple[list[Take], Mapping[CampaignId, str], list[tuple[CampaignId, str]]]:
            unlinked = takes.without_asset(session)
            names = {take.campaign_id: campaigns.get(session, take.campaign_id).name for take in unlinked}
            return unlinked, names, budgets.wrong_sums(session)

        unlinked, names, wrong = await self._database.read(look)
        for take in unlinked:
            detail = "The take is kept, and no row tells where its bytes are."
            verdict.faults.append(
                Fault(
                    asset=take.asset_id or "",
                    key="",
                    kind=take.kind.value,
                    trouble=Trouble.UNLINKED,
                    detail=detail,
                    campaign=take.campaign_id,
                    campaign_name=names[take.campaign_id],
                    shot=take.shot_id,
                    take=take.number,
                )
            )
        for campaign, month in wrong:
            if repairs:
                await self._database.write(lambda session, each=campaign, of=month: budgets.mend_sum(session, each, of))
            else:
                verdict.wrong_sums.append(f"{campaign} {month}")


def _campaign_in(key: str) -> str:
    """The campaign that a key names, as `key_for` makes them."""
    parts = key.split("/")
    return parts[1] if len(parts) > 3 else ""  # noqa: PLR2004 - user, campaign, folder, name
