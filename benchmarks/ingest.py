"""Memory and speed of bringing a 1 GiB clip home: from a loopback server in another process into a verified object.

The clip is real and decodes to the end. `--content video` is H.264 all through, about 300 Mbit/s of noise; `--content padding` is
five seconds of picture and a box of random bytes, so that what is measured is the bytes and not the decoder. The studio's process
is watched from outside while `Assets.ingest` runs in it: its resident memory above what it was when it had done the same with a
short clip. Compared with `cp` and a sync of the same file, and with what one would write by hand: a download to a file, synced,
neither hashed nor looked at.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# PyAV's packets are generic and its streams do not say of what.

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import aiohttp
import av
import numpy as np
from aiohttp import web

from measure import MIB, Watch, clean_environment, parser, table, write_json

_RATE = 24
_SECONDS_IDLE = 2.0


def write_clip(target: Path, size: int, *, is_video: bool) -> None:
    """An mp4 of at least `size` bytes: noise from the first to the last, or a short clip and padding."""
    random = np.random.default_rng(1)
    bits = {"preset": "ultrafast", "qp": "1" if is_video else "30", "g": "1", "bf": "0"}
    with av.open(str(target), "w", options={"movflags": "+faststart"} if size < MIB else {}) as container:
        stream = container.add_stream("libx264", rate=_RATE, options=bits)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        packets = []
        for number in range(_RATE if is_video else _RATE * 5):
            picture = random.integers(0, 256, (1080, 1280), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture if is_video else np.full((1080, 1280), number, np.uint8), "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, _RATE)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        contents = [bytes(packet) for packet in packets]
        step = round(1 / _RATE / packets[0].time_base)
        written, number = 0, 0
        while number < len(contents) or (is_video and written < size):
            packet = av.Packet(contents[number % len(contents)])
            packet.stream, packet.time_base = stream, packets[0].time_base
            packet.pts = packet.dts = number * step
            packet.duration, packet.is_keyframe = step, True
            written += packet.size
            container.mux(packet)
            number += 1
    left = size - target.stat().st_size
    if left > 16:
        with target.open("ab") as file:
            file.write((1).to_bytes(4) + b"free" + left.to_bytes(8))
            left -= 16
            while left > 0:
                left -= file.write(os.urandom(min(left, MIB)))
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def serve(folder: str) -> None:
    """Serves a folder on the loopback, and prints the port."""

    async def run() -> None:
        app = web.Application()
        app.router.add_static("/", folder)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


def studio(url: str) -> None:
    """A studio that ingests the short clip, then the long one, and says when."""
    # Only this process should load what a studio loads.
    from reelwright.bootstrap import new_id, open_studio  # noqa: PLC0415
    from reelwright.config import read_settings  # noqa: PLC0415
    from reelwright.domain.asset import AssetKind  # noqa: PLC0415
    from reelwright.domain.generation import Output  # noqa: PLC0415
    from reelwright.domain.ids import OWNER  # noqa: PLC0415
    from reelwright.services.assets import Purpose  # noqa: PLC0415
    from reelwright.services.briefs import read_brief  # noqa: PLC0415

    async def run() -> None:
        opened = open_studio(read_settings())
        if not await opened.lead():
            sys.exit("another process leads")
        campaign = await opened.campaigns.create(read_brief("A film about memory", {}), None)

        async def ingest(name: str) -> None:
            async def refresh() -> str:
                return f"{url}/{name}"

            purpose = Purpose(OWNER, campaign, AssetKind.CLIP, name.partition(".")[0], new_id("take"), {})
            asset = await opened.assets.ingest(
                Output(f"{url}/{name}"), purpose, refresh=refresh, trusted_origins=lambda: frozenset({url})
            )
            await opened.assets.adopt(asset)

        await ingest("short.mp4")
        print("idle", time.time(), flush=True)
        await asyncio.sleep(_SECONDS_IDLE)
        print("start", time.time(), flush=True)
        await ingest("long.mp4")
        print("end", time.time(), flush=True)
        await opened.close()

    asyncio.run(run())


@contextmanager
def child(*arguments: str, home: Path | None = None) -> Generator[subprocess.Popen[str]]:
    """This script in another process, in another role."""
    environment = clean_environment({"REELWRIGHT_HOME": str(home)} if home else None)
    process = subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def said(process: subprocess.Popen[str]) -> str:
    """The next line."""
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        sys.exit("the process ended before its time")
    return line.split()[-1]


def measure(folder: Path, home: Path, url: str) -> dict[str, float]:
    """One ingest, watched."""
    size = (folder / "long.mp4").stat().st_size
    with child("--studio", url, home=home) as process:
        watch = Watch(process.pid, every=0.02)
        idle, start, end = (float(said(process)) for _ in range(3))
        process.wait(60)
        watch.stop()
    rest, work = watch.between(idle + _SECONDS_IDLE / 2, start), watch.between(start, end)
    base, children = max(sample.root for sample in rest), max(sample.largest_child for sample in rest)
    return {
        "seconds": end - start,
        "bytes_per_second": size / (end - start),
        "cpu": watch.cpu_between(start, end),
        "idle": base,
        "peak": max(sample.root for sample in work),
        "above_idle": max(sample.root for sample in work) - base,
        "worker_idle": children,
        "worker_peak": max(sample.largest_child for sample in work),
    }


def copy(source: Path, target: Path) -> float:
    """Seconds of `cp` and a sync of its file."""
    started = time.monotonic()
    subprocess.run(["cp", source, target], check=True)  # noqa: S607 - the system's own
    with target.open("rb+") as file:
        os.fsync(file.fileno())
    elapsed = time.monotonic() - started
    target.unlink()
    return elapsed


async def download(url: str, target: Path) -> float:
    """Seconds of a plain download to a file, synced."""
    started = time.monotonic()
    with target.open("wb") as file:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            async for chunk in answer.content.iter_chunked(MIB):
                file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return time.monotonic() - started


def main() -> None:
    """The command."""
    arguments = parser(__doc__)
    arguments.add_argument("--mib", type=int, default=1024, help="size of the clip")
    arguments.add_argument("--content", choices=("padding", "video"), default="padding", help="what the clip is full of")
    arguments.add_argument("--times", type=int, default=2, help="how often each is done; the quickest is told")
    arguments.add_argument("--studio", default="", help=argparse.SUPPRESS)
    arguments.add_argument("--serve", default="", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.serve:
        serve(given.serve)
    elif given.studio:
        studio(given.studio)
    else:
        _compare(given)


def _compare(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "served")
        folder.mkdir()
        write_clip(folder / "short.mp4", 0, is_video=False)
        write_clip(folder / "long.mp4", given.mib * MIB, is_video=given.content == "video")
        size = (folder / "long.mp4").stat().st_size
        copies: list[float] = []
        plain: list[float] = []
        ingests: list[dict[str, float]] = []
        with child("--serve", str(folder)) as server:
            url = f"http://127.0.0.1:{said(server)}"
            for number in range(given.times):
                copies.append(copy(folder / "long.mp4", Path(name, "copy")))
                plain.append(asyncio.run(download(f"{url}/long.mp4", Path(name, "download"))))
                Path(name, "download").unlink()
                home = Path(name, f"home-{number}")
                ingests.append(measure(folder, home, url))
                shutil.rmtree(home)
    best = min(ingests, key=lambda each: each["seconds"])
    rows = [
        ("cp, and a sync", min(copies)),
        ("a download to a file, and a sync", min(plain)),
        ("Reelwright: fetched, hashed, synced, read back, hashed again, decoded", best["seconds"]),
    ]
    table(
        f"{size / MIB:.0f} MiB of {given.content}, the quickest of {given.times}",
        ("how", "seconds", "MB/s", "times cp"),
        [(what, f"{took:.1f}", f"{size / took / 1e6:.0f}", f"{took / rows[0][1]:.2f}") for what, took in rows],
    )
    memory = {"the studio": ("idle", "peak"), "a media worker": ("worker_idle", "worker_peak")}
    table(
        "Resident memory while it is ingested, the most of all runs",
        ("process", "idle MiB", "peak MiB", "above idle MiB"),
        [
            (
                what,
                f"{max(each[low] for each in ingests) / MIB:.0f}",
                f"{max(each[high] for each in ingests) / MIB:.0f}",
                f"{max(each[high] - each[low] for each in ingests) / MIB:.0f}",
            )
            for what, (low, high) in memory.items()
        ],
    )
    print(f"\n  {best['cpu']:.1f} s of CPU for an ingest")
    write_json(
        __file__,
        given.json,
        {"bytes": size, "content": given.content, "copies": copies, "downloads": plain, "ingests": ingests},
    )


if __name__ == "__main__":
    main()
