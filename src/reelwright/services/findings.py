"""Findings: jobs in the vendors' own lists of which we know nothing.

A job that fits a take in doubt is that take's. Any other was asked for by somebody else with the same account, or by a studio
whose data is gone: it is filed in a campaign of its own, one for each provider, because it is paid for all the same. Looking
twice, or from two processes at once, finds nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from reelwright.db import campaigns, events, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.brief import Brief
from reelwright.domain.campaign import Campaign, CampaignStatus, Document
from reelwright.domain.event import EventName
from reelwright.domain.generation import JobState, ModelRef, Request
from reelwright.domain.ids import OWNER, CampaignId, IntentKey, ProductionId, ShotId, TakeId
from reelwright.domain.production import Models, Production, ProductionState
from reelwright.domain.take import Take, TakeState
from reelwright.errors import NotSubmitted, ProviderError, Throttled
from reelwright.ports import Found, Listed, Provider
from reelwright.services.catalogue import Catalogue
from reelwright.services.doubts import adopt
from reelwright.services.failures import reason_of
from reelwright.services.patience import free_answer
from reelwright.services.takes import facts

_SKEW = timedelta(minutes=5)
"""By how much a vendor's clock may differ from ours."""
_ON_ITS_WAY = timedelta(minutes=15)
"""The longest that a submit may be on its way."""
_TRIES = 3
_LONGEST_WAIT = 60.0
"""Seconds that we wait for a vendor that is asked for its list and says "slow down"."""
_SHOT = ShotId("found")


class Outcome(StrEnum):
    """What became of a job that we did not know."""

    ADOPTED = "adopted"
    """A take in doubt has it now."""
    FILED = "filed"
    """It is a take of the campaign of found ones."""
    OPEN = "open"
    """It may be that of a take in doubt, and the list does not tell enough: a person decides."""


@dataclass(frozen=True)
class Finding:
    """One job that we did not know."""

    provider: str
    found: Found
    outcome: Outcome
    take: Take
    """Whose it is now, or may be."""


@dataclass
class Findings:
    """What a look into the lists has brought."""

    findings: list[Finding] = field(default_factory=list[Finding])
    asked: list[str] = field(default_factory=list[str])
    """The providers whose lists were read to the end."""
    problems: dict[str, str] = field(default_factory=dict[str, str])
    """Why others' were not."""


class Reconciliation:
    """Compares what we know with the vendors' own lists."""

    def __init__(
        self, database: Database, catalogue: Catalogue, *, now: Callable[[], datetime], new_id: Callable[[str], str]
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._now = now
        self._new_id = new_id

    async def since(self, moment: datetime) -> Findings:
        """Reads the lists of every provider that has one and a key, back to that moment. Free; upkeep brings home what is new."""
        brought = Findings()
        for provider in self._catalogue.providers:
            if not isinstance(provider, Listed) or not provider.account:
                continue
            try:
                for found in await _list(provider, moment):
                    finding = await self._database.write(
                        lambda session, provider=provider, found=found: self._place(session, provider, found)
                    )
                    if finding is not None:
                        brought.findings.append(finding)
            except ProviderError as error:
                brought.problems[provider.name] = reason_of(error)
            else:
                brought.asked.append(provider.name)
        return brought

    def _place(self, session: Session, provider: Provider, found: Found) -> Finding | None:
        """Gives a job a take; None where it has one, or none is needed, or it cannot be told yet."""
        takes.lock_account(session, provider.name, provider.account)
        # In this order: a take whose receipt is written in between, under an earlier key, is seen by one of the two looks.
        around = takes.without_receipt(session, provider.name, found.at - _ON_ITS_WAY - _SKEW, found.at + _SKEW)
        if takes.of_job(session, provider.name, found.job.id) is not None:
            return None
        if any(take.state is TakeState.SUBMITTING for take in around):
            return None  # it may be the one whose receipt is just being written: the next look sees
        doubtful = sorted((take for take in around if take.kind is found.kind), key=lambda take: _distance(take, found))
        alike = [take for take in doubtful if _plain(take.request.prompt) == _plain(found.prompt)]
        same = next((take for take in alike if _is_of(take, found, provider.account)), None)
        if same is not None:
            return Finding(provider.name, found, Outcome.ADOPTED, adopt(session, same, found.job, provider.account, self._now()))
        if perhaps := (alike if found.prompt else doubtful):
            return Finding(provider.name, found, Outcome.OPEN, perhaps[0])
        if found.job.state is JobState.FAILED:
            return None
        return Finding(provider.name, found, Outcome.FILED, self._file(session, provider, found))

    def _file(self, session: Session, provider: Provider, found: Found) -> Take:
        campaign, production = self._open_file(session, provider.name)
        request = Request(found.kind, ModelRef(f"{provider.name}:{found.model or 'unknown'}"), found.prompt)
        take = Take(
            id=TakeId(self._new_id("take")),
            campaign_id=campaign,
            production_id=production,
            shot_id=_SHOT,
            kind=found.kind,
            number=takes.next_number(session, campaign, _SHOT, found.kind),
            request=request,
            intent=IntentKey(f"found/{provider.name}/{found.job.id}"),
            state=TakeState.SUBMITTED,
            quote_micro_usd=0,
            created_at=self._now(),
            submitting_at=found.at,
            job_id=found.job.id,
            account=provider.account,
            is_left=True,
        )
        takes.insert(session, take)
        events.append(session, campaign, EventName.TAKE_SUBMITTED, self._now(), **facts(take), job=found.job.id)
        return take

    def _open_file(self, session: Session, name: str) -> tuple[CampaignId, ProductionId]:
        """The campaign of what is found at a provider, and its one run, which has ended before it began."""
        # The point keeps it apart from every id that a person can choose.
        campaign, production = CampaignId(f"found.{name}"), ProductionId(f"production_found.{name}")
        if campaigns.find(session, campaign, for_change=True) is not None:
            return campaign, production
        at, title = self._now(), f"Found at {name}"
        brief = Brief(product=f"Takes that were found in the account at {name} and that no campaign has asked for.", name=title)
        campaigns.insert(session, Campaign(campaign, OWNER, CampaignStatus.COMPLETED, 1, Document(brief), at))
        nobody = ModelRef(f"{name}:")
        reason = "These takes were found; there is no film to make of them."
        run = Production(production, campaign, ProductionState.CANCELLED, Models(nobody, nobody, nobody, None), at, at, reason)
        productions.insert(session, run)
        events.append(session, campaign, EventName.CAMPAIGN_CREATED, at, name=title)
        text = f"What was found at {name} is booked at the price that {name} itself names, and at nothing where it names none."
        events.append(session, campaign, EventName.NOTICE_GIVEN, at, text=text)
        return campaign, production


async def _list(provider: Listed, since: datetime, tries: int = _TRIES) -> list[Found]:
    """The whole list, from its beginning again where it breaks off: reading it twice is free.

    Raises:
        ProviderError: the vendor does not give it.
    """
    jobs = provider.jobs(since)
    found: list[Found] = []
    try:
        while (one := await free_answer(anext(jobs, None))) is not None:
            found.append(one)
    except (NotSubmitted, Throttled) as error:
        if tries == 1:
            raise
        asked = error.retry_after if isinstance(error, Throttled) else None
        await asyncio.sleep(min(_LONGEST_WAIT, asked or 1.0))
        return await _list(provider, since, tries - 1)
    return found


def _is_of(take: Take, found: Found, account: str) -> bool:
    """Whether the job is of the account that was asked, and of the model, where the list tells it."""
    return take.account == account and found.model in {"", take.request.model.partition(":")[2]}


def _distance(take: Take, found: Found) -> timedelta:
    return abs((take.submitting_at or take.created_at) - found.at)


def _plain(prompt: str) -> str:
    return " ".join(prompt.split())
