"""Imports: frames that older systems have left in the store are registered where they lie. Nothing is moved, changed or removed.

Two layouts are known: `reference-frames/{user}/...` and `{user}/session_.../reference-frames/...`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from reelwright.db import assets as asset_rows
from reelwright.db.engine import Database, Session
from reelwright.domain.asset import Asset, AssetKind
from reelwright.domain.ids import AssetId, CampaignId, UserId
from reelwright.errors import Conflict, InvalidMedia, NotFound
from reelwright.media.front import examine
from reelwright.media.workers import Workers
from reelwright.services.accounts import Accounts
from reelwright.services.assets import Assets
from reelwright.services.drafts import Editor
from reelwright.services.frames import Frames
from reelwright.store.objects import ObjectStore

_FOLDER = "reference-frames"
_FROM = "an older system"
_SESSION = re.compile(r"session_[A-Za-z0-9_-]{1,56}")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NUMBER = re.compile(r"(?:frame|scene|shot|image)?[-_ ]*0*(\d{1,3})(?!\d)", re.IGNORECASE)
_MOST_FRAMES = 999
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif"}


@dataclass(frozen=True)
class _Left:
    """An object of an older system."""

    key: str
    owner: str
    """As that system called them."""
    campaign: str


@dataclass
class Imported:
    """What became of what was found."""

    registered: list[str] = field(default_factory=list[str])
    """Keys."""
    known: int = 0
    """Objects that were registered before."""
    skipped: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Keys, and why each was left alone."""


class Imports:
    """Looks for such objects and registers them."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        assets: Assets,
        frames: Frames,
        accounts: Accounts,
        workers: Workers,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._database = database
        self._store = store
        self._assets = assets
        self._frames = frames
        self._accounts = accounts
        self._workers = workers
        self._now = now
        self._new_id = new_id

    async def frames(self, prefix: str = "", user: str = "") -> Imported:
        """Registers every frame that is not known yet. Interrupted, it goes on where it was when it is run again.

        Args:
            prefix: only below that folder of the store.
            user: whose all of it becomes; else that of the person whose id the key names.

        Raises:
            NotFound: there is no such person.
            StorageError: the store does not answer.
        """
        everything = (await self._accounts.get(user)).id if user else None
        found = [left async for key in self._store.keys(prefix.strip("/")) if (left := _left(key)) is not None]
        done = Imported()
        for left in sorted(found, key=lambda each: each.key):
            try:
                known = await self._database.read(lambda session, key=left.key: asset_rows.by_keys(session, [key]))
                if known is not None and await self._is_filed(known):
                    done.known += 1
                    continue
                owner = everything or (await self._accounts.get(left.owner)).id
                asset = known or await self._register(left, owner)
                number = await self._number(asset.campaign_id, left.key)
                await self._frames.put_picture(asset.campaign_id, number, asset, Editor(owner, "import"))
            except (Conflict, InvalidMedia, NotFound) as error:
                done.skipped.append((left.key, error.message))
            else:
                done.registered.append(left.key)
        return done

    async def _is_filed(self, asset: Asset) -> bool:
        """Whether nothing is left to do: a process may have been killed between the row and the frame."""
        if asset.provenance.get("from") != _FROM:
            return True
        return any(frame.asset and frame.asset.id == asset.id for frame in await self._frames.of_campaign(asset.campaign_id))

    async def _register(self, left: _Left, owner: UserId) -> Asset:
        async with self._assets.file_of_key(left.key) as path:
            size = path.stat().st_size
            sha256, probe = await self._workers.run(examine, str(path), True)  # noqa: FBT003 - by position, see `examine`
        if probe is None or probe.kind != "image":
            msg = "It is no picture."
            raise InvalidMedia(msg)
        home = await self._frames.home(owner, left.campaign)
        asset = Asset(
            id=AssetId(self._new_id("asset")),
            user_id=owner,
            campaign_id=home,
            kind=AssetKind.FRAME,
            key=left.key,
            bytes=size,
            sha256=sha256,
            media_type=probe.media_type,
            created_at=self._now(),
            size=probe.size,
            provenance={"file": PurePosixPath(left.key).name, "from": _FROM},
        )

        def register(session: Session) -> None:
            # At once and in one transaction: an attempt that never became an asset would be swept, object and all.
            asset_rows.open_attempt(
                session,
                asset.id,
                user=owner,
                campaign=home,
                kind=asset.kind,
                key=asset.key,
                maker=f"import/{asset.id}",
                at=asset.created_at,
            )
            asset_rows.make_ready(session, asset)

        await self._database.write(register)
        return asset

    async def _number(self, campaign: CampaignId, key: str) -> int:
        """The number in the file's name, or the next one that is free."""
        taken = {str(frame.id) for frame in await self._frames.of_campaign(campaign)}
        match = _NUMBER.match(PurePosixPath(key).stem)
        if match and match[1] not in taken:
            return int(match[1])
        for number in range(1, _MOST_FRAMES + 1):
            if str(number) not in taken:
                return number
        msg = f"Campaign {campaign} has {_MOST_FRAMES} frames, which is the most."
        raise Conflict(msg)


def _left(key: str) -> _Left | None:
    """What the key tells, if it is one of the two layouts."""
    parts = key.split("/")
    if PurePosixPath(key).suffix.lower() not in _PICTURES:
        return None
    match parts:
        case [first, owner, *folders, _] if first == _FOLDER:
            named = next((each for each in folders if _PART.fullmatch(each)), "")
            return _Left(key, owner, named or _named_after(owner))
        case [owner, session, folder, *_, _] if folder == _FOLDER and _SESSION.fullmatch(session):
            return _Left(key, owner, session)
        case _:
            return None


def _named_after(owner: str) -> str:
    """The campaign of frames that lie in no folder of their own."""
    return f"frames-of-{re.sub(r'[^A-Za-z0-9_-]+', '-', owner)}"[:64]
