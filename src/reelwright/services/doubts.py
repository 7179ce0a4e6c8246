"""Doubts: takes of which nobody can tell whether their request arrived. A person looks, and says what they found.

Their money is held until then. What a person says may be wrong, so an id is believed only when the provider knows it, and a job
is never charged to two takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from reelwright.db import campaigns, productions, takes
from reelwright.db.engine import Database, Session
from reelwright.db.fence import unfenced
from reelwright.domain.budget import usd
from reelwright.domain.generation import Failure, Job, provider_of
from reelwright.domain.ids import CampaignId, JobId, ProductionId, TakeId
from reelwright.domain.take import Take, TakeState
from reelwright.errors import BudgetExceeded, Conflict, InvalidInput, JobUnknown
from reelwright.services.catalogue import Catalogue
from reelwright.services.patience import free_answer
from reelwright.services.productions import Productions, QuoteLine
from reelwright.services.takes import end, receive


class Doubts:
    """Shows takes in doubt and ends their doubt."""

    def __init__(
        self, database: Database, catalogue: Catalogue, productions: Productions, *, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._productions = productions
        self._now = now

    async def open(self, campaign: CampaignId | None = None) -> list[Take]:
        """The takes in doubt of one campaign, or of all, oldest first."""
        return await self._database.read(lambda session: takes.in_doubt(session, campaign))

    async def adopt(self, take_id: TakeId, job_id: JobId) -> Take:
        """The provider has the job: it is the take's from now on, and upkeep brings it home. Free.

        Raises:
            Conflict: the take is not in doubt, or the job is another take's.
            InvalidInput: the provider does not know the job; nothing has changed.
            NotFound: there is no such take.
            ProviderError: the provider does not answer, or not to our key; nothing has changed.
        """
        take = await self._database.read(lambda session: _doubtful(session, take_id))
        provider = self._catalogue.provider(take.request.model)
        try:
            job = await free_answer(provider.poll(job_id))
        except JobUnknown as error:
            msg = (
                f"{provider.name} knows no job {job_id!r}, so nothing has changed. "
                "Copy the id from your account there, and check that the key is that account's."
            )
            raise InvalidInput(msg) from error
        account = provider.account
        return await self._database.write(lambda session: adopt(session, _doubtful(session, take_id), job, account, self._now()))

    async def price(self, take_id: TakeId) -> QuoteLine:
        """What asking for a take in doubt once more costs.

        Raises:
            ConfigurationError: its model is not on offer any more.
            Conflict: the take is not in doubt, or its campaign is at work.
            NotFound: there is no such take.
        """
        take = await self._database.read(lambda session: self._retakable(session, take_id))
        card = self._catalogue.card(take.request.model, take.kind)
        price = card.quote(take.request.seconds, take.request.prompt)
        return QuoteLine(f"{take.kind.value} of {take.shot_id}, asked for again", card.model, 1, price)

    async def retake(self, take_id: TakeId, *, max_micro_usd: int | None = None) -> ProductionId:
        """The provider never got the request: its money is given back, and a new run of the campaign asks for what is missing.

        Args:
            take_id: a take in doubt.
            max_micro_usd: the price that was shown: where it has risen since, nothing changes.

        Raises:
            BudgetExceeded: it costs more by now than was agreed on.
            Conflict: the take is not in doubt, or its campaign is at work.
            NotFound: there is no such take.
        """
        price = (await self.price(take_id)).micro_usd if max_micro_usd is not None else 0
        if price > (max_micro_usd or 0):
            msg = f"It costs {usd(price)} by now, more than the {usd(max_micro_usd or 0)} that were agreed on: look at it again."
            raise BudgetExceeded(msg)

        def lose(session: Session) -> Take:
            campaigns.get(session, takes.get(session, take_id).campaign_id, for_change=True)
            take = self._retakable(session, take_id)
            failure = Failure("The provider never got the request, as a person found out.")
            end(session, take, TakeState.IN_DOUBT, TakeState.FAILED, failure, 0, self._now())
            return take

        take = await self._database.write(lose)
        run = await self._database.read(lambda session: productions.get(session, take.production_id))
        # Only what was in doubt is asked for anew: whatever else that run has made stays.
        only = {"shots": (take.shot_id,), "kinds": (take.kind,)} if run.is_beside else {"is_fresh": False}
        return await self._productions.start(take.campaign_id, run.models, aim=replace(run.aim, **only))

    def _retakable(self, session: Session, take_id: TakeId) -> Take:
        take = _doubtful(session, take_id)
        run = productions.get(session, take.production_id)
        newest = run if run.is_beside else productions.newest(session, take.campaign_id)
        if newest is not None and not newest.state.is_ended:
            msg = (
                f"Campaign {take.campaign_id} is still {newest.state.value}. Ask again when that run has ended, "
                f"or end it with `reelwright cancel {take.campaign_id}`."
            )
            raise Conflict(msg)
        return take


def _doubtful(session: Session, take_id: TakeId) -> Take:
    take = takes.get(session, take_id)
    if take.state is not TakeState.IN_DOUBT:
        msg = f"Take {take_id} is not in doubt: it is {take.state.value}."
        raise Conflict(msg)
    return take


def adopt(session: Session, take: Take, job: Job, account: str, at: datetime) -> Take:
    """Makes a job that the provider has that of a take in doubt, for upkeep to bring home; returns the take as it stands then.

    Raises:
        Conflict: the job is another take's, or the take is not in doubt any more.
    """
    name = provider_of(take.request.model)
    takes.lock_account(session, name, account)
    other = takes.of_job(session, name, job.id)
    if other is not None:
        msg = f"Job {job.id} of {name} is that of take {other.id} in campaign {other.campaign_id}, so nothing has changed."
        raise Conflict(msg)
    with unfenced():
        is_anothers = takes.of_job(session, name, job.id) is not None
    if is_anothers:
        msg = f"Job {job.id} of {name} is somebody else's, so nothing has changed."
        raise Conflict(msg)
    _doubtful(session, take.id)  # somebody else may have been at it before the lock was ours
    columns = {"job_id": job.id, "account": account, "is_left": True, "failure": None}
    takes.move(session, take.id, TakeState.IN_DOUBT, TakeState.SUBMITTED, **columns)
    receive(session, take, job, at)
    return takes.get(session, take.id)
