"""Quotes: what is still to be made of a campaign, and what that costs at most, before anybody pays for it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from reelwright.db import campaigns, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.aim import WHOLE, Aim, check
from reelwright.domain.campaign import Campaign, Document
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import AssetId, CampaignId, ShotId
from reelwright.domain.planning import Plan
from reelwright.domain.production import Models
from reelwright.domain.prompt_fitting import fit_key
from reelwright.domain.storyboard import Shot
from reelwright.errors import InvalidInput
from reelwright.ports import Refining
from reelwright.services.catalogue import Catalogue
from reelwright.services.plans import Plans
from reelwright.services.productions import Productions, QuoteLine
from reelwright.services.prompts import request_for, shot_of
from reelwright.services.shots import needed

_COMING = AssetId("a frame that is still to be made")


@dataclass(frozen=True)
class Planned:
    """One take that a run needs."""

    shot: ShotId
    kind: Kind
    model: ModelRef
    plan: Plan | None = None
    """None for what cannot be made."""
    micro_usd: int = 0
    """What it will cost at most, without retries."""
    is_there: bool = False
    """It is kept, or on its way, so it is not paid again."""
    problem: str = ""
    """Why it cannot be made."""
    rewriting_micro_usd: int = 0
    """What saying its prompt in fewer words costs, where that has to be done."""


@dataclass(frozen=True)
class Outlook:
    """What a run would make, and what it would cost."""

    lines: tuple[QuoteLine, ...]
    takes: tuple[Planned, ...]
    """Nothing where there is no storyboard yet."""

    @property
    def micro_usd(self) -> int:
        """What it costs at most, without retries."""
        return sum(line.micro_usd for line in self.lines)


class Quotes:
    """Looks at what there is, and prices the rest."""

    def __init__(self, database: Database, catalogue: Catalogue, productions: Productions, plans: Plans) -> None:
        self._database = database
        self._catalogue = catalogue
        self._productions = productions
        self._plans = plans

    async def rest(self, campaign: CampaignId, models: Models, aim: Aim = WHOLE) -> tuple[QuoteLine, ...]:
        """What a run that starts now will pay at most, by kind. What was kept, or is on its way, is used and not paid again.

        Retries are not in it; the cap covers them.

        Raises:
            ConfigurationError: a model is unknown, or has no key.
            NotFound: there is no such campaign, or no such shot.
        """
        return (await self.outlook(campaign, models, aim)).lines

    async def outlook(self, campaign: CampaignId, models: Models, aim: Aim = WHOLE) -> Outlook:
        """As `rest`, with every single take.

        Raises:
            ConfigurationError: a model is unknown, or has no key.
            InvalidInput: the aim makes no sense.
            NotFound: there is no such campaign, or no such shot.
        """
        check(aim)

        def look(session: Session) -> Outlook:
            found = campaigns.get(session, campaign)
            return self.look(session, found, found.document, models, aim)

        return await self._database.read(look)

    def look(self, session: Session, campaign: Campaign, document: Document, models: Models, aim: Aim) -> Outlook:
        """As `outlook`, in the caller's transaction, for a document that is perhaps still to be written."""
        if not aim.kinds:
            return Outlook((), ())
        if document.storyboard is None:
            return Outlook(self._unwritten(document, models, aim), ())
        for shot in aim.shots or ():
            shot_of(document, shot)
        shots = [shot for shot in document.storyboard.shots if aim.shots is None or shot.id in aim.shots]
        found = [each for shot in shots for each in self._of_shot(session, campaign, document, shot, models, aim)]
        return Outlook(_summed(found, models), tuple(found))

    def _unwritten(self, document: Document, models: Models, aim: Aim) -> tuple[QuoteLine, ...]:
        """The price where nobody knows yet what the shots will be."""
        text, *others = self._productions.quote(document.brief, models)
        if document.concepts:
            text = QuoteLine("storyboard", models.text, 1, self._catalogue.writer(models.text).quote_micro_usd)
        return (text, *(line for line in others if any(line.what.startswith(kind.value) for kind in aim.kinds)))

    def _of_shot(
        self, session: Session, campaign: Campaign, document: Document, shot: Shot, models: Models, aim: Aim
    ) -> Iterator[Planned]:
        selected = takes.selected(session, campaign.id).get((shot.id, Kind.FRAME))
        all_chosen = {} if aim.is_fresh else takes.chosen(session, campaign.id)
        chosen = {kind: take for (of, kind), take in all_chosen.items() if of == shot.id}
        frame = selected.asset_id if selected else None
        for kind in needed(aim, models, shot, {*chosen}):
            model = models.of(kind)
            if model is None:
                continue
            if known := chosen.get(kind):
                yield Planned(shot.id, kind, known.request.model, is_there=True)
                continue
            # What cannot be made is told when it is asked for, and costs nothing.
            try:
                plan = self._plans.plan(campaign.id, document, shot.id, kind, model, frame or _COMING, aim)
            except InvalidInput as error:
                yield Planned(shot.id, kind, model, problem=error.message)
                continue
            is_new = aim.is_fresh or (kind is Kind.CLIP and frame is None)
            is_there = not is_new and takes.standing(session, campaign.id, shot.id, plan.request) is not None
            if is_there:
                yield Planned(shot.id, kind, plan.card.model, plan, is_there=True)
                continue
            frame = None if kind is Kind.FRAME else frame
            rewriting = self._rewriting(campaign.id, document, shot, kind, models, aim)
            yield Planned(shot.id, kind, plan.card.model, plan, plan.micro_usd, rewriting_micro_usd=rewriting)

    def _rewriting(self, campaign: CampaignId, document: Document, shot: Shot, kind: Kind, models: Models, aim: Aim) -> int:
        """What the call costs that says a prompt in fewer words, where nobody has yet."""
        model, writer = models.of(kind), self._catalogue.writer(models.text)
        if model is None or not isinstance(writer, Refining):
            return 0
        card = self._catalogue.card(model, kind)
        prompt = aim.shape(request_for(campaign, document, shot.id, kind, model, _COMING)).prompt
        is_long = 0 < card.prompt_limit < card.prompt_unit.measure(prompt)
        is_known = fit_key(prompt, card.prompt_limit, card.prompt_unit) in document.fitted
        return writer.refine_quote(prompt) if is_long and not is_known else 0


def _summed(found: list[Planned], models: Models) -> tuple[QuoteLine, ...]:
    counts = Counter[tuple[str, ModelRef]]()
    prices = Counter[tuple[str, ModelRef]]()
    for each in found:
        if each.plan is not None and not each.is_there:
            counts[f"{each.kind.value}s", each.model] += 1
            prices[f"{each.kind.value}s", each.model] += each.micro_usd
        if each.rewriting_micro_usd:
            counts[f"{each.kind.value} prompts in fewer words", models.text] += 1
            prices[f"{each.kind.value} prompts in fewer words", models.text] += each.rewriting_micro_usd
    return tuple(QuoteLine(what, model, count, prices[what, model]) for (what, model), count in counts.items())
