"""What goes wrong at the simulated vendor, and how long things take there."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Knobs(BaseModel):
    """What goes wrong, and how long things take, in seconds."""

    frame_seconds: float = 0.2
    clip_seconds: float = 0.5
    accept_delay: float = 0.0
    """Before a submit is counted: the way to the vendor is long."""
    answer_delay: float = 0.0
    """Between counting a submit, when it is paid, and answering it."""
    drop_answers: int = 0
    """The next so many submits are counted, and their connection is closed without an answer."""
    refuse_submits: int = 0
    """The next so many submits are answered 429 and not counted."""
    fail_jobs: int = 0
    """The next so many jobs end as failed, free of charge."""
    fail: dict[str, int] = Field(default_factory=dict[str, int])
    """So many jobs fail whose reference contains the text."""
    garble_submits: int = 0
    """The next so many submits are counted, and answered with something that the vendor's documentation does not know."""
    garble_polls: int = 0
    """The next so many polls are answered so."""
    break_outputs: int = 0
    """The next so many downloads end in the middle."""
    junk_outputs: int = 0
    """The next so many downloads are an error page instead."""
    slow: dict[str, float] = Field(default_factory=dict[str, float])
    """Seconds that a job takes whose reference contains the text."""
    url_seconds: float = 600.0
    """How long an output's URL lives."""
    refuse_with: list[int] = Field(default_factory=list[int])
    """The next submits are answered with these statuses, one each, and not counted. 451 is the vendor's word for moderation."""
    retry_after: float = 0.0
    """Seconds that it asks to wait when it answers 429."""
    refuse_polls_with: list[int] = Field(default_factory=list[int])
    """The next polls are answered with these statuses, one each."""
    keys: list[str] = Field(default_factory=list[str])
    """The keys that it takes; any where there is none. Whoever comes with another key than a job's does not see the job."""
    key_seconds: float = 0.0
    """How long it remembers an `Idempotency-Key`; 0 is for ever."""
    forgets: bool = False
    """It knows none of its jobs any more."""
    is_instant: bool = False
    """Jobs have ended when their submit is answered."""
    estimate_micro_usd: int | None = None
    """What it says that a job may cost, as long as it runs."""
    charge_micro_usd: int | None = None
    """What it says that a job has cost."""
    calls: int = 0
    """So often it makes each call to the address that an order names: first the one for the end, then the one for the start."""
