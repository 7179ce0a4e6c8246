"""Pictures on their way to a vendor: of a type that it takes, and no larger than it takes."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from reelwright.domain.ids import AssetId
from reelwright.errors import InputRefused, InvalidMedia, NotFound, NotSubmitted, ReelwrightError
from reelwright.media import front
from reelwright.media.sniff import HEAD_BYTES, sniff
from reelwright.ports import Attachments, Confirming, Workshop

_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
"""What every vendor takes."""


@dataclass(frozen=True)
class Picture:
    """The bytes of a picture, and what they are."""

    content: bytes
    media_type: str

    @property
    def base64(self) -> str:
        """The bytes as text: four characters for three of them."""
        return base64.b64encode(self.content).decode()

    @property
    def data_uri(self) -> str:
        """The picture as a URL that holds it."""
        return f"data:{self.media_type};base64,{self.base64}"


async def picture_for(workshop: Workshop, attachments: Attachments, asset: AssetId, *, limit: int) -> Picture:
    """The picture as it is where it may travel so, else as a JPEG, made in a worker process.

    Args:
        workshop: the provider's.
        attachments: of the request.
        asset: which one.
        limit: the most bytes, before they are made text.

    Raises:
        NotSubmitted: it cannot be read or converted just now, or the request is not to be sent any more.
        InputRefused: it is not there any more, or is no picture.
    """
    try:
        content = await attachments.read(asset)
        media_type = sniff(content[:HEAD_BYTES]) or ""
        if media_type in _TYPES and len(content) <= limit:
            return Picture(content, media_type)
        made = await workshop.media(front.jpeg_under, content, limit)
    except (NotFound, InvalidMedia) as error:
        message = f"The picture {asset} cannot be sent: {error.message}"
        raise InputRefused(message) from error
    except ReelwrightError as error:
        message = f"The picture {asset} cannot be read just now: {error.message}"
        raise NotSubmitted(message) from error
    if not isinstance(made, bytes):
        message = "The worker answered something else than a picture."
        raise NotSubmitted(message)
    if isinstance(attachments, Confirming):
        await attachments.confirm()  # the workers may have been busy for minutes
    return Picture(made, "image/jpeg")
