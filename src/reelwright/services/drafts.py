"""Drafts: every keystroke that arrives is kept, and nobody's is overwritten by somebody who has not seen it.

A save names the version that it saw, and is one transaction: the new draft, the document that is made of it where it can be made,
the draft that was there before, and the event. What is wrong with a draft refuses no save; it is told to who asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from pydantic_core import to_json

from reelwright.db import campaigns, drafts, events, takes
from reelwright.db.documents import dump
from reelwright.db.engine import Database, Session
from reelwright.domain.budget import decimal_usd
from reelwright.domain.campaign import CampaignStatus, Document
from reelwright.domain.draft import MOST_BYTES, MOST_DEPTH, Draft, depth_of, merge_patch, section
from reelwright.domain.event import EventName
from reelwright.domain.generation import Kind
from reelwright.domain.ids import CampaignId, ShotId, TakeId, UserId
from reelwright.domain.take import Take, TakeState
from reelwright.errors import CampaignLocked, Conflict, InvalidInput, TooLarge, VersionConflict, VersionMissing
from reelwright.services.draft_fields import Reading, cap_in, compile_draft, pictures_of
from reelwright.services.selections import choose


@dataclass(frozen=True)
class Editor:
    """Who saves, and from where."""

    user: str
    """The id of the person."""
    name: str = ""
    device: str = ""
    """In words, such as `iPad`."""
    client: str = ""
    """The tab or the program, under a name that it gave itself."""

    def at(self, moment: datetime) -> dict[str, Any]:
        """As it is written down."""
        return {"user": self.user, "name": self.name, "device": self.device, "client": self.client, "at": moment.isoformat()}


@dataclass(frozen=True)
class Current:
    """A draft with its version."""

    version: int
    doc: Draft
    saved_by: Mapping[str, Any] | None
    """None for one that nobody has edited yet."""
    saved_at: datetime

    def document(self) -> dict[str, object]:
        """As one is told who has to merge."""
        return {
            "version": self.version,
            "doc": self.doc,
            "updated_at": self.saved_at.isoformat(),
            "updated_by": {name: value for name, value in (self.saved_by or {}).items() if name != "at"} or None,
        }


class Drafts:
    """Reads and saves drafts."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def get(self, campaign: CampaignId) -> Current:
        """The draft as it stands. Of a campaign that nobody has edited it is what somebody would have typed to get it.

        Raises:
            NotFound: there is no such campaign.
        """
        return await self._database.read(lambda session: _current(session, drafts.read(session, campaign)))

    async def patch(self, campaign: CampaignId, patch: object, *, version: int | None, by: Editor) -> Current:
        """Saves a merge patch of the draft that has `version`.

        A patch that changes nothing makes no new version. That holds for an older version as well: who lost the answer to a save
        and sends it again is told that it stands, and gets what else was saved since.

        Raises:
            CampaignLocked: its production runs.
            Conflict: it is in the trash.
            InvalidInput: the patch is no object, or nested too deeply.
            NotFound: there is no such campaign.
            TooLarge: the draft would be too large.
            VersionConflict: somebody saved in between; carries what.
            VersionMissing: no version was named.
        """
        change, wanted = _split(checked_patch(patch))

        def save(session: Session) -> Current:
            old = drafts.read(session, campaign, for_change=True)
            base = _shown(old)
            doc = cast("Draft", merge_patch(base, change))
            others = _other_takes(session, campaign, wanted)
            self._check(session, old, version, is_same=doc == base and not others)
            for take in others:
                choose(session, take, self._now())
            old = drafts.read(session, campaign) if others else old
            return _current(session, self._save(session, old, doc, by) if doc != base else old)

        return await self._database.write(save)

    async def restore(self, campaign: CampaignId, number: int, *, version: int | None, by: Editor) -> Current:
        """Makes an earlier draft the newest; what the campaign may cost stays as it is.

        Raises:
            NotFound: there is no such campaign, or it has no such draft any more.
            Conflict: as for `patch`, and the others there.
        """

        def save(session: Session) -> Current:
            old = drafts.read(session, campaign, for_change=True)
            base = _shown(old)
            then = drafts.version(session, campaign, number).draft
            doc = {name: value for name, value in (then | {"cap": base.get("cap")}).items() if value is not None}
            self._check(session, old, version, is_same=doc == base)
            return _current(session, self._save(session, old, doc, by) if doc != base else old)

        return await self._database.write(save)

    async def rename(self, campaign: CampaignId, name: str, *, by: Editor) -> Current:
        """Gives the campaign another name, whatever its version and also while its film is being made: no film depends on it.

        Raises:
            NotFound: there is no such campaign.
        """

        def save(session: Session) -> Current:
            old = drafts.read(session, campaign, for_change=True)
            doc = {**_shown(old), "name": name}
            return _current(session, self._put(session, old, doc, by) if doc != _shown(old) else old)

        return await self._database.write(save)

    async def versions(self, campaign: CampaignId, *, before: int | None = None, limit: int = 50) -> list[drafts.Version]:
        """Earlier drafts, newest first, without what they say.

        Raises:
            NotFound: there is no such campaign.
        """

        def look(session: Session) -> list[drafts.Version]:
            campaigns.get(session, campaign)
            return drafts.versions(session, campaign, before=before, limit=limit)

        return await self._database.read(look)

    async def version(self, campaign: CampaignId, number: int) -> drafts.Version:
        """An earlier draft.

        Raises:
            NotFound: there is no such campaign, or it has no such draft any more.
        """

        def look(session: Session) -> drafts.Version:
            campaigns.get(session, campaign)
            return drafts.version(session, campaign, number)

        return await self._database.read(look)

    async def reading(self, campaign: CampaignId) -> Reading:
        """What the draft says, and everything that is still wrong with it.

        Raises:
            NotFound: there is no such campaign.
        """
        return await self._database.read(lambda session: read_draft(session, campaign))

    def _check(self, session: Session, old: drafts.Stored, version: int | None, *, is_same: bool) -> None:
        if version is None:
            msg = "Say which version of the draft you have seen: `If-Match` with the `ETag` of it."
            raise VersionMissing(msg)
        check_open(old)
        if old.version != version and not is_same:
            msg = f"The draft has version {old.version} by now, and you have seen {version}: merge your changes into that one."
            raise VersionConflict(msg, _current(session, old).document())

    def _save(self, session: Session, old: drafts.Stored, doc: Draft, by: Editor) -> drafts.Stored:
        columns: dict[str, Any] = {}
        document = settle(session, old.user, doc, old.document).document
        if document is not None and document != old.document:
            columns["document"] = dump(document)
        cap = cap_in(doc)
        if cap != old.cap_micro_usd and (cap is not None or doc.get("cap", "") == ""):
            columns["cap_micro_usd"] = cap
        return self._put(session, old, doc, by, **columns)

    def _put(self, session: Session, old: drafts.Stored, doc: Draft, by: Editor, **columns: Any) -> drafts.Stored:
        """Writes it down, and returns what is there then."""
        _check_size(doc)
        at = self._now()
        saved_by = by.at(at)
        number = old.event_count + 1
        counted = {"event_count": number, "updated_at": at, "expires_at": None}
        version = drafts.replace_typed(session, old, doc, saved_by=saved_by, **counted, **columns)
        facts = {"version": version, "client": by.client, "by": by.name}
        events.write(session, old.campaign, number, EventName.DRAFT_UPDATED, at, facts)
        drafts.sweep(session, old.campaign, version, at)
        cap = columns.get("cap_micro_usd", old.cap_micro_usd)
        return replace(old, version=version, draft=doc, is_typed=True, cap_micro_usd=cap, saved_by=saved_by, saved_at=at)


def read_draft(session: Session, campaign: CampaignId) -> Reading:
    """What the campaign's draft says, in the caller's transaction; `checked()` of it is what a film may be made of.

    Raises:
        NotFound: there is no such campaign.
    """
    old = drafts.read(session, campaign)
    if not old.is_typed:
        return Reading(old.document, cap_micro_usd=old.cap_micro_usd)
    return settle(session, old.user, _shown(old), old.document)


def settle(session: Session, user: UserId, doc: Draft, before: Document) -> Reading:
    """What the draft says, with its pictures looked up: each must be one of that person's."""
    reading = compile_draft(doc, before)
    if reading.document is None:
        return reading
    named = pictures_of(reading.document)
    unknown = named - drafts.usable(session, user, named) if named else named
    if not unknown:
        return reading
    wrong = tuple(("pictures", f"there is no picture {each!r}") for each in sorted(unknown))
    return Reading(None, wrong, reading.providers, reading.cap_micro_usd)


def check_open(old: drafts.Stored) -> None:
    """Refuses what would change a draft that must stay as it is.

    Raises:
        CampaignLocked: its production runs.
        Conflict: it is in the trash.
    """
    if old.is_trashed:
        msg = f"Campaign {old.campaign} is in the trash: restore it first."
        raise Conflict(msg)
    if old.status is CampaignStatus.GENERATING:
        msg = "Its film is being made, so the draft stays as it is until that has ended: edit a copy, or cancel the production."
        raise CampaignLocked(msg)


def checked_patch(patch: object) -> dict[str, object]:
    """The patch in a form that every database and every client can hold.

    Raises:
        InvalidInput: it is no object, is nested too deeply, or holds a number that is none.
    """
    if not isinstance(patch, dict):
        msg = "body: a merge patch of a draft is a JSON object."
        raise InvalidInput(msg)
    if depth_of(cast("object", patch)) > MOST_DEPTH:
        msg = f"body: objects and lists lie more than {MOST_DEPTH} deep in each other."
        raise InvalidInput(msg)
    try:
        text = json.dumps(patch, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        msg = "body: holds a number that JSON does not have, or one with thousands of digits."
        raise InvalidInput(msg) from error
    # Half of a surrogate pair is what a browser sends when a text was cut within an emoji: no database takes it.
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return cast("dict[str, object]", patch if whole == text else json.loads(whole))


def _check_size(doc: Draft) -> None:
    size = len(to_json(doc))
    if size > MOST_BYTES:
        msg = f"The draft would have {size:,} bytes; at most {MOST_BYTES:,} are kept. Shorten its texts, or remove shots."
        raise TooLarge(msg)


def _shown(old: drafts.Stored) -> Draft:
    """The draft with the cap that holds, unless what was typed there is no amount yet."""
    typed = old.draft.get("cap", "")
    cap = cap_in(old.draft)
    if cap == old.cap_micro_usd or (cap is None and typed != ""):
        return old.draft
    without = {name: value for name, value in old.draft.items() if name != "cap"}
    return without if old.cap_micro_usd is None else {**without, "cap": decimal_usd(old.cap_micro_usd)}


def _current(session: Session, old: drafts.Stored) -> Current:
    """The draft with the takes that are used: these stand in a table of their own, because no save may undo a choice."""
    doc = _shown(old)
    shots = section(doc, "shots")
    used: dict[str, dict[str, str]] = {}
    if shots:
        for (shot, kind), take in drafts.used_takes(session, old.campaign).items():
            used.setdefault(shot, {})[kind] = take
    if used:
        doc = {
            **doc,
            "shots": {key: {**section(shots, key), "selected": used[key]} if key in used else shots[key] for key in shots},
        }
    return Current(old.version, doc, old.saved_by, old.saved_at)


Wanted = dict[tuple[ShotId, Kind], TakeId]
"""Takes that a person wants, by shot and kind."""


def _split(patch: dict[str, object]) -> tuple[dict[str, object], Wanted]:
    """The patch without the choices of takes in it, and those."""
    shots = patch.get("shots")
    if not isinstance(shots, dict):
        return patch, {}
    wanted: Wanted = {}
    rest: dict[str, object] = {}
    for shot, entry in cast("dict[str, object]", shots).items():
        if not isinstance(entry, dict):
            rest[shot] = entry
            continue
        fields = cast("dict[str, object]", entry)
        selected = fields.get("selected")
        for kind, take in cast("dict[str, object]", selected).items() if isinstance(selected, dict) else ():
            if kind in set(Kind) and isinstance(take, str):
                wanted[ShotId(shot), Kind(kind)] = TakeId(take)
        others = {name: value for name, value in fields.items() if name != "selected"}
        if others or "selected" not in fields:
            rest[shot] = others
    without = {name: value for name, value in patch.items() if name != "shots"}
    return ({**without, "shots": rest} if rest or not shots else without), wanted


def _other_takes(session: Session, campaign: CampaignId, wanted: Wanted) -> list[Take]:
    """Those of the wanted takes that can be used and are not used now; what cannot be is left out, and the answer shows it."""
    if not wanted:
        return []
    used = set(drafts.used_takes(session, campaign).values())
    known = {take.id: take for take in takes.of_campaign(session, campaign) if take.state is TakeState.KEPT}
    found = {key: known[each] for key, each in wanted.items() if each in known and each not in used}
    return [take for key, take in found.items() if (take.shot_id, take.kind) == key]
