"""The studio for scripts, in their own process: `from reelwright import Studio`.

A data folder is opened, work is done while the block lasts, and what is unfinished at its end goes on when somebody opens the
folder again. Where another process works on the same folder, that one makes what is asked for here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from reelwright.bootstrap import Studio as House
from reelwright.bootstrap import new_id, open_studio
from reelwright.config import read_settings
from reelwright.domain.budget import MICRO, usd
from reelwright.domain.event import Event
from reelwright.domain.film import Film as Made
from reelwright.domain.ids import OWNER, CampaignId, FilmId
from reelwright.domain.production import Production, ProductionState, Progress
from reelwright.domain.take import Take
from reelwright.errors import BudgetExceeded, Cancelled, Conflict, InvalidInput, NotFound
from reelwright.services.brief_fields import read_cap
from reelwright.services.briefs import BriefOrder, read_brief
from reelwright.services.choice import choose
from reelwright.services.films import FILES
from reelwright.services.orders import Order
from reelwright.services.tickets import Ticket

_log = structlog.get_logger()
_ASK_TO_LEAD = 1.0
"""Seconds between two tries to lead, and between two looks whether one still does."""
_LOOK = 0.1
"""Seconds between two looks at the events."""
_OVER = {ProductionState.FAILED, ProductionState.CANCELLED}


@dataclass(frozen=True)
class Film:
    """A finished film."""

    id: FilmId
    campaign: CampaignId
    seconds: Fraction
    """Exact."""
    size: tuple[int, int]
    """Pixels."""
    cost_usd: Decimal
    """What the campaign has cost until now, all of its takes together."""
    files: dict[str, Path]
    """`film`, `poster`, `sheet`, `srt` and `vtt`, as far as there are, where `output` said so; else nothing."""


@dataclass(frozen=True)
class Costs:
    """The money of a campaign."""

    cap_usd: Decimal | None
    """The most that it may ever cost; None allows only what is free."""
    reserved_usd: Decimal
    """Held for what is being made."""
    charged_usd: Decimal
    """Paid."""


@dataclass(frozen=True)
class Status:
    """How far a campaign's newest production is."""

    campaign: CampaignId
    state: ProductionState
    progress: Progress
    error: str
    """Why it failed."""

    @property
    def fraction(self) -> float:
        """The whole, 0 to 1."""
        return self.progress.fraction


class Studio:
    """A data folder, open inside of `async with`."""

    def __init__(self, home: str | Path | None = None, **settings: Any) -> None:
        """Opens nothing yet.

        Args:
            home: the data folder; that of the settings, as for the command line, unless said.
            settings: settings that win over the environment's, by their names, such as `workers=2`.
        """
        self._settings = settings if home is None else {**settings, "home": Path(home).expanduser().absolute()}
        self._opened: House | None = None
        self._leading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Opens the data folder, and makes it where there is none.

        Raises:
            ConfigurationError: a setting is wrong, or the folder cannot be used.
        """
        self._opened = open_studio(read_settings(**self._settings))
        self._leading = asyncio.create_task(_lead(self._opened))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stops at once. What is unfinished goes on when the folder is opened again."""
        if self._leading is not None:
            self._leading.cancel()
            with suppress(asyncio.CancelledError):
                await self._leading
        if self._opened is not None:
            await self._opened.close()
        self._opened = self._leading = None

    async def quote(self, brief: str | Path, **fields: Any) -> Decimal:
        """What a film would cost in dollars, without retries. Free, and nothing is written.

        Args:
            brief: a sentence, or the path of a brief file.
            fields: fields of the brief that win over it, such as `seconds=10`; `text`, `image`, `video` and `voice` name models.

        Raises:
            InvalidBrief: it cannot become a film; names the field and what is allowed.
            ConfigurationError: a model is unknown, or has no key.
        """
        return _dollars(self._price(read_brief(brief, fields)))

    async def make(
        self,
        brief: str | Path,
        *,
        id: str = "",  # noqa: A002 - what it is called everywhere
        cap_usd: Decimal | str | int | None = None,
        output: str | Path | None = None,
        **fields: Any,
    ) -> Film:
        """A film, from a sentence or a brief file.

        Args:
            brief: as for `quote`.
            id: an id of your own for the campaign. Called again with it, it goes on where it stopped, or answers the film.
            cap_usd: the most that the campaign may ever cost. What is free needs none.
            output: where to copy the film to, its companions beside it; never over an existing file.
            fields: as for `quote`.

        Raises:
            InvalidBrief: as for `quote`.
            BudgetExceeded: the cap does not cover the price, or there is none; nothing was submitted, nothing was paid.
            Cancelled: somebody ended it.
            Conflict: it failed; the message says why. What was kept stays.
        """
        return await self.wait(await self.start(brief, id=id, cap_usd=cap_usd, **fields), output=output)

    async def start(
        self,
        brief: str | Path,
        *,
        id: str = "",  # noqa: A002 - as above
        cap_usd: Decimal | str | int | None = None,
        **fields: Any,
    ) -> CampaignId:
        """As `make`, without waiting for it: the id of the campaign.

        Raises:
            InvalidBrief, BudgetExceeded: as for `make`.
        """
        order = read_brief(brief, fields)
        cap = order.cap_micro_usd if cap_usd is None else _cap(cap_usd)
        await self._refuse_unpaid(order, cap, id)
        campaign = await self._house.campaigns.create(order, cap, wanted=id)
        newest = await self._house.productions.newest(campaign)
        if newest is None or newest.state in _OVER:
            wish = Order(campaign, asked=order.providers, cap_micro_usd=cap)
            await self._house.orders.place(wish, Ticket(OWNER, new_id("order"), campaign))
        else:
            if cap is not None:
                await self._house.budgets.set_cap(campaign, cap)
            await self._house.productions.resume(campaign)
        return campaign

    async def wait(self, campaign: str, *, output: str | Path | None = None) -> Film:
        """The campaign's film, when it is finished.

        Raises:
            NotFound: there is no such campaign.
            Cancelled, Conflict: as for `make`.
        """
        async for _ in self.events(campaign):
            pass
        run = await self._run(campaign)
        if run.state is ProductionState.CANCELLED:
            msg = f"No film: the production of {campaign} was cancelled."
            raise Cancelled(msg)
        films = [film for film in await self._house.films.of_campaign(CampaignId(campaign)) if film.assets]
        if run.state is ProductionState.FAILED or not films:
            msg = f"No film: {run.error.rstrip('.') or 'it failed'}. What was kept stays: make it again under the id {campaign}."
            raise Conflict(msg)
        return await self._film(films[-1], output)

    async def status(self, campaign: str) -> Status:
        """How far it is.

        Raises:
            NotFound: there is no such campaign, or nothing was started for it.
        """
        run = await self._run(campaign)
        return Status(CampaignId(campaign), run.state, await self._house.events.progress(run), run.error)

    async def takes(self, campaign: str) -> list[Take]:
        """Every attempt at every shot, oldest first, with its price and what became of it.

        Raises:
            NotFound: there is no such campaign.
        """
        return list((await self._house.campaigns.overview(CampaignId(campaign))).takes)

    async def costs(self, campaign: str) -> Costs:
        """What it has cost, and may cost.

        Raises:
            NotFound: there is no such campaign.
        """
        balance = (await self._house.campaigns.overview(CampaignId(campaign))).balance
        cap = None if balance.cap is None else _dollars(balance.cap)
        return Costs(cap, _dollars(balance.reserved), _dollars(balance.charged))

    async def events(self, campaign: str, *, after: int = 0) -> AsyncGenerator[Event]:
        """What happens, as it happens, each fact once and in its order, until the production has ended.

        Args:
            campaign: which one.
            after: the number of the last event that you know.

        Raises:
            NotFound: there is no such campaign, or nothing was started for it.
        """
        while True:
            is_ended = (await self._run(campaign)).state.is_ended  # before the look, so that what it did last is told
            told = await self._house.campaigns.events_after(CampaignId(campaign), after)
            for event in told:
                yield event
            if is_ended and not told:
                return
            after = told[-1].number if told else after
            await asyncio.sleep(0 if told else _LOOK)

    async def cancel(self, campaign: str) -> None:
        """Ends the campaign's production. What is paid for is kept; what was not submitted is not paid.

        Raises:
            Conflict: nothing runs.
            NotFound: there is no such campaign.
        """
        await self._house.productions.cancel(CampaignId(campaign))

    @property
    def _house(self) -> House:
        if self._opened is None:
            msg = "The studio is closed: use it inside of `async with Studio() as studio:`."
            raise InvalidInput(msg)
        return self._opened

    async def _run(self, campaign: str) -> Production:
        run = await self._house.productions.newest(CampaignId(campaign))
        if run is None:
            msg = f"Campaign {campaign!r} has no production."
            raise NotFound(msg)
        return run

    async def _refuse_unpaid(self, order: BriefOrder, cap: int | None, wanted: str) -> None:
        """Before anything is written, where nothing was begun yet; where the order is placed, the cap is looked at once more."""
        if wanted and await self._is_known(wanted):
            return
        price = self._price(order)
        if price > (cap or 0):
            room = "say the most that it may cost with cap_usd" if cap is None else f"the cap is {usd(cap)}"
            msg = f"This film costs about {usd(price)}: {room}. Nothing was submitted, nothing was paid."
            raise BudgetExceeded(msg)

    def _price(self, order: BriefOrder) -> int:
        choice = choose(order.brief, order.providers, self._house.defaults, self._house.catalogue)
        return sum(line.micro_usd for line in self._house.productions.quote(order.brief, choice.models))

    async def _is_known(self, campaign: str) -> bool:
        with suppress(NotFound):
            await self._house.campaigns.get(CampaignId(campaign))
            return True
        return False

    async def _film(self, film: Made, output: str | Path | None) -> Film:
        files: dict[str, Path] = {}
        if output is not None:
            home = await self._house.assets.copy_to(film.assets["film"], Path(output))
            files["film"] = home
            for name, suffix in FILES.items():
                if name != "film" and name in film.assets:
                    files[name] = await self._house.assets.copy_to(film.assets[name], home.with_name(f"{home.stem}{suffix}"))
        cut = film.cut_list
        size = (cut.size.width, cut.size.height)
        return Film(film.id, film.campaign_id, cut.seconds, size, (await self.costs(film.campaign_id)).charged_usd, files)


async def _lead(house: House) -> None:
    """Works on what there is, as long as nobody else does."""
    while True:
        try:
            await house.lead()
        except Exception:  # noqa: BLE001 - the next try may be better
            _log.exception("leading.broke")
        await asyncio.sleep(_ASK_TO_LEAD)


def _dollars(micro_usd: int) -> Decimal:
    return Decimal(micro_usd) / MICRO


def _cap(amount: Decimal | str | int) -> int:
    try:
        return read_cap(str(amount))
    except ValueError as error:
        msg = f"cap_usd: {error}."
        raise InvalidInput(msg) from error
