"""`reelwright verify`: everything that is kept, looked at, and mended where it can be."""

from __future__ import annotations

import json

from rich.console import Console

from reelwright.bootstrap import Studio
from reelwright.cli.bytes_bar import bytes_bar
from reelwright.cli.exits import Exit
from reelwright.cli.foreground import with_studio
from reelwright.services.verify import Fault, Verdict

_SHOWN = 30
"""So much of each kind is told to a person; `--json` tells more."""


def verify(*, repairs: bool, is_quick: bool, as_json: bool) -> Exit:
    """Looks at everything; the exit code says whether all is well."""
    verdict = with_studio(lambda studio: _run(studio, repairs=repairs, is_quick=is_quick, is_shown=not as_json))
    if as_json:
        print(json.dumps(verdict.document(), ensure_ascii=False, indent=1))
    else:
        _tell(verdict, repairs=repairs)
    return Exit.OK if verdict.is_well else Exit.FAILED


async def _run(studio: Studio, *, repairs: bool, is_quick: bool, is_shown: bool) -> Verdict:
    with bytes_bar(is_shown=is_shown) as show:

        def tell(verdict: Verdict) -> None:
            show(f"{verdict.looked_at:,} of {verdict.total:,} files", verdict.bytes, verdict.total_bytes)

        return await studio.verification.run(repairs=repairs, is_quick=is_quick, on_progress=tell)


def _tell(verdict: Verdict, *, repairs: bool) -> None:
    console = Console(highlight=False, markup=False)
    how = "have the length that was kept" if verdict.is_quick else "were read and compared"
    console.print(f"{verdict.looked_at:,} files, {verdict.bytes:,} bytes, {how}.", soft_wrap=True)
    for fault in verdict.faults[:_SHOWN]:
        console.print(_told(fault), soft_wrap=True)
    for each in verdict.wrong_sums[:_SHOWN]:
        console.print(f"✗ The ledger of {each} does not add up to what its budget reckons with.", soft_wrap=True)
    if verdict.strays:
        console.print(
            f"{len(verdict.strays):,} objects of this studio belong to nothing. They do no harm, and stay:", soft_wrap=True
        )
        for key in verdict.strays[:_SHOWN]:
            console.print(f"  {key}", soft_wrap=True)
    if verdict.foreign:
        told = f"{verdict.foreign:,} objects in the storage belong to other studios, or to a database that was lost; they stay."
        console.print(told, soft_wrap=True)
    console.print(_summed(verdict, repairs=repairs), soft_wrap=True)


def _told(fault: Fault) -> str:
    shot = f", {fault.shot} take {fault.take}" if fault.shot else ""
    where = f"{fault.campaign_name or fault.campaign} ({fault.campaign}){shot}: {fault.kind} {fault.asset}"
    if fault.repaired_from:
        return f"✓ {where}. {fault.detail} Repaired from: {fault.repaired_from}."
    return f"✗ {where}. {fault.detail}"


def _summed(verdict: Verdict, *, repairs: bool) -> str:
    if verdict.is_well:
        return "All is well."
    left = sum(not fault.repaired_from for fault in verdict.faults) + len(verdict.wrong_sums)
    if repairs:
        return f"{left:,} could not be repaired: their bytes are nowhere any more. A backup may have them."
    return f"{left:,} are not well. `reelwright verify --repair` mends what can be mended; it costs nothing."
