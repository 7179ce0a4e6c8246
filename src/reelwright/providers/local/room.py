"""A thread with an event loop of its own: callers of any event loop can share it, and its small file work stalls nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from reelwright.errors import NotSubmitted, ProviderError

_ANSWER_SECONDS = 60.0
"""How long the thread may take to answer; it only reads and writes files."""

T = TypeVar("T")


class Room:
    """Where one provider's own work is done. Begins with the first question."""

    def __init__(self, name: str, *, enter: Callable[[], None], leave: Callable[[], Awaitable[None]]) -> None:
        """Starts nothing yet.

        Args:
            name: the provider's name.
            enter: called once, before the thread starts.
            leave: awaited in the thread when it is closed.
        """
        self._name = name
        self._enter = enter
        self._leave = leave
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether it answers no more."""
        return self._is_closed

    async def ask(self, question: Coroutine[Any, Any, T]) -> T:
        """What the question answers, asked in the thread. It is asked to its end, even when whoever asked is cancelled.

        Raises:
            NotSubmitted: the provider is closed, or its folder cannot be used.
        """
        try:
            answer: Future[T] = asyncio.run_coroutine_threadsafe(question, self._started())
        except (ProviderError, OSError) as error:
            question.close()
            raise self._told(error) from error
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(answer)), _ANSWER_SECONDS)
        except OSError as error:
            raise self._told(error) from error

    async def aclose(self) -> None:
        """Ends the thread. Nothing can be asked any more."""
        with self._starting:
            self._is_closed = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        await asyncio.wait_for(asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._left(), loop)), _ANSWER_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join, _ANSWER_SECONDS)

    def _told(self, error: ProviderError | OSError) -> ProviderError:
        if isinstance(error, ProviderError):
            return error
        return NotSubmitted(f"The folder of {self._name} cannot be used: {error.strerror or 'it does not answer in time'}.")

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._is_closed:
                msg = f"The provider {self._name} is closed."
                raise NotSubmitted(msg)
            if self._loop is None:
                self._enter()
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop

    async def _left(self) -> None:
        await self._leave()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()
