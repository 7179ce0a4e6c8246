"""Storyboards: the selected concept as shots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from reelwright.db import campaigns, events
from reelwright.db.engine import Database, Session
from reelwright.domain.brief import Brief
from reelwright.domain.event import EventName
from reelwright.domain.ids import CampaignId, ProductionId, ShotId
from reelwright.domain.storyboard import Storyboard
from reelwright.errors import Conflict
from reelwright.media.front import missing_glyphs
from reelwright.media.workers import Workers
from reelwright.ports import Written
from reelwright.services.budgets import Budgets
from reelwright.services.catalogue import Catalogue
from reelwright.services.productions import run_to_write_for


class Storyboards:
    """Writes the storyboard into a campaign's document."""

    def __init__(
        self, database: Database, catalogue: Catalogue, budgets: Budgets, workers: Workers, *, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._budgets = budgets
        self._workers = workers
        self._now = now

    async def write(self, production: ProductionId) -> list[ShotId]:
        """Writes the storyboard, unless the campaign has one, and returns its shots in order.

        Raises:
            BudgetExceeded: the cap does not cover the writer's quote.
            Cancelled: the production has ended; nothing is asked.
            ConfigurationError: the writer is unknown or has no key.
            ProviderError: the writer failed.
        """
        run = await run_to_write_for(self._database, production)
        campaign = await self._database.read(lambda session: campaigns.get(session, run.campaign_id))
        document = campaign.document
        written: Written[Storyboard] | None = None
        if document.storyboard is None:
            if document.concept is None:
                msg = "Select a concept before the storyboard is written."
                raise Conflict(msg)
            concept = document.concepts[document.concept]
            writer = self._catalogue.writer(run.models.text)
            written = await self._budgets.paying(
                campaign.id,
                f"{production}/storyboard",
                writer.quote_micro_usd,
                lambda: writer.storyboard(document.brief, concept),
                model=writer.model,
            )
        notices = [written.notice, await self.missing_letters(document.brief, written.value)] if written else []
        return await self._database.write(lambda session: self._save(session, campaign.id, written, notices))

    async def missing_letters(self, brief: Brief, storyboard: Storyboard) -> str:
        """What a person should know about characters that no font here can draw; nothing where all can be drawn."""
        texts = [brief.name, brief.call_to_action]
        for shot in storyboard.shots:
            texts += [shot.title, shot.text, shot.narration]
        missing = await self._workers.run(missing_glyphs, " ".join(texts))
        return f"No font here has these characters, so pictures and captions go without them: {missing}" if missing else ""

    def _save(
        self, session: Session, campaign_id: CampaignId, written: Written[Storyboard] | None, notices: list[str]
    ) -> list[ShotId]:
        campaign = campaigns.get(session, campaign_id, for_change=True)
        document = campaign.document
        if document.storyboard is None and written is not None:
            document = replace(
                document,
                storyboard=written.value,
                written_by={**document.written_by, "storyboard": written.writer},
            )
            campaigns.save(session, campaign_id, document, campaign.version)
            for notice in filter(None, notices):
                events.append(session, campaign_id, EventName.NOTICE_GIVEN, self._now(), text=notice)
        if document.storyboard is None:
            msg = "The campaign has no storyboard."
            raise Conflict(msg)
        shots = document.storyboard.shots
        facts = {
            "shots": " ".join(shot.id for shot in shots),
            "titles": "\n".join(shot.title for shot in shots),
            "charged_micro_usd": written.charged_micro_usd if written else 0,
        }
        events.append(session, campaign_id, EventName.STORYBOARD_WRITTEN, self._now(), **facts)
        return [shot.id for shot in shots]
