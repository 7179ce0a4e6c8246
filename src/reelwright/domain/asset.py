"""An asset: immutable bytes in storage with everything known about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from reelwright.domain.ids import AssetId, CampaignId, TakeId, UserId
from reelwright.domain.timing import Size


class AssetKind(StrEnum):
    """What the bytes are for."""

    FRAME = "frame"
    CLIP = "clip"
    VOICE = "voice"
    UPLOAD = "upload"
    FILM = "film"
    POSTER = "poster"
    SHEET = "sheet"
    CAPTIONS = "captions"
    THUMBNAIL = "thumbnail"
    """A small still of another asset: made again whenever it is missing, never shown as an original."""

    @property
    def folder(self) -> str:
        """The folder of its key."""
        return _FOLDERS[self]


_FOLDERS = {
    AssetKind.FRAME: "reference-frames",
    AssetKind.CLIP: "video-clips",
    AssetKind.VOICE: "audio",
    AssetKind.UPLOAD: "uploads",
    AssetKind.FILM: "films",
    AssetKind.POSTER: "thumbnails",
    AssetKind.SHEET: "thumbnails",
    AssetKind.CAPTIONS: "films",
    AssetKind.THUMBNAIL: "thumbnails",
}

_EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "application/x-subrip": "srt",
    "text/vtt": "vtt",
}


def extension(media_type: str) -> str:
    """The file extension of a media type that we keep, without the dot; `bin` for any other."""
    return _EXTENSIONS.get(media_type, "bin")


def key_for(user: UserId, campaign: CampaignId, kind: AssetKind, name: str, asset: AssetId, media_type: str) -> str:
    """The key of an asset: unique for every attempt, because the asset's id is in it."""
    return f"{user}/{campaign}/{kind.folder}/{name}-{asset}.{extension(media_type)}"


@dataclass(frozen=True)
class Asset:
    """What the row of an asset says; an asset that can be read back as this has been verified."""

    id: AssetId
    user_id: UserId
    campaign_id: CampaignId
    kind: AssetKind
    key: str
    bytes: int
    sha256: str
    media_type: str
    created_at: datetime
    size: Size | None = None
    """Pixels, of pictures and clips."""
    seconds: Fraction | None = None
    take_id: TakeId | None = None
    provenance: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where it comes from: provider, model, request digest, parents."""
    is_spooled: bool = False
    """The store did not take it yet: its bytes lie in the spool of the machine that took them."""
    thumbhash: str = ""
    """A blur of it in base64, once somebody has asked for a thumbnail."""
    trashed_at: datetime | None = None

    @property
    def file_name(self) -> str:
        """What it is called where it is saved: as the person called it, else as its key does, and always by what it really is."""
        name = self.provenance.get("file") or self.key.rpartition("/")[2].replace(f"-{self.id}", "")
        return f"{name.rpartition('.')[0] or name}.{extension(self.media_type)}"
