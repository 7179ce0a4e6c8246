"""Orders: a run is asked for with its price agreed on. What decides the price is read in the transaction that starts the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta

from reelwright.db import budgets, campaigns, drafts, idempotency, productions
from reelwright.db.engine import Database, Session
from reelwright.domain.aim import WHOLE, Aim
from reelwright.domain.budget import month_of, usd, usd_left
from reelwright.domain.campaign import Campaign
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import CampaignId, ProductionId
from reelwright.domain.production import Models
from reelwright.errors import BudgetExceeded, ConfigurationError, Conflict, VersionConflict
from reelwright.services.brief_fields import SILENT
from reelwright.services.briefs import Providers
from reelwright.services.catalogue import Catalogue
from reelwright.services.choice import Choice, choose
from reelwright.services.drafts import read_draft
from reelwright.services.productions import Productions, QuoteLine
from reelwright.services.quotes import Outlook, Quotes
from reelwright.services.tickets import Ticket, once

_TICKET_HOLDS = timedelta(days=7)
"""How long a request that is sent again is answered as it was."""


@dataclass(frozen=True)
class Order:
    """What somebody wants made, and what they agree to pay."""

    campaign: CampaignId
    aim: Aim = WHOLE
    asked: Providers = field(default_factory=Providers)
    """Who is to make it, where that is not settled or is to be different."""
    cap_micro_usd: int | None = None
    """The most that the campaign may ever cost from now on; None leaves its cap as it is."""
    first_cap_micro_usd: int | None = None
    """The same for a campaign that has no cap yet: who orders by the older contract knows no caps."""
    max_micro_usd: int | None = None
    """The price that was shown: where it has risen since, nothing is started."""
    what: str = "production"
    """Or `concepts`, `storyboard`: only that text, for who looks at its price."""
    version: int | None = None
    """The version of the campaign that was reviewed: any other is not made."""


@dataclass(frozen=True)
class Offer:
    """What an order would make and cost."""

    models: Models
    notices: tuple[str, ...]
    outlook: Outlook


class Orders:
    """Prices orders, and places them."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        productions: Productions,
        quotes: Quotes,
        *,
        defaults: Providers,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._productions = productions
        self._quotes = quotes
        self._defaults = defaults
        self._now = now

    async def price(self, order: Order) -> Offer:
        """What the order would make and cost now. Free, and changes nothing.

        Raises:
            ConfigurationError: a model is unknown, or has no key.
            InvalidDraft: what was typed is no film yet.
            InvalidInput: the aim makes no sense, or a model that was asked for is none.
            NotFound: there is no such campaign, or no such shot.
        """

        def look(session: Session) -> Offer:
            return self._offer(session, campaigns.get(session, order.campaign), order)

        return await self._database.read(look)

    async def place(self, order: Order, ticket: Ticket) -> ProductionId:
        """Starts the run. The same ticket again answers the same run.

        Raises:
            BudgetExceeded: no cap is set, or a budget does not cover the price; nothing is written.
            ConfigurationError: a model is unknown, or has no key.
            Conflict: the campaign's run makes something else, the ticket was used for something else, or the campaign is in the
                trash.
            InvalidDraft: what was typed is no film yet.
            InvalidInput: the aim makes no sense, or a model that was asked for is none.
            NotFound: there is no such campaign, or no such shot.
            VersionConflict: the campaign has changed since it was reviewed.
        """

        def begin(session: Session) -> str:
            campaign = campaigns.get(session, order.campaign, for_change=True)
            if order.version not in {None, campaign.version}:
                msg = f"Campaign {campaign.id} has version {campaign.version} by now: review it again, and then ask again."
                raise VersionConflict(msg, {"version": campaign.version})
            if drafts.read(session, campaign.id).is_trashed:
                msg = f"Campaign {campaign.id} is in the trash: restore it first."
                raise Conflict(msg)
            offer = self._offer(session, campaign, order)
            cap = order.cap_micro_usd
            if cap is None and campaign.cap_micro_usd is None and offer.outlook.micro_usd:
                cap = order.first_cap_micro_usd
            self._check(session, campaign, replace(order, cap_micro_usd=cap), offer.outlook.micro_usd)
            if cap is not None:
                campaigns.set_cap(session, campaign.id, cap)
            return self._productions.begin(session, campaign.id, offer.models, offer.notices, order.aim)

        return ProductionId(await once(self._database, ticket, self._now(), begin))

    async def forget_tickets(self) -> None:
        """Removes tickets so old that nobody sends their request again."""
        before = self._now() - _TICKET_HOLDS
        await self._database.write(lambda session: idempotency.forget(session, before))

    def _offer(self, session: Session, campaign: Campaign, order: Order) -> Offer:
        choice = self._choice(session, campaign, order)
        if order.what != "production":
            writer = self._catalogue.writer(choice.models.text)
            line = QuoteLine(order.what, choice.models.text, 1, writer.quote_micro_usd)
            return Offer(choice.models, (), Outlook((line,), ()))
        self._productions.check(choice.models, order.aim)
        outlook = self._quotes.look(session, campaign, campaign.document, choice.models, order.aim)
        return Offer(choice.models, choice.notices, outlook)

    def _choice(self, session: Session, campaign: Campaign, order: Order) -> Choice:
        """Who is asked for by name or in the draft, else who was agreed on, else who made what is there, else the studio's."""
        reading = read_draft(session, campaign.id)
        reading.checked()
        names = {
            field.name: getattr(order.asked, field.name) or getattr(reading.providers, field.name) for field in fields(Providers)
        }
        asked, newest = Providers(**names), productions.newest(session, campaign.id)
        agreed = campaign.document.models or (newest.models if newest else None)
        if agreed is None:
            return choose(campaign.document.brief, asked, self._defaults, self._catalogue)
        settled = Providers(
            text=asked.text or agreed.text,
            image=asked.image or agreed.frame,
            video=asked.video or agreed.clip,
            voice=asked.voice or agreed.voice or SILENT,
        )
        if order.aim.kinds == tuple(Kind):
            return choose(campaign.document.brief, settled, self._defaults, self._catalogue)
        models = _models_of(settled)
        for kind in order.aim.kinds:
            model = models.of(kind)
            card = self._catalogue.card(model, kind) if model else None
            if card is not None and not self._catalogue.has_key(card):
                msg = f"{card.model} is paid, and there is no key for it: whoever runs the studio sets one in its settings."
                raise ConfigurationError(msg)
        return Choice(models)

    def _check(self, session: Session, campaign: Campaign, order: Order, price: int) -> None:
        about = f"This costs about {usd(price)}"
        if order.max_micro_usd is not None and price > order.max_micro_usd:
            msg = f"{about} by now, more than the {usd(order.max_micro_usd)} that were agreed on: look at the price again."
            raise BudgetExceeded(msg)
        if not price:
            return
        cap = campaign.cap_micro_usd if order.cap_micro_usd is None else order.cap_micro_usd
        if cap is None:
            msg = f"{about}, and the campaign has no cap: say the most that it may ever cost in `cap_usd`."
            raise BudgetExceeded(msg)
        left = cap - budgets.balance(session, campaign.id).used
        if price > left:
            msg = f"{about}, and the campaign's cap of {usd(cap)} leaves {usd_left(left)}: raise `cap_usd`, or ask for less."
            raise BudgetExceeded(msg)
        month = budgets.of_month(session, month_of(self._now()))
        if month.balance.cap is not None and price > month.balance.left:
            msg = f"{about}, and the studio's budget for {month.month} leaves {usd_left(month.balance.left)}."
            raise BudgetExceeded(msg)


def _models_of(providers: Providers) -> Models:
    """The models of those names, `none` for no voice."""
    voice = None if providers.voice == SILENT else ModelRef(providers.voice)
    return Models(ModelRef(providers.text), ModelRef(providers.image), ModelRef(providers.video), voice)
