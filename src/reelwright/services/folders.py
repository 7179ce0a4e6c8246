"""Folders as older clients name them, `{user}/{campaign}/{folder}`: whose something is and what for, not where it lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from reelwright.domain.asset import AssetKind
from reelwright.domain.campaign import ID_PATTERN
from reelwright.domain.ids import UserId
from reelwright.errors import Forbidden

_FOLDERS = {
    "reference-frames": AssetKind.FRAME,
    "video-clips": AssetKind.CLIP,
    "films": AssetKind.FILM,
    "thumbnails": AssetKind.POSTER,
    "audio": AssetKind.VOICE,
    "uploads": AssetKind.UPLOAD,
}
_PICTURES = {AssetKind.FRAME, AssetKind.POSTER, AssetKind.UPLOAD}
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}")
_LONGEST = 6


@dataclass(frozen=True)
class Place:
    """What a folder says."""

    FRAMES: ClassVar[AssetKind] = AssetKind.FRAME

    campaign: str
    """Its id; empty where the folder names none."""
    kind: AssetKind
    """What a picture in it is for."""


def place_of(folder: str, user: UserId) -> Place:
    """What the folder says; frames of a new campaign where it is empty.

    Raises:
        Forbidden: it does not lie inside of what is the user's own.
    """
    if not folder:
        return Place("", AssetKind.FRAME)
    owner, *parts = folder.removesuffix("/").split("/")
    is_clean = len(parts) < _LONGEST and all(_PART.fullmatch(part) and ".." not in part for part in parts)
    if owner != user or not is_clean:
        msg = f"folderPath: must lie below your own folder, such as {user}/CAMPAIGN/reference-frames."
        raise Forbidden(msg)
    campaign = parts.pop(0) if parts and parts[0] not in _FOLDERS else ""
    if campaign and not ID_PATTERN.match(campaign):
        msg = f"folderPath: {campaign[:80]!r} cannot be the id of a campaign."
        raise Forbidden(msg)
    kind = _FOLDERS.get(parts[0], AssetKind.UPLOAD) if parts else AssetKind.FRAME
    return Place(campaign, kind if kind in _PICTURES else AssetKind.UPLOAD)
