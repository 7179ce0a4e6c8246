"""Generations: cards of one or more versions in the library of older clients. What a card names is kept before the card is."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, cast

from reelwright.db import generations
from reelwright.db.engine import Database, IntegrityError
from reelwright.db.generations import Card
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.draft import MOST_BYTES
from reelwright.domain.ids import UserId
from reelwright.errors import InvalidInput, NotFound, ReelwrightError, StorageError, TooLarge
from reelwright.services.drafts import checked_patch
from reelwright.services.fetches import Fetches, Wish, is_address, must_be, without_pictures
from reelwright.services.frames import Frames

_KINDS = {"video": AssetKind.CLIP, "image": AssetKind.FRAME}


class Generations:
    """Keeps cards and lists them."""

    def __init__(
        self, database: Database, frames: Frames, fetches: Fetches, *, now: Callable[[], datetime], new_id: Callable[[str], str]
    ) -> None:
        self._database = database
        self._frames = frames
        self._fetches = fetches
        self._now = now
        self._new_id = new_id

    async def save(
        self,
        user: UserId,
        kind: Literal["video", "image"],
        versions: object,
        settings: object,
        *,
        wanted: str = "",
        origins: Collection[str] = (),
    ) -> Card:
        """Keeps everything that the card names, and then the card. One with the same id is saved anew.

        Args:
            user: whose it is.
            kind: what its versions are.
            versions: a list of objects with a `url`, one at least.
            settings: whatever the client wants to find there again.
            wanted: an id of the client's own, which is that of its campaign, too.
            origins: where this studio can be reached.

        Raises:
            InvalidInput: an address could not be made permanent; names it. What was stored stays.
            NotFound: the id is somebody else's.
            StorageError: neither the store nor this machine takes it.
            TooLarge: the card is.
        """
        said = checked_patch({"type": kind, "versions": versions, "settings": settings})
        named = dict(_addresses(said, ""))
        mains = [f"versions[{place}].url" for place in range(len(cast("list[object]", said["versions"])))]
        if not mains or any(path not in named for path in mains):
            msg = "versions: each needs a `url` of what it shows, and there is one at least."
            raise InvalidInput(msg)
        home = await self._frames.home(user, wanted, [named[path] for path in mains], origins)
        wish = Wish(home, _KINDS[kind], name="card", origins=origins)
        kept: dict[str, Asset] = {}
        for path, url in named.items():
            if url not in kept:
                kept[url] = await self._keep(path, url, wish, kind if path in mains else "")
        snapshot = cast("dict[str, Any]", _with_assets(said, kept))
        if len(json.dumps(snapshot).encode()) > MOST_BYTES:
            msg = f"The card is too large: at most {MOST_BYTES >> 10} KiB are kept, beside what it shows."
            raise TooLarge(msg)
        first = kept[named[mains[0]]]
        card = Card(wanted or self._new_id("generation"), kind, snapshot, f"/media/{first.id}/thumbnail", self._now())
        return await self._put(user, card)

    async def _keep(self, path: str, url: str, wish: Wish, media: str) -> Asset:
        try:
            asset = await self._fetches.keep(url, replace(wish, media=media))
            return must_be(asset, media) if media else asset
        except StorageError:
            raise
        except ReelwrightError as error:
            msg = f"{path}: the card was not saved, because this address could not be made permanent: {error.message}"
            raise InvalidInput(msg) from error

    async def _put(self, user: UserId, card: Card) -> Card:
        try:
            return await self._database.write(lambda session: generations.put(session, user, card))
        except IntegrityError as error:
            msg = f"There is no card {card.id!r}."
            raise NotFound(msg) from error

    async def page(self, user: UserId, *, kind: str = "", before: str = "", limit: int = 50) -> list[Card]:
        """The user's cards, newest first.

        Raises:
            NotFound: there is no card `before`.
        """
        return await self._database.read(lambda session: generations.page(session, user, kind=kind, before=before, limit=limit))


def _addresses(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Every text that is an address as a whole, by where it stands."""
    if isinstance(value, str):
        if is_address(value):
            yield path, value
    elif isinstance(value, dict):
        for key, each in cast("Mapping[str, object]", value).items():
            yield from _addresses(each, f"{path}.{key}".removeprefix("."))
    elif isinstance(value, list):
        for place, each in enumerate(cast("list[object]", value)):
            yield from _addresses(each, f"{path}[{place}]")


def _with_assets(value: object, kept: Mapping[str, Asset]) -> object:
    if isinstance(value, str):
        return f"/media/{kept[value].id}" if value in kept else without_pictures(value)
    if isinstance(value, dict):
        return {without_pictures(key): _with_assets(each, kept) for key, each in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_with_assets(each, kept) for each in cast("list[object]", value)]
    return value


def with_origin(value: object, origin: str) -> object:
    """The same with whole addresses in the place of those that begin with `/media/`."""
    if isinstance(value, str):
        return f"{origin}{value}" if value.startswith("/media/") else value
    if isinstance(value, dict):
        return {key: with_origin(each, origin) for key, each in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [with_origin(each, origin) for each in cast("list[object]", value)]
    return value
