"""Pictures that a request names, read before anything is paid."""

from __future__ import annotations

from reelwright.domain.ids import AssetId
from reelwright.errors import InputRefused, NotFound, NotSubmitted, ReelwrightError
from reelwright.ports import Attachments


async def attached(attachments: Attachments, asset: AssetId | None, what: str) -> bytes | None:
    """The bytes of the asset; None where none is named.

    Raises:
        InputRefused: there is no such asset (any more).
        NotSubmitted: it cannot be read now.
    """
    if asset is None:
        return None
    try:
        return await attachments.read(asset)
    except NotFound as error:
        msg = f"The {what} {asset} is not there (any more)."
        raise InputRefused(msg) from error
    except ReelwrightError as error:
        msg = f"The {what} {asset} cannot be read: {error}"
        raise NotSubmitted(msg) from error
