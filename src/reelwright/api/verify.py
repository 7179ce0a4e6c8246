"""Verifying: the last report on what is stored, and a new one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict, Field

from reelwright.api.callers import StudioHere, needs
from reelwright.db.reports import Report
from reelwright.domain.account import Scope
from reelwright.services.verify import Trouble

router = APIRouter(prefix="/verify", tags=["studio"], dependencies=[needs(Scope.ADMIN)])


class FaultView(BaseModel):
    """An asset that is not as it was kept."""

    asset: str = Field(examples=["asset_01m7zh3yyb7jg4snzgjr63djpt"])
    key: str = Field(description="Of its object in the storage.")
    kind: str = Field(examples=["clip"])
    trouble: Trouble
    detail: str = Field(examples=["It is not in the storage."])
    campaign: str
    campaign_name: str = Field(examples=["Trail shoe"])
    shot: str = Field(description="Empty for what is no take's outcome.", examples=["shot-03"])
    take: int = Field(description="Its number in the shot; 0 for what is no take's outcome.", examples=[2])
    repaired_from: str = Field(description="Where its bytes were found again; empty for what is still to be mended.")


class VerifyReport(BaseModel):
    """What was found."""

    is_well: bool = Field(description="Everything is there as it was kept, perhaps after it was repaired.")
    is_quick: bool = Field(description="Lengths were compared, and no bytes read.")
    total: int = Field(description="Assets, thumbnails too.")
    total_bytes: int
    looked_at: int
    bytes: int
    fault_count: int
    faults: list[FaultView] = Field(description="The first of them.")
    stray_count: int
    strays: list[str] = Field(description="Objects of this studio that no row knows, the first of them. They stay.")
    foreign: int = Field(description="Objects of other studios in the same storage.")
    wrong_sums: list[str] = Field(description="Campaigns, with the month, whose ledger does not add up.")


class VerifyState(BaseModel):
    """The last report, and whether a new one is on its way."""

    is_wanted: bool = Field(description="A new one was asked for and is not finished.")
    wanted_at: datetime | None
    finished_at: datetime | None = Field(description="When the last one was; null before the first.")
    report: VerifyReport | None


class VerifyOrder(BaseModel):
    """How everything is to be looked at."""

    model_config = ConfigDict(extra="forbid")

    repair: bool = Field(default=False, description="Mend what can be mended. It costs nothing.")
    quick: bool = Field(default=False, description="Compare lengths, and read nothing.")


def _state(report: Report) -> dict[str, Any]:
    return {
        "is_wanted": report.wish is not None,
        "wanted_at": report.wished_at,
        "finished_at": report.at,
        "report": report.document,
    }


@router.get("")
async def get_verify(studio: StudioHere) -> VerifyState:
    """The last report on all of the studio."""
    return VerifyState.model_validate(_state(await studio.verification.last()))


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def start_verify(order: VerifyOrder, studio: StudioHere) -> VerifyState:
    """Ask for a new one. Whoever leads looks at everything; where one is wanted already, that one stays as it was asked."""
    found = await studio.verification.ask(repairs=order.repair, is_quick=order.quick)
    return VerifyState.model_validate(_state(found))
