"""Worker processes for media: hostile files and heavy work stay out of the process that serves people.

A worker is a plain child (`python -c`, so no `__main__` is imported again) that talks to us over one socket pair:
pickled jobs go down, progress and the result come up. It is nice, has a memory limit, lives in a session of its own
(Ctrl-C is ours to handle) and exits by itself when we die, however we die. Each worker has one thread here that feeds
it, so that any number of event loops, in any thread, can share the same workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from multiprocessing.connection import Connection, Pipe
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, TypeVarTuple

import structlog

from reelwright.errors import DiskFull, ReelwrightError, RenderError
from reelwright.files import is_full

if TYPE_CHECKING:
    from multiprocessing.connection import PipeConnection

log = structlog.get_logger(__name__)

_Socket: TypeAlias = "Connection[Any, Any] | PipeConnection[Any, Any]"
"""Connections are generic in the type stubs only, and differ by system only there."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_BOOT = "import sys; sys.path[:] = sys.argv[4:]; from reelwright.media.workers import work; work(*map(int, sys.argv[1:4]))"
_NICENESS = 5
_WATCH_SECONDS = 0.5
"""How often a worker looks whether its parent still lives; the closed socket usually tells it at once."""
_REPORT_SECONDS = 0.1
"""Reports that come faster are dropped: `report` may be called for every frame."""
_FULL = "The disk is full: there is no room for what is being made. Free some space and try again."
_CHILD_SETTINGS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Thread pools and arenas per core would eat the address space that the memory limit counts."""


class _Word(StrEnum):
    """What a worker says."""

    PROGRESS = "progress"
    RESULT = "result"
    REFUSED = "refused"
    """One of our own errors: the caller gets it as it is."""
    FAILED = "failed"
    """Anything else: the traceback."""
    NO_MEMORY = "no memory"


@dataclass(eq=False)
class _Job:
    """One call, from the moment that it waits in the queue."""

    name: str
    payload: bytes
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    on_progress: Callable[[float], None] | None
    is_abandoned: bool = False

    def tell(self, callback: Callable[..., object], *args: object) -> None:
        """Calls `callback` on the caller's loop; does nothing when that loop has been closed."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(callback, *args)

    def progress(self, fraction: float) -> None:
        if self.on_progress is not None:
            self.tell(self.on_progress, fraction)

    def succeed(self, result: object) -> None:
        self.tell(lambda: None if self.future.done() else self.future.set_result(result))

    def fail(self, error: Exception) -> None:
        self.tell(lambda: None if self.future.done() else self.future.set_exception(error))

    def drop(self) -> None:
        self.tell(self.future.cancel)


@dataclass(eq=False)
class _Slot:
    """One worker process, its thread here, and what it does now. `process` and `job` are guarded by the pool's lock."""

    process: subprocess.Popen[bytes] | None = None
    connection: _Socket | None = None
    job: _Job | None = None
    thread: threading.Thread = field(init=False)


class Workers:
    """Runs module-level functions in `count` worker processes, which are started when they are first needed.

    Calls wait in the order in which they came. May be shared by any number of event loops and threads.
    """

    def __init__(self, count: int, *, memory_bytes: int = 3 << 30, silence: float = 120) -> None:
        """Starts nothing yet.

        Args:
            count: how many processes at most.
            memory_bytes: address space of one worker.
            silence: seconds without a `report` or a result after which a worker is taken for hung and killed.
        """
        self._count = count
        self._memory_bytes = memory_bytes
        self._silence = silence
        self._changed = threading.Condition()
        self._waiting: deque[_Job] = deque()
        self._slots: list[_Slot] = []
        self._idle = 0
        self._is_closed = False

    async def run(self, function: Callable[[*Ts], T], *args: *Ts, on_progress: Callable[[float], None] | None = None) -> T:
        """What `function(*args)` returns in a worker. Cancelling the wait kills that worker at once.

        Args:
            function: a function of a module (not of `__main__`, no lambda).
            args: what it is called with; it and its result must pickle.
            on_progress: called on the running loop with what the function reports, 0 to 1.

        Raises:
            ReelwrightError: the function raised it.
            DiskFull: there was no room for what it made.
            RenderError: the function failed in another way, or the worker died, hung or ran out of memory.
        """
        if function.__module__ == "__main__":
            msg = f"{function.__qualname__} is a function of __main__, which a worker does not import"
            raise ValueError(msg)
        loop = asyncio.get_running_loop()
        job = _Job(function.__qualname__, pickle.dumps((function, args)), loop, loop.create_future(), on_progress)
        self._enqueue(job)
        try:
            return await job.future
        except asyncio.CancelledError:
            self._abandon(job)
            raise

    async def aclose(self) -> None:
        """Kills all workers; calls still under way end as cancelled."""
        with self._changed:
            self._is_closed = True
            for job in self._waiting:
                job.drop()
            self._waiting.clear()
            for slot in self._slots:
                if slot.job is not None:
                    slot.job.is_abandoned = True
                    slot.job.drop()
                _kill(slot.process)
            self._changed.notify_all()
        for slot in self._slots:
            await asyncio.to_thread(slot.thread.join)

    def _enqueue(self, job: _Job) -> None:
        with self._changed:
            if self._is_closed:
                msg = "these workers have been closed"
                raise RuntimeError(msg)
            self._waiting.append(job)
            if self._idle < len(self._waiting) and len(self._slots) < self._count:
                slot = _Slot()
                slot.thread = threading.Thread(target=self._serve, args=(slot,), name="media-worker", daemon=True)
                self._slots.append(slot)
                slot.thread.start()
            self._changed.notify()

    def _abandon(self, job: _Job) -> None:
        with self._changed:
            job.is_abandoned = True
            if job in self._waiting:
                self._waiting.remove(job)
            for slot in self._slots:
                if slot.job is job:
                    _kill(slot.process)

    def _serve(self, slot: _Slot) -> None:
        """The thread of one worker: takes jobs until the pool is closed."""
        while (job := self._take(slot)) is not None:
            try:
                self._perform(slot, job)
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                how = self._bury(slot)
                if not job.is_abandoned:
                    log.error("media_worker.died", job=job.name, how=how, error=str(error))
                    job.fail(RenderError(f"The media worker ended in the middle of its work ({how}); try again."))
        self._bury(slot)

    def _take(self, slot: _Slot) -> _Job | None:
        with self._changed:
            slot.job = None
            self._idle += 1
            while not self._waiting and not self._is_closed:
                self._changed.wait()
            self._idle -= 1
            if self._is_closed:
                return None
            slot.job = self._waiting.popleft()
            return slot.job

    def _perform(self, slot: _Slot, job: _Job) -> None:
        """Has one job done and delivers its result.

        Raises:
            EOFError, OSError: the worker died.
        """
        connection = self._ready(slot, job)
        connection.send_bytes(job.payload)
        while connection.poll(self._silence):
            word, value = connection.recv()
            match word:
                case _Word.PROGRESS:
                    job.progress(value)
                    continue
                case _Word.RESULT:
                    job.succeed(value)
                case _Word.REFUSED:
                    job.fail(value)
                case _Word.NO_MEMORY:
                    limit = self._memory_bytes >> 20
                    log.error("media_worker.no_memory", job=job.name, traceback=value)
                    job.fail(RenderError(f"This needs more memory than a media worker may use ({limit} MiB)."))
                case _:
                    log.error("media_worker.failed", job=job.name, traceback=value)
                    last = value.strip().rsplit("\n", 1)[-1]
                    job.fail(RenderError(f"The media worker could not do its work: {last}"))
            return
        self._bury(slot)
        log.error("media_worker.hung", job=job.name, silence=self._silence)
        job.fail(RenderError(f"The media worker said nothing for {self._silence:g} seconds and was ended; try again."))

    def _ready(self, slot: _Slot, job: _Job) -> _Socket:
        """The connection to a live worker, started if there is none (any more)."""
        if slot.connection is not None and slot.connection.poll(0):
            self._bury(slot)  # An idle worker has nothing to say: this is the end of file of one that was killed.
        ours = slot.connection
        if ours is None:
            ours, theirs = Pipe()
            with theirs:
                try:
                    process = subprocess.Popen(  # noqa: S603 -- our own interpreter and our own code
                        _command(theirs.fileno(), self._memory_bytes),
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        pass_fds=(theirs.fileno(),),
                        start_new_session=True,
                        env=os.environ | _CHILD_SETTINGS,
                    )
                except OSError:
                    ours.close()
                    raise
            with self._changed:
                slot.process, slot.connection = process, ours
                if job.is_abandoned:
                    _kill(process)
        return ours

    def _bury(self, slot: _Slot) -> str:
        """Ends the slot's worker, if it has one, and says how it ended. No zombie stays."""
        with self._changed:
            # Out of reach before it is reaped: after that its number may belong to a stranger.
            process, slot.process = slot.process, None
            connection, slot.connection = slot.connection, None
        if connection is not None:
            connection.close()
        if process is None:
            return "it never started"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)  # One that is dying by itself tells why: its own signal, not ours.
        if process.returncode is None:
            _kill(process)
        code = process.wait()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def report(fraction: float) -> None:
    """Tells that the work goes on and how much of it is done (0 to 1). Cheap; does nothing outside a worker."""
    if _voice is not None:
        _voice.report(fraction)


def work(descriptor: int, parent: int, memory_bytes: int) -> None:
    """A worker's whole life: takes jobs from the socket `descriptor` until the process `parent` is gone."""
    global _voice  # noqa: PLW0603 -- the process has one voice, and `report` is called deep inside the work
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):  # Not every system lets a process limit itself.
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    connection = Connection(descriptor)
    jobs: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, jobs, parent), daemon=True).start()
    _voice = _Voice(connection)
    while True:
        _voice.say(_answer(jobs.get()))


def _answer(payload: bytes) -> bytes:
    """Does one job; every way in which it can end is an answer, pickled."""
    try:
        function, args = pickle.loads(payload)  # noqa: S301 -- only our own parent writes to this socket
        return pickle.dumps((_Word.RESULT, function(*args)))
    except ReelwrightError as error:
        return pickle.dumps((_Word.REFUSED, DiskFull(_FULL) if is_full(error) else error))
    except MemoryError:
        return pickle.dumps((_Word.NO_MEMORY, traceback.format_exc()))
    except Exception as error:  # noqa: BLE001 -- the outermost edge of the worker process
        return pickle.dumps((_Word.REFUSED, DiskFull(_FULL)) if is_full(error) else (_Word.FAILED, traceback.format_exc()))


class _Voice:
    """A worker's side of the conversation. Any thread may speak."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._next = 0.0

    def report(self, fraction: float) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _REPORT_SECONDS
            self.say(pickle.dumps((_Word.PROGRESS, min(max(float(fraction), 0.0), 1.0))))

    def say(self, words: bytes) -> None:
        with self._lock:
            self._connection.send_bytes(words)


_voice: _Voice | None = None
"""Set in a worker process only."""


def _listen(connection: Connection, jobs: SimpleQueue[bytes], parent: int) -> None:
    """Hands jobs to the worker's main thread; ends the process, whatever it does, as soon as the parent is gone."""
    with contextlib.suppress(EOFError, OSError):
        while os.getppid() == parent:
            if connection.poll(_WATCH_SECONDS):
                jobs.put(connection.recv_bytes())
    os.killpg(0, signal.SIGKILL)


def _command(descriptor: int, memory_bytes: int) -> list[str]:
    return [sys.executable, "-c", _BOOT, str(descriptor), str(os.getpid()), str(memory_bytes), *sys.path]


def _kill(process: subprocess.Popen[bytes] | None) -> None:
    """Kills a worker and whatever it started. Only for one that has not been waited for."""
    if process is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # It is dead already.
            os.killpg(process.pid, signal.SIGKILL)
