"""What a vendor answers with that has no jobs: the output itself, or that it failed."""

from __future__ import annotations

from dataclasses import dataclass

from reelwright.domain.generation import Kind
from reelwright.errors import InDoubt
from reelwright.media.sniff import HEAD_BYTES, kind_of, sniff

_MEDIA = {Kind.FRAME: "image", Kind.CLIP: "video", Kind.VOICE: "audio"}


class MadeNothing(InDoubt):
    """The vendor itself says that it failed. Of a vendor that answers with the output, nothing can be left over then.

    A subclass of `InDoubt`, because of a vendor that goes on by itself even this proves nothing.
    """

    def __init__(
        self, message: str, *, is_busy: bool = False, retry_after: float | None = None, charged_micro_usd: int = 0
    ) -> None:
        """`is_busy`: it took nothing and asks to wait."""
        super().__init__(message)
        self.charged_micro_usd = charged_micro_usd
        self.is_busy = is_busy
        self.retry_after = retry_after


@dataclass(frozen=True)
class Answered:
    """What a vendor answered with."""

    content: bytes
    media_type: str
    """By its first bytes."""
    vendor_id: str = ""
    """How the vendor calls the request, where it says so."""
    charged_micro_usd: int | None = None
    """What it costs by the vendor's own count."""

    @staticmethod
    def of(kind: Kind, content: bytes, *, vendor_id: str = "", charged_micro_usd: int | None = None) -> Answered:
        """What came, if it is what was asked for: an error page that calls itself a picture is none.

        Raises:
            ValueError: it is something else.
        """
        media_type = sniff(content[:HEAD_BYTES]) or ""
        if kind_of(media_type) != _MEDIA[kind]:
            msg = f"the answer is not a {kind.value} but {media_type or 'something unknown'}"
            raise ValueError(msg)
        return Answered(content, media_type, vendor_id, charged_micro_usd)
