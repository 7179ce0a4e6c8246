"""Quotes: what is still to be made of a campaign, and what that costs at most, before anybody pays for it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from reelwright.db import campaigns, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.campaign import Campaign
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import AssetId, CampaignId
from reelwright.domain.production import Models
from reelwright.domain.prompt_fitting import fit_key
from reelwright.domain.storyboard import Shot
from reelwright.errors import InvalidInput
from reelwright.ports import Refining, Writer
from reelwright.services.catalogue import Catalogue
from reelwright.services.plans import Plans
from reelwright.services.productions import Productions, QuoteLine
from reelwright.services.prompts import request_for

_COMING = AssetId("a frame that is still to be made")


@dataclass(frozen=True)
class _Part:
    """One thing that will be asked for."""

    what: str
    model: ModelRef
    micro_usd: int


class Quotes:
    """Looks at what there is, and prices the rest."""

    def __init__(self, database: Database, catalogue: Catalogue, productions: Productions, plans: Plans) -> None:
        self._database = database
        self._catalogue = catalogue
        self._productions = productions
        self._plans = plans

    async def rest(self, campaign: CampaignId, models: Models) -> tuple[QuoteLine, ...]:
        """What a run that starts now will pay at most, by kind. What was kept, or is on its way, is used and not paid again.

        Retries are not in it; the cap covers them.

        Raises:
            ConfigurationError: a model is unknown, or has no key.
            NotFound: there is no such campaign.
        """
        writer = self._catalogue.writer(models.text)

        def look(session: Session) -> tuple[QuoteLine, ...]:
            found = campaigns.get(session, campaign)
            document = found.document
            if document.storyboard is None:
                text, *others = self._productions.quote(document.brief, models)
                if document.concepts:
                    text = QuoteLine("storyboard", models.text, 1, writer.quote_micro_usd)
                return (text, *others)
            parts = [part for shot in document.storyboard.shots for part in self._of_shot(session, found, shot, models, writer)]
            return _summed(parts)

        return await self._database.read(look)

    def _of_shot(self, session: Session, campaign: Campaign, shot: Shot, models: Models, writer: Writer) -> Iterator[_Part]:
        selected = takes.selected(session, campaign.id).get((shot.id, Kind.FRAME))
        frame = selected.asset_id if selected else None
        for kind in (Kind.FRAME, Kind.CLIP, Kind.VOICE):
            model = models.of(kind)
            if model is None or (kind is Kind.VOICE and not shot.narration):
                continue
            # What cannot be made is told when it is asked for, and costs nothing.
            with suppress(InvalidInput):
                is_new = kind is Kind.CLIP and frame is None
                plan = self._plans.plan(campaign.id, campaign.document, shot.id, kind, model, frame or _COMING)
                if is_new or takes.standing(session, campaign.id, shot.id, plan.request) is None:
                    frame = None if kind is Kind.FRAME else frame
                    yield _Part(f"{kind.value}s", plan.card.model, plan.micro_usd)
                    yield from self._rewriting(campaign, shot, kind, models, writer)

    def _rewriting(self, campaign: Campaign, shot: Shot, kind: Kind, models: Models, writer: Writer) -> Iterator[_Part]:
        """The call that says a prompt in fewer words, where nobody has yet."""
        model = models.of(kind)
        if model is None or not isinstance(writer, Refining):
            return
        card = self._catalogue.card(model, kind)
        prompt = request_for(campaign.id, campaign.document, shot.id, kind, model, _COMING).prompt
        is_long = 0 < card.prompt_limit < card.prompt_unit.measure(prompt)
        if is_long and fit_key(prompt, card.prompt_limit, card.prompt_unit) not in campaign.document.fitted:
            yield _Part(f"{kind.value} prompts in fewer words", models.text, writer.refine_quote(prompt))


def _summed(parts: list[_Part]) -> tuple[QuoteLine, ...]:
    counts = Counter((part.what, part.model) for part in parts)
    prices = Counter[tuple[str, ModelRef]]()
    for part in parts:
        prices[part.what, part.model] += part.micro_usd
    return tuple(QuoteLine(what, model, count, prices[what, model]) for (what, model), count in counts.items())
