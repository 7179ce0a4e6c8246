"""`reelwright verify`: everything that is kept, looked at, and mended where it can be."""

from __future__ import annotations

import json
import sys

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from reelwright.bootstrap import Studio
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
    bar = _Bar() if is_shown and sys.stderr.isatty() else None
    try:
        return await studio.verification.run(repairs=repairs, is_quick=is_quick, on_progress=bar.show if bar else None)
    finally:
        if bar:
            bar.close()


class _Bar:
    """How far it is, for a person."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), console=Console(stderr=True)
        )
        self._task: TaskID | None = None
        self._progress.start()

    def show(self, verdict: Verdict) -> None:
        """After every asset."""
        if self._task is None:
            self._task = self._progress.add_task("", total=verdict.total_bytes)
        told = f"{verdict.looked_at:,} of {verdict.total:,} files"
        self._progress.update(self._task, completed=verdict.bytes, description=told)

    def close(self) -> None:
        """Leaves it as it stands."""
        self._progress.stop()


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
