"""What a file is by its first bytes. A closed list: what is not on it never becomes an asset.

No name, no header and no vendor's word is believed. SVG, HTML and other documents that a browser would run are not on
the list on purpose.
"""

from __future__ import annotations

from collections.abc import Callable

from reelwright.errors import InvalidMedia

HEAD_BYTES = 4096
"""How many bytes from the start of a file `sniff` wants to see; it does its best with fewer."""

_MP4_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"F4A ": "audio/mp4",
}
_VIDEO_BRANDS = frozenset((
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41", b"mp42", b"avc1", b"hvc1",
    b"av01", b"dash", b"msnv", b"MSNV", b"M4V ", b"M4VP", b"F4V ", b"3gp4", b"3gp5", b"3gp6", b"XAVC",
))  # fmt: skip
_QUICKTIME_ATOMS = frozenset((b"moov", b"mdat", b"wide", b"pnot"))
_EBML = b"\x1aE\xdf\xa3"


def sniff(head: bytes) -> str | None:
    """The media type of a file that starts with `head` (`HEAD_BYTES` of it are plenty), or None for all others."""
    return next((media_type for look in _LOOKS if (media_type := look(head)) is not None), None)


def check_declared(declared: str, found: str) -> None:
    """Lets pass what is what its sender says that it is, and what they say nothing of.

    A picture must be of the very type; clips and sounds are often named by their container's better known name.

    Raises:
        InvalidMedia: it is something else.
    """
    said = declared.partition(";")[0].strip().lower()
    said = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}.get(said, said)
    if said in _NO_CLAIM:
        return
    is_same = said == found if kind_of(found) == "image" else kind_of(said) in {"audio", "video"}
    if not is_same:
        msg = f"What is called {said[:60]} is {found}: send it under its own type."
        raise InvalidMedia(msg)


_NO_CLAIM = {"", "application/octet-stream", "binary/octet-stream", "application/ogg"}


def kind_of(media_type: str) -> str:
    """`image`, `video` or `audio`: the part before the slash."""
    return media_type.partition("/")[0]


def _plain(head: bytes) -> str | None:
    for magic, media_type in (
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"fLaC", "audio/flac"),
        (b"OggS", "audio/ogg"),
        (b"ID3", "audio/mpeg"),
    ):
        if head.startswith(magic):
            return media_type
    return None


def _riff(head: bytes) -> str | None:
    if head[:4] not in (b"RIFF", b"RF64"):
        return None
    return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])


def _mp4(head: bytes) -> str | None:
    box = head[4:8]
    if box != b"ftyp":
        return "video/quicktime" if box in _QUICKTIME_ATOMS else None
    length = min(max(int.from_bytes(head[:4], "big"), 16), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, length, 4))]
    for brand in brands:
        if brand in _MP4_BRANDS:
            return _MP4_BRANDS[brand]
        if brand in _VIDEO_BRANDS:
            return "video/mp4"
    return None


def _matroska(head: bytes) -> str | None:
    if not head.startswith(_EBML):
        return None
    # The DocType element (id 0x4282) says which of the two it is, within the first bytes.
    at = head.find(b"\x42\x82")
    document = head[at + 3 : at + 3 + 8] if at >= 0 else b""
    if document.startswith(b"webm"):
        return "video/webm"
    return "video/x-matroska" if document.startswith(b"matroska") else None


def _mpeg_audio(head: bytes) -> str | None:
    """A bare stream of MPEG layer 3 frames (no ID3 tag): 11 set bits, then fields that have no forbidden value."""
    word = int.from_bytes(head[:4].ljust(4, b"\0"), "big")
    fields = {name: word >> shift & (1 << bits) - 1 for name, shift, bits in _MPEG_FIELDS}
    is_legal = all(fields[name] in allowed for name, allowed in _MPEG_ALLOWED.items())
    return "audio/mpeg" if is_legal else None


_MPEG_FIELDS = (("sync", 21, 11), ("version", 19, 2), ("layer", 17, 2), ("bit rate", 12, 4), ("sample rate", 10, 2))
_MPEG_ALLOWED = {
    "sync": {(1 << 11) - 1},
    "version": {0, 2, 3},
    "layer": {1},
    "bit rate": set(range(1, 15)),
    "sample rate": {0, 1, 2},
}

_LOOKS: tuple[Callable[[bytes], str | None], ...] = (_plain, _riff, _mp4, _matroska, _mpeg_audio)
