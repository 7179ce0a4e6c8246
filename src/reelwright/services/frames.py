"""Frames as older clients know them: numbered pictures with texts. Here each is a shot, and its picture the shot's chosen frame.

What a client said stands with its shot in the draft, as it was said; the picture is an asset, and its address is never kept.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from reelwright.db import campaigns, drafts, frames, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.brief import SECONDS_ALLOWED, SHORTEST_SHOT, SHOTS_ALLOWED
from reelwright.domain.campaign import ID_PATTERN
from reelwright.domain.draft import Draft, in_order, section
from reelwright.domain.generation import Kind
from reelwright.domain.ids import AssetId, CampaignId, ShotId, UserId
from reelwright.errors import Conflict, InvalidInput, NotFound, ReelwrightError, VersionConflict
from reelwright.services.campaigns import Campaigns
from reelwright.services.drafts import Drafts, Editor
from reelwright.services.fetches import Fetches, Wish, is_inline, without_pictures
from reelwright.services.own_takes import OwnTakes

FrameId = int | str
_NAMELESS = "Frames"
"""What a campaign is about whose client has not said it."""
_USUAL = 5
"""Seconds of a shot whose client has not said how long it is."""
_MOST_TEXT, _MOST_PRODUCT, _MOST_LINE = 5000, 2000, 500
"""Characters that a shot, the product and a line of the brief may have; all that was said stands beside them."""
_FETCHES = 4
"""So many pictures are fetched at once."""
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:\.\d{1,3})?)")
_IN_KEY = re.compile(r"/([A-Za-z0-9][A-Za-z0-9_-]{0,63})/reference-frames/")
_TEXTS = ("timestamp", "description", "prompt", "scene_story", "full_story")


@dataclass(frozen=True)
class Sent:
    """A frame as a client sends it. None is what it does not say, and changes nothing."""

    id: FrameId
    url: str = ""
    timestamp: str | None = None
    description: str | None = None
    prompt: str | None = None
    scene_story: str | None = None
    full_story: str | None = None


@dataclass(frozen=True)
class About:
    """What a client says of all its frames together."""

    prompt: str = ""
    seconds: float | None = None
    count: int | None = None
    style: str = ""
    mood: str = ""


@dataclass(frozen=True)
class Frame:
    """A frame as it is kept."""

    id: FrameId
    shot: ShotId
    asset: Asset | None
    timestamp: str
    description: str
    prompt: str
    scene_story: str = ""
    full_story: str = ""


@dataclass(frozen=True)
class Saved:
    """What became of frames that were sent."""

    campaign: CampaignId
    count: int
    warnings: tuple[str, ...] = ()


@dataclass
class _Pictures:
    """The pictures of the frames that are being saved."""

    assets: dict[FrameId, AssetId] = field(default_factory=dict[FrameId, AssetId])
    warnings: list[str] = field(default_factory=list[str])


class Frames:
    """Takes frames, and shows them."""

    def __init__(self, database: Database, campaigns: Campaigns, drafts: Drafts, own_takes: OwnTakes, fetches: Fetches) -> None:
        self._database = database
        self._campaigns = campaigns
        self._drafts = drafts
        self._own_takes = own_takes
        self._fetches = fetches

    async def home(self, user: UserId, wanted: str = "", urls: Sequence[str] = (), origins: Collection[str] = ()) -> CampaignId:
        """The campaign that work belongs to; it comes into being when its id is first used.

        Args:
            user: whose it is.
            wanted: the id that the client brings.
            urls: addresses, of which the first that names a campaign of the user's decides where the client brings none.
            origins: where this studio can be reached.

        Raises:
            InvalidInput: the id is none.
            NotFound: it is somebody else's.
        """
        identity = wanted or await self._named_by(urls, origins)
        try:
            made, _ = await self._campaigns.begin({"step": 1}, user=user, wanted=identity)
        except Conflict as error:
            if not wanted:
                return (await self._campaigns.begin({"step": 1}, user=user))[0].id
            msg = f"There is no campaign {wanted!r}."
            raise NotFound(msg) from error
        return made.id

    async def _named_by(self, urls: Sequence[str], origins: Collection[str]) -> str:
        for url in urls:
            if not url or is_inline(url):
                continue
            with suppress(NotFound):
                if asset := await self._fetches.own(url, origins):
                    return asset.campaign_id
            if match := _IN_KEY.search(url):
                return match[1]
        return ""

    async def put_picture(self, campaign: CampaignId, frame: FrameId, asset: Asset, by: Editor) -> None:
        """Makes the picture that of the frame, which comes into being with it. Done again it changes nothing.

        While a film is being made, or in the trash, the draft stays as it is: the picture is a take of the shot that there is.
        """
        shot = shot_of_frame(frame)

        def patch(draft: Draft) -> dict[str, Any]:
            known = section(section(draft, "shots"), shot)
            picture = {"id": frame, "image": asset.id}
            fields = {} if known else _fields(draft, frame, _USUAL, {})
            return {**_brief(draft, About()), "shots": {shot: {**fields, "frame": picture}}}

        with suppress(Conflict):
            await self._patch(campaign, patch, by)
        with suppress(Conflict, NotFound):  # the draft is none of a film yet: the picture stands in it, and is used then
            await self._own_takes.add(campaign, shot, Kind.FRAME, asset.id)

    async def save(
        self, campaign: CampaignId, sent: Sequence[Sent], about: About, by: Editor, origins: Collection[str] = ()
    ) -> Saved:
        """Saves frames: their pictures for good first, then their texts, which replace those that were there.

        Raises:
            CampaignLocked: a film is being made of them.
            InvalidInput: two have the same id, or one has none that a shot can have.
            NotFound: there is no such campaign.
        """
        shots = [shot_of_frame(frame.id) for frame in sent]
        if len(set(shots)) != len(shots):
            msg = "frames: two of them have the same id."
            raise InvalidInput(msg)
        kept = await self._keep_pictures(campaign, sent, origins)
        lengths = _lengths(sent, about)

        def patch(draft: Draft) -> dict[str, Any]:
            entries = {
                shot: _entry(draft, frame, length, kept.assets.get(frame.id))
                for shot, frame, length in zip(shots, sent, lengths, strict=True)
            }
            return {**_brief(draft, about), "shots": entries}

        if sent:
            await self._patch(campaign, patch, by)
        for shot, frame in zip(shots, sent, strict=True):
            if frame.id in kept.assets:
                with suppress(Conflict, NotFound):
                    await self._own_takes.add(campaign, shot, Kind.FRAME, kept.assets[frame.id])
        reading = await self._drafts.reading(campaign)
        found = reading.wrong if sent else ()
        wrong = [f"No film can be made of them yet: {path}: {told}." for path, told in found]
        return Saved(campaign, len(sent), (*kept.warnings, *wrong))

    async def _keep_pictures(self, campaign: CampaignId, sent: Sequence[Sent], origins: Collection[str]) -> _Pictures:
        pictures, places = _Pictures(), asyncio.Semaphore(_FETCHES)

        async def keep(frame: Sent) -> None:
            name = shot_of_frame(frame.id)
            wish = Wish(campaign, AssetKind.FRAME, "image", name, origins)
            try:
                async with places:
                    is_ours = not is_inline(frame.url) and await self._fetches.own(frame.url, origins) is not None
                    asset = await self._fetches.keep(frame.url, wish)
                if not asset.media_type.startswith("image/"):
                    msg = f"{asset.file_name} is no picture."
                    raise InvalidInput(msg)
            except ReelwrightError as error:
                pictures.warnings.append(f"Frame {frame.id} was saved without its picture: {error.message}")
                return
            pictures.assets[frame.id] = asset.id
            if not is_ours:
                pictures.warnings.append(f"Frame {frame.id} came with a temporary address; its picture was kept for good.")
            if asset.is_spooled:
                pictures.warnings.append(f"The picture of frame {frame.id} moves to the storage as soon as that answers.")

        await asyncio.gather(*(keep(frame) for frame in sent if frame.url))
        pictures.warnings.sort()
        return pictures

    async def _patch(self, campaign: CampaignId, patch: Any, by: Editor) -> None:
        """Saves what `patch` makes of the draft, however often somebody else is faster."""
        while True:
            current = await self._drafts.get(campaign)
            with suppress(VersionConflict):
                await self._drafts.patch(campaign, patch(current.doc), version=current.version, by=by)
                return

    async def of_campaign(self, campaign: CampaignId) -> list[Frame]:
        """The campaign's frames in their order, those without a picture among them.

        Raises:
            NotFound: there is no such campaign.
        """

        def look(session: Session) -> tuple[Draft, dict[ShotId, AssetId]]:
            campaigns.get(session, campaign)
            chosen = {
                shot: take.asset_id
                for (shot, kind), take in takes.selected(session, campaign).items()
                if kind is Kind.FRAME and take.asset_id is not None
            }
            return drafts.read(session, campaign).draft, chosen

        draft, chosen = await self._database.read(look)
        found: list[Frame] = []
        start = 0.0
        for number, (key, entry) in enumerate(in_order(draft, "shots"), 1):
            said = section(entry, "frame")
            identity = chosen.get(ShotId(key)) or said.get("image")
            asset = None
            if isinstance(identity, str):
                with suppress(NotFound):
                    asset = await self._fetches.own(f"/media/{identity}")
            found.append(_frame(key, entry, {"id": number, "timestamp": _clock(start), **said}, asset))
            seconds = entry.get("seconds")
            start += seconds if isinstance(seconds, int | float) and seconds > 0 else _USUAL
        return found

    async def newest(self, user: UserId) -> CampaignId | None:
        """The user's newest campaign that has frames."""
        return await self._database.read(lambda session: frames.newest_with_frames(session, user))


def shot_of_frame(frame: FrameId) -> ShotId:
    """The shot that a frame with that id is: `shot-03` for 3.

    Raises:
        InvalidInput: no shot can have it.
    """
    text = str(frame)
    name = f"shot-{int(text):02d}" if text.isascii() and text.isdigit() and len(text) < 7 else text  # noqa: PLR2004 - more than enough
    if not ID_PATTERN.match(name):
        msg = f"{text[:80]!r} cannot be the id of a frame: a number, or letters, digits, - and _."
        raise InvalidInput(msg)
    return ShotId(name)


def _order(draft: Draft, frame: FrameId) -> str:
    text = str(frame)
    if text.isascii() and text.isdigit() and len(text) <= 3:  # noqa: PLR2004 - orders have four digits, the last one free
        return f"{int(text) * 10:04d}"
    return f"9{len(section(draft, 'shots')):03d}-{text}"


def _fields(draft: Draft, frame: FrameId, seconds: float, said: Mapping[str, Any]) -> dict[str, Any]:
    """What a new shot of that frame says."""
    return {"order": _order(draft, frame), "text": _seen(said) or f"Frame {frame}", "seconds": seconds}


def _seen(said: Mapping[str, Any]) -> str:
    texts = (said.get(name) for name in ("description", "prompt", "scene_story"))
    return next((text for text in texts if isinstance(text, str) and text.strip()), "")[:_MOST_TEXT]


def _entry(draft: Draft, frame: Sent, seconds: float | None, picture: AssetId | None) -> dict[str, Any]:
    known = section(section(draft, "shots"), shot_of_frame(frame.id))
    new = {name: without_pictures(text) for name in _TEXTS if (text := getattr(frame, name)) is not None}
    said = {**section(known, "frame"), **new, "id": frame.id, **({"image": picture} if picture else {})}
    fields = {} if known else _fields(draft, frame.id, _USUAL, said)
    if seen := _seen(said):
        fields["text"] = seen
    if "prompt" in new:
        fields["image_prompt"] = new["prompt"][:_MOST_TEXT]
    if seconds is not None:
        fields["seconds"] = seconds
    return {**fields, "frame": said}


def _brief(draft: Draft, about: About) -> dict[str, Any]:
    """The patch of the brief: what the client says of everything, and at least what it takes to make a film."""
    brief, prompt = section(draft, "brief"), without_pictures(about.prompt)
    patch: dict[str, Any] = {}
    if prompt or not brief.get("product"):
        patch["product"] = (prompt or _NAMELESS)[:_MOST_PRODUCT]
    patch |= {name: text[:_MOST_LINE] for name in ("style", "mood") if (text := without_pictures(getattr(about, name)))}
    low, high = SECONDS_ALLOWED
    count = about.count if about.count in SHOTS_ALLOWED else None
    if about.seconds is not None and low <= about.seconds <= high and about.seconds >= (count or 1) * SHORTEST_SHOT:
        patch |= {"seconds": about.seconds, **({"shots": count} if count else {})}
    said = {"prompt": prompt, "seconds": about.seconds, "count": about.count}
    told = {"frames": kept} if (kept := {name: value for name, value in said.items() if value}) else {}
    return {"brief": patch, **told} if patch else told


def _lengths(sent: Sequence[Sent], about: About) -> list[int | float | None]:
    """How long each frame's shot is: until the next one begins, else an even share."""
    if not sent:
        return []
    starts = [_seconds(frame.timestamp) for frame in sent]
    ends = [*starts[1:], Fraction(str(about.seconds)) if about.seconds is not None else None]
    even = about.seconds / len(sent) if about.seconds else None
    found: list[int | float | None] = []
    for start, end in zip(starts, ends, strict=True):
        length = float(end - start) if start is not None and end is not None and end > start else even
        fits = length is not None and SHORTEST_SHOT <= length <= SECONDS_ALLOWED[1]
        found.append(_number(length) if length is not None and fits else None)
    return found


def _number(seconds: float) -> int | float:
    return int(seconds) if seconds == int(seconds) else round(seconds, 4)


def _seconds(timestamp: str | None) -> Fraction | None:
    match = _CLOCK.fullmatch(timestamp.strip()) if timestamp else None
    if match is None:
        return None
    return Fraction(match[1] or 0) * 3600 + Fraction(match[2]) * 60 + Fraction(match[3])


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _frame(key: str, entry: Mapping[str, Any], said: Mapping[str, Any], asset: Asset | None) -> Frame:
    def text(name: str, other: str = "") -> str:
        value = said.get(name, entry.get(other, "") if other else "")
        return value if isinstance(value, str) else ""

    identity = said.get("id")
    return Frame(
        id=identity if isinstance(identity, int | str) else key,
        shot=ShotId(key),
        asset=asset,
        timestamp=text("timestamp"),
        description=text("description", "text"),
        prompt=text("prompt", "image_prompt"),
        scene_story=text("scene_story"),
        full_story=text("full_story"),
    )
