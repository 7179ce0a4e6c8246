"""Making a film: quote, agree, start, then lead or follow until it has ended."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from reelwright.bootstrap import Studio, now
from reelwright.cli.agreeing import Offer, agree, amount
from reelwright.cli.display import display_for
from reelwright.cli.exits import Exit
from reelwright.cli.foreground import listen, stop, with_studio
from reelwright.cli.output import FILMS, check_output, slug
from reelwright.domain.budget import Balance, usd
from reelwright.domain.event import Event, EventName
from reelwright.domain.film import Film
from reelwright.domain.ids import CampaignId
from reelwright.domain.production import Production, ProductionState, Progress, fold
from reelwright.domain.take import TakeState
from reelwright.errors import Conflict, NotFound
from reelwright.services.briefs import Providers, read_brief
from reelwright.services.campaigns import Overview
from reelwright.services.choice import Choice, choose
from reelwright.services.documents import campaign_document
from reelwright.services.films import FILES
from reelwright.services.productions import QuoteLine

_LOOK = 0.1
"""Seconds between two looks at the events."""
_ASK_TO_LEAD = 1.0
"""Seconds between two tries to take over from a leader that may have died; a leader makes sure as often that it still is one."""


@dataclass
class _Run:
    """One command at work on one campaign."""

    studio: Studio
    campaign: CampaignId
    name: str
    output: Path | None
    as_json: bool
    may_lead: bool = True
    pauses: bool = True


def make_film(
    source: str, fields: Mapping[str, object], *, wanted: str, output: Path | None, is_agreed: bool, as_json: bool
) -> Exit:
    """`reelwright make`."""
    order = read_brief(source, fields)
    check_output(output)

    async def run(studio: Studio) -> Exit:
        choice = choose(order.brief, order.providers, studio.defaults, studio.catalogue)
        begun = await _begun(studio, wanted)
        if begun is not None:
            offer = await _rest(studio, begun, choice, order.cap_micro_usd)
        else:
            lines = studio.productions.quote(order.brief, choice.models)
            offer = Offer("This film", lines, Balance(order.cap_micro_usd), await studio.budgets.of_month(), choice.notices)
        cap = agree(offer, is_agreed=is_agreed, as_json=as_json)
        listen()
        campaign = await studio.campaigns.create(order, cap, wanted=wanted, models=choice.models)
        if cap is not None:
            await studio.budgets.set_cap(campaign, cap)  # one that went on under its own id may have had another
        await studio.productions.go_on(campaign, choice.models, choice.notices)
        name = slug(Path(source).stem if Path(source).suffix in {".toml", ".json"} else order.brief.name)
        return await _to_the_end(_Run(studio, campaign, name, output, as_json))

    return with_studio(run)


def resume_film(campaign_id: str, *, output: Path | None, cap: str | None, is_agreed: bool, as_json: bool) -> Exit:
    """`reelwright resume`."""
    check_output(output)
    new_cap = amount("cap", cap) if cap else None

    async def run(studio: Studio) -> Exit:
        campaign = await studio.campaigns.get(CampaignId(campaign_id))
        agreed = campaign.document.models
        choice = Choice(agreed) if agreed else choose(campaign.document.brief, Providers(), studio.defaults, studio.catalogue)
        offer = await _rest(studio, campaign.id, choice, new_cap)
        settled_cap = agree(offer, is_agreed=is_agreed, as_json=as_json)
        listen()
        if settled_cap is not None:
            await studio.budgets.set_cap(campaign.id, settled_cap)
        await studio.productions.go_on(campaign.id, choice.models, choice.notices)
        return await _to_the_end(_Run(studio, campaign.id, slug(campaign.document.brief.name), output, as_json))

    return with_studio(run)


async def _begun(studio: Studio, wanted: str) -> CampaignId | None:
    """The campaign of that id, where there is one already."""
    try:
        return (await studio.campaigns.get(CampaignId(wanted))).id if wanted else None
    except NotFound:
        return None


async def _rest(studio: Studio, campaign: CampaignId, choice: Choice, cap: int | None) -> Offer:
    """What is still to be paid of a campaign: nothing new where its run goes on, or its film is done."""
    newest = await studio.productions.newest(campaign)
    lines: tuple[QuoteLine, ...] = ()
    if newest is None or newest.state in {ProductionState.FAILED, ProductionState.CANCELLED}:
        lines = await studio.quotes.rest(campaign, newest.models if newest else choice.models)
    used = await studio.budgets.balance(campaign)
    used = used if cap is None else replace(used, cap=cap)
    return Offer("What is still to be made", lines, used, await studio.budgets.of_month(), choice.notices)


def watch_film(campaign_id: str, *, as_json: bool) -> Exit:
    """`reelwright watch`."""

    async def run(studio: Studio) -> Exit:
        listen()
        campaign = await studio.campaigns.get(CampaignId(campaign_id))
        newest = await studio.productions.newest(campaign.id)
        if newest is None:
            msg = f"Campaign {campaign.id} has no production to watch; `reelwright resume {campaign.id}` starts one."
            raise Conflict(msg)
        if not newest.state.is_ended and studio.leadership.take():
            studio.leadership.give()
            print(f"Nobody is at work on it now; go on with: reelwright resume {campaign.id}", file=sys.stderr)
        return await _to_the_end(
            _Run(studio, campaign.id, campaign.document.brief.name, None, as_json, may_lead=False, pauses=False)
        )

    return with_studio(run)


async def _to_the_end(run: _Run) -> Exit:
    """Leads, or follows whoever leads, until the production has ended; Ctrl-C pauses it."""
    loop = asyncio.get_running_loop()
    with display_for(run.name, as_json=run.as_json) as display:
        last, progress, asked = 0, Progress(), 0.0
        while True:
            if run.may_lead and loop.time() - asked > _ASK_TO_LEAD:
                asked = loop.time()
                await run.studio.lead()
            production = await run.studio.productions.newest(run.campaign)
            events = await run.studio.campaigns.events_after(run.campaign, last)
            progress = fold(events, progress)
            last = events[-1].number if events else last
            warnings = _warnings(run)
            display.show([*events, *warnings], fold(warnings, progress), await run.studio.budgets.balance(run.campaign), now())
            if stop.is_set():
                break
            if production is not None and production.state.is_ended and not events and not await _is_fetching(run, production):
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK)
    if stop.is_set() and not (production is not None and production.state.is_ended):
        return await _interrupted(run)
    return await _ended(run)


def _warnings(run: _Run) -> list[Event]:
    """What a person should know and no event can tell, because none can be written."""
    if not run.studio.database.is_full:
        return []
    text = f"The disk of {run.studio.database.path} is full. Nothing is lost: it goes on as soon as there is room."
    return [Event(run.campaign, 0, EventName.NOTICE_GIVEN, now(), {"text": text})]


async def _is_fetching(run: _Run, production: Production) -> bool:
    """Whether what a cancelled production had paid for is still on its way home, by the hands of this process."""
    if production.state is not ProductionState.CANCELLED or not run.studio.is_leading:
        return False
    return await run.studio.campaigns.unsettled(run.campaign) > 0


async def _interrupted(run: _Run) -> Exit:
    if run.pauses:
        await run.studio.productions.pause(run.campaign)
        text = f"Paused; nothing is lost. Go on with: reelwright resume {run.campaign}"
    else:
        text = f"Stopped watching. Watch again with: reelwright watch {run.campaign}"
    if run.as_json:
        document = campaign_document(await run.studio.campaigns.overview(run.campaign))
        print(json.dumps(document, ensure_ascii=False, indent=1))
    print(text, file=sys.stderr)
    return Exit.INTERRUPTED


async def _ended(run: _Run) -> Exit:
    overview = await run.studio.campaigns.overview(run.campaign)
    production = overview.production
    files: dict[str, Path] = {}
    if production is not None and production.state is ProductionState.COMPLETED and run.may_lead:
        files = await _hand_over(run, overview.films[-1])
    if run.as_json:
        print(json.dumps(campaign_document(overview, files), ensure_ascii=False, indent=1))
    else:
        _tell(run, overview, production, files)
    return _exit_of(overview, production)


def _exit_of(overview: Overview, production: Production | None) -> Exit:
    if production is not None and production.state is ProductionState.COMPLETED:
        return Exit.OK
    if any(take.state is TakeState.IN_DOUBT for take in overview.takes):
        return Exit.IN_DOUBT
    return Exit.FAILED


async def _hand_over(run: _Run, film: Film) -> dict[str, Path]:
    """Copies the film and its companions to where the person wants them, never over an existing file."""
    target = run.output or FILMS / f"{run.name}.mp4"
    home = await run.studio.assets.copy_to(film.assets["film"], target)
    files = {"film": home}
    for name, suffix in FILES.items():
        if name != "film" and name in film.assets:
            files[name] = await run.studio.assets.copy_to(film.assets[name], home.with_name(f"{home.stem}{suffix}"))
    return files


def _tell(run: _Run, overview: Overview, production: Production | None, files: dict[str, Path]) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    if production is None or production.state is not ProductionState.COMPLETED:
        doubts = [take for take in overview.takes if take.state is TakeState.IN_DOUBT]
        reason = production.error if production else "there is no production"
        console.print(Text("No film:", style="bold red"), f"{reason.rstrip('.') or 'it was cancelled'}.")
        for take in doubts:
            console.print(f"  {take.shot_id} {take.kind.value} (take {take.number}) is in doubt: {take.id}")
        if doubts:
            console.print(f"Look into your account there, then say what you found: reelwright takes {run.campaign} --in-doubt")
        console.print(f"What was kept stays. Try again with: reelwright resume {run.campaign}")
        return
    film = overview.films[-1]
    if files:
        console.print(Text("Film:", style="bold green"), str(files["film"]))
        for name, path in files.items():
            if name != "film":
                console.print(f"  {name}: {path}")
    cut = film.cut_list
    console.print(f"  {cut.size}, {float(cut.seconds):g} s, {len(cut.clips)} shots, cost {usd(overview.balance.charged)}")
    console.print(f"  campaign {run.campaign}: reelwright status {run.campaign}", style="dim")
