"""Texts on request: concepts and storyboards, asked for step by step before there is any production.

They go into the draft, beside what is there: a concept that was chosen stays chosen, and shots give way only to who says so, and
are in the history then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypedDict

from reelwright.db import budgets, campaigns, drafts, events, takes
from reelwright.db.documents import dump
from reelwright.db.engine import Database, Session
from reelwright.domain.brief import Brief
from reelwright.domain.budget import month_of, usd, usd_left
from reelwright.domain.campaign import Document
from reelwright.domain.concept import Concept
from reelwright.domain.draft import Draft, section, with_concepts, with_storyboard
from reelwright.domain.event import EventName, under_way
from reelwright.domain.generation import ModelRef
from reelwright.domain.ids import CampaignId
from reelwright.domain.storyboard import Storyboard
from reelwright.errors import BudgetExceeded, ConfigurationError, Conflict, InvalidDraft, InvalidInput
from reelwright.ports import Writer, Written
from reelwright.services.budgets import Budgets
from reelwright.services.catalogue import Catalogue
from reelwright.services.draft_fields import Reading
from reelwright.services.drafts import check_open, settle
from reelwright.services.storyboards import Storyboards

MOST_CONCEPTS = 6
MOST_NOTE = 1000
_CONCEPTS: Literal["concepts"] = "concepts"
_STORYBOARD: Literal["storyboard"] = "storyboard"
_BRIEF = ("name", "brief", "audience", "motion", "sound", "writer", "cap")
_CLIENT = "studio"


class TextOrder(TypedDict):
    """What was asked for, as the durable log holds it."""

    campaign: str
    what: Literal["concepts", "storyboard"]
    count: int
    note: str
    replaces: bool


@dataclass(frozen=True)
class Asked:
    """What was asked for is on its way."""

    id: str
    after: int
    """The number of the event after which everything about it happens."""


@dataclass(frozen=True)
class _Material:
    """What a text is made of."""

    brief: Brief
    concept: Concept | None
    known: tuple[Concept, ...]
    writer: Writer


class Texts:
    """Asks for texts, and writes them into drafts."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        budgets: Budgets,
        storyboards: Storyboards,
        *,
        default: str,
        enqueue: Callable[[Session, str, Mapping[str, object]], None],
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._budgets = budgets
        self._storyboards = storyboards
        self._default = default
        self._enqueue = enqueue
        self._now = now
        self._new_id = new_id

    async def ask_concepts(self, campaign: CampaignId, *, count: int = 3, note: str = "") -> Asked:
        """Asks for more concepts. While some are being written, that is what one is told of.

        Raises:
            BudgetExceeded: a budget does not cover them; nothing is asked.
            CampaignLocked: its production runs.
            ConfigurationError: the writer has no key.
            Conflict: it is in the trash.
            InvalidDraft: the brief is not ready.
            NotFound: there is no such campaign.
        """
        return await self._ask(TextOrder(campaign=campaign, what=_CONCEPTS, count=count, note=note, replaces=False))

    async def ask_storyboard(self, campaign: CampaignId, *, note: str = "", replaces: bool = False) -> Asked:
        """Asks for a storyboard of the selected concept; with `replaces` instead of the shots that there are.

        Raises:
            Conflict: there are shots, and nobody said that they may go.
            InvalidDraft: the brief is not ready, or no concept is selected.
            Others: as for `ask_concepts`.
        """
        return await self._ask(TextOrder(campaign=campaign, what=_STORYBOARD, count=1, note=note, replaces=replaces))

    async def _ask(self, order: TextOrder) -> Asked:
        campaign = CampaignId(order["campaign"])
        if not 1 <= order["count"] <= MOST_CONCEPTS or len(order["note"]) > MOST_NOTE:
            msg = f"1 to {MOST_CONCEPTS} concepts can be asked for at a time, with a note of at most {MOST_NOTE:,} characters."
            raise InvalidInput(msg)

        def ask(session: Session) -> Asked:
            old = drafts.read(session, campaign, for_change=True)
            check_open(old)
            number = events.count(session, campaign) or 0
            if known := under_way(events.of_texts(session, campaign)).get(order["what"]):
                return Asked(known, number)
            if section(old.draft, "shots") and order["what"] == _STORYBOARD and not order["replaces"]:
                msg = "There is a storyboard already: say `replaces` to have another in its place; the old one stays in history."
                raise Conflict(msg)
            material = self._material(session, old, order)
            self._check_price(session, campaign, material.writer.quote_micro_usd)
            text = self._new_id("text")
            events.append(session, campaign, EventName.WRITING_STARTED, self._now(), writing=text, what=order["what"])
            self._enqueue(session, text, order)
            return Asked(text, number)

        return await self._database.write(ask)

    async def write(self, text: str, order: TextOrder) -> None:
        """Writes it into the draft. Called again after a crash it does only what is left.

        Raises:
            BudgetExceeded: a budget does not cover it.
            ConfigurationError: the writer is unknown or has no key.
            InvalidDraft: the brief is not ready any more.
            ProviderError: the writer failed.
        """
        campaign = CampaignId(order["campaign"])

        def look(session: Session) -> _Material | None:
            if text not in under_way(events.of_texts(session, campaign)).values():
                return None
            return self._material(session, drafts.read(session, campaign), order)

        material = await self._database.read(look)
        if material is None:
            return
        if order["what"] == _CONCEPTS:
            await self._write_concepts(text, order, material)
        else:
            await self._write_storyboard(text, order, material)

    async def fail(self, text: str, order: TextOrder, reason: str) -> None:
        """Writes down why it was not written."""
        campaign = CampaignId(order["campaign"])

        def end(session: Session) -> None:
            campaigns.get(session, campaign, for_change=True)
            if text in under_way(events.of_texts(session, campaign)).values():
                facts = {"writing": text, "what": order["what"], "reason": reason}
                events.append(session, campaign, EventName.WRITING_FAILED, self._now(), **facts)

        await self._database.write(end)

    async def _write_concepts(self, text: str, order: TextOrder, material: _Material) -> None:
        writer, known = material.writer, {concept.title for concept in material.known}

        async def ask() -> Written[tuple[Concept, ...]]:
            written = await writer.concepts(_told(material, known), order["count"])
            if writer.quote_micro_usd == 0 and known & {concept.title for concept in written.value}:
                # One that always has the same ideas, and is free, is asked for more of them.
                written = await writer.concepts(_told(material, known), order["count"] + len(known))
            fresh = tuple(concept for concept in written.value if concept.title not in known)
            return replace(written, value=(fresh or written.value)[: order["count"]])

        written = await self._pay(text, order, writer, ask)

        def save(session: Session, old: drafts.Stored) -> Mapping[str, Any]:
            by = {**old.document.written_by, "concepts": written.writer}
            self._replace(session, old, with_concepts(old.draft, written.value), replace(old.document, written_by=by))
            return {"titles": "\n".join(concept.title for concept in written.value)}

        await self._end(text, order, written, EventName.CONCEPTS_WRITTEN, save)

    async def _write_storyboard(self, text: str, order: TextOrder, material: _Material) -> None:
        concept = material.concept or Concept("", "", "", "")
        brief, writer = _told(material, ()), material.writer
        written = await self._pay(text, order, writer, lambda: writer.storyboard(brief, concept))
        letters = await self._storyboards.missing_letters(material.brief, written.value)

        def save(session: Session, old: drafts.Stored) -> Mapping[str, Any]:
            if letters:
                events.append(session, old.campaign, EventName.NOTICE_GIVEN, self._now(), text=letters)
            return self._put_storyboard(session, old, order, written)

        await self._end(text, order, written, EventName.STORYBOARD_WRITTEN, save)

    def _put_storyboard(
        self, session: Session, old: drafts.Stored, order: TextOrder, written: Written[Storyboard]
    ) -> Mapping[str, Any]:
        shots = section(old.draft, "shots")
        taken = {*shots, *(take.shot_id for take in takes.of_campaign(session, old.campaign))}
        draft = with_storyboard(old.draft, written.value, taken)
        entries = section(draft, "shots")
        facts = {"shots": " ".join(entries), "titles": "\n".join(str(entry["title"]) for entry in entries.values())}
        by = {**old.document.written_by, "storyboard": written.writer}
        is_busy = old.status is old.status.GENERATING
        if not is_busy and (order["replaces"] or not shots):
            self._replace(session, old, draft, replace(old.document, written_by=by))
            return facts
        # Somebody has made shots while this was written, and nothing is overwritten that nobody gave away: it goes through the
        # history, from where it can be taken.
        self._replace(session, old, draft, None)
        aside = drafts.read(session, old.campaign)
        self._replace(session, aside, old.draft, None)
        told = f"There were shots already when the storyboard was written: it is version {aside.version} in the draft's history."
        events.append(session, old.campaign, EventName.NOTICE_GIVEN, self._now(), text=told)
        return {**facts, "shots": " ".join(shots), "aside": aside.version}

    def _replace(self, session: Session, old: drafts.Stored, draft: Draft, before: Document | None) -> None:
        """The draft in the place of the old one; the document follows where `before` is given and it can be made."""
        at = self._now()
        columns: dict[str, Any] = {"saved_by": {"user": "", "name": "", "device": "", "client": _CLIENT, "at": at.isoformat()}}
        if before is not None:
            columns["document"] = dump(settle(session, old.user, draft, before).document or before)
        version = drafts.replace_typed(session, old, draft, **columns)
        events.append(session, old.campaign, EventName.DRAFT_UPDATED, at, version=version, client=_CLIENT, by="")
        drafts.sweep(session, old.campaign, version, at)

    async def _pay(self, text: str, order: TextOrder, writer: Writer, ask: Callable[[], Any]) -> Any:
        return await self._budgets.paying(CampaignId(order["campaign"]), text, writer.quote_micro_usd, ask, model=writer.model)

    async def _end(
        self,
        text: str,
        order: TextOrder,
        written: Written[Any],
        event: EventName,
        save: Callable[[Session, drafts.Stored], Mapping[str, Any]],
    ) -> None:
        campaign = CampaignId(order["campaign"])

        def end(session: Session) -> None:
            old = drafts.read(session, campaign, for_change=True)
            if text not in under_way(events.of_texts(session, campaign)).values():
                return
            told = save(session, old)
            facts = {"writing": text, "writer": written.writer, "charged_micro_usd": written.charged_micro_usd, **told}
            events.append(session, campaign, event, self._now(), **facts)
            if written.notice:
                events.append(session, campaign, EventName.NOTICE_GIVEN, self._now(), text=written.notice)

        await self._database.write(end)

    def _material(self, session: Session, old: drafts.Stored, order: TextOrder) -> _Material:
        names = _BRIEF if order["what"] == _CONCEPTS else (*_BRIEF, "concepts", "concept")
        reading = settle(session, old.user, {name: old.draft[name] for name in names if name in old.draft}, old.document)
        document = reading.checked()
        chosen = document.concepts[document.concept] if document.concept is not None else None
        if order["what"] == _STORYBOARD and chosen is None:
            message = "none is selected; a storyboard is written of one concept"
            msg = f"concept: {message}."
            raise InvalidDraft(msg, [("concept", message)])
        brief = replace(document.brief, note=order["note"])
        known = document.concepts if order["what"] == _STORYBOARD else _concepts_in(old.draft)
        return _Material(brief, chosen, known, self._writer(reading, old.document))

    def _writer(self, reading: Reading, document: Document) -> Writer:
        agreed = document.models.text if document.models else ModelRef(self._default)
        try:
            return self._catalogue.writer(ModelRef(reading.providers.text or agreed))
        except ConfigurationError as error:
            if not reading.providers.text:
                raise
            msg = f"writer: {error.message}"
            raise InvalidDraft(msg, [("writer", error.message.rstrip("."))]) from error

    def _check_price(self, session: Session, campaign: CampaignId, price: int) -> None:
        """Refuses at once what could not be paid; it is held when it is written."""
        if not price:
            return
        found = [budgets.of_campaign(session, campaign), budgets.of_month(session, month_of(self._now()))]
        for budget in found:
            if budget.month and budget.balance.cap is None:
                continue
            if not budget.balance.covers(price):
                whose = f"the studio's budget for {budget.month}" if budget.month else "the campaign's `cap`"
                msg = f"Writing may cost {usd(price)}, and {whose} leaves {usd_left(budget.balance.left)}."
                raise BudgetExceeded(msg)


def _concepts_in(draft: Draft) -> tuple[Concept, ...]:
    """The concepts that are there, finished or not; only their titles are of interest."""
    entries = section(draft, "concepts")
    return tuple(Concept(str(section(entries, key).get("title", "")), "", "", "") for key in entries)


def _told(material: _Material, known: set[str] | tuple[()]) -> Brief:
    """The brief with what was said beside it, and with what is there already."""
    others = f"Clearly other ideas than these: {'; '.join(sorted(filter(None, known)))}." if any(known) else ""
    return replace(material.brief, note=" ".join(filter(None, (material.brief.note, others))))
