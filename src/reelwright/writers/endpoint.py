"""Whom a language model is asked from, and with which key."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from reelwright.domain.generation import ModelRef


@dataclass(frozen=True)
class Endpoint:
    """Whom we ask, and with which key."""

    vendor: str
    """`openai`, `anthropic` or `google`."""
    model: str
    key: str
    key_setting: str
    base_url: str = ""
    """Empty for the vendor's own."""

    def __repr__(self) -> str:
        """Without the key."""
        return f"Endpoint({self.ref!r})"

    @property
    def ref(self) -> ModelRef:
        """`openai:gpt-5.4-mini`."""
        return ModelRef(f"{self.vendor}:{self.model}")

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine or in its private network, where nobody is paid."""
        host = urlsplit(self.base_url).hostname or ""
        if host == "localhost" or host.endswith(".local"):
            return True
        try:
            return ipaddress.ip_address(host).is_private
        except ValueError:
            return False
