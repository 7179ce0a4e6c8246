"""Clients of the vendors' SDKs, kept as long as they are good: connections belong to an event loop, and a key may change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary


class Closable(Protocol):
    """What every SDK's client can do."""

    async def close(self) -> None:
        """Gives its connections back."""
        ...


C = TypeVar("C", bound=Closable)


class Clients(Generic[C]):
    """One client for each event loop, key and base URL. Each loop must `aclose` what it used."""

    def __init__(self, open_client: Callable[[str, str], C]) -> None:
        """`open_client` makes one for a key and a base URL, over a transport of `reelwright.net.sdk`."""
        self._open = open_client
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], C]] = WeakKeyDictionary()

    def get(self, key: str, base: str) -> C:
        """The running loop's client."""
        clients = self._loops.setdefault(asyncio.get_running_loop(), {})
        if (key, base) not in clients:
            clients[key, base] = self._open(key, base)
        return clients[key, base]

    async def aclose(self) -> None:
        """Closes the running loop's clients."""
        for client in self._loops.pop(asyncio.get_running_loop(), {}).values():
            await client.close()
