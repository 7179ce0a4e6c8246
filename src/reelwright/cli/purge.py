"""`reelwright purge`: what lies in the trash goes for good, after it was shown and agreed to."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

from rich.console import Console

from reelwright.bootstrap import Studio
from reelwright.cli.exits import Exit
from reelwright.cli.foreground import with_studio
from reelwright.domain.ids import CampaignId
from reelwright.errors import InvalidInput
from reelwright.services.purges import Plan

_SHOWN = 30


def purge(campaign: str, *, days: int | None, is_agreed: bool, as_json: bool) -> Exit:
    """Shows what would go, asks, and removes it."""
    of, age = CampaignId(campaign) or None, None if days is None else timedelta(days=days)
    can_ask = sys.stdin.isatty() and not as_json

    async def run(studio: Studio) -> tuple[Plan, bool]:
        plan = await studio.purges.plan(of, age)
        if not as_json:
            _show(plan)
        if plan.is_empty:
            return plan, False
        if not is_agreed and not can_ask:
            msg = "Nothing was removed: say --yes to purge this without being asked."
            raise InvalidInput(msg)
        if not is_agreed and not _agrees():
            return plan, False
        return await studio.purges.purge(of, age), True

    plan, is_done = with_studio(run)
    if as_json:
        print(json.dumps({"is_done": is_done, **_document(plan)}, ensure_ascii=False, indent=1))
    elif is_done:
        print(f"Gone for good: {_counted(plan)}. What it cost stays in the ledger.")
    return Exit.OK


def _agrees() -> bool:
    print("Nothing of this comes back. Type purge to go on: ", end="", flush=True)
    return sys.stdin.readline().strip() == "purge"


def _counted(plan: Plan) -> str:
    return f"{len(plan.campaigns):,} campaigns, {len(plan.assets):,} single files, {plan.bytes:,} bytes"


def _show(plan: Plan) -> None:
    console = Console(highlight=False, markup=False)
    if plan.is_empty and not plan.busy:
        console.print("Nothing is in the trash that could go.", soft_wrap=True)
        return
    for each in plan.campaigns[:_SHOWN]:
        console.print(f"{each.name} ({each.id}): {each.assets:,} files, {each.bytes:,} bytes", soft_wrap=True)
    for each in plan.busy[:_SHOWN]:
        console.print(f"{each.name} ({each.id}) stays: {each.busy}.", soft_wrap=True)
    if plan.kept:
        console.print(f"{len(plan.kept):,} files stay, because something outside of the trash uses them.", soft_wrap=True)
    console.print(f"In all: {_counted(plan)}.", soft_wrap=True)


def _document(plan: Plan) -> dict[str, Any]:
    return {
        "campaigns": [{"id": each.id, "name": each.name, "files": each.assets, "bytes": each.bytes} for each in plan.campaigns],
        "assets": plan.assets,
        "cards": plan.cards,
        "bytes": plan.bytes,
        "kept": plan.kept,
        "busy": [{"id": each.id, "name": each.name, "reason": each.busy} for each in plan.busy],
    }
