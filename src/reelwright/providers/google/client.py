"""The SDK of Google over our own connections."""

from __future__ import annotations

from reelwright.net.sdk import httpx_client
from reelwright.providers.google.refusals import explain

_SECONDS = 540
"""How long one picture may take."""


class Client:
    """One for each key. `ask` is the SDK's asynchronous half."""

    def __init__(self, key: str, base: str) -> None:
        """Connects to nothing yet."""
        from google.genai import Client as Sdk
        from google.genai.types import HttpOptions, HttpRetryOptions

        self.base = base
        """Where Google is."""
        self._http = httpx_client(explain)
        # It counts the retries of interactions from 0 and all others from 1, and has one setting for both. Whatever it makes of
        # it, our client answers a failure with an error that it does not know, and that it never retries.
        options = HttpOptions(
            base_url=base,
            timeout=_SECONDS * 1000,
            retry_options=HttpRetryOptions(attempts=0),
            httpx_async_client=self._http,
        )
        self._sdk = Sdk(api_key=key, vertexai=False, http_options=options)
        self.ask = self._sdk.aio
        _ = self.ask.interactions  # here, in a thread: it imports hundreds of modules at its first use

    async def close(self) -> None:
        """Gives the connections back."""
        await self.ask.aclose()
        self._sdk.close()
        await self._http.aclose()
