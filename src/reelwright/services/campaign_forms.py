"""Campaign forms: the fields of older clients, kept as they were typed, and understood where they say what a brief says.

A form stands in the draft, so it has the draft's version and history. Pictures and clips in it are assets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from reelwright.domain.asset import AssetKind
from reelwright.domain.campaign import Campaign
from reelwright.domain.draft import PLACES, section, step_of
from reelwright.domain.ids import CampaignId
from reelwright.errors import InvalidInput, InvalidMedia, NotFound, ReelwrightError, StorageError
from reelwright.services.campaigns import Campaigns
from reelwright.services.drafts import Current, Drafts, Editor, checked_patch
from reelwright.services.fetches import Fetches, Wish, is_inline, without_pictures

_KEY = "form"
_STEP = "currentStep"
OURS = frozenset({"success", "error", "warnings", "id", "campaignId", "userId", "status", "version", "createdAt", "updatedAt"})
"""What we say of a campaign: a client that sends it back changes nothing by that."""
_MEANS: Mapping[str, str] = {
    "productName": "name",
    "brandName": "name",
    "product": "product",
    "productDescription": "product",
    "description": "product",
    "goal": "goal",
    "campaignGoal": "goal",
    "message": "message",
    "keyMessage": "message",
    "callToAction": "call_to_action",
    "cta": "call_to_action",
    "audience": "audience",
    "targetAudience": "audience",
    "market": "market",
    "language": "language",
    "platform": "platform",
    "tone": "tone",
    "style": "style",
    "mood": "mood",
    "aspectRatio": "ratio",
    "frameAspectRatio": "ratio",
    "duration": "seconds",
    "videoDuration": "seconds",
    "sceneCount": "shots",
    "frameCount": "shots",
}
"""The fields of a form that say what a field of the brief says."""
_NAMES = ("campaignName", "name", "title")
"""Those that say what the campaign is called, the most telling first."""
_OF_MEDIA = re.compile(r"image|picture|photo|video|clip|film|frame|thumbnail|poster|logo|media|avatar", re.IGNORECASE)
_SIGNED = re.compile(r"[?&](?:x-(?:amz|goog)-|signature=|_jwt=|token=|expires=|sig=|se=)", re.IGNORECASE)
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)


@dataclass(frozen=True)
class Form:
    """A campaign as an older client knows it."""

    campaign: Campaign
    current: Current
    warnings: tuple[str, ...] = ()

    @property
    def fields(self) -> dict[str, Any]:
        """What was typed; where somebody has changed the brief since, as it says now."""
        doc = self.current.doc
        said = {name: value for name, value in section(doc, _KEY).items() if name not in OURS}
        for name in said:
            if (field := _MEANS.get(name)) and field in section(doc, PLACES[field]):
                said[name] = section(doc, PLACES[field])[field]
            elif name in _NAMES and name == _naming(said) and isinstance(doc.get("name"), str):
                said[name] = doc["name"]
        return said

    @property
    def step(self) -> int:
        """Where the person is, of seven."""
        return step_of(self.current.doc)


class CampaignForms:
    """Reads and saves forms."""

    def __init__(self, campaigns: Campaigns, drafts: Drafts, fetches: Fetches) -> None:
        self._campaigns = campaigns
        self._drafts = drafts
        self._fetches = fetches

    async def get(self, campaign: CampaignId) -> Form:
        """The campaign.

        Raises:
            NotFound: there is none.
        """
        return Form(await self._campaigns.get(campaign), await self._drafts.get(campaign))

    async def save(
        self, campaign: CampaignId, fields: object, *, version: int | None, by: Editor, origins: Collection[str] = ()
    ) -> Form:
        """Saves fields into the form that has `version`; null removes one.

        Raises:
            InvalidInput: they are no object, or the step is none.
            VersionConflict: somebody saved in between.
            VersionMissing: no version was named; and others as for `Drafts.patch`.
        """
        said = {name: value for name, value in checked_patch(fields).items() if name not in OURS}
        patch: dict[str, Any] = {}
        if _STEP in said:
            patch["step"] = _step(said.pop(_STEP))
        await self._campaigns.get(campaign)
        warnings: list[str] = []
        if version is not None and said:
            wish = Wish(campaign, AssetKind.UPLOAD, name="form", origins=origins)
            said = {
                name: await self._permanent(value, name, wish, warnings, is_media=_OF_MEDIA.search(name) is not None)
                for name, value in said.items()
            }
        for name, value in said.items():
            if (field := _MEANS.get(name)) is not None:
                patch.setdefault(PLACES[field], {})[field] = value
        if (naming := _naming(said)) is not None:
            patch["name"] = said[naming]
        if said:
            patch[_KEY] = said
        current = await self._drafts.patch(campaign, patch, version=version, by=by)
        return Form(await self._campaigns.get(campaign), current, tuple(warnings))

    async def _permanent(self, value: object, path: str, wish: Wish, warnings: list[str], *, is_media: bool) -> object:
        """The value with addresses of ours in the place of pictures and of addresses that will expire."""
        if isinstance(value, dict):
            return {
                key: await self._permanent(
                    each, f"{path}.{key}", wish, warnings, is_media=is_media or _OF_MEDIA.search(key) is not None
                )
                for key, each in cast("Mapping[str, object]", value).items()
            }
        if isinstance(value, list):
            return [
                await self._permanent(each, f"{path}[{place}]", wish, warnings, is_media=is_media)
                for place, each in enumerate(cast("list[object]", value))
            ]
        if not isinstance(value, str):
            return value
        is_web = _WEB.fullmatch(value) is not None
        if is_inline(value) or (is_web and (is_media or _SIGNED.search(value))):
            return await self._kept(value, path, wish, warnings)
        return without_pictures(value)

    async def _kept(self, url: str, path: str, wish: Wish, warnings: list[str]) -> str | None:
        try:
            return f"/media/{(await self._fetches.keep(url, wish)).id}"
        except StorageError:
            raise
        except ReelwrightError as error:
            is_page = isinstance(error, InvalidMedia | NotFound) and not is_inline(url) and not _SIGNED.search(url)
            if is_page:  # the address of a page, not of a picture
                return url
            warnings.append(f"{path} was left out: {error.message}")
            return None


def named_in(fields: object) -> str:
    """Whom the fields name as their `userId`; nothing where they name nobody."""
    named = cast("Mapping[str, object]", fields).get("userId") if isinstance(fields, dict) else None
    return named if isinstance(named, str) else ""


def _naming(said: Mapping[str, object]) -> str | None:
    return next((name for name in _NAMES if name in said), None)


def _step(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 7:  # noqa: PLR2004 - the steps there are
        msg = f"{_STEP}: a whole number from 1 to 7 is needed."
        raise InvalidInput(msg)
    return value
