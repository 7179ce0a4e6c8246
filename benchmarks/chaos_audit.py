"""The audit of the chaos run: our books against the vendors', job by job, and every asset read back."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from reelwright.media.probe import probe

MEDIA = {"frame": "image", "clip": "video"}


@dataclass(frozen=True)
class Vendor:
    """One vendor's count, and ours; money in micro-dollars."""

    vendor: str
    jobs: int
    well: int
    """Jobs that it says have ended well."""
    kept: int
    """Those of them whose output is an asset here that is what was recorded."""
    theirs: int
    ours: int
    troubles: int
    """How much went wrong there."""


@dataclass(frozen=True)
class Figures:
    """What is left."""

    vendors: list[Vendor]
    lost: list[str]
    """Jobs that ended well and of which nothing good is here."""
    orphans: list[str]
    """Jobs of which no take knows."""
    twice: list[str]
    """Frames and clips that the vendors made well, and charged, more than once."""
    micro_off: int
    """The differences of all jobs' charges, in micro-dollars, none of them making up for another."""
    micro_held: int
    doubted: int
    """Takes that were in doubt."""
    adopted: int
    """Those of them whose job a person found."""
    productions: int
    ended: int
    completed: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing is missing, and nothing is too much."""
        nothing = not (self.lost or self.orphans or self.twice or self.micro_off or self.micro_held)
        return nothing and self.completed == self.ended == self.productions

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        return {**asdict(self), "is_clean": self.is_clean}


def audit(home: Path, ledger: dict[str, Any], takes: Sequence[dict[str, Any]], costs: dict[str, Any]) -> Figures:
    """Holds the data folder against the vendors' ledger.

    Args:
        home: the data folder.
        ledger: by vendor, as `GET /__ledger` tells it.
        takes: as `reelwright takes --json` lists all of them.
        costs: as `reelwright costs --json` tells them.
    """
    connection = sqlite3.connect(home / "reelwright.sqlite")
    assets = {
        each[0]: each[1:]
        for each in connection.execute("SELECT id, key, bytes, sha256 FROM reel_assets WHERE is_ready").fetchall()
    }
    newest = dict(connection.execute("SELECT campaign_id, state FROM reel_productions ORDER BY created_at, id").fetchall())
    doubted = {
        row[0] for row in connection.execute("SELECT json_extract(facts, '$.take') FROM reel_events WHERE name = 'take.doubted'")
    }
    connection.close()
    owners = {(take["provider"], at_vendor(take["job"])): take for take in takes if take["job"]}
    paid = _paid(costs)
    vendors: list[Vendor] = []
    lost, orphans = list[str](), list[str]()
    good: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    off = 0
    for name, counted in ledger.items():
        well = kept = 0
        for job in counted["jobs"]:
            what, take = f"{name} {job['id']} ({job['prompt'][:40]})", owners.get((name, job["id"]))
            off += abs(job["charged_micro_usd"] - paid.pop((name, job["id"]), 0))
            if take is None:
                orphans.append(what)
            if job["fate"] != "well":
                continue
            well += 1
            good[name, job["kind"], job["prompt"]].append(job["id"])
            trouble = "no take owns it" if take is None else _trouble(home, take, assets)
            kept += not trouble
            if trouble:
                lost.append(f"{what}: {trouble}")
        ours = sum(
            _micro(entry["amount_usd"]) for entry in costs["entries"] if entry["kind"] == "charge" and entry["provider"] == name
        )
        theirs, troubles = counted["charged_micro_usd"], sum(counted["troubles"].values())
        vendors.append(Vendor(name, len(counted["jobs"]), well, kept, theirs, ours, troubles))
    return Figures(
        vendors=vendors,
        lost=lost,
        orphans=orphans,
        twice=[f"{' '.join(what)}: {', '.join(jobs)}" for what, jobs in good.items() if len(jobs) > 1],
        micro_off=off + sum(abs(rest) for rest in paid.values()),
        micro_held=_micro(costs["reserved_usd"]),
        doubted=len(doubted),
        adopted=sum(bool(take["job"]) for take in takes if take["id"] in doubted),
        productions=len(newest),
        ended=sum(state in {"completed", "failed", "cancelled"} for state in newest.values()),
        completed=sum(state == "completed" for state in newest.values()),
    )


def at_vendor(job: str) -> str:
    """A job's id as its vendor writes it; fal's own stands behind that of its app with us."""
    return job.rpartition("/")[2]


def _paid(costs: dict[str, Any]) -> dict[tuple[str, str], int]:
    """What our ledger says that each job has cost."""
    paid: defaultdict[tuple[str, str], int] = defaultdict(int)
    for entry in costs["entries"]:
        if entry["kind"] == "charge":
            paid[entry["provider"], at_vendor(entry["job"])] += _micro(entry["amount_usd"])
    return paid


def _micro(usd: str) -> int:
    return int(Decimal(usd) * 1_000_000)


def _trouble(home: Path, take: dict[str, Any], assets: dict[str, tuple[str, int, str]]) -> str:
    """Why the output of the take's job is not here as it should be; nothing where it is."""
    if take["state"] != "kept" or take["asset"] not in assets:
        return f"take {take['id']} is {take['state']}: {take['reason']}"
    key, size, sha256 = assets[take["asset"]]
    file = home / "storage" / key
    if not file.is_file():
        return f"{key} is not there"
    content = file.read_bytes()
    if (len(content), hashlib.sha256(content).hexdigest()) != (size, sha256):
        return f"{key} has other bytes than were recorded"
    found = probe(str(file)).kind
    return "" if found == MEDIA[take["kind"]] else f"{key} is a {found}"
