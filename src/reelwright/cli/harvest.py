"""Harvesting in the foreground: leads, or follows whoever leads, until what is paid for is home."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from rich.console import Console

from reelwright.bootstrap import Studio, now
from reelwright.cli.exits import Exit
from reelwright.cli.foreground import listen, stop, with_studio
from reelwright.domain.budget import usd
from reelwright.domain.generation import provider_of
from reelwright.domain.ids import TakeId
from reelwright.domain.take import Take, TakeState
from reelwright.errors import InvalidInput
from reelwright.services.documents import take_document
from reelwright.services.failures import told
from reelwright.services.findings import Finding, Findings, Outcome

_LOOK = 0.25
"""Seconds between two looks at what is on its way."""
_ASK_TO_LEAD = 1.0
_AGE = re.compile(r"(\d+)\s*([dh])")


def bring_home(since: str, *, as_json: bool) -> Exit:
    """`reelwright harvest`."""
    moment = read_since(since, now()) if since else None

    async def run(studio: Studio) -> Exit:
        listen()
        console = console_for(as_json=as_json)
        brought = await studio.reconciliation.since(moment) if moment else Findings()
        _tell_findings(console, brought)
        ended = await until_home(studio, studio.upkeep.unsettled, console)
        if as_json:
            _print_json(ended, brought, is_done=not stop.is_set())
        if stop.is_set():
            print("Stopped; nothing is lost. Go on with: reelwright harvest", file=sys.stderr)
            return Exit.INTERRUPTED
        if not ended and not brought.findings:
            console.print("Nothing is on its way.")
        return Exit.FAILED if brought.problems else Exit.OK

    return with_studio(run)


def read_since(text: str, at: datetime) -> datetime:
    """A date, a moment, or so long before `at`: `2026-11-01`, `2026-11-01T12:00`, `7d`, `12h`. The zone is this machine's.

    Raises:
        InvalidInput: it is none of them, or not in the past.
    """
    age = _AGE.fullmatch(text.strip())
    try:
        if age:
            count = int(age[1])
            moment = at - (timedelta(days=count) if age[2] == "d" else timedelta(hours=count))
        else:
            moment = datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        msg = f"--since: {text!r} is neither a date such as 2026-11-01 nor an age such as 7d or 12h."
        raise InvalidInput(msg) from error
    if moment >= at:
        msg = f"--since: {text!r} is not in the past."
        raise InvalidInput(msg)
    return moment


def console_for(*, as_json: bool) -> Console:
    """Where people read; with `--json` the output is for programs."""
    return Console(stderr=as_json, highlight=False, markup=False, soft_wrap=True)


async def until_home(studio: Studio, unsettled: Callable[[], Awaitable[list[Take]]], console: Console) -> list[Take]:
    """Waits until no take is on its way any more, or somebody interrupts; tells of each that ended, and returns them."""
    loop = asyncio.get_running_loop()
    waiting: dict[TakeId, Take] = {}
    ended: list[Take] = []
    asked = 0.0
    while not stop.is_set():
        found = {take.id: take for take in await unsettled()}
        for take in waiting.keys() - found.keys():
            ended.append(await studio.takes.get(take))
            console.print(_sentence(ended[-1]))
        if found and found.keys() - waiting.keys():
            console.print(_on_the_way(list(found.values())))
        waiting = found
        if not waiting:
            break
        if loop.time() - asked > _ASK_TO_LEAD:
            asked = loop.time()
            await studio.lead()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK)
    return ended


def _on_the_way(waiting: list[Take]) -> str:
    names = [provider_of(take.request.model) for take in waiting]
    counted = ", ".join(f"{names.count(name)} at {name}" for name in sorted(set(names)))
    return f"{len(waiting)} on the way: {counted}"


def what(take: Take) -> str:
    """Which take it is, for people."""
    return f"{take.campaign_id} {take.shot_id} {take.kind.value} (take {take.number}, {take.request.model})"


def _sentence(take: Take) -> str:
    if take.state is TakeState.KEPT:
        return f"kept: {what(take)}, {usd(take.charged_micro_usd)}"
    reason = f": {told(take.failure)}" if take.failure else ""
    return f"{take.state.value.replace('_', ' ')}: {what(take)}{reason}"


def _tell_findings(console: Console, brought: Findings) -> None:
    for finding in brought.findings:
        console.print(_found(finding))
    for name, reason in brought.problems.items():
        console.print(f"{name} does not give its list: {reason}")


def _found(finding: Finding) -> str:
    job = f"job {finding.found.job.id} of {finding.provider}"
    match finding.outcome:
        case Outcome.ADOPTED:
            return f"found: {job} is that of {what(finding.take)}, which was in doubt"
        case Outcome.FILED:
            return f"found: {job} is nobody's, and is kept in campaign {finding.take.campaign_id}"
        case Outcome.OPEN:
            return (
                f"found: {job} may be that of {what(finding.take)}, which is in doubt; "
                f"if it is: reelwright takes adopt {finding.take.id} {finding.found.job.id}"
            )


def _print_json(ended: list[Take], brought: Findings, *, is_done: bool) -> None:
    document = {
        "done": is_done,
        "takes": [take_document(take) for take in ended],
        "found": [
            {"provider": each.provider, "job": each.found.job.id, "outcome": each.outcome.value, "take": each.take.id}
            for each in brought.findings
        ],
        "asked": brought.asked,
        "problems": brought.problems,
    }
    print(json.dumps(document, ensure_ascii=False, indent=1))
