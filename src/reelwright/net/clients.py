"""Clients of the vendors' SDKs, kept as long as they are good: connections belong to an event loop, and a key may change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary


class Closable(Protocol):
    """What every SDK's client can do."""

    async def close(self) -> None:
        """Gives its connections back."""
        ...


C = TypeVar("C", bound=Closable)


@dataclass
class _Opened(Generic[C]):
    """The clients of one event loop."""

    clients: dict[tuple[str, str], C] = field(default_factory=dict[tuple[str, str], C])
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)


class Clients(Generic[C]):
    """One client for each event loop, key and base URL. Each loop must `aclose` what it used."""

    def __init__(self, open_client: Callable[[str, str], C]) -> None:
        """`open_client` makes one for a key and a base URL, over a transport of `reelwright.net.sdk`.

        It is called in a thread: some SDKs take seconds to be imported, and the event loop has others to serve.
        """
        self._open = open_client
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Opened[C]] = WeakKeyDictionary()

    async def get(self, key: str, base: str) -> C:
        """The running loop's client."""
        opened = self._loops.setdefault(asyncio.get_running_loop(), _Opened[C]())
        async with opened.opening:
            if (key, base) not in opened.clients:
                opened.clients[key, base] = await asyncio.to_thread(self._open, key, base)
            return opened.clients[key, base]

    async def aclose(self) -> None:
        """Closes the running loop's clients."""
        for client in self._loops.pop(asyncio.get_running_loop(), _Opened[C]()).clients.values():
            await client.close()
