"""`reelwright` as a process of its own, without the second that loading it takes each time.

One process has loaded the program and does nothing else. For every start it forks itself, and the child goes on as
`python -m reelwright` would have: with arguments, an environment, a folder and outputs of its own, to be killed at any instant.
Starts from nothing are for the tests that make one: on a terminal, with an input, of `--help`, of the example films, in chaos.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import IO, Any, NamedTuple

_LENGTH = struct.Struct("!I")
_STATUS = struct.Struct("!i")
_PATIENCE = 90.0
"""Seconds."""


class Program:
    """A command that was started: what `subprocess.Popen` is for one that was not forked."""

    def __init__(self, pid: int, status: int, stdout: IO[str] | None, stderr: IO[str] | None) -> None:
        """Args are its number, the pipe on which its end is told, and the pipes out of which its outputs are read, if any."""
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | Any = None
        """As `poll`, when that or another method was called last."""
        self._status = status

    def poll(self) -> int | None:
        """Its exit code, or the signal that ended it as a number below 0; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float = _PATIENCE) -> int:
        """As `poll`, once it has ended.

        Raises:
            TimeoutExpired: it has not.
        """
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return code

    def _ended(self, seconds: float) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], seconds)[0]:
            told = os.read(self._status, _STATUS.size)
            os.close(self._status)
            assert told, "whoever started it is gone"
            (self.returncode,) = _STATUS.unpack(told)
        return self.returncode

    def send_signal(self, sent: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sent)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = _PATIENCE) -> tuple[str, str]:
        """Everything that is left in its two outputs, once it has ended.

        Raises:
            TimeoutExpired: it has not; what was read until then is lost.
        """
        ends = time.monotonic() + timeout
        left: dict[IO[str], str] = {}
        pipes = [pipe for pipe in (self.stdout, self.stderr) if pipe is not None and not pipe.closed]

        def read(pipe: IO[str]) -> None:
            left[pipe] = pipe.read()

        readers = [threading.Thread(target=read, args=(pipe,), daemon=True) for pipe in pipes]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(max(0, ends - time.monotonic()))
        self.wait(max(0, ends - time.monotonic()))
        for pipe, reader in zip(pipes, readers, strict=True):
            if reader.is_alive():
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            pipe.close()
        out, err = (left.get(pipe, "") if pipe is not None else "" for pipe in (self.stdout, self.stderr))
        return out, err


@cache
def programs() -> Programs:
    """What starts `reelwright`, with the simulated provider installed: one for all tests of this process."""
    return Programs(Path(__file__).parent / "plugins" / "simulated")


class Programs:
    """Starts programs. Those that are left when this process ends are killed."""

    def __init__(self, *paths: Path) -> None:
        """Starts the process that forks. `paths` are where plug-ins lie that its programs find."""
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno()), *map(str, paths)]
            self._process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)

        atexit.register(self._close)

    def _close(self) -> None:
        self._socket.close()
        self._process.wait(_PATIENCE)

    def start(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: IO[bytes] | None = None,
        stderr: IO[bytes] | None = None,
    ) -> Program:
        """A command in that folder and environment, with nothing to read; an output that is not given is a pipe."""
        ours: list[IO[str] | None] = []
        theirs: list[int] = []
        for given in (stdout, stderr):
            if given is None:
                reads, writes = os.pipe()
                ours.append(os.fdopen(reads, encoding="utf-8"))
                theirs.append(writes)
            else:
                ours.append(None)
                theirs.append(os.dup(given.fileno()))
        status, told = os.pipe()
        theirs.append(told)
        order = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "environment": dict(env)}).encode()
        socket.send_fds(self._socket, [_LENGTH.pack(len(order))], theirs)
        self._socket.sendall(order)
        for each in theirs:
            os.close(each)
        answer = self._socket.recv(_LENGTH.size, socket.MSG_WAITALL)
        assert answer, "the process that forks is gone"
        (pid,) = _LENGTH.unpack(answer)
        return Program(pid, status, *ours)


class _Order(NamedTuple):
    """What a child is to become."""

    arguments: list[str]
    cwd: str
    environment: dict[str, str]
    stdout: int
    stderr: int


@dataclass
class _Forks:
    """The loop of the process that forks."""

    socket: socket.socket
    told: dict[int, int] = field(default_factory=dict[int, int])
    """By child, the pipe on which its end is told."""

    def until_child(self) -> _Order | None:
        """Serves until it is no longer needed, and then answers None. In every child it answers what that is to become."""
        wake, waking = os.pipe()
        os.set_blocking(waking, False)
        signal.signal(signal.SIGCHLD, _on_end)
        signal.set_wakeup_fd(waking)
        with selectors.DefaultSelector() as looking:
            looking.register(self.socket, selectors.EVENT_READ)
            looking.register(wake, selectors.EVENT_READ)
            while True:
                for key, _ in looking.select():
                    if key.fileobj is self.socket:
                        received, descriptors, _, _ = socket.recv_fds(self.socket, _LENGTH.size, 3)
                        if not received:
                            self._kill_all()
                            return None
                        order, told = self._order(received, descriptors)
                        pid = os.fork()
                        if pid == 0:
                            for each in (wake, waking, told, *self.told.values()):
                                os.close(each)
                            return order
                        self._note(pid, told, order)
                    else:
                        os.read(wake, 4096)
                        self._reap()

    def _order(self, received: bytes, descriptors: list[int]) -> tuple[_Order, int]:
        (length,) = _LENGTH.unpack(received)
        content = json.loads(self.socket.recv(length, socket.MSG_WAITALL))
        stdout, stderr, told = descriptors
        return _Order(content["arguments"], content["cwd"], content["environment"], stdout, stderr), told

    def _note(self, pid: int, told: int, order: _Order) -> None:
        os.close(order.stdout)
        os.close(order.stderr)
        self.told[pid] = told
        self.socket.sendall(_LENGTH.pack(pid))

    def _reap(self) -> None:
        for pid in list(self.told):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                told = self.told.pop(pid)
                with suppress(BrokenPipeError):
                    os.write(told, _STATUS.pack(os.waitstatus_to_exitcode(status)))
                os.close(told)

    def _kill_all(self) -> None:
        for pid in self.told:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _on_end(_: int, __: FrameType | None) -> None:
    """A child has ended: the loop is woken, which is all that is needed."""


def _become(order: _Order) -> None:
    """The state in which a program starts."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(order.cwd)
    os.environ.clear()
    os.environ.update(order.environment)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for place, descriptor in enumerate((nothing, order.stdout, order.stderr)):
        os.dup2(descriptor, place)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - the process's own
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115 - as above
    sys.argv = ["reelwright", *order.arguments]


def _load(paths: Sequence[str]) -> None:
    """Everything that a command loads, as far as it is the same for all."""
    import gc  # noqa: PLC0415 - only the process that forks
    from importlib import import_module  # noqa: PLC0415 - only the process that forks
    from importlib.metadata import entry_points  # noqa: PLC0415 - as above
    from pkgutil import iter_modules  # noqa: PLC0415 - as above

    sys.path[:0] = paths
    gc.disable()
    commands = [module.name for module in iter_modules(import_module("reelwright.cli").__path__, "reelwright.cli.")]
    for name in (*commands, "alembic.command"):
        import_module(name)
    for group in ("reelwright.providers", "reelwright.writers"):
        for point in entry_points(group=group):
            point.load()
    gc.freeze()
    gc.enable()


def _main() -> None:
    """The process that forks, and every program that it becomes."""
    del sys.path[0]  # the tests' folder: no program has it
    given, *paths = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the tests' end is our end
    _load(paths)
    forks = _Forks(socket.socket(fileno=int(given)))
    order = forks.until_child()
    forks.socket.close()
    if order is not None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _become(order)
        from reelwright.cli import main  # noqa: PLC0415 - loaded long ago

        main()


if __name__ == "__main__":
    _main()
