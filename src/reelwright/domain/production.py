"""A production: one durable run over a campaign, and its progress as a fold over events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from reelwright.domain.aim import WHOLE, Aim
from reelwright.domain.event import Event, EventName
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import CampaignId, ProductionId


class ProductionState(StrEnum):
    """Where a run stands. The last three are for ever."""

    RUNNING = "running"
    PAUSED = "paused"
    """Nothing new is submitted; what was submitted is still harvested."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in {ProductionState.COMPLETED, ProductionState.FAILED, ProductionState.CANCELLED}


@dataclass(frozen=True)
class Models:
    """Who makes what."""

    text: ModelRef
    frame: ModelRef
    clip: ModelRef
    voice: ModelRef | None
    """None for a silent film."""

    def of(self, kind: Kind) -> ModelRef | None:
        """The model of that kind of take."""
        match kind:
            case Kind.FRAME:
                return self.frame
            case Kind.CLIP:
                return self.clip
            case Kind.VOICE:
                return self.voice


@dataclass(frozen=True)
class Production:
    """One run."""

    id: ProductionId
    campaign_id: CampaignId
    state: ProductionState
    models: Models
    created_at: datetime
    ended_at: datetime | None = None
    error: str = ""
    aim: Aim = WHOLE

    @property
    def is_beside(self) -> bool:
        """See `Aim.is_beside`."""
        return self.aim.is_beside


@dataclass(frozen=True)
class ShotProgress:
    """How far one shot is."""

    number: int
    title: str = ""
    states: dict[Kind, str] = field(default_factory=dict[Kind, str])
    """`queued`, `generating`, `storing`, `kept`, `failed`, `in doubt` or `cancelled`."""
    fractions: dict[Kind, float] = field(default_factory=dict[Kind, float])
    reason: str = ""
    advice: str = ""
    """What the person can do about it."""


@dataclass(frozen=True)
class Progress:
    """How far a production is, as far as its events tell."""

    state: ProductionState = ProductionState.RUNNING
    stage: str = "waiting"
    """`waiting`, `concepts`, `storyboard`, `shots`, `render` or `ended`."""
    shots: dict[str, ShotProgress] = field(default_factory=dict[str, ShotProgress])
    render: float = 0.0
    """0 to 1."""
    notices: tuple[str, ...] = ()
    error: str = ""
    charged_micro_usd: int = 0
    kinds: tuple[Kind, ...] = (Kind.FRAME, Kind.CLIP)
    """What every shot needs."""
    beside: frozenset[str] = frozenset()
    """Runs beside this one, of which only the money counts."""

    @property
    def fraction(self) -> float:
        """The whole, 0 to 1: shots weigh four fifths, the render one tenth, the text the rest."""
        if self.stage == "ended" and self.state is ProductionState.COMPLETED:
            return 1.0
        weights = {Kind.FRAME: 0.3, Kind.CLIP: 0.6, Kind.VOICE: 0.1}
        whole = sum(weights[kind] for kind in self.kinds) * max(1, len(self.shots)) or 1
        done = sum(weights[k] * shot.fractions.get(k, 0.0) for shot in self.shots.values() for k in self.kinds)
        text = {"waiting": 0.0, "concepts": 0.0, "storyboard": 0.05}.get(self.stage, 0.1)
        return text + 0.8 * done / whole + 0.1 * self.render


def told_reasons(reasons: Mapping[str, str]) -> str:
    """Why shots failed, in one line; shots that failed for the same reason are named together."""
    shots: dict[str, list[str]] = {}
    for shot, reason in reasons.items():
        shots.setdefault(reason, []).append(shot)
    return " ".join(f"{', '.join(names)}: {reason}" for reason, names in shots.items())


_SHOT_STATES = {
    EventName.TAKE_PLANNED: "queued",
    EventName.TAKE_SUBMITTED: "generating",
    EventName.TAKE_PROGRESSED: "generating",
    EventName.TAKE_STORING: "storing",
    EventName.TAKE_KEPT: "kept",
    EventName.TAKE_FAILED: "failed",
    EventName.TAKE_DOUBTED: "in doubt",
    EventName.TAKE_CANCELLED: "cancelled",
}


def fold(events: Iterable[Event], progress: Progress | None = None) -> Progress:
    """A campaign's progress after those events, starting from an earlier fold where one is given."""
    progress = progress or Progress()
    for event in events:
        progress = _after_any(progress, event)
    return progress


def fold_one(events: Iterable[Event], run: Production) -> Progress:
    """The progress of one run, out of all events of its campaign."""
    progress, has_begun = Progress(), False
    for event in events:
        is_own = event.facts.get("production", None if run.is_beside else run.id) == run.id
        has_begun = has_begun or (is_own and event.name is EventName.PRODUCTION_STARTED)
        if is_own and has_begun:
            progress = _after(progress, event)
            if progress.stage == "ended" and not run.is_beside:
                break  # what names no run is another one's from here on
    return progress


def _after_any(progress: Progress, event: Event) -> Progress:
    run = str(event.facts.get("production", ""))
    if event.name is EventName.PRODUCTION_STARTED and event.facts.get("is_beside"):
        progress = replace(progress, beside=progress.beside | {run})
    if run not in progress.beside:
        return _after(progress, event)
    charged = int(event.facts.get("charged_micro_usd") or 0) if event.name in _SHOT_STATES else 0
    return replace(progress, charged_micro_usd=progress.charged_micro_usd + charged)


def _after(progress: Progress, event: Event) -> Progress:
    if event.name in _SHOT_STATES:
        return _after_take(progress, event)
    match event.name:
        case EventName.PRODUCTION_STARTED:
            return _started(progress, event)
        case EventName.CONCEPT_SELECTED:
            return replace(progress, stage="storyboard")
        case EventName.STORYBOARD_WRITTEN:
            titles = str(event.facts.get("titles", "")).split("\n")
            ids = str(event.facts.get("shots", "")).split()
            shots = {shot: ShotProgress(n, title) for n, (shot, title) in enumerate(zip(ids, titles, strict=False), 1)}
            return replace(progress, stage="shots", shots=shots)
        case EventName.SHOT_FAILED:
            shot = str(event.facts["shot"])
            known = progress.shots.get(shot, ShotProgress(0))
            return replace(progress, shots={**progress.shots, shot: replace(known, reason=str(event.facts["reason"]))})
        case EventName.FILM_STARTED:
            return replace(progress, stage="render", render=0.0)
        case EventName.FILM_PROGRESSED:
            return replace(progress, render=float(event.facts.get("fraction") or 0))
        case EventName.FILM_COMPLETED:
            return replace(progress, render=1.0)
        case EventName.NOTICE_GIVEN:
            notice = str(event.facts["text"])
            return progress if notice in progress.notices else replace(progress, notices=(*progress.notices, notice))
        case _:
            return _after_production(progress, event)


def _started(progress: Progress, event: Event) -> Progress:
    kinds = tuple(Kind(kind) for kind in str(event.facts.get("kinds", "frame clip")).split())
    begun = replace(progress, state=ProductionState.RUNNING, stage="concepts", kinds=kinds, error="", render=0.0)
    if "shots" not in event.facts:
        return begun
    shots = {shot: progress.shots.get(shot, ShotProgress(n)) for n, shot in enumerate(str(event.facts["shots"]).split(), 1)}
    return replace(begun, stage="shots", shots=shots)


def _after_production(progress: Progress, event: Event) -> Progress:
    match event.name:
        case EventName.PRODUCTION_PAUSED:
            return replace(progress, state=ProductionState.PAUSED)
        case EventName.PRODUCTION_RESUMED:
            return replace(progress, state=ProductionState.RUNNING)
        case EventName.PRODUCTION_COMPLETED:
            return replace(progress, state=ProductionState.COMPLETED, stage="ended")
        case EventName.PRODUCTION_CANCELLED:
            return replace(progress, state=ProductionState.CANCELLED, stage="ended")
        case EventName.PRODUCTION_FAILED:
            return replace(progress, state=ProductionState.FAILED, stage="ended", error=str(event.facts.get("reason", "")))
        case _:
            return progress


def _after_take(progress: Progress, event: Event) -> Progress:
    shot_id, kind = str(event.facts["shot"]), Kind(str(event.facts["kind"]))
    shot = progress.shots.get(shot_id, ShotProgress(len(progress.shots) + 1))
    fractions = dict(shot.fractions)
    match event.name:
        case EventName.TAKE_KEPT:
            fractions[kind] = 1.0
        case EventName.TAKE_PROGRESSED:
            fractions[kind] = min(0.95, float(event.facts.get("fraction") or 0))
        case EventName.TAKE_PLANNED:
            fractions[kind] = 0.0
        case _:
            pass
    shot = replace(
        shot,
        states={**shot.states, kind: _SHOT_STATES[event.name]},
        fractions=fractions,
        reason=str(event.facts.get("reason", "")),
        advice=str(event.facts.get("advice", "")),
    )
    charged = progress.charged_micro_usd + int(event.facts.get("charged_micro_usd") or 0)
    return replace(progress, shots={**progress.shots, shot_id: shot}, charged_micro_usd=charged)
