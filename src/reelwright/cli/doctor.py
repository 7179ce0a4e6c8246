"""`reelwright doctor`: every part is tried for real, and each finding says what to do."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.text import Text

from reelwright import __version__
from reelwright.bootstrap import Studio, open_studio
from reelwright.cli.exits import Exit
from reelwright.config import CONFIG_FILE, Settings, read_settings
from reelwright.domain.generation import Kind, provider_of
from reelwright.errors import ReelwrightError
from reelwright.media.front import examine_media
from reelwright.store.doctor import examine

_ROOM = 2 << 30
"""Bytes that a disk should have left."""


@dataclass(frozen=True)
class Check:
    """One part and how it is."""

    part: str
    is_ok: bool
    detail: str


def examine_all(*, as_json: bool) -> Exit:
    """Prints every check; the exit code says whether a film can be made."""
    checks = asyncio.run(_examine())
    is_well = all(check.is_ok for check in checks)
    if as_json:
        print(json.dumps({"ok": is_well, "checks": [asdict(check) for check in checks]}, ensure_ascii=False, indent=1))
    else:
        console = Console(highlight=False, markup=False)
        for check in checks:
            mark = Text("✓", style="green") if check.is_ok else Text("✗", style="bold red")
            console.print(mark, Text(f"{check.part}:", style="bold"), check.detail, soft_wrap=True)
        console.print("All is well." if is_well else "Something needs you; films may fail until it is mended.")
    return Exit.OK if is_well else Exit.CONFIGURATION


async def _examine() -> list[Check]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    checks = [Check("reelwright", is_ok=True, detail=f"{__version__} on Python {python}, engine dbos {version('dbos')}")]
    try:
        settings = read_settings()
        checks.append(_settings(settings))
        studio = open_studio(settings)
    except ReelwrightError as error:
        return [*checks, Check("settings", is_ok=False, detail=error.message)]
    try:
        checks += [_database(studio), await _ledger(studio), _disk(settings.home), await _leader(studio)]
        for finding in await examine(studio.store):
            checks.append(Check(f"storage, {finding.name}", finding.ok, finding.detail))
        for part, is_ok, detail in await studio.workers.run(examine_media):
            checks.append(Check(part, is_ok, detail))
        checks += _models(studio)
    finally:
        await studio.close()
    return checks


def _settings(settings: Settings) -> Check:
    file = settings.home / CONFIG_FILE
    where = f"environment and {file}" if file.exists() else f"environment (there is no {file})"
    return Check("settings", is_ok=True, detail=f"from the {where}; data folder {settings.home}")


def _database(studio: Studio) -> Check:
    kind = "SQLite" if studio.database.is_sqlite else "PostgreSQL"
    where = studio.database.path or studio.database.url.render_as_string(hide_password=True)
    return Check("database", is_ok=True, detail=f"{kind} {studio.database.ping()}, {where}, schema up to date")


async def _ledger(studio: Studio) -> Check:
    wrong = await studio.budgets.wrong_sums()
    if not wrong:
        return Check("ledger", is_ok=True, detail="its sums are what its lines add up to")
    where = ", ".join(f"{campaign} in {month}" for campaign, month in wrong)
    return Check("ledger", is_ok=False, detail=f"its sums are not what its lines add up to: {where}; restore a backup")


def _disk(home: Path) -> Check:
    free = shutil.disk_usage(home).free
    detail = f"{free / (1 << 30):.1f} GiB free in the data folder"
    return Check("disk", free >= _ROOM, detail if free >= _ROOM else f"{detail}: make room, renders need some")


async def _leader(studio: Studio) -> Check:
    unfinished = len(await studio.productions.active())
    waiting = _waiting(unfinished)
    if studio.leadership.take():
        studio.leadership.give()
        hint = "; `reelwright status` lists them" if unfinished else ""
        return Check("engine", is_ok=True, detail=f"no other process is at work; {waiting}{hint}")
    return Check("engine", is_ok=True, detail=f"process {studio.leadership.leader()} is at work; {waiting}")


def _waiting(unfinished: int) -> str:
    match unfinished:
        case 0:
            return "no production is unfinished"
        case 1:
            return "1 production is not finished"
        case count:
            return f"{count} productions are not finished"


def _models(studio: Studio) -> list[Check]:
    checks: list[Check] = []
    for kind in Kind:
        cards = studio.catalogue.cards(kind)
        ready = [card.model for card in cards if studio.catalogue.has_key(card)]
        locked = sorted({provider_of(card.model) for card in cards} - {provider_of(model) for model in ready})
        detail = ", ".join(ready) or ("none is ready" if cards else "none installed")
        detail += f"; without a key: {', '.join(locked)} (`reelwright keys` names them)" if locked else ""
        if kind is Kind.VOICE and not cards:
            detail += "; films are silent until you `pip install 'reelwright[voice]'`"
        checks.append(Check(f"{kind.value} models", bool(cards) or kind is Kind.VOICE, detail))
    checks.append(Check("writers", bool(studio.catalogue.writers), ", ".join(studio.catalogue.writers)))
    checks += [Check(f"plug-in {name}", is_ok=False, detail=reason) for name, reason in studio.catalogue.broken.items()]
    return checks
