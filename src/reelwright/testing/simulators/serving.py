"""Simulated vendors on one port of this machine, in this process or as a command.

`python -m reelwright.testing.simulators runway,luma --port 4711 --file ledger.sqlite` prints one line of JSON: where they are and
the environment that leads there. `GET /__ledger` tells what each counted; `POST /__behaviour` (`{"runway": {...}}`) turns their
knobs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from aiohttp import web
from pydantic import ValidationError

from reelwright.errors import InvalidInput
from reelwright.testing.simulators.behaviour import Behaviour
from reelwright.testing.simulators.desk import Desk
from reelwright.testing.simulators.simulator import Simulator

VENDORS = {
    "runway": "runway:Runway",
    "luma": "luma:Luma",
    "luma-agents": "luma_agents:LumaAgents",
    "replicate": "replicate:Replicate",
    "fal": "fal:Fal",
    "openai": "openai:OpenAI",
    "google": "google:Google",
    "elevenlabs": "elevenlabs:ElevenLabs",
}
"""Where each one is: module and class."""


@dataclass
class Service:
    """Vendors that are being served."""

    origin: str
    vendors: dict[str, Simulator] = field(default_factory=dict[str, Simulator])

    def __getitem__(self, name: str) -> Simulator:
        return self.vendors[name]

    @property
    def environment(self) -> dict[str, str]:
        """What leads every adapter, and every SDK, to them."""
        return {name: value for vendor in self.vendors.values() for name, value in vendor.environment.items()}

    def ledger(self) -> dict[str, object]:
        """By vendor."""
        return {name: vendor.ledger() for name, vendor in self.vendors.items()}


@asynccontextmanager
async def serving(
    names: Sequence[str],
    folder: Path,
    *,
    behaviours: Mapping[str, Behaviour] | None = None,
    port: int = 0,
    file: Path | None = None,
    host: str = "127.0.0.1",
) -> AsyncGenerator[Service]:
    """Serves those vendors inside the block.

    Args:
        names: which, as in `VENDORS`.
        folder: for what they make.
        behaviours: how each behaves; the usual way where it is not named.
        port: 0 takes a free one.
        file: the ledger, which survives a restart; in `folder` unless named.
        host: the address to listen on.

    Raises:
        InvalidInput: there is no such vendor.
    """
    service = Service("")
    root = web.Application(client_max_size=64 << 20)
    for name in names:
        desk = Desk(name, file or folder / "ledger.sqlite", (behaviours or {}).get(name))
        vendor = service.vendors[name] = _class_of(name)(desk, folder)
        root.add_subapp(f"/{name}", vendor.app())
    root.add_routes([web.get("/__ledger", _telling(service)), web.post("/__behaviour", _turning(service))])
    runner = web.AppRunner(root, access_log=None, shutdown_timeout=0.1)  # nobody waits for their answers any more
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        service.origin = f"http://{host}:{runner.addresses[0][1]}"
        for vendor in service.vendors.values():
            vendor.origin = service.origin
        yield service
    finally:
        for vendor in service.vendors.values():
            await vendor.aclose()
        await runner.cleanup()
        for vendor in service.vendors.values():
            vendor.desk.close()


def _class_of(name: str) -> Callable[[Desk, Path], Simulator]:
    if name not in VENDORS:
        msg = f"There is no simulator of {name!r}; there are {', '.join(VENDORS)}."
        raise InvalidInput(msg)
    module, _, kind = VENDORS[name].partition(":")
    return cast("Callable[[Desk, Path], Simulator]", getattr(import_module(f"reelwright.testing.simulators.{module}"), kind))


def _telling(service: Service) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def tell(_: web.Request) -> web.Response:
        return web.json_response(service.ledger())

    return tell


def _turning(service: Service) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def turn(request: web.Request) -> web.Response:
        changes: dict[str, dict[str, object]] = await request.json()
        try:
            for name, values in changes.items():
                desk = service[name].desk
                desk.turn(Behaviour.model_validate({**desk.behaviour.model_dump(), **values}))
        except (KeyError, ValidationError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(
            {name: vendor.desk.behaviour.model_dump(mode="json") for name, vendor in service.vendors.items()}
        )

    return turn


async def serve_until_stopped(names: Sequence[str], *, port: int, file: Path | None, behaviour: Behaviour) -> None:
    """Serves until it is interrupted, after one line of JSON: `{"origin": ..., "environment": {...}}`."""
    with TemporaryDirectory(prefix="reelwright-simulators-") as folder:
        behaviours = dict.fromkeys(names, behaviour)
        async with serving(names, Path(folder), behaviours=behaviours, port=port, file=file) as service:
            sys.stdout.write(json.dumps({"origin": service.origin, "environment": service.environment}) + "\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m reelwright.testing.simulators", description=__doc__)
    parser.add_argument("vendors", help=f"by commas: {','.join(VENDORS)}")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--file", type=Path, default=None, help="the ledger")
    parser.add_argument("--behaviour", default="{}", help="JSON: how they behave")
    arguments = parser.parse_args()
    behaviour = Behaviour.model_validate_json(arguments.behaviour)
    asyncio.run(serve_until_stopped(arguments.vendors.split(","), port=arguments.port, file=arguments.file, behaviour=behaviour))
