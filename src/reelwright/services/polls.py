"""Polls: asking a provider where a job stands, for as long as somebody waits for it.

What may end a wait is decided here, because a mistake throws paid work away:

- No answer, "slow down" and a refused key are waited for. They say nothing about the job.
- `JobUnknown` ends the take, and only when it is sure: said several times in a row, by the account that has the job. A vendor's
  list may lag behind its own receipts, and a wrong key sees other jobs.
- Any other refusal is waited for a number of times. After that the production goes on without the take, and upkeep keeps asking:
  a refusal that we do not understand is no proof that the job is gone.
- The deadline ends the wait of the production, never the take.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from reelwright.domain.generation import Failure, FailureKind, Job, JobState, provider_of
from reelwright.domain.take import Take
from reelwright.errors import JobUnknown, KeyRefused, NotSubmitted, ProviderError, Throttled
from reelwright.ports import Provider
from reelwright.services.bells import Bell
from reelwright.services.failures import reason_of
from reelwright.services.patience import Patience, free_answer

_SURELY = 5
"""So often a provider has to say that it does not know a job until we believe it: some seconds, with the waits in between."""
_REFUSALS = 8
"""So often a production hears a refusal that we do not understand until it goes on without the take: about half a minute."""
_REMEMBERED = timedelta(days=7)
"""So long a job may be known to the account that has it, and not to the one whose key we have now."""
_OTHER_ACCOUNT = "the account of the key that is set does not know the job, which another key asked for; set that one again"
_IN_MINUTES = 120
"""Seconds from which on an age is told in minutes."""
_LONGEST_REST = 900.0
"""Seconds between two polls of a job that nobody waits for."""
_UNHURRIED = 20
"""Such a job is asked about whenever it has grown older by this part."""


@dataclass(frozen=True)
class Left:
    """Nobody waits here any longer, and the job goes on."""

    reason: str
    """For the person; empty where somebody else waits for it from now on."""


@dataclass(frozen=True)
class Watch:
    """Who waits for a job, and for how long."""

    every: float
    """Seconds between two polls, as the vendor asks."""
    since: datetime
    """When the job was submitted."""
    until: datetime | None
    """When the production goes on without it; None for upkeep, which waits until the provider forgets the job."""
    is_relieved: Callable[[], bool]
    """Whether somebody waits who is in more of a hurry."""

    def rest(self, now: datetime) -> float:
        """Seconds until the next poll, with jitter. Upkeep asks less and less often about a job that takes long."""
        age = (now - self.since).total_seconds()
        rest = self.every if self.until is not None else max(self.every, min(_LONGEST_REST, age / _UNHURRIED))
        return rest * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret


class Poller:
    """Asks about one take's job."""

    def __init__(
        self, take: Take, provider: Provider, watch: Watch, patience: Patience, bell: Bell, *, now: Callable[[], datetime]
    ) -> None:
        if take.job_id is None:
            msg = f"take {take.id} has no job to ask about"
            raise ValueError(msg)
        self.job_id = take.job_id
        self.provider = provider
        self._take = take
        self._watch = watch
        self._patience = patience
        self._bell = bell
        self._now = now

    async def rest(self) -> Left | None:
        """Waits until it is time to ask again, or somebody rings; says so when nobody waits any longer."""
        if left := self.left(f"still running at {self._name} {self._age()}"):
            return left
        await self._bell.sleep(self._watch.rest(self._now()))
        return None

    async def ask(self) -> Job | Left:
        """Where the job stands. One that the provider surely does not know any more has failed."""
        unknown = refusals = 0
        while True:
            try:
                job = await free_answer(self.provider.poll(self.job_id))
            except (NotSubmitted, Throttled, KeyRefused) as error:
                problem: ProviderError = error
            except JobUnknown as error:
                unknown += 1
                if unknown >= _SURELY and self._is_proof:
                    failure = Failure(reason_of(error), is_charged=True, kind=FailureKind.LOST)
                    return Job(self.job_id, JobState.FAILED, failure=failure)
                problem = error if unknown < _SURELY else JobUnknown(_OTHER_ACCOUNT)
            except ProviderError as error:
                refusals += 1
                problem = error
            else:
                self._patience.renew()
                return job
            why = f"{self._name} does not say where it stands {self._age()} ({reason_of(problem).rstrip('.')})"
            if left := self.left(why, is_over=refusals >= _REFUSALS):
                return left
            await self._patience.wait(problem)
            if refusals >= _REFUSALS:
                await self._bell.sleep(self._watch.rest(self._now()))

    def left(self, why: str, *, is_over: bool = False) -> Left | None:
        """Why the wait ends now, when nobody waits any longer or it took too long; None to go on."""
        if self._watch.is_relieved():
            return Left("")
        if self._watch.until is None or not (is_over or self._now() >= self._watch.until):
            return None
        campaign = self._take.campaign_id
        return Left(
            f"{why}; it is brought home when it ends. `reelwright harvest` waits for it, `reelwright resume {campaign}` goes on."
        )

    @property
    def _name(self) -> str:
        return provider_of(self._take.request.model)

    @property
    def _is_proof(self) -> bool:
        """Whether the one who does not know the job is the one that has it, or nobody will know it any more."""
        return self.provider.account == self._take.account or self._now() - self._watch.since > _REMEMBERED

    def _age(self) -> str:
        seconds = round((self._now() - self._watch.since).total_seconds())
        return f"after {seconds} seconds" if seconds < _IN_MINUTES else f"after {seconds // 60} minutes"
