"""Clients of SDKs: one for each event loop, key and address, and all of a loop's are closed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from reelwright.net.clients import Clients


@dataclass
class Client:
    key: str
    base: str
    closed_on: list[asyncio.AbstractEventLoop] = field(default_factory=list[asyncio.AbstractEventLoop])

    async def close(self) -> None:
        self.closed_on.append(asyncio.get_running_loop())


def test_a_loop_has_one_client_for_a_key_and_an_address() -> None:
    clients, seen = Clients(Client), list[Client]()

    async def use() -> None:
        first = await clients.get("key", "https://a.example")
        assert await clients.get("key", "https://a.example") is first
        others = [await clients.get("another", "https://a.example"), await clients.get("key", "https://b.example")]
        seen.extend([first, *others])
        await clients.aclose()
        assert [client.closed_on for client in (first, *others)] == [[asyncio.get_running_loop()]] * 3
        assert await clients.get("key", "https://a.example") is not first
        await clients.aclose()
        await clients.aclose()

    for _ in range(2):
        asyncio.run(use())
    assert len({id(client) for client in seen}) == 6


def test_closing_one_loop_leaves_the_others_alone() -> None:
    clients = Clients(Client)

    async def use_and_close() -> None:
        await clients.get("key", "base")
        await clients.aclose()

    async def use() -> None:
        mine = await clients.get("key", "base")
        await asyncio.to_thread(lambda: asyncio.run(use_and_close()))
        assert await clients.get("key", "base") is mine
        assert mine.closed_on == []
        await clients.aclose()

    asyncio.run(use())
