"""A bar for work on many files: how many of them, how many bytes, how fast. For a person before a terminal, and nobody else."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn


class Show(Protocol):
    """Says how far it is."""

    def __call__(self, told: str, done: int, total: int | None) -> None:
        """`told` stands before the bar; `done` and `total` are bytes, `total` is None where nobody knows."""


@contextmanager
def bytes_bar(*, is_shown: bool) -> Generator[Show]:
    """A bar while the block runs; where nobody looks, what is shown is dropped."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    is_seen = is_shown and sys.stderr.isatty()
    task: TaskID | None = None
    with Progress(*columns, console=Console(stderr=True), disable=not is_seen) as progress:

        def show(told: str, done: int, total: int | None) -> None:
            nonlocal task
            if task is None:
                task = progress.add_task("", total=total)
            progress.update(task, completed=done, description=told)

        yield show
