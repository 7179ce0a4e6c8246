"""The worker pool, with real processes that are really killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reelwright.errors import InvalidMedia, RenderError
from reelwright.media.workers import Workers, report


def add(left: int, right: int) -> int:
    return left + right


def refuse(sentence: str) -> None:
    raise InvalidMedia(sentence)


def stumble() -> None:
    msg = "a stone in the way"
    raise KeyError(msg)


def unpicklable() -> object:
    return threading.Lock()


def swallow(megabytes: int) -> int:
    return len(bytearray(megabytes << 20))


def dies(by: int) -> None:
    os.kill(os.getpid(), by)
    time.sleep(5)


def count_to(steps: int, pause: float) -> int:
    for step in range(steps):
        report((step + 1) / steps)
        time.sleep(pause)
    return steps


def note_and_wait(file: str, seconds: float) -> None:
    """Writes its process id, then works on (holding the interpreter now and then), writing a heartbeat."""
    until = time.monotonic() + seconds
    Path(file).write_text(str(os.getpid()))
    while time.monotonic() < until:
        sum(range(200_000))
        Path(file + ".beat").write_text(str(time.time()))


@asynccontextmanager
async def workers(count: int = 1, *, memory_bytes: int = 3 << 30, silence: float = 20) -> AsyncGenerator[Workers, None]:
    pool = Workers(count, memory_bytes=memory_bytes, silence=silence)
    try:
        yield pool
    finally:
        await pool.aclose()


def is_alive(process_id: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_there(process_id: int) -> bool:
    """Whether the process table still has it, as a zombie or alive."""
    return Path(f"/proc/{process_id}").exists()


async def written(file: Path, seconds: float = 60) -> int:
    """The number that a worker writes into the file, as soon as it is there."""

    def wait() -> int:
        until = time.monotonic() + seconds
        while not (file.exists() and file.read_text()):
            assert time.monotonic() < until
            time.sleep(0.01)
        return int(file.read_text())

    return await asyncio.to_thread(wait)


async def gone(process_id: int, seconds: float = 25) -> None:
    """Waits until the process is gone, for less time than what it does takes."""

    def wait() -> None:
        ends = time.monotonic() + seconds
        while is_alive(process_id):
            assert time.monotonic() < ends
            time.sleep(0.01)

    await asyncio.to_thread(wait)


async def test_a_result_comes_back_and_the_worker_stays_for_the_next_call() -> None:
    async with workers() as pool:
        first = await pool.run(os.getpid)
        assert await pool.run(add, 2, 3) == 5
        assert await pool.run(os.getpid) == first != os.getpid()


async def test_workers_are_nice_and_live_in_a_session_of_their_own() -> None:
    async with workers() as pool:
        worker = await pool.run(os.getpid)
        assert os.getsid(worker) == worker
        assert os.getpriority(os.PRIO_PROCESS, worker) == min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)


async def test_our_own_errors_come_through_as_they_are() -> None:
    async with workers() as pool:
        with pytest.raises(InvalidMedia, match="not a picture"):
            await pool.run(refuse, "This is not a picture.")


async def test_other_errors_become_one_sentence_and_the_worker_lives_on() -> None:
    async with workers() as pool:
        worker = await pool.run(os.getpid)
        with pytest.raises(RenderError, match="a stone in the way"):
            await pool.run(stumble)
        with pytest.raises(RenderError, match="pickle"):
            await pool.run(unpicklable)
        assert await pool.run(os.getpid) == worker


async def test_too_much_memory_is_an_error_of_that_call_only() -> None:
    async with workers(memory_bytes=400 << 20) as pool:
        with pytest.raises(RenderError, match=r"more memory .*\(400 MiB\)"):
            await pool.run(swallow, 2000)
        assert await pool.run(swallow, 10) == 10 << 20


@pytest.mark.parametrize("by", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
async def test_a_worker_that_dies_fails_its_own_call_only(by: signal.Signals) -> None:
    async with workers() as pool:
        calls = [asyncio.create_task(pool.run(dies, int(by))), asyncio.create_task(pool.run(add, 1, 1))]
        with pytest.raises(RenderError, match=by.name):
            await calls[0]
        assert await calls[1] == 2


async def test_an_idle_worker_that_was_killed_is_replaced_unseen() -> None:
    async with workers() as pool:
        worker = await pool.run(os.getpid)
        os.kill(worker, signal.SIGKILL)
        await gone(worker)
        await asyncio.sleep(0.1)  # Its other thread may hold the socket a moment longer.
        assert await pool.run(add, 1, 2) == 3
        assert not is_there(worker)


async def test_cancelling_kills_the_worker_at_once_and_leaves_no_zombie(tmp_path: Path) -> None:
    async with workers() as pool:
        call = asyncio.create_task(pool.run(note_and_wait, str(tmp_path / "pid"), 30.0))
        worker = await written(tmp_path / "pid")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await gone(worker)
        assert await pool.run(add, 4, 4) == 8
        assert not is_there(worker)


async def test_a_call_that_is_cancelled_while_it_waits_is_never_begun(tmp_path: Path) -> None:
    async with workers() as pool:
        first = asyncio.create_task(pool.run(count_to, 5, 0.05))
        second = asyncio.create_task(pool.run(note_and_wait, str(tmp_path / "pid"), 0.0))
        await asyncio.sleep(0.1)
        second.cancel()
        assert await first == 5
        assert await pool.run(add, 0, 1) == 1
    assert os.listdir(tmp_path) == []  # noqa: PTH208 -- one look, after the loop's work


async def test_calls_wait_in_their_order() -> None:
    ended: list[int] = []
    async with workers() as pool:
        calls = [asyncio.create_task(pool.run(add, number, 0)) for number in range(12)]
        for call in calls:
            call.add_done_callback(lambda task: ended.append(task.result()))
        assert await asyncio.gather(*calls) == list(range(12))
    assert ended == list(range(12))


async def test_workers_run_side_by_side_and_no_more_than_were_asked_for() -> None:
    async with workers(2) as pool:
        assert len(set(await asyncio.gather(*(pool.run(worker_after, 0.2) for _ in range(5))))) == 2


def worker_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


async def test_progress_arrives_in_order() -> None:
    seen: list[float] = []
    async with workers() as pool:
        assert await pool.run(count_to, 8, 0.06, on_progress=seen.append) == 8
    assert seen == sorted(seen)
    assert len(seen) >= 3
    assert all(0 <= fraction <= 1 for fraction in seen)


async def test_reports_keep_a_slow_call_alive_and_silence_ends_it() -> None:
    async with workers(silence=0.6) as pool:
        await pool.run(add, 1, 1)
        assert await pool.run(count_to, 10, 0.15) == 10
        with pytest.raises(RenderError, match=r"said nothing for 0\.6 seconds"):
            await pool.run(worker_after, 30)
        assert await pool.run(add, 1, 1) == 2


async def test_closing_ends_calls_as_cancelled_and_leaves_no_process(tmp_path: Path) -> None:
    pool = Workers(1)
    call = asyncio.create_task(pool.run(note_and_wait, str(tmp_path / "pid"), 30.0))
    waiting = asyncio.create_task(pool.run(add, 1, 1))
    worker = await written(tmp_path / "pid")
    await pool.aclose()
    for task in (call, waiting):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not is_there(worker)
    with pytest.raises(RuntimeError):
        await pool.run(add, 1, 1)


async def test_event_loops_in_other_threads_share_the_workers() -> None:
    results: list[int] = []

    async with workers(2) as pool:

        async def several() -> int:
            return sum(await asyncio.gather(*(pool.run(add, number, 1) for number in range(5))))

        threads = [threading.Thread(target=lambda: results.append(asyncio.run(several()))) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert await several() == 15
        for thread in threads:
            await asyncio.to_thread(thread.join, 20)
    assert results == [15, 15, 15]


def test_report_outside_a_worker_does_nothing() -> None:
    report(0.5)


PARENT = """
import asyncio, sys
from reelwright.media.workers import Workers
from tests.media import test_workers
if __name__ != "__main__": raise SystemExit("the worker imported the parent's __main__")
pool = Workers(1)
if sys.argv[1] == "sum":
    print(asyncio.run(pool.run(test_workers.add, 20, 22)))
else:
    asyncio.run(pool.run(test_workers.note_and_wait, sys.argv[1], 60.0))
"""


def parent(tmp_path: Path, how: str, argument: str) -> list[str]:
    """The command line of a program that uses workers, started as a script, as a module or from a string."""
    (tmp_path / "program.py").write_text(PARENT)
    return [sys.executable, *{"-c": ["-c", PARENT], "-m": ["-m", "program"]}.get(how, [str(tmp_path / how)]), argument]


def surroundings(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}


@pytest.mark.parametrize("how", ["program.py", "-m", "-c"])
def test_it_works_however_the_program_was_started(how: str, tmp_path: Path) -> None:
    done = subprocess.run(
        parent(tmp_path, how, "sum"),
        env=surroundings(tmp_path),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == ("42", 0), done.stderr


async def test_a_worker_in_the_middle_of_its_work_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    program = subprocess.Popen(parent(tmp_path, "-m", str(file)), env=surroundings(tmp_path))  # noqa: ASYNC220 -- it starts and goes on
    worker = await written(file)
    program.kill()
    program.wait()
    await gone(worker)
