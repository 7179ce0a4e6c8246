"""Takes: listed with all that one needs to find them at the provider, adopted, asked for again."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from rich.console import Console

from reelwright.bootstrap import Studio
from reelwright.cli.agreeing import Offer, agree
from reelwright.cli.exits import Exit
from reelwright.cli.foreground import listen, stop, with_studio
from reelwright.cli.harvest import console_for, until_home, what
from reelwright.cli.making import resume_film
from reelwright.domain.budget import usd
from reelwright.domain.ids import CampaignId, JobId, TakeId
from reelwright.domain.take import Take, TakeState
from reelwright.services.documents import take_document
from reelwright.services.failures import told


def list_takes(campaign: str | None, *, is_in_doubt: bool, limit: int, as_json: bool) -> Exit:
    """`reelwright takes`."""
    wanted = CampaignId(campaign) if campaign else None

    async def question(studio: Studio) -> list[Take]:
        if wanted is not None:
            await studio.campaigns.get(wanted)
        if is_in_doubt:
            return await studio.doubts.open(wanted)
        return await (studio.takes.of_campaign(wanted) if wanted else studio.takes.newest(limit))

    found = with_studio(question)
    if as_json:
        print(json.dumps({"items": [take_document(take) for take in found]}, ensure_ascii=False, indent=1))
        return Exit.OK
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if not found:
        console.print("No take is in doubt." if is_in_doubt else "No take yet.")
    for take in found:
        _print_take(console, take)
    if any(take.state is TakeState.IN_DOUBT for take in found):
        console.print("Look into your account there. If the job is there: reelwright takes adopt TAKE JOB")
        console.print("If it is not: reelwright takes retake TAKE")
    return Exit.OK


def _print_take(console: Console, take: Take) -> None:
    when = (take.submitting_at or take.created_at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    price = usd(take.charged_micro_usd if take.state is TakeState.KEPT else take.quote_micro_usd)
    console.print(f"{take.id}  {what(take)}")
    console.print(f"  {take.state.value.replace('_', ' ')}, {price}, {when}{f', job {take.job_id}' if take.job_id else ''}")
    if take.state is TakeState.IN_DOUBT:
        console.print(f"  intent: {take.intent}")
        console.print(f"  prompt: {take.request.prompt}")
    elif take.failure:
        console.print(f"  {told(take.failure)}")


def adopt_take(take_id: str, job: str, *, as_json: bool) -> Exit:
    """`reelwright takes adopt`."""

    async def run(studio: Studio) -> Exit:
        listen()
        console = console_for(as_json=as_json)
        take = await studio.doubts.adopt(TakeId(take_id), JobId(job))
        console.print(f"{take.job_id} is the job of {what(take)} from now on.")

        async def unsettled() -> list[Take]:
            now = await studio.takes.get(take.id)
            return [] if now.state.is_ended else [now]

        await until_home(studio, unsettled, console)
        now = await studio.takes.get(take.id)
        if as_json:
            print(json.dumps(take_document(now), ensure_ascii=False, indent=1))
        if stop.is_set() and not now.state.is_ended:
            print("Stopped; nothing is lost. It is fetched with the next `reelwright harvest`.", file=sys.stderr)
            return Exit.INTERRUPTED
        return Exit.OK if now.state is TakeState.KEPT else Exit.FAILED

    return with_studio(run)


def retake_take(take_id: str, *, is_agreed: bool, as_json: bool) -> Exit:
    """`reelwright takes retake`."""

    async def run(studio: Studio) -> CampaignId:
        line = await studio.doubts.price(TakeId(take_id))
        take = await studio.takes.get(TakeId(take_id))
        models = (await studio.productions.get(take.production_id)).models
        balance = await studio.budgets.balance(take.campaign_id)
        # What is held for the one in doubt is given back before it is asked for again.
        used = replace(balance, reserved=balance.reserved - take.quote_micro_usd)
        lines = (line, *await studio.quotes.rest(take.campaign_id, models))
        what = "Asking again, with what else is still to be made,"
        agree(Offer(what, lines, used, await studio.budgets.of_month()), is_agreed=is_agreed, as_json=as_json)
        await studio.doubts.retake(take.id)
        return take.campaign_id

    return resume_film(with_studio(run), output=None, cap=None, is_agreed=True, as_json=as_json)
