"""Concepts: three proposals, one selected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from reelwright.db import campaigns, events, productions
from reelwright.db.engine import Database, Session
from reelwright.domain.concept import Concept
from reelwright.domain.event import EventName
from reelwright.domain.ids import CampaignId, ProductionId
from reelwright.ports import Written
from reelwright.services.budgets import Budgets
from reelwright.services.catalogue import Catalogue
from reelwright.services.productions import run_to_write_for

COUNT = 3


class Concepts:
    """Writes concepts into a campaign's document, and selects one."""

    def __init__(self, database: Database, catalogue: Catalogue, budgets: Budgets, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._catalogue = catalogue
        self._budgets = budgets
        self._now = now

    async def write(self, production: ProductionId) -> None:
        """Writes three concepts, unless the campaign has some.

        Raises:
            BudgetExceeded: the cap does not cover the writer's quote.
            Cancelled: the production has ended; nothing is asked.
            ConfigurationError: the writer is unknown or has no key.
            ProviderError: the writer failed.
        """
        run = await run_to_write_for(self._database, production)
        campaign = await self._database.read(lambda session: campaigns.get(session, run.campaign_id))
        if campaign.document.concepts:
            return
        writer = self._catalogue.writer(run.models.text)
        written = await self._budgets.paying(
            campaign.id,
            f"{production}/concepts",
            writer.quote_micro_usd,
            lambda: writer.concepts(campaign.document.brief, COUNT),
            model=writer.model,
        )
        await self._database.write(lambda session: self._save(session, campaign.id, written))

    def _save(self, session: Session, campaign_id: CampaignId, written: Written[tuple[Concept, ...]]) -> None:
        campaign = campaigns.get(session, campaign_id, for_change=True)
        if campaign.document.concepts:
            return
        document = replace(
            campaign.document,
            concepts=written.value,
            written_by={**campaign.document.written_by, "concepts": written.writer},
        )
        campaigns.save(session, campaign_id, document, campaign.version)
        titles = "\n".join(concept.title for concept in written.value)
        facts = {"titles": titles, "writer": written.writer, "charged_micro_usd": written.charged_micro_usd}
        events.append(session, campaign_id, EventName.CONCEPTS_WRITTEN, self._now(), **facts)
        if written.notice:
            events.append(session, campaign_id, EventName.NOTICE_GIVEN, self._now(), text=written.notice)

    async def select(self, production: ProductionId, index: int = 0) -> None:
        """Selects a concept, unless one is selected."""

        def choose(session: Session) -> None:
            campaign_id = productions.get(session, production).campaign_id
            campaign = campaigns.get(session, campaign_id, for_change=True)
            document = campaign.document
            chosen = index if document.concept is None else document.concept
            if document.concept is None:
                campaigns.save(session, campaign_id, replace(document, concept=index), campaign.version)
            facts = {"index": chosen, "title": document.concepts[chosen].title}
            events.append(session, campaign_id, EventName.CONCEPT_SELECTED, self._now(), **facts)

        await self._database.write(choose)
