"""Fetches: a picture or a clip that somebody names by an address, or sends inside of one, becomes an asset that stays.

An address of ours is answered as what it is. Any other is fetched once, here, with the guard against private networks; where it
has expired and belongs to a job of ours, the job's take is answered, or its provider asked for a fresh address.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from reelwright.db import assets as asset_rows
from reelwright.db import campaigns, takes
from reelwright.db.engine import Database, Session
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.ids import AssetId, CampaignId, JobId
from reelwright.domain.take import Take, TakeState
from reelwright.errors import InvalidInput, NotFound, ProviderError, UrlExpired
from reelwright.media.sniff import kind_of
from reelwright.net import Net
from reelwright.ports import Guarded
from reelwright.services.assets import Assets
from reelwright.services.catalogue import Catalogue
from reelwright.services.patience import free_answer
from reelwright.services.sources import Purpose

MOST_PICTURE = 40 << 20
"""Bytes of a picture that comes inside of a request."""
_OWN = re.compile(r"(https?://[^/?#\s]+)?/media/([A-Za-z0-9_-]{1,80})(?:/thumbnail)?(?:[?#]\S*)?")
_DATA = re.compile(r"data:([A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+)(?:;[A-Za-z0-9-]+=[^;,\s]*)*;base64,([A-Za-z0-9+/=\s]*)", re.ASCII)
_IN_TEXT = re.compile(r"data:[A-Za-z0-9.+/-]*(?:;[A-Za-z0-9=._-]+)*;base64,[A-Za-z0-9+/=%]*", re.ASCII)
_WITHOUT = "[picture]"
_JOB = re.compile(r"[A-Za-z0-9_-]{8,120}")
_MOST_PARTS = 12
"""Parts of an address that may name a job."""
_CHUNK = 1 << 20
_WHAT = {"image": "picture", "video": "clip", "audio": "sound"}


@dataclass(frozen=True)
class Wish:
    """What is to become of what is behind an address."""

    campaign: CampaignId
    """Whose it will be; it exists."""
    kind: AssetKind
    media: str = ""
    """`image`, `video` or `audio`, where it must be that."""
    name: str = "kept"
    """The readable part of its key."""
    origins: Collection[str] = ()
    """Where this studio can be reached: what lies there is ours."""


def is_inline(url: str) -> bool:
    """Whether the address holds the bytes themselves."""
    return url[:5].lower() == "data:"


def is_address(text: str) -> bool:
    """Whether the whole text is an address of bytes that could be kept: inside of it, on the web, or with us."""
    return is_inline(text) or re.match(r"https?://\S+$", text, re.IGNORECASE) is not None or _OWN.fullmatch(text) is not None


def without_pictures(text: str) -> str:
    """The text without the pictures that are written into it: these are kept as assets, or not at all."""
    return _IN_TEXT.sub(_WITHOUT, text) if ";base64," in text else text


class Fetches:
    """Makes addresses permanent."""

    def __init__(
        self, database: Database, catalogue: Catalogue, net: Net, assets: Assets, *, limit: int, new_id: Callable[[str], str]
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._net = net
        self._assets = assets
        self._limit = limit
        self._new_id = new_id

    async def keep(self, url: str, wish: Wish) -> Asset:
        """The asset behind the address, kept now or before.

        Raises:
            AddressRefused: it leads into a private network, or is no address.
            ContentMismatch: it gives less than it announces.
            DownloadError: whoever serves it does not.
            InvalidMedia: what is behind it is not a picture, clip or sound that decodes; nothing is kept.
            NotFound: it is one of ours and there is no such asset, or there is no such campaign.
            StorageError: neither the store nor this machine takes it.
            UrlExpired: it works no longer; says with which status it was refused.
        """
        if is_inline(url):
            return await self._keep_inline(url, wish)
        known = await self.own(url, wish.origins)
        return known or await self._fetch(url, wish)

    async def own(self, url: str, origins: Collection[str] = ()) -> Asset | None:
        """The asset that has this address; None where the address is not ours.

        The address of an object that was registered where it lay leads to its asset, too.

        Raises:
            NotFound: it is ours, and there is no such asset of the caller's.
        """
        match = _OWN.fullmatch(url)
        if match is None:
            keys = _keys_in(url)
            return await self._database.read(lambda session: asset_rows.by_keys(session, keys)) if keys else None
        try:
            return await self._assets.get(AssetId(match[2]))
        except NotFound:
            if not match[1] or match[1].lower() in origins:
                raise
            return None

    async def _keep_inline(self, url: str, wish: Wish) -> Asset:
        media_type, content = await asyncio.to_thread(decoded, url)

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(content), _CHUNK):
                yield content[start : start + _CHUNK]

        asset, _ = await self._assets.keep_upload(chunks(), await self._purpose(wish), declared=media_type, size=len(content))
        return asset

    async def _fetch(self, url: str, wish: Wish) -> Asset:
        purpose = await self._purpose(wish)
        take = await self._take_of(url)
        provider = self._catalogue.provider(take.request.model) if take else None

        async def fresh() -> str:
            try:
                job = await free_answer(provider.poll(take.job_id)) if provider and take and take.job_id else None
            except ProviderError as error:
                msg = f"The address has expired, and there is no fresh one to be had: {error.message}"
                raise UrlExpired(msg) from error
            if job is None or not job.outputs:
                msg = "The address has expired, and its job has nothing to show."
                raise UrlExpired(msg)
            return job.outputs[0].url

        download = self._net.download(
            url,
            refresh=fresh if take and take.state is not TakeState.KEPT else None,
            headers=provider.permission if isinstance(provider, Guarded) else None,
            limit=self._limit,
            trusted_origins=(lambda: provider.trusted_origins) if provider else frozenset(),
        )
        try:
            async with download:
                asset, _ = await self._assets.keep_upload(download, purpose, size=download.length)
        except UrlExpired:
            kept = await self._kept(take, wish)
            if kept is None:
                raise
            return kept
        return asset

    async def _kept(self, take: Take | None, wish: Wish) -> Asset | None:
        """What the job's take has brought home."""
        if take is None or take.state is not TakeState.KEPT or take.asset_id is None:
            return None
        asset = await self._assets.get(take.asset_id)
        return asset if asset.media_type.startswith(wish.media) else None

    async def _take_of(self, url: str) -> Take | None:
        """The caller's take whose job the address names."""
        parts = [unquote(part) for part in urlsplit(url).path.split("/")][-_MOST_PARTS:]
        named = [JobId(part) for part in parts if _JOB.fullmatch(part)]
        return await self._database.read(lambda session: takes.of_jobs(session, named)) if named else None

    async def _purpose(self, wish: Wish) -> Purpose:
        def look(session: Session) -> Purpose:
            user = campaigns.get(session, wish.campaign).user_id
            return Purpose(
                user=user,
                campaign=wish.campaign,
                kind=wish.kind,
                name=wish.name,
                maker=self._new_id("upload"),
                provenance={},
                media=wish.media,
                is_alone=False,
            )

        return await self._database.read(look)


def decoded(url: str) -> tuple[str, bytes]:
    """The media type that an inline address says, and its bytes.

    Raises:
        InvalidInput: it is no base64, or too large.
    """
    match = _DATA.fullmatch(url)
    if match is None:
        msg = "The picture is no data URL: it begins with `data:`, a media type and `;base64,`, and base64 follows."
        raise InvalidInput(msg)
    try:
        content = base64.b64decode("".join(match[2].split()), validate=True)
    except binascii.Error as error:
        msg = "The data URL is not base64."
        raise InvalidInput(msg) from error
    if len(content) > MOST_PICTURE:
        msg = f"The picture is too large: at most {MOST_PICTURE >> 20} MiB are taken."
        raise InvalidInput(msg)
    return match[1].lower(), content


def must_be(asset: Asset, media: str) -> Asset:
    """The asset, if it is of that media.

    Raises:
        InvalidInput: it is not.
    """
    if kind_of(asset.media_type) != media:
        msg = f"A {_WHAT[media]} is needed, and {asset.file_name} is {asset.media_type}."
        raise InvalidInput(msg)
    return asset


def _keys_in(url: str) -> list[str]:
    """The keys that the address of an object in a bucket may stand for: its path, with the bucket's name in it or without."""
    if "/reference-frames/" not in url or not url.lower().startswith(("https://", "http://")):
        return []
    path = unquote(urlsplit(url).path).lstrip("/")
    return [path, path.partition("/")[2]]
