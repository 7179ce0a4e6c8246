"""How a simulated vendor behaves: how fast it is, and what goes wrong how often."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Phase(StrEnum):
    """Where something can go wrong."""

    SUBMIT = "submit"
    FATE = "fate"
    """What becomes of a job that was accepted."""
    POLL = "poll"
    DOWNLOAD = "download"
    WEBHOOK = "webhook"


class Trouble(StrEnum):
    """What can go wrong, by where it does."""

    THROTTLE = "throttle"
    """Submit, poll: 429 with `Retry-After`; nothing was accepted."""
    UNAVAILABLE = "unavailable"
    """Submit, poll: 503 in the vendor's own form; nothing was accepted."""
    BAD_GATEWAY = "bad_gateway"
    """Submit, poll: an HTML page with 502. A submit was not accepted."""
    BAD_GATEWAY_AFTER = "bad_gateway_after"
    """Submit: the same page, and the job was accepted and is paid."""
    CUT_BEFORE = "cut_before"
    """Submit, poll: the connection breaks before anything was accepted."""
    CUT_AFTER = "cut_after"
    """Submit: the job was accepted and is paid, and the connection breaks before the answer."""
    GARBLED = "garbled"
    """Submit, poll: 200 with an error page. A submit was accepted and is paid."""
    UNKNOWN_STATE = "unknown_state"
    """Poll: a state that no documentation knows."""
    MODERATION = "moderation"
    """Fate: refused by the vendor's rules."""
    INTERNAL = "internal"
    """Fate: the vendor broke."""
    CANCELLED = "cancelled"
    """Fate: ended as cancelled, though nobody asked."""
    ABORTED = "aborted"
    """Fate: ended before it began, where the vendor has such a state; else as internal."""
    TRUNCATED = "truncated"
    """Download: the connection breaks in the middle."""
    EMPTY = "empty"
    """Download: 200 and no byte."""
    LYING = "lying"
    """Download: other bytes than the media type says."""
    ERROR_PAGE = "error_page"
    """Download: 200 with an HTML page."""
    EXPIRED = "expired"
    """Download: the link is refused as expired, whatever its time."""
    REPEATED = "repeated"
    """Webhook: sent three times."""
    LATE = "late"
    """Webhook: sent long after the job has ended, behind those of later jobs."""


TROUBLES: Mapping[Phase, tuple[Trouble, ...]] = {
    Phase.SUBMIT: (
        *(Trouble.THROTTLE, Trouble.UNAVAILABLE, Trouble.BAD_GATEWAY, Trouble.BAD_GATEWAY_AFTER),
        *(Trouble.CUT_BEFORE, Trouble.CUT_AFTER, Trouble.GARBLED),
    ),
    Phase.FATE: (Trouble.MODERATION, Trouble.INTERNAL, Trouble.CANCELLED, Trouble.ABORTED),
    Phase.POLL: (
        *(Trouble.THROTTLE, Trouble.UNAVAILABLE, Trouble.BAD_GATEWAY, Trouble.CUT_BEFORE, Trouble.GARBLED),
        Trouble.UNKNOWN_STATE,
    ),
    Phase.DOWNLOAD: (Trouble.TRUNCATED, Trouble.EMPTY, Trouble.LYING, Trouble.ERROR_PAGE, Trouble.EXPIRED),
    Phase.WEBHOOK: (Trouble.REPEATED, Trouble.LATE),
}
"""What can go wrong where."""


def every_trouble(rate: float) -> dict[Phase, dict[Trouble, float]]:
    """Chances with which so great a part of everything meets with trouble, each kind as often as the others of its phase."""
    return {phase: dict.fromkeys(troubles, rate / len(troubles)) for phase, troubles in TROUBLES.items()}


class Behaviour(BaseModel):
    """The knobs of one simulated vendor."""

    model_config = ConfigDict(extra="forbid")

    frame_seconds: tuple[float, float] = (0.2, 0.4)
    """How long a picture takes: from, to."""
    clip_seconds: tuple[float, float] = (0.5, 1.0)
    voice_seconds: tuple[float, float] = (0.1, 0.2)
    concurrency: int = 5
    """Jobs that run at once; more are accepted and wait."""
    per_minute: int = 0
    """Submits within a minute before 429; 0 for no limit."""
    answer_delay: float = 0.0
    """Seconds between accepting a submit, when it is paid, and answering it."""
    url_seconds: float = 3600.0
    """How long an output's URL lives."""
    keeps_seconds: float = 86_400.0
    """How long after its end a job is remembered."""
    credits_micro_usd: int = 0
    """What the account holds; 0 for no end."""
    key: str = ""
    """The only key that is taken; any where this is empty."""
    scale: float = 0.25
    """Outputs have so much of the asked width and height: they are real media, and small."""
    chances: dict[Phase, dict[Trouble, float]] = Field(default_factory=dict[Phase, dict[Trouble, float]])
    """How likely each trouble is, 0 to 1."""
    script: dict[Phase, list[Trouble | None]] = Field(default_factory=dict[Phase, list[Trouble | None]])
    """What the next ones meet, in order, before chance decides; None goes well."""
    seed: int = 1


class Chance:
    """Decides what goes wrong: first by the script, then by a chance that is the same for the same seed and the same order."""

    def __init__(self, behaviour: Behaviour, salt: str = "") -> None:
        self.behaviour = behaviour
        self._random = random.Random(f"{behaviour.seed}/{salt}")  # noqa: S311 - chance with a seed, not a secret
        self.met: Counter[Trouble] = Counter()

    def next(self, phase: Phase) -> Trouble | None:
        """What the next one of this phase meets."""
        script = self.behaviour.script.get(phase)
        trouble = script.pop(0) if script else self._drawn(phase)
        if trouble is not None:
            self.met[trouble] += 1
        return trouble

    def _drawn(self, phase: Phase) -> Trouble | None:
        draw = self._random.random()
        for trouble, chance in self.behaviour.chances.get(phase, {}).items():
            if draw < chance:
                return trouble
            draw -= chance
        return None

    def between(self, limits: tuple[float, float]) -> float:
        """A number of seconds between the two."""
        return self._random.uniform(*limits)
