"""Looking: where campaigns stand, and ending a production."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reelwright.bootstrap import Studio, open_studio
from reelwright.cli.exits import Exit
from reelwright.config import read_settings
from reelwright.domain.budget import usd
from reelwright.domain.ids import CampaignId
from reelwright.domain.production import fold
from reelwright.domain.take import TakeState
from reelwright.services.campaigns import Overview
from reelwright.services.documents import campaign_document

T = TypeVar("T")


def _look(question: Callable[[Studio], Awaitable[T]]) -> T:
    async def opened() -> T:
        studio = open_studio(read_settings())
        try:
            return await question(studio)
        finally:
            await studio.close()

    return asyncio.run(opened())


def show_campaign(campaign: str, *, as_json: bool) -> Exit:
    """`reelwright status ID`."""
    overview = _look(lambda studio: studio.campaigns.overview(CampaignId(campaign)))
    if as_json:
        _print_json(campaign_document(overview))
    else:
        _print_campaign(overview)
    return Exit.OK


def show_active(*, as_json: bool) -> Exit:
    """`reelwright status`."""

    async def question(studio: Studio) -> list[Overview]:
        return [await studio.campaigns.overview(run.campaign_id) for run in await studio.productions.active()]

    overviews = _look(question)
    if as_json:
        _print_json({"items": [campaign_document(overview) for overview in overviews]})
    elif not overviews:
        Console().print("No production is running or paused. `reelwright campaigns` lists what there is.")
    else:
        for overview in overviews:
            _print_campaign(overview)
    return Exit.OK


def list_campaigns(*, limit: int, after: str, as_json: bool) -> Exit:
    """`reelwright campaigns`."""
    found = _look(lambda studio: studio.campaigns.page(before=after, limit=limit))
    if as_json:
        items = [
            {
                "id": campaign.id,
                "name": campaign.name,
                "status": campaign.status.value,
                "created_at": campaign.created_at.isoformat(),
            }
            for campaign in found
        ]
        _print_json({"items": items, "next": found[-1].id if len(found) == limit else None})
        return Exit.OK
    if not found:
        Console(markup=False).print('No campaign yet. Make a film from one sentence: reelwright make "..."')
        return Exit.OK
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("campaign", "name", "status", "made on"):
        table.add_column(column, overflow="fold")
    for campaign in found:
        made = campaign.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(campaign.id, Text(campaign.name), campaign.status.value, made)
    Console().print(table)
    return Exit.OK


def cancel_campaign(campaign: str, *, as_json: bool) -> Exit:
    """`reelwright cancel ID`."""

    async def question(studio: Studio) -> Overview:
        await studio.productions.cancel(CampaignId(campaign))
        return await studio.campaigns.overview(CampaignId(campaign))

    overview = _look(question)
    paid = [take for take in overview.takes if take.state in {TakeState.SUBMITTING, TakeState.SUBMITTED, TakeState.STORING}]
    if as_json:
        _print_json(campaign_document(overview))
    else:
        text = f"Cancelled. {len(overview.takes)} takes stay as they are"
        at_work = f"; {len(paid)} are still at their provider and will be fetched and kept" if paid else ""
        Console().print(f"{text}{at_work}.", soft_wrap=True)
    return Exit.OK


def _print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=1))


def _print_campaign(overview: Overview) -> None:
    console = Console(highlight=False, markup=False)
    campaign, production = overview.campaign, overview.production
    progress = fold(overview.events)
    state = production.state.value if production else campaign.status.value
    name = Text(campaign.document.brief.name, style="bold")
    console.print(name, f" {campaign.id}  {state}  {progress.fraction:.0%}", soft_wrap=True)
    if production and production.error:
        console.print(f"  {production.error}", style="red", soft_wrap=True)
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("shot", justify="right")
    table.add_column("")
    for kind in progress.kinds:
        table.add_column(kind.value)
    for shot in progress.shots.values():
        table.add_row(str(shot.number), Text(shot.title), *(shot.states.get(kind, "") for kind in progress.kinds))
    if progress.shots:
        console.print(table)
    for film in overview.films:
        if film.assets:
            cut = film.cut_list
            console.print(f"  film {film.number}: {cut.size}, {float(cut.seconds):g} s, {film.assets['film']}")
    balance = overview.balance
    if balance.cap is not None or balance.charged:
        cap = f" of a cap of {usd(balance.cap)}" if balance.cap is not None else ""
        console.print(f"  {usd(balance.charged)} charged, {usd(balance.reserved)} held{cap}")
    for notice in progress.notices:
        console.print(f"  note: {notice}", style="dim", soft_wrap=True)
