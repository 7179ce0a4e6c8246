"""Money: what things cost, to the last digit, and what they may cost."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reelwright.bootstrap import Studio
from reelwright.cli.agreeing import amount
from reelwright.cli.exits import Exit
from reelwright.cli.foreground import with_studio
from reelwright.db.budgets import Share
from reelwright.domain.budget import Budget, Entry, EntryKind, decimal_usd, exact_usd, usd, usd_left
from reelwright.domain.generation import ModelRef, provider_of
from reelwright.domain.ids import CampaignId
from reelwright.errors import InvalidInput

_UNTOLD = "(not told)"


@dataclass(frozen=True)
class _Sum:
    """What belongs to one name: held and paid, in micro-dollars."""

    name: str
    label: str = ""
    reserved: int = 0
    charged: int = 0


def _summed(parts: Iterable[_Sum]) -> list[_Sum]:
    """One for each name, in the order in which the names come."""
    sums: dict[str, _Sum] = {}
    for part in parts:
        known = sums.get(part.name, _Sum(part.name, part.label))
        sums[part.name] = _Sum(known.name, known.label, known.reserved + part.reserved, known.charged + part.charged)
    return list(sums.values())


def show_costs(campaign: str | None, *, as_json: bool) -> Exit:
    """`reelwright costs [ID]`."""
    return _show_campaign(CampaignId(campaign), as_json=as_json) if campaign else _show_all(as_json=as_json)


def _show_campaign(campaign: CampaignId, *, as_json: bool) -> Exit:
    async def question(studio: Studio) -> tuple[str, Budget, list[Entry]]:
        found = await studio.campaigns.get(campaign)
        return found.document.brief.name, await studio.budgets.of_campaign(campaign), await studio.budgets.entries(campaign)

    name, budget, entries = with_studio(question)
    if as_json:
        by_model = _summed(_Sum(entry.model, "", entry.held, entry.charged) for entry in entries)
        by_month = _summed(_Sum(entry.month, "", entry.held, entry.charged) for entry in entries)
        _print_json(
            {
                "id": campaign,
                "name": name,
                "cap_usd": _or_none(budget.balance.cap),
                "charged_usd": decimal_usd(sum(entry.charged for entry in entries)),
                "reserved_usd": decimal_usd(sum(entry.held for entry in entries)),
                "models": _models(by_model),
                "months": _months(by_month),
                "entries": [_entry(entry) for entry in entries],
            }
        )
        return Exit.OK
    console = Console(highlight=False, markup=False)
    console.print(Text(name, style="bold"), campaign, soft_wrap=True)
    if entries:
        console.print(_ledger(entries))
    console.print(_told(budget), soft_wrap=True)
    return Exit.OK


def _ledger(entries: list[Entry]) -> Table:
    """Every movement; the last line is the sum of each column."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", footer_style="bold", show_footer=True)
    table.add_column("when", "in all", no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("model", overflow="fold")
    table.add_column("job", overflow="fold")
    table.add_column("held", exact_usd(sum(entry.held for entry in entries)), justify="right", no_wrap=True)
    table.add_column("paid", exact_usd(sum(entry.charged for entry in entries)), justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for entry in entries:
        is_charge = entry.kind is EntryKind.CHARGE
        table.add_row(
            entry.at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            _what(entry),
            entry.model,
            entry.job or "",
            "" if is_charge else exact_usd(entry.held),
            exact_usd(entry.charged) if is_charge else "",
            Text(entry.note),
        )
    return table


def _what(entry: Entry) -> str:
    if entry.makes is not None:
        return f"{entry.shot} {entry.makes.value}, take {entry.number}"
    step = entry.subject.split("/")[1:-1]
    return " ".join(step) or entry.subject


def _show_all(*, as_json: bool) -> Exit:
    async def question(studio: Studio) -> tuple[list[Share], list[Entry]]:
        return await studio.budgets.shares(), await studio.budgets.entries() if as_json else []

    shares, entries = with_studio(question)
    by_campaign = _summed(_Sum(share.campaign_id, share.campaign, share.reserved, share.charged) for share in shares)
    by_model = _summed(_Sum(share.model, "", share.reserved, share.charged) for share in shares)
    by_month = _summed(_Sum(share.month, "", share.reserved, share.charged) for share in sorted(shares, key=lambda s: s.month))
    if as_json:
        campaigns = [{"id": each.name, "name": each.label, **_amounts(each)} for each in by_campaign]
        _print_json(
            {
                "charged_usd": decimal_usd(sum(share.charged for share in shares)),
                "reserved_usd": decimal_usd(sum(share.reserved for share in shares)),
                "campaigns": campaigns,
                "models": _models(by_model),
                "months": _months(by_month),
                "entries": [{"campaign": entry.campaign_id, **_entry(entry)} for entry in entries],
            }
        )
        return Exit.OK
    console = Console(highlight=False, markup=False)
    if not shares:
        console.print("Nothing was paid, and nothing is held.")
        return Exit.OK
    named = [_Sum(f"{each.label}  {each.name}", "", each.reserved, each.charged) for each in by_campaign]
    for title, sums in (("campaign", named), ("model", by_model), ("month", by_month)):
        console.print(_table(title, sums))
        console.print()
    console.print("`reelwright costs ID` explains every cent of a campaign.")
    return Exit.OK


def _table(title: str, sums: list[_Sum]) -> Table:
    """Held and paid by name, and in all."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", footer_style="bold", show_footer=True)
    table.add_column(title, "in all", overflow="fold")
    table.add_column("held", exact_usd(sum(each.reserved for each in sums)), justify="right", no_wrap=True)
    table.add_column("paid", exact_usd(sum(each.charged for each in sums)), justify="right", no_wrap=True)
    for each in sums:
        table.add_row(Text(each.name or _UNTOLD), exact_usd(each.reserved), exact_usd(each.charged))
    return table


def show_budget(campaign: str | None, *, month: str, cap: str, warn: int | None, as_json: bool) -> Exit:
    """`reelwright budget [ID]`: changes what is said, then shows what holds."""
    if campaign and month:
        msg = "--month is for all campaigns: leave the id out."
        raise InvalidInput(msg)
    if cap and not campaign:
        msg = "--cap is one campaign's: name it, as in `reelwright budget ID --cap 5`."
        raise InvalidInput(msg)
    of = CampaignId(campaign) if campaign else None
    new_cap = amount("--cap", cap) if cap else None
    new_month = amount("--month", month) if month and month.lower() != "none" else None

    async def question(studio: Studio) -> Budget:
        budgets = studio.budgets
        if of is not None:
            await studio.campaigns.get(of)
        if of is not None and new_cap is not None:
            await budgets.set_cap(of, new_cap)
        if month:
            await budgets.set_month_cap(new_month)
        if warn is not None:
            await budgets.set_warning(of, warn)
        return await (budgets.of_month() if of is None else budgets.of_campaign(of))

    budget = with_studio(question)
    if as_json:
        _print_json(_budget(budget, of))
    else:
        Console(highlight=False, markup=False).print(_told(budget), soft_wrap=True)
    return Exit.OK


def _told(budget: Budget) -> str:
    """What may be spent, and what of it is, in one line."""
    balance = budget.balance
    spent = f"{exact_usd(balance.charged)} paid, {exact_usd(balance.reserved)} held"
    if balance.cap is None:
        none = f"no budget for {budget.month} over all campaigns" if budget.month else "no cap: only what is free"
        return f"{spent}; {none}."
    cap = f"the budget of {usd(balance.cap)} for {budget.month}" if budget.month else f"a cap of {usd(balance.cap)}"
    return f"{spent}, of {cap}: {usd_left(balance.left)} left. You are warned at {budget.warn_percent} %."


def _budget(budget: Budget, campaign: CampaignId | None) -> dict[str, Any]:
    balance = budget.balance
    return {
        **({"campaign": campaign} if campaign else {"month": budget.month}),
        "cap_usd": _or_none(balance.cap),
        "charged_usd": decimal_usd(balance.charged),
        "reserved_usd": decimal_usd(balance.reserved),
        "left_usd": decimal_usd(max(0, balance.left)) if balance.cap is not None else None,
        "warn_percent": budget.warn_percent,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "at": entry.at.isoformat(),
        "month": entry.month,
        "kind": entry.kind.value,
        "amount_usd": decimal_usd(entry.micro_usd),
        "what": _what(entry),
        "take": entry.subject if entry.makes else None,
        "shot": entry.shot,
        "makes": entry.makes.value if entry.makes else None,
        "number": entry.number or None,
        "model": entry.model or None,
        "provider": entry.provider or None,
        "job": entry.job,
        "note": entry.note,
    }


def _models(sums: list[_Sum]) -> list[dict[str, Any]]:
    named = [(each.name, provider_of(ModelRef(each.name)), each) for each in sums]
    return [{"model": name or None, "provider": provider or None, **_amounts(each)} for name, provider, each in named]


def _months(sums: list[_Sum]) -> list[dict[str, Any]]:
    return [{"month": each.name, **_amounts(each)} for each in sums]


def _amounts(part: _Sum) -> dict[str, str]:
    return {"charged_usd": decimal_usd(part.charged), "reserved_usd": decimal_usd(part.reserved)}


def _or_none(micro: int | None) -> str | None:
    return decimal_usd(micro) if micro is not None else None


def _print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=1))
