"""Throughput and memory of `/media/{asset}` out of a local folder, beside nginx with the same file.

A client in another process reads over the loopback and throws away: the whole file, ranges of 4 MiB at random places on one
connection, and whole files by eight clients at once. nginx has one worker and `sendfile`, and is the one on PATH, or --nginx;
it keeps no access log. Memory is resident, above what the process had before the first request. The file is in the page cache.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest import write_clip
from measure import MIB, Watch, clean_environment, parser, table, write_json

_RANGE = 4 * MIB
_CLIENTS = 8
_TIMES = 3


@dataclass(frozen=True)
class Target:
    """Where a client reads."""

    port: int
    path: str
    token: str = ""

    def request(self, start: int | None = None) -> bytes:
        """A GET of all, or of 4 MiB."""
        wanted = f"Range: bytes={start}-{start + _RANGE - 1}\r\n" if start is not None else ""
        who = f"Authorization: Bearer {self.token}\r\n" if self.token else ""
        return f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n{who}{wanted}\r\n".encode()


@dataclass(frozen=True)
class Figures:
    """What one server did."""

    whole: float
    """MiB a second, one client."""
    ranges: float
    together: float
    """MiB a second of eight clients, all of them."""
    memory: float
    """MiB above idle."""
    cpu: float
    """Seconds for all of it."""


def read_answer(line: socket.socket, room: bytearray) -> int:
    """Reads one answer and returns how many bytes it had.

    Raises:
        SystemExit: it is none that was wanted.
    """
    head = b""
    while b"\r\n\r\n" not in head:
        head += line.recv(65536)
    head, _, rest = head.partition(b"\r\n\r\n")
    if head.split()[1] not in {b"200", b"206"}:
        sys.exit(head.decode())
    length = next(int(each.split(b":")[1]) for each in head.lower().split(b"\r\n") if each.startswith(b"content-length"))
    left = length - len(rest)
    while left:
        count = line.recv_into(room, min(left, len(room)))
        if not count:
            sys.exit("cut short")
        left -= count
    return length


def client(target: Target, kind: str, size: int) -> None:
    """Reads, and prints MiB a second."""
    random.seed(1)

    def whole() -> None:
        with socket.create_connection(("127.0.0.1", target.port)) as line:
            line.sendall(target.request())
            read.append(read_answer(line, bytearray(MIB)))

    read: list[int] = []
    started = time.monotonic()
    if kind == "ranges":
        with socket.create_connection(("127.0.0.1", target.port)) as line:
            room = bytearray(MIB)
            for _ in range(64):
                line.sendall(target.request(random.randrange(size - _RANGE)))  # noqa: S311 - where to read
                read.append(read_answer(line, room))
    else:
        threads = [threading.Thread(target=whole) for _ in range(_CLIENTS if kind == "together" else 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(sum(read) / MIB / (time.monotonic() - started))


def serve(file: str) -> None:
    """A studio with that file as an asset; prints port, path and token."""
    # Only this process should load what a studio loads.
    from reelwright.api.server import Address, listen, serve  # noqa: PLC0415 - as told
    from reelwright.bootstrap import open_studio  # noqa: PLC0415 - as told
    from reelwright.config import read_settings  # noqa: PLC0415 - as told
    from reelwright.domain.ids import OWNER  # noqa: PLC0415 - as told
    from reelwright.services.briefs import read_brief  # noqa: PLC0415 - as told
    from reelwright.services.sources import read_file  # noqa: PLC0415 - as told

    async def run() -> None:
        studio = open_studio(read_settings())
        campaign = await studio.campaigns.create(read_brief("A film about speed", {}), None)
        kept = await studio.uploads.take(campaign, read_file(Path(file)))
        _, token = await studio.accounts.create_token(OWNER, "benchmark")
        listening = listen(Address(port=0))
        told = f"{listening.getsockname()[1]} /media/{kept.asset.id} {token}"
        await serve(studio, listening, asyncio.Event(), works=False, ready=lambda: print(told, flush=True))

    asyncio.run(run())


@contextmanager
def child(*arguments: str, home: Path) -> Generator[subprocess.Popen[str]]:
    """This script in another process, in another role."""
    environment = clean_environment({"REELWRIGHT_HOME": str(home)})
    process = subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def nginx(program: str, folder: Path, file: Path) -> Generator[tuple[int, int]]:
    """One worker of nginx with that file; its process and its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = folder / "nginx"
    place.mkdir()
    paths = "".join(f"{name}_temp_path {place}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (place / "conf").write_text(
        f"user root; daemon off; worker_processes 1; pid {place}/pid; error_log {place}/log;\n"
        f"events {{}} http {{ access_log off; sendfile on; tcp_nopush on; {paths}\n"
        f"server {{ listen 127.0.0.1:{port}; root {file.parent}; }} }}\n"
    )
    process = subprocess.Popen([program, "-c", place / "conf"], stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def measure(pid: int, target: Target, size: int) -> Figures:
    """The best of three of each, watched."""
    watch = Watch(pid, every=0.02)
    time.sleep(1)
    idle_until = time.time()

    def best(kind: str) -> float:
        command = [sys.executable, __file__, "--client", kind, str(target.port), target.path, target.token, str(size)]
        found = [float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout) for _ in range(_TIMES)]
        return max(found)

    figures = [best(kind) for kind in ("whole", "ranges", "together")]
    watch.stop()
    base = max(sample.tree for sample in watch.samples if sample.at <= idle_until)
    peak = max(sample.tree for sample in watch.samples)
    return Figures(*figures, memory=(peak - base) / MIB, cpu=watch.cpu_between(idle_until, time.time()))


def _compare(given: argparse.Namespace) -> None:
    program = given.nginx or shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "film.mp4"
        write_clip(file, given.mib * MIB, is_video=False)
        size = file.stat().st_size
        found: dict[str, Figures] = {}
        with child("--serve", str(file), home=folder / "home") as process:
            port, path, token = process.stdout.readline().split() if process.stdout else sys.exit("it does not start")
            found["reelwright"] = measure(process.pid, Target(int(port), path, token), size)
        if program:
            folder.chmod(0o755)
            with nginx(program, folder, file) as (pid, nginx_port):
                found["nginx"] = measure(pid, Target(nginx_port, "/film.mp4"), size)
    rows = [
        [who, *(f"{each:,.0f}" for each in (is_of.whole, is_of.ranges, is_of.together, is_of.memory)), f"{is_of.cpu:.1f}"]
        for who, is_of in found.items()
    ]
    heads = ["server", "whole, MiB/s", "4 MiB ranges, MiB/s", f"{_CLIENTS} at once, MiB/s", "memory, MiB", "CPU, s"]
    table(f"/media with a file of {given.mib} MiB", heads, rows)
    if not program:
        print("  There is no nginx here to compare with: install it, or name it with --nginx.")
    write_json(__file__, given.json, {"mib": given.mib, "servers": {who: asdict(is_of) for who, is_of in found.items()}})


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--mib", type=int, default=512, help="size of the file")
    arguments.add_argument("--nginx", default="", help="the program, where it is not on PATH")
    arguments.add_argument("--serve", default="", help=argparse.SUPPRESS)
    arguments.add_argument("--client", nargs=5, default=None, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.serve:
        serve(given.serve)
    elif given.client:
        kind, port, path, token, size = given.client
        client(Target(int(port), path, token), kind, int(size))
    else:
        _compare(given)


if __name__ == "__main__":
    main()
