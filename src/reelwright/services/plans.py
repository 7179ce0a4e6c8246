"""Plans: what a production will ask for is settled, and told, before any of it is paid."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from weakref import WeakValueDictionary

from reelwright.db import campaigns, events, productions
from reelwright.db.engine import Database, Session
from reelwright.domain.aim import WHOLE, Aim
from reelwright.domain.campaign import Campaign, Document
from reelwright.domain.card import ModelCard
from reelwright.domain.event import EventName
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import AssetId, CampaignId, ProductionId, ShotId
from reelwright.domain.planning import Plan, plan, told
from reelwright.domain.production import Production
from reelwright.domain.prompt_fitting import Fit, FittedPrompt, fit_key, shorten, told_fits
from reelwright.errors import BudgetExceeded, Cancelled, ConfigurationError, InvalidInput
from reelwright.ports import Refining
from reelwright.services.budgets import Budgets
from reelwright.services.catalogue import Catalogue
from reelwright.services.productions import until_running
from reelwright.services.prompts import request_for

_AT_ONCE = 4
"""So many prompts are being rewritten at a time: each holds money while it is."""
_COMING = AssetId("a frame that is still to be made")


@dataclass(frozen=True)
class _Long:
    """A prompt that is too long for a model."""

    prompt: str
    card: ModelCard

    @property
    def key(self) -> str:
        return fit_key(self.prompt, self.card.prompt_limit, self.card.prompt_unit)

    def shortened(self) -> FittedPrompt:
        return shorten(self.prompt, self.card.prompt_limit, self.card.prompt_unit)


class Plans:
    """Plans the takes of a production: which model in which shape and length, and with which words."""

    def __init__(self, database: Database, catalogue: Catalogue, budgets: Budgets, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._catalogue = catalogue
        self._budgets = budgets
        self._now = now
        self._at_work: WeakValueDictionary[ProductionId, asyncio.Lock] = WeakValueDictionary()
        self._prepared: dict[ProductionId, int] = {}
        """The version of the document for which each production is prepared."""

    async def prepare(self, production: ProductionId) -> int:
        """Brings prompts that are too long to their models' limits, and tells the person once what is not made as it was wished.

        Returns the version of the document for which that holds. Done before, it does nothing.

        Raises:
            Cancelled: the production has ended, and there are prompts that somebody would have to be paid for.
            ConfigurationError: a prompt is too long, and the writer is unknown or has no key.
            ProviderError: the writer failed.
        """
        async with self._at_work.setdefault(production, asyncio.Lock()):
            tried = frozenset[str]()
            while True:
                run, campaign = await self._database.read(lambda session: _read(session, production))
                version = campaign.version
                if self._prepared.get(production) == version:
                    return version
                if missing := self._missing(run, campaign.document, tried):
                    await self._fit_all(run, missing)
                    tried |= missing.keys()
                elif await self._database.write(lambda session, run=run, version=version: self._tell(session, run, version)):
                    self._prepared[production] = version

    def plan(
        self,
        campaign: CampaignId,
        document: Document,
        shot: ShotId,
        kind: Kind,
        model: ModelRef,
        frame: AssetId | None,
        aim: Aim = WHOLE,
    ) -> Plan:
        """The plan for one take, with the prompt that `prepare` settled on; `frame` is the selected one that a clip starts from.

        Raises:
            ConfigurationError: the model is unknown.
            Conflict: there is no storyboard yet.
            InvalidInput: it cannot work; says why.
            NotFound: the shot is not in the storyboard.
        """
        card = self._catalogue.card(model, kind)
        made = plan(card, aim.shape(request_for(campaign, document, shot, kind, model, frame)))
        if not made.excess:
            return made
        long = _Long(made.request.prompt, card)
        fitted = document.fitted.get(long.key) or long.shortened()
        return replace(made, request=replace(made.request, prompt=fitted.prompt))

    def _missing(self, run: Production, document: Document, tried: AbstractSet[str]) -> dict[str, _Long]:
        """The prompts that nobody has fitted yet."""
        wanted = [long for _, plans in self._all(run, document) for long in _too_long(plans).values()]
        return {long.key: long for long in wanted if long.key not in document.fitted and long.key not in tried}

    async def _fit_all(self, run: Production, missing: Mapping[str, _Long]) -> None:
        await until_running(self._database, run.id)
        state = (await self._database.read(lambda session: productions.get(session, run.id))).state
        if state.is_ended:
            msg = f"The production was {state.value}, so nothing more is written."
            raise Cancelled(msg)
        places = asyncio.Semaphore(_AT_ONCE)

        async def fit(long: _Long) -> None:
            async with places:
                await self._fit(run, long)

        # One that fails must not interrupt the others: they are being paid for.
        outcomes = await asyncio.gather(*(fit(long) for long in missing.values()), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _fit(self, run: Production, long: _Long) -> None:
        """Fits one prompt and writes it down at once, so that the same shot asks for the same words again.

        Should the process die after the writer was paid and before this is written, the call counts as paid in full and
        the prompt is rewritten anew, as a concept would be: nobody asked for a take with the lost words, so none is paid twice.
        """
        try:
            fitted = await self._fitted(run, long)
        except InvalidInput:
            return  # told when its shot is asked for; the others can still be made

        def save(session: Session) -> None:
            campaign = campaigns.get(session, run.campaign_id, for_change=True)
            # Somebody else may have been first: takes may have been asked for with those words, so they stand.
            if long.key not in campaign.document.fitted:
                document = replace(campaign.document, fitted={**campaign.document.fitted, long.key: fitted})
                campaigns.save(session, campaign.id, document, campaign.version)

        await self._database.write(save)

    async def _fitted(self, run: Production, long: _Long) -> FittedPrompt:
        """The prompt in fewer words by the production's writer, where that is a language model; else without its end."""
        writer = self._catalogue.writer(run.models.text)
        limit, unit, notice = long.card.prompt_limit, long.card.prompt_unit, ""
        if isinstance(writer, Refining):
            refining = writer
            try:
                written = await self._budgets.paying(
                    run.campaign_id,
                    f"{run.id}/prompt-{long.key[:16]}",
                    refining.refine_quote(long.prompt),
                    lambda: refining.refine(long.prompt, limit, unit),
                    model=writer.model,
                )
            except BudgetExceeded as error:
                notice = error.message
            else:
                if 0 < unit.measure(written.value) <= limit:
                    return FittedPrompt(written.value, Fit.REWRITTEN, written.writer, written.notice)
                notice = written.notice
        return replace(long.shortened(), notice=notice)

    def _tell(self, session: Session, run: Production, version: int) -> bool:
        """Tells what was not told yet; False when the document has changed, and then nothing is told."""
        campaign = campaigns.get(session, run.campaign_id, for_change=True)
        if campaign.version != version:
            return False
        known = events.notices(session, campaign.id)
        for notice in dict.fromkeys(self._notices(run, campaign.document)):
            if notice not in known:
                events.append(session, campaign.id, EventName.NOTICE_GIVEN, self._now(), text=notice)
        return True

    def _notices(self, run: Production, document: Document) -> Iterator[str]:
        for model, plans in self._all(run, document):
            if retired := self._catalogue.told_retirement(model):
                yield retired
            yield from told(plans)
            fits = {shot: document.fitted[long.key] for shot, long in _too_long(plans).items() if long.key in document.fitted}
            if fits:
                yield from told_fits(next(iter(plans.values())).card, fits, len(plans))

    def _all(self, run: Production, document: Document) -> Iterator[tuple[ModelRef, Mapping[str, Plan]]]:
        """The plans for every shot, by model, with their prompts as they were wished; without those that cannot work."""
        shots = document.storyboard.shots if document.storyboard else ()
        for kind in Kind:
            model = run.models.of(kind)
            if model is None or kind not in run.aim.kinds:
                continue
            plans: dict[str, Plan] = {}
            for shot in (shot for shot in shots if run.aim.makes(kind, shot.id)):
                # What cannot work is told when it is asked for.
                with suppress(InvalidInput, ConfigurationError):
                    if kind is not Kind.VOICE or shot.narration:
                        request = request_for(run.campaign_id, document, shot.id, kind, model, _COMING)
                        plans[shot.id] = plan(self._catalogue.card(model, kind), run.aim.shape(request))
            yield model, plans


def _read(session: Session, production: ProductionId) -> tuple[Production, Campaign]:
    run = productions.get(session, production)
    return run, campaigns.get(session, run.campaign_id)


def _too_long(plans: Mapping[str, Plan]) -> dict[str, _Long]:
    """The prompts that are too long, by their shots."""
    return {shot: _Long(plan.request.prompt, plan.card) for shot, plan in plans.items() if plan.excess}
