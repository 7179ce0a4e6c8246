"""Hints: a vendor calls when a job has moved, and whoever waits for that job asks at once.

A call proves nothing but that it is worth asking: it changes no state, so it may come twice, too early, too late, or never.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from reelwright.errors import InvalidInput, NotFound, ReelwrightError
from reelwright.ports import Hinting
from reelwright.services.bells import Bells
from reelwright.services.catalogue import Catalogue

_log = structlog.get_logger()


class Hints:
    """Hears the vendors' calls. On the event loop of the engine, because that is where those sleep whom it wakes."""

    def __init__(self, catalogue: Catalogue, bells: Bells) -> None:
        self._catalogue = catalogue
        self._bells = bells

    async def hear(self, provider_name: str, headers: Mapping[str, str], body: bytes) -> None:
        """Takes a call that says that it comes from that provider. Jobs that nobody here waits for are passed over.

        Args:
            provider_name: whose call it says that it is.
            headers: as they came, in letters of any size.
            body: as it came, byte by byte: its signature covers it.

        Raises:
            InvalidInput: it is not from the vendor, too old, or not understood.
            NotFound: there is no such provider, or it does not call.
            ProviderError: what is needed to check the signature cannot be had now; the vendor may call again.
        """
        provider = next((each for each in self._catalogue.providers if each.name == provider_name), None)
        if not isinstance(provider, Hinting):
            msg = f"No calls are taken for {provider_name!r}."
            raise NotFound(msg)
        try:
            job = await provider.hint({name.lower(): value for name, value in headers.items()}, body)
        except ReelwrightError:
            raise
        except Exception as error:
            # An adapter is somebody else's code, and what it is given is anybody's.
            _log.warning("hint.broke", provider=provider_name, exc_info=True)
            msg = f"The call for {provider_name} was not understood ({type(error).__name__})."
            raise InvalidInput(msg) from error
        is_awaited = self._bells.ring(provider_name, job)
        _log.info("hint.heard", provider=provider_name, job=job, is_awaited=is_awaited)
