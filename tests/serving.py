"""A studio that is served on a real socket, with people in it, for tests that ask it as anybody would."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from reelwright.api.server import Address, listen, serve
from reelwright.bootstrap import Studio, open_studio
from reelwright.config import Settings
from reelwright.domain.account import Role, Scope
from reelwright.domain.ids import OWNER, UserId

T = TypeVar("T")


@dataclass
class House:
    """A served studio, in a thread with a loop of its own."""

    studio: Studio
    loop: asyncio.AbstractEventLoop
    origin: str
    people: dict[str, UserId] = field(default_factory=dict[str, UserId])

    def run(self, work: Callable[[Studio], Awaitable[T]]) -> T:
        """What `work` makes of the studio, on its own loop."""

        async def done() -> T:
            return await work(self.studio)

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(60)

    def person(self, name: str, role: Role = Role.MEMBER) -> UserId:
        """The person of that name, who comes into being when first asked for; `owner` is the owner."""
        if name not in self.people:
            if name == "owner":
                self.people[name] = OWNER
            else:
                self.people[name] = self.run(lambda studio: studio.accounts.add(f"{name}@example.com", role=role)).id
        return self.people[name]

    def client(self, name: str, *scopes: Scope, role: Role = Role.MEMBER, **options: Any) -> httpx2.Client:
        """A client that asks with a token of that person's."""
        user = self.person(name, role)
        _, token = self.run(lambda studio: studio.accounts.create_token(user, "tests", scopes=scopes))
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return httpx2.Client(base_url=self.origin, headers=headers, timeout=60, **options)

    def stranger(self, **options: Any) -> httpx2.Client:
        """A client of nobody's."""
        return httpx2.Client(base_url=self.origin, timeout=60, **options)


@contextmanager
def served(
    home: Path, *, works: bool = True, host: str = "127.0.0.1", settings: Mapping[str, Any] | None = None
) -> Generator[House]:
    """A studio in that data folder, served until the block ends.

    Args:
        home: the data folder.
        works: whether it also makes what is asked for.
        host: where it listens; it is asked on this machine in any case.
        settings: beside those that follow from the folder.
    """
    begun: list[House] = []
    is_ready, stop = threading.Event(), asyncio.Event()
    trouble: list[BaseException] = []

    async def run() -> None:
        studio = open_studio(Settings(home=home, **(settings or {})))
        try:
            listening = listen(Address(host, port=0))
            begun.append(House(studio, asyncio.get_running_loop(), f"http://127.0.0.1:{listening.getsockname()[1]}"))
            await serve(studio, listening, stop, works=works, ready=is_ready.set)
        finally:
            await studio.close()

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - told to the test that waits
            trouble.append(error)
        finally:
            is_ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert is_ready.wait(60)
    if trouble:
        raise trouble[0]
    try:
        yield begun[0]
    finally:
        begun[0].loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive()
    if trouble:
        raise trouble[0]
