"""What a person sees while a film is made: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reelwright.domain.budget import Balance, usd
from reelwright.domain.event import Event, EventName
from reelwright.domain.generation import Kind
from reelwright.domain.production import ProductionState, Progress, ShotProgress

_STYLES = {
    "queued": "dim",
    "generating": "cyan",
    "storing": "magenta",
    "kept": "green",
    "failed": "bold red",
    "in doubt": "bold yellow",
    "cancelled": "dim",
}
_MARKS = {
    "kept": "✓",
    "failed": "✗",
    "in doubt": "?",
    "queued": "·",
    "generating": "●",
    "storing": "↓",
    "cancelled": "–",
}
_STAGES = {
    "waiting": "waiting to start",
    "concepts": "writing concepts",
    "storyboard": "writing the storyboard",
    "shots": "making the shots",
    "render": "rendering the film",
    "ended": "done",
}


class Display(Protocol):
    """Shows progress until it is left."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def show(self, events: list[Event], progress: Progress, balance: Balance, at: datetime) -> None:
        """Takes in what is new."""
        ...


def display_for(name: str, *, as_json: bool) -> Display:
    """The display that fits where the output goes. With `--json`, progress goes to the error output."""
    console = Console(stderr=as_json)
    return LiveDisplay(console, name) if console.is_terminal else PlainDisplay(sys.stderr if as_json else sys.stdout)


class LiveDisplay:
    """A table that is redrawn in place."""

    def __init__(self, console: Console, name: str) -> None:
        self._name = name
        self._live = Live(console=console, refresh_per_second=8, transient=False)
        self._started: datetime | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()

    def show(self, events: list[Event], progress: Progress, balance: Balance, at: datetime) -> None:
        """Redraws."""
        for event in events:
            if event.name is EventName.PRODUCTION_STARTED:
                self._started = event.at
        seconds = int((at - self._started).total_seconds()) if self._started else 0
        self._live.update(Group(*self._parts(progress, balance, max(0, seconds))))

    def _parts(self, progress: Progress, balance: Balance, seconds: int) -> list[Table | Text]:
        head = Table.grid(padding=(0, 1), expand=False)
        stage = "paused" if progress.state is ProductionState.PAUSED else _STAGES.get(progress.stage, progress.stage)
        head.add_row(
            Text(self._name, style="bold"),
            ProgressBar(total=1.0, completed=progress.fraction, width=32),
            Text(f"{progress.fraction:4.0%}"),
            Text(f"{seconds // 60}:{seconds % 60:02d}", style="dim"),
            Text(stage, style="italic"),
            Text(_money(balance), style="dim"),
        )
        parts: list[Table | Text] = [head]
        if progress.shots:
            parts.append(_shots(progress))
        parts += [Text(f"  note: {notice}", style="yellow") for notice in progress.notices]
        return parts


def _shots(progress: Progress) -> Table:
    table = Table(box=None, padding=(0, 1), show_header=True, header_style="dim")
    table.add_column("shot", justify="right")
    table.add_column("", overflow="ellipsis", max_width=40, no_wrap=True)
    for kind in progress.kinds:
        table.add_column(kind.value, min_width=12)
    table.add_column("", overflow="fold")
    for shot in progress.shots.values():
        cells = [_cell(shot, kind) for kind in progress.kinds]
        table.add_row(str(shot.number), Text(shot.title), *cells, Text(_why(shot.reason, shot.advice), style="red"))
    return table


def _cell(shot: ShotProgress, kind: Kind) -> Text:
    state = shot.states.get(kind)
    if state is None:
        return Text("")
    fraction = shot.fractions.get(kind, 0.0)
    percent = f" {fraction:.0%}" if state == "generating" and fraction else ""
    return Text(f"{_MARKS[state]} {state}{percent}", style=_STYLES[state])


def _money(balance: Balance) -> str:
    if balance.cap is None and not balance.charged:
        return "free"
    held = f", {usd(balance.reserved)} held" if balance.reserved else ""
    cap = f" of {usd(balance.cap)}" if balance.cap is not None else ""
    return f"{usd(balance.charged)} spent{held}{cap}"


class PlainDisplay:
    """One line for each event that a person would want in a log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started: datetime | None = None
        self._notes: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return

    def show(self, events: list[Event], progress: Progress, balance: Balance, at: datetime) -> None:
        """Prints what is new."""
        for event in events:
            self._started = self._started or event.at
            line = sentence(event, progress)
            if line and line not in self._notes:
                if event.name is EventName.NOTICE_GIVEN:
                    self._notes.add(line)
                elapsed = int((event.at - self._started).total_seconds())
                print(f"{elapsed // 60:02d}:{elapsed % 60:02d}  {line}", file=self._stream, flush=True)


def sentence(event: Event, progress: Progress) -> str:
    """The event in words; nothing for those that only move a bar."""
    facts = event.facts
    match event.name:
        case EventName.CAMPAIGN_CREATED:
            return f"campaign {event.campaign_id}; should this be interrupted: reelwright resume {event.campaign_id}"
        case EventName.CONCEPTS_WRITTEN:
            return "concepts: " + ", ".join(str(facts["titles"]).split("\n"))
        case EventName.CONCEPT_SELECTED:
            return f"concept selected: {facts['title']}"
        case EventName.STORYBOARD_WRITTEN:
            count = len(str(facts["shots"]).split())
            return f"storyboard: {count} shot{'s' if count > 1 else ''}"
        case EventName.TAKE_KEPT | EventName.TAKE_FAILED | EventName.TAKE_DOUBTED | EventName.TAKE_CANCELLED:
            return _take_sentence(event, progress)
        case EventName.NOTICE_GIVEN:
            return f"note: {facts['text']}"
        case EventName.FILM_STARTED:
            return "rendering the film"
        case EventName.FILM_COMPLETED:
            return "film rendered"
        case (
            EventName.PRODUCTION_FAILED
            | EventName.PRODUCTION_PAUSED
            | EventName.PRODUCTION_RESUMED
            | EventName.PRODUCTION_CANCELLED
        ):
            reason = f": {facts['reason']}" if facts.get("reason") else ""
            return f"{event.name.value.partition('.')[2]}{reason}"
        case _:
            return ""


def _take_sentence(event: Event, progress: Progress) -> str:
    facts = event.facts
    shot = progress.shots.get(str(facts["shot"]))
    name = f"shot {shot.number}" if shot else str(facts["shot"])
    what = {
        EventName.TAKE_KEPT: "kept",
        EventName.TAKE_FAILED: "failed",
        EventName.TAKE_DOUBTED: "is in doubt",
        EventName.TAKE_CANCELLED: "was cancelled",
    }[event.name]
    why = _why(str(facts.get("reason", "")), str(facts.get("advice", "")))
    return f"{name} {facts['kind']} {what} (take {facts['number']}){f': {why}' if why else ''}"


def _why(reason: str, advice: str) -> str:
    """What went wrong, and what the person can do about it."""
    return f"{reason.rstrip('.')}. {advice}" if advice else reason
