"""Campaigns: a brief with its pictures becomes a campaign, and what there is to know about it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from reelwright.db import budgets, campaigns, drafts, events, films, listing, productions, takes
from reelwright.db.engine import Database, IntegrityError, Session
from reelwright.db.listing import Summary
from reelwright.domain.asset import AssetKind
from reelwright.domain.brief import Brief
from reelwright.domain.budget import Balance
from reelwright.domain.campaign import ID_PATTERN, Campaign, CampaignStatus, Document
from reelwright.domain.draft import Draft, merge_patch, name_of
from reelwright.domain.event import Event, EventName
from reelwright.domain.film import Film
from reelwright.domain.ids import OWNER, AssetId, CampaignId, UserId
from reelwright.domain.production import Models, Production
from reelwright.domain.take import Take
from reelwright.errors import CampaignLocked, Conflict, InvalidInput
from reelwright.media.workers import Workers
from reelwright.services.assets import Assets, Purpose
from reelwright.services.briefs import BriefOrder, read_picture
from reelwright.services.draft_fields import cap_in
from reelwright.services.drafts import settle


@dataclass(frozen=True)
class Overview:
    """Everything about one campaign at one moment."""

    campaign: Campaign
    production: Production | None
    """The newest run."""
    takes: tuple[Take, ...]
    films: tuple[Film, ...]
    balance: Balance
    events: tuple[Event, ...]


_EMPTY = Document(Brief(product="", name=""))


class Campaigns:
    """Makes campaigns and tells about them."""

    def __init__(
        self,
        database: Database,
        assets: Assets,
        workers: Workers,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._database = database
        self._assets = assets
        self._workers = workers
        self._now = now
        self._new_id = new_id

    async def create(
        self,
        order: BriefOrder,
        cap_micro_usd: int | None,
        *,
        wanted: str = "",
        models: Models | None = None,
        user: UserId = OWNER,
    ) -> CampaignId:
        """Writes a campaign with the brief; its pictures are verified first, and stored with it.

        Args:
            order: the brief with its pictures.
            cap_micro_usd: the most that it may ever cost.
            wanted: an id of the caller's own; the campaign that has it already is answered as it is.
            models: who makes what, where that is settled.
            user: whose it is.

        Raises:
            InvalidInput: the wanted id is none.
            InvalidBrief: a picture is none; nothing is written.
            StorageError: the store does not take the pictures; nothing is written but the empty campaign.
        """
        _check_id(wanted)
        known = await self._database.read(lambda session: campaigns.find(session, CampaignId(wanted))) if wanted else None
        if known is not None and (known.version > 1 or not (order.pictures or order.logo)):
            return known.id
        files = [(f"pictures[{n}]", path) for n, path in enumerate(order.pictures, 1)]
        files += [("logo", order.logo)] if order.logo else []
        contents = [(field, *await read_picture(self._workers, path, field)) for field, path in files]
        campaign = known or Campaign(
            id=CampaignId(wanted or self._new_id("campaign")),
            user_id=user,
            status=CampaignStatus.DRAFT,
            version=1,
            document=Document(brief=order.brief, models=models),
            created_at=self._now(),
            cap_micro_usd=cap_micro_usd,
        )

        def write(session: Session) -> None:
            campaigns.insert(session, campaign)
            events.append(session, campaign.id, EventName.CAMPAIGN_CREATED, self._now(), name=order.brief.name)

        if known is None:
            await self._database.write(write)
        if contents:
            await self._attach(campaign, contents)
        return campaign.id

    async def begin(self, draft: Draft, *, user: UserId, wanted: str = "", is_whole: bool = False) -> tuple[Campaign, bool]:
        """A campaign with that draft, complete or not, and whether it is new.

        Args:
            draft: what was typed so far.
            user: whose it is.
            wanted: an id of the caller's own; their campaign that has it already is answered as it is.
            is_whole: refuse a draft that is no film yet.

        Raises:
            Conflict: the wanted id cannot be had.
            InvalidDraft: something is wrong with a draft that should be whole.
            InvalidInput: the wanted id is none.
        """
        _check_id(wanted)
        identity = CampaignId(wanted or self._new_id("campaign"))

        def write(session: Session) -> tuple[Campaign, bool]:
            known = campaigns.find(session, identity)
            if known is not None:
                return known, False
            begun = cast("Draft", merge_patch({}, draft))  # without `null`, which no draft has
            reading = settle(session, user, begun, _EMPTY)
            document = reading.checked() if is_whole else reading.document or _EMPTY
            made = Campaign(identity, user, CampaignStatus.DRAFT, 1, document, self._now(), cap_in(begun), name_of(begun))
            self._insert(session, made, begun)
            return made, True

        return await self._insert_once(write, user)

    async def duplicate(self, campaign: CampaignId, *, user: UserId, name: str = "", wanted: str = "") -> tuple[Campaign, bool]:
        """A new campaign with the same draft: brief, concepts and storyboard. Takes and films stay with the old one.

        Raises:
            Conflict: the wanted id cannot be had.
            InvalidInput: the wanted id is none.
            NotFound: there is no such campaign.
        """
        _check_id(wanted)
        identity = CampaignId(wanted or self._new_id("campaign"))

        def write(session: Session) -> tuple[Campaign, bool]:
            known = campaigns.find(session, identity)
            if known is not None:
                return known, False
            old = drafts.read(session, campaign)
            draft = {**old.draft, "name": name or f"{name_of(old.draft)} (copy)"}
            document = replace(old.document, models=None)
            made = Campaign(identity, user, CampaignStatus.DRAFT, 1, document, self._now(), old.cap_micro_usd, name_of(draft))
            self._insert(session, made, draft)
            return made, True

        return await self._insert_once(write, user)

    def _insert(self, session: Session, campaign: Campaign, draft: Draft) -> None:
        campaigns.insert(session, campaign, draft)
        events.append(session, campaign.id, EventName.CAMPAIGN_CREATED, self._now(), name=name_of(draft))

    async def _insert_once(self, write: Callable[[Session], tuple[Campaign, bool]], user: UserId) -> tuple[Campaign, bool]:
        try:
            found = await self._database.write(write)
        except IntegrityError:
            # Somebody was faster. Where it was somebody else, the fence does not show whose it is, and nobody tells.
            found = None
            with suppress(IntegrityError):
                found = await self._database.write(write)
        if found is None or found[0].user_id != user:
            msg = "That id cannot be had; choose another, or send none and one is made."
            raise Conflict(msg)
        return found

    async def put_in_trash(self, campaign: CampaignId) -> None:
        """Takes it out of all lists. Nothing is removed; done again it changes nothing.

        Raises:
            CampaignLocked: its production runs.
            NotFound: there is no such campaign.
        """

        def change(session: Session) -> None:
            old = drafts.read(session, campaign, for_change=True)
            if old.is_trashed:
                return
            if old.status is CampaignStatus.GENERATING:
                msg = "Its film is being made: cancel the production first, then throw the campaign away."
                raise CampaignLocked(msg)
            at = self._now()
            events.append(session, campaign, EventName.CAMPAIGN_TRASHED, at)
            campaigns.set_trashed(session, campaign, at)

        await self._database.write(change)

    async def take_from_trash(self, campaign: CampaignId) -> None:
        """Puts it back into the lists, as it was. Done again it changes nothing.

        Raises:
            NotFound: there is no such campaign.
        """

        def change(session: Session) -> None:
            if drafts.read(session, campaign, for_change=True).is_trashed:
                events.append(session, campaign, EventName.CAMPAIGN_RESTORED, self._now())
                campaigns.set_trashed(session, campaign, None)

        await self._database.write(change)

    async def _attach(self, campaign: Campaign, contents: list[tuple[str, bytes, str]]) -> None:
        stored: dict[str, AssetId] = {}
        for field, content, _ in contents:
            purpose = Purpose(
                user=campaign.user_id,
                campaign=campaign.id,
                kind=AssetKind.UPLOAD,
                name=field.replace("[", "-").removesuffix("]"),
                maker=f"{campaign.id}/{field}",
                provenance={"field": field},
            )
            stored[field] = (await self._assets.adopt(await self._assets.keep_bytes(content, purpose))).id
        pictures = tuple(asset for field, asset in stored.items() if field != "logo")
        brief = replace(campaign.document.brief, pictures=pictures, logo=stored.get("logo"))
        document = replace(campaign.document, brief=brief)
        await self._database.write(lambda session: campaigns.save(session, campaign.id, document, campaign.version))

    async def get(self, campaign: CampaignId) -> Campaign:
        """The campaign.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda session: campaigns.get(session, campaign))

    async def page(self, *, before: str = "", limit: int = 50, user: UserId = OWNER) -> list[Summary]:
        """The user's campaigns, newest first."""
        return await self._database.read(lambda session: listing.page(session, user, before=before, limit=limit))

    async def overview(self, campaign: CampaignId) -> Overview:
        """All there is, read in one transaction.

        Raises:
            NotFound: there is no such campaign.
        """

        def look(session: Session) -> Overview:
            return Overview(
                campaign=campaigns.get(session, campaign),
                production=productions.newest(session, campaign),
                takes=tuple(takes.of_campaign(session, campaign)),
                films=tuple(films.of_campaign(session, campaign)),
                balance=budgets.balance(session, campaign),
                events=tuple(_all_events(session, campaign)),
            )

        return await self._database.read(look)

    async def unsettled(self, campaign: CampaignId) -> int:
        """How many of its takes are at their provider, or on their way home from there."""
        return await self._database.read(lambda session: takes.count_unsettled(session, campaign))

    async def events_after(self, campaign: CampaignId, number: int) -> list[Event]:
        """What happened after the event with that number, oldest first, at most a thousand."""
        return await self._database.read(lambda session: events.after(session, campaign, number))


def _check_id(wanted: str) -> None:
    if wanted and not ID_PATTERN.match(wanted):
        msg = f"{wanted!r} cannot be an id: 1 to 64 letters, digits, - and _, the first a letter or a digit."
        raise InvalidInput(msg)


def _all_events(session: Session, campaign: CampaignId) -> list[Event]:
    found: list[Event] = []
    while more := events.after(session, campaign, found[-1].number if found else 0):
        found += more
    return found
