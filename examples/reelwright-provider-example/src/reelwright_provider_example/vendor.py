"""Postcards: a small honest vendor of pictures, on this machine.

`python -m reelwright_provider_example.vendor --port 4722` serves it until Ctrl-C, with the key `postcards-demo-key`. What it has
taken is at `/ledger`; nothing survives its process. For tests it can be told what the next one meets with: `meet`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import secrets
import sys
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from PIL import Image
from pydantic import BaseModel, ValidationError

KEY = "postcards-demo-key"
CENTS = 2
"""The price of a picture; one that failed or was stopped in time is free."""
_MOST_PIXELS = 4_000_000


class Order(BaseModel):
    """What somebody asks for."""

    prompt: str
    width: int
    height: int
    reference: str


@dataclass
class Postcard:
    """An order that was taken."""

    id: str
    order: Order
    due: float
    """`time.monotonic()`."""
    fails: bool = False
    is_stopped: bool = False

    @property
    def state(self) -> str:
        """In Postcards' words."""
        if self.is_stopped:
            return "failed"
        if time.monotonic() < self.due:
            return "drawing"
        return "failed" if self.fails else "drawn"

    @property
    def cents(self) -> int:
        """What it has cost."""
        return CENTS if self.state == "drawn" else 0


class Postcards:
    """The vendor."""

    def __init__(self, *, key: str = KEY, seconds: float = 0.2) -> None:
        """Takes that key only; a picture takes so many seconds."""
        self.origin = ""
        self.orders: dict[str, Postcard] = {}
        self._key = key
        self._seconds = seconds
        self._links: dict[str, str] = {}
        self._next: defaultdict[str, deque[str]] = defaultdict(deque)

    def meet(self, phase: str, trouble: str) -> None:
        """What the next one meets with.

        Args:
            phase: `submit`, `fate`, `poll` or `download`.
            trouble: `throttle`, `unavailable` or `garbled`; for a submit also `cut_after`, which breaks the connection when the
                order is taken already; for a fate `internal`; for a download `expired`.
        """
        self._next[phase].append(trouble)

    @property
    def cents(self) -> int:
        """What it has taken."""
        return sum(postcard.cents for postcard in self.orders.values())

    @asynccontextmanager
    async def served(self, port: int = 0) -> AsyncGenerator[str]:
        """Serves inside the block; answers with the API's base URL."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/v1/postcards", self._submit),
                web.get("/v1/postcards", self._find),
                web.get("/v1/postcards/{id}", self._poll),
                web.delete("/v1/postcards/{id}", self._stop),
                web.get("/pictures/{link}", self._download),
                web.get("/ledger", self._tell),
            ]
        )
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            self.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield f"{self.origin}/v1"
        finally:
            await runner.cleanup()

    async def _submit(self, request: web.Request) -> web.Response:
        trouble = self._met("submit")
        if (refused := self._refusal(request, trouble)) is not None:
            return refused
        try:
            order = Order.model_validate_json(await request.read())
        except ValidationError as error:
            return web.json_response({"error": error.errors()[0]["msg"]}, status=422)
        if not 0 < order.width * order.height <= _MOST_PIXELS:
            return web.json_response({"error": "too many pixels"}, status=422)
        postcard = Postcard(f"postcard-{secrets.token_hex(8)}", order, time.monotonic() + self._seconds)
        postcard.fails = self._met("fate") == "internal"
        self.orders[postcard.id] = postcard
        if trouble == "cut_after" and request.transport is not None:
            request.transport.abort()
        return self._told(postcard, trouble, status=201)

    async def _poll(self, request: web.Request) -> web.Response:
        trouble = self._met("poll")
        if (refused := self._refusal(request, trouble)) is not None:
            return refused
        postcard = self.orders.get(request.match_info["id"])
        if postcard is None:
            return web.json_response({"error": "no such postcard"}, status=404)
        return self._told(postcard, trouble)

    async def _find(self, request: web.Request) -> web.Response:
        if (refused := self._refusal(request, "")) is not None:
            return refused
        wanted = request.query.get("reference", "")
        found = [self._shown(postcard) for postcard in self.orders.values() if postcard.order.reference == wanted]
        return web.json_response({"postcards": found})

    async def _stop(self, request: web.Request) -> web.Response:
        if (refused := self._refusal(request, "")) is not None:
            return refused
        postcard = self.orders.get(request.match_info["id"])
        if postcard is not None and postcard.state == "drawing":
            postcard.is_stopped = True
        return web.json_response({})

    async def _download(self, request: web.Request) -> web.Response:
        postcard = self.orders.get(self._links.get(request.match_info["link"], ""))
        if postcard is None or self._met("download") == "expired":
            return web.Response(status=410, text="the link has died")
        return web.Response(body=await asyncio.to_thread(drawn, postcard.order), content_type="image/png")

    async def _tell(self, _: web.Request) -> web.Response:
        return web.json_response({"postcards": len(self.orders), "cents": self.cents})

    def _met(self, phase: str) -> str:
        return self._next[phase].popleft() if self._next[phase] else ""

    def _refusal(self, request: web.Request, trouble: str) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {self._key}":
            return web.json_response({"error": "no such key"}, status=401)
        match trouble:
            case "throttle":
                return web.json_response({"error": "slow down"}, status=429, headers={"Retry-After": "1"})
            case "unavailable":
                return web.json_response({"error": "come back later"}, status=503)
            case _:
                return None

    def _told(self, postcard: Postcard, trouble: str, status: int = 200) -> web.Response:
        return web.json_response({"message": "hello"} if trouble == "garbled" else self._shown(postcard), status=status)

    def _shown(self, postcard: Postcard) -> dict[str, object]:
        shown: dict[str, object] = {"id": postcard.id, "state": postcard.state, "reference": postcard.order.reference}
        match postcard.state:
            case "drawn":
                link = secrets.token_urlsafe(16)
                self._links[link] = postcard.id
                return {**shown, "cents": postcard.cents, "picture": f"{self.origin}/pictures/{link}"}
            case "failed":
                return {**shown, "cents": 0, "reason": "it was stopped" if postcard.is_stopped else "the ink ran out"}
            case _:
                return shown


def drawn(order: Order) -> bytes:
    """A PNG in two colours that the words decide."""
    seed = hashlib.sha256(order.prompt.encode()).digest()
    mask = Image.linear_gradient("L").resize((order.width, order.height))
    top, bottom = (Image.new("RGB", mask.size, (seed[at], seed[at + 1], seed[at + 2])) for at in (0, 3))
    target = io.BytesIO()
    Image.composite(top, bottom, mask).save(target, "PNG")
    return target.getvalue()


async def _serve(port: int) -> None:
    async with Postcards().served(port) as base:
        sys.stdout.write(f"export POSTCARDS_BASE_URL={base}\nexport POSTCARDS_API_KEY={KEY}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=4722)
    asyncio.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
