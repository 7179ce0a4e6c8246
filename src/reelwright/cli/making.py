"""Making a film: quote, agree, start, then lead or follow until it has ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.prompt import Confirm, Prompt
from rich.text import Text

from reelwright.bootstrap import Studio, now, open_studio
from reelwright.cli.display import display_for
from reelwright.cli.documents import campaign_document
from reelwright.cli.exits import Exit
from reelwright.cli.output import FILMS, check_output, slug
from reelwright.config import read_settings
from reelwright.domain.budget import usd
from reelwright.domain.film import Film
from reelwright.domain.ids import CampaignId
from reelwright.domain.production import Models, Production, ProductionState, Progress, fold
from reelwright.domain.take import TakeState
from reelwright.errors import BudgetExceeded, Conflict, InvalidInput
from reelwright.services.brief_fields import read_cap
from reelwright.services.briefs import BriefOrder, Providers, read_brief
from reelwright.services.campaigns import Overview
from reelwright.services.choice import Choice, choose
from reelwright.services.films import FILES

_LOOK = 0.1
"""Seconds between two looks at the events."""
_stop = asyncio.Event()
"""Set by Ctrl-C, and by whoever ends the process in an orderly way. One command is one process."""
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
        cap = _agree(studio, order, choice.models, is_agreed=is_agreed, as_json=as_json)
        _listen()
        campaign = await studio.campaigns.create(order, cap, wanted=wanted, models=choice.models)
        if cap is not None:
            await studio.budgets.set_cap(campaign, cap)  # one that went on under its own id may have had another
        await studio.productions.go_on(campaign, choice.models, choice.notices)
        name = slug(Path(source).stem if Path(source).suffix in {".toml", ".json"} else order.brief.name)
        return await _to_the_end(_Run(studio, campaign, name, output, as_json))

    return _with_studio(run)


def resume_film(campaign_id: str, *, output: Path | None, cap: str | None, as_json: bool) -> Exit:
    """`reelwright resume`."""
    check_output(output)
    new_cap = _read_cap(cap) if cap else None

    async def run(studio: Studio) -> Exit:
        _listen()
        campaign = await studio.campaigns.get(CampaignId(campaign_id))
        if new_cap is not None:
            await studio.budgets.set_cap(campaign.id, new_cap)
        agreed = campaign.document.models
        choice = Choice(agreed) if agreed else choose(campaign.document.brief, Providers(), studio.defaults, studio.catalogue)
        await studio.productions.go_on(campaign.id, choice.models, choice.notices)
        return await _to_the_end(_Run(studio, campaign.id, slug(campaign.document.brief.name), output, as_json))

    return _with_studio(run)


def watch_film(campaign_id: str, *, as_json: bool) -> Exit:
    """`reelwright watch`."""

    async def run(studio: Studio) -> Exit:
        _listen()
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

    return _with_studio(run)


def _with_studio(run: Callable[[Studio], Awaitable[Exit]]) -> Exit:
    async def opened() -> Exit:
        studio = open_studio(read_settings())
        try:
            return await run(studio)
        finally:
            await studio.close()

    return asyncio.run(opened())


def _read_cap(text: str) -> int:
    try:
        return read_cap(text)
    except ValueError as error:
        msg = f"cap: {error}."
        raise InvalidInput(msg) from error


def _agree(studio: Studio, order: BriefOrder, models: Models, *, is_agreed: bool, as_json: bool) -> int | None:
    """The cap in micro-dollars, after the person has seen the price. Free films need none.

    Raises:
        BudgetExceeded: there is no cap, it is too low, or nobody agreed.
    """
    lines = studio.productions.quote(order.brief, models)
    total = sum(line.micro_usd for line in lines)
    cap = order.cap_micro_usd
    if total == 0:
        return cap
    is_asking = sys.stdin.isatty() and not as_json
    console = Console(stderr=True)
    if is_asking:
        for line in (line for line in lines if line.micro_usd):
            console.print(f"  {line.count} {line.what} by {line.model}: {usd(line.micro_usd)}", highlight=False)
    if cap is None:
        if not is_asking:
            msg = f"This film costs about {usd(total)}: say the most that it may cost with --cap."
            raise BudgetExceeded(msg)
        cap = _read_cap(Prompt.ask(f"The most that it may cost (about {usd(total)} without retries), in dollars"))
    if total > cap:
        msg = f"This film costs about {usd(total)}, and the cap is {usd(cap)}: raise --cap, or ask for less."
        raise BudgetExceeded(msg)
    if not is_agreed:
        if not is_asking:
            msg = f"This film costs about {usd(total)} (cap {usd(cap)}): agree with --yes."
            raise BudgetExceeded(msg)
        if not Confirm.ask(f"Spend about {usd(total)}, and never more than {usd(cap)}?"):
            msg = "Nothing was submitted, nothing was paid."
            raise BudgetExceeded(msg)
    return cap


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
            display.show(events, progress, await run.studio.budgets.balance(run.campaign), now())
            if _stop.is_set():
                break
            if production is not None and production.state.is_ended and not events and not await _is_fetching(run, production):
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(_stop.wait(), _LOOK)
    if _stop.is_set() and not (production is not None and production.state.is_ended):
        return await _interrupted(run)
    return await _ended(run)


async def _is_fetching(run: _Run, production: Production) -> bool:
    """Whether what a cancelled production had paid for is still on its way home, by the hands of this process."""
    if production.state is not ProductionState.CANCELLED or not run.studio.is_leading:
        return False
    return await run.studio.campaigns.unsettled(run.campaign) > 0


def _listen() -> None:
    """From now on an interrupt ends the command in order. Not before the last question is answered: that would not hear it."""
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, _on_signal)


def _on_signal() -> None:
    if _stop.is_set():
        if sys.stdout.isatty():
            os.write(sys.stdout.fileno(), b"\x1b[?25h")  # the live table has hidden the cursor
        os._exit(Exit.INTERRUPTED)  # a second Ctrl-C: at once; every line may be the last one anyway
    _stop.set()


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
            console.print("Look into your account there, then say what you found: reelwright settle TAKE --job JOB, or --lost")
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
