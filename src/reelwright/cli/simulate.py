"""Simulating: the vendors' APIs on this machine, for trying things out and for tests, until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from reelwright.cli.exits import Exit
from reelwright.errors import InvalidInput
from reelwright.testing.simulators.behaviour import Behaviour, every_trouble
from reelwright.testing.simulators.serving import VENDORS, Service, serving

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Wishes:
    """How the vendors are to behave, as it was typed."""

    seconds: str
    url_seconds: float | None
    trouble_rate: float
    behaviour: str


def simulate_vendors(vendors: str, *, port: int, file: Path | None, wishes: Wishes, as_json: bool) -> Exit:
    """`reelwright simulate`.

    Raises:
        InvalidInput: there is no such vendor, a wish is not understood, the port is taken, or the file is no ledger.
    """
    names = _names(vendors)
    behaviour = _behaviour(wishes)
    try:
        asyncio.run(_serve(names, port, file, behaviour, as_json=as_json))
    except OSError as error:
        msg = f"port: {port} cannot be listened on: {error.strerror or error}."
        raise InvalidInput(msg) from error
    except sqlite3.Error as error:
        msg = f"file: {file} cannot be used as a ledger: {error}."
        raise InvalidInput(msg) from error
    return Exit.OK


def _names(vendors: str) -> list[str]:
    names = [name.strip() for name in vendors.split(",") if name.strip()]
    strange = [name for name in names if name not in VENDORS]
    if strange or not names:
        what = f"There is no simulator of {', '.join(map(repr, strange))}" if strange else "No vendor is named"
        msg = f"{what}; there are {','.join(VENDORS)}."
        raise InvalidInput(msg)
    return list(dict.fromkeys(names))


def _behaviour(wishes: Wishes) -> Behaviour:
    """What is spelled out as JSON wins."""
    told: dict[str, object] = {}
    if wishes.seconds:
        told |= dict.fromkeys(("frame_seconds", "clip_seconds", "voice_seconds"), _span(wishes.seconds))
    if wishes.url_seconds is not None:
        told["url_seconds"] = wishes.url_seconds
    if wishes.trouble_rate:
        told["chances"] = every_trouble(wishes.trouble_rate)
    try:
        return Behaviour.model_validate({**told, **json.loads(wishes.behaviour or "{}")})
    except (ValidationError, ValueError, TypeError) as error:
        problem = error.errors()[0] if isinstance(error, ValidationError) else None
        reason = f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" if problem else str(error)
        msg = f"behaviour: {reason}; what there is: {', '.join(Behaviour.model_fields)}."
        raise InvalidInput(msg) from error


def _span(text: str) -> tuple[float, float]:
    first, _, last = text.partition("-")
    try:
        span = float(first), float(last or first)
    except ValueError:
        span = (1.0, 0.0)
    if not 0 <= span[0] <= span[1]:
        msg = f"seconds: {text!r} is no number of seconds and no span of them, such as 0.5 or 30-60."
        raise InvalidInput(msg)
    return span


async def _serve(names: Sequence[str], port: int, file: Path | None, behaviour: Behaviour, *, as_json: bool) -> None:
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    with TemporaryDirectory(prefix="reelwright-simulators-") as folder:
        behaviours = dict.fromkeys(names, behaviour)
        async with serving(names, Path(folder), behaviours=behaviours, port=port, file=file, host=LOOPBACK) as service:
            _tell(service, file, as_json=as_json)
            await stopped.wait()


def _tell(service: Service, file: Path | None, *, as_json: bool) -> None:
    """The environment first, so that it can be copied, or read by a script."""
    environment = {**service.environment, "REELWRIGHT_ALLOW_PRIVATE_HOSTS": LOOPBACK}
    ledger = f"{service.origin}/__ledger"
    if as_json:
        document = {"origin": service.origin, "environment": environment, "ledger": ledger}
        print(json.dumps(document), flush=True)
        return
    for name, value in environment.items():
        print(f"export {name}={value}")
    print(f"# What they counted: {ledger}{f' (kept in {file})' if file else ''}. Ctrl-C ends them.", flush=True)
